"""API keys: which secrets are accepted at which time, for which stores, and how many keys there may be."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from models.access import GRANTS, KEY_GRANTS, Actor, KeyScope, Role
from models.errors import Invalid, InvalidState, NotFound
from models.policy_defaults import LAST_SEEN_RESOLUTION, MAX_API_KEYS
from models.staff.authentication import find_actor
from models.staff.credentials.api_key import ApiKey
from models.staff.credentials.token import Token
from tests.support.app import App
from tests.support.clock import NOON
from tests.support.factories.organizations import Shop, make_shop
from tests.support.rows import rows

SECOND, DAY = timedelta(seconds=1), timedelta(days=1)


def make(app: App, shop: Shop, **fields: Any) -> ApiKey:
    """Make a key that reads concerns, unless `fields` say otherwise."""
    fields = {"name": "till", "scopes": [KeyScope.CONCERNS_READ], "at": NOON} | fields
    with app.database.writing(shop.organization_id) as session:
        return ApiKey.create(session, organization_id=shop.organization_id, **fields)


@contextmanager
def changing(app: App, key: ApiKey) -> Iterator[ApiKey]:
    """Give the key as it is in the database, to be changed."""
    with app.database.writing(key.organization_id) as session:
        yield session.get_one(ApiKey, (key.organization_id, key.id))


def rotate(app: App, key: ApiKey, *, at: datetime, overlap: timedelta = DAY) -> str:
    """Rotate a key and return its new secret."""
    with changing(app, key) as changed:
        changed.rotate(overlap=overlap, at=at)
    return secret_of(changed)


def secret_of(key: ApiKey) -> str:
    assert key.secret is not None
    return key.secret


def actor_of(app: App, secret: str, *, at: datetime = NOON) -> Actor | None:
    token = Token.parse(secret)
    assert token is not None
    with app.database.reading(token.organization_id) as session:
        match = find_actor(session, token, at)
    return match[0] if match else None


def accepted(app: App, *secrets: str, at: datetime) -> list[bool]:
    return [actor_of(app, secret, at=at) is not None for secret in secrets]


def admin(shop: Shop) -> Actor:
    return Actor(shop.organization_id, GRANTS[Role.ADMIN], None, staff_id=shop.staff["admin"])


def test_the_secret_is_on_the_object_that_was_given_it_and_nowhere_else(app: App, shop: Shop) -> None:
    key = make(app, shop)
    secret = secret_of(key)
    with app.database.reading(shop.organization_id) as session:
        loaded = session.get_one(ApiKey, (shop.organization_id, key.id))
        assert (loaded.secret, loaded.digest) == (None, hashlib.sha256(secret.encode()).digest())
    owner = sa.create_engine(app.url)
    with owner.connect() as connection:
        stored = [repr(row) for row in connection.execute(sa.select(ApiKey.__table__))]
    owner.dispose()
    assert not [row for row in stored if secret.split("_", 3)[3] in row]


def test_a_rotated_secret_is_accepted_until_the_overlap_ends(app: App, shop: Shop) -> None:
    key = make(app, shop)
    old = secret_of(key)
    new = rotate(app, key, at=NOON, overlap=timedelta(hours=3))
    end = NOON + timedelta(hours=3)
    assert accepted(app, old, new, at=NOON) == [True, True]
    assert accepted(app, old, new, at=end - SECOND) == [True, True]
    assert accepted(app, old, new, at=end) == [False, True]
    assert actor_of(app, old) == actor_of(app, new)


def test_a_second_rotation_ends_the_secret_before_the_former_at_once(app: App, shop: Shop) -> None:
    key = make(app, shop)
    first = secret_of(key)
    second = rotate(app, key, at=NOON)
    third = rotate(app, key, at=NOON + SECOND)
    assert accepted(app, first, second, third, at=NOON + SECOND) == [False, True, True]
    assert accepted(app, first, second, third, at=NOON + SECOND + DAY) == [False, False, True]


def test_without_an_overlap_the_former_secret_ends_at_once(app: App, shop: Shop) -> None:
    key = make(app, shop)
    old = secret_of(key)
    new = rotate(app, key, at=NOON, overlap=timedelta(0))
    assert accepted(app, old, new, at=NOON) == [False, True]
    with changing(app, key) as stored:
        assert (stored.previous_digest, stored.previous_until) == (None, None)


def test_a_revoked_key_is_refused_under_both_secrets(app: App, shop: Shop) -> None:
    key = make(app, shop)
    secrets = [secret_of(key), rotate(app, key, at=NOON)]
    assert accepted(app, *secrets, at=NOON) == [True, True]
    for at in (NOON, NOON + SECOND):
        with changing(app, key) as revoked:
            revoked.revoke(at=at)
            assert (revoked.revoked_at, revoked.previous_digest, revoked.previous_until) == (NOON, None, None)
    assert accepted(app, *secrets, at=NOON) == [False, False]
    with pytest.raises(InvalidState), changing(app, key) as revoked:
        revoked.rotate(overlap=DAY, at=NOON)


def test_an_expired_key_is_refused_under_both_secrets(app: App, shop: Shop) -> None:
    key = make(app, shop, expires_at=NOON + DAY)
    secrets = [secret_of(key), rotate(app, key, at=NOON + DAY - SECOND)]
    assert accepted(app, *secrets, at=NOON + DAY - SECOND) == [True, True]
    assert accepted(app, *secrets, at=NOON + DAY) == [False, False]
    with pytest.raises(InvalidState), changing(app, key) as expired:
        expired.rotate(overlap=DAY, at=NOON + DAY)


def test_a_key_that_would_have_expired_already_is_refused(app: App, shop: Shop) -> None:
    with pytest.raises(Invalid) as refused:
        make(app, shop, expires_at=NOON)
    assert refused.value.pointer == "/expires_at"


def test_a_key_reaches_all_stores_or_those_it_is_limited_to(app: App, shop: Shop) -> None:
    both = [shop.store_id, shop.other_store_id]
    cases: list[tuple[list[UUID] | None, Any]] = [
        (None, None),
        ([shop.store_id], {shop.store_id}),
        ([*both, *both], set(both)),
    ]
    for store_ids, reached in cases:
        key = make(app, shop, store_ids=store_ids, by=admin(shop))
        assert key.store_ids == (None if reached is None else sorted(reached))
        with app.counting() as statements:
            actor = actor_of(app, secret_of(key))
        assert actor is not None
        assert (actor.store_ids, actor.permissions) == (reached, KEY_GRANTS[KeyScope.CONCERNS_READ])
        assert len([stmt for stmt in statements if not stmt.startswith("SELECT set_config(")]) == 1


def test_a_key_is_limited_to_stores_of_its_own_organization(app: App, shop: Shop) -> None:
    other = make_shop(app.back_office, "other")
    with pytest.raises(NotFound) as refused:
        make(app, shop, store_ids=[shop.store_id, other.store_id], by=admin(shop))
    assert refused.value.pointer == "/store_ids/1"


@pytest.mark.parametrize("scopes", [[KeyScope.EXPORTS_READ], [*KeyScope]])
def test_an_export_cannot_be_limited_to_stores(app: App, shop: Shop, scopes: list[KeyScope]) -> None:
    with pytest.raises(Invalid) as refused:
        make(app, shop, scopes=scopes, store_ids=[shop.store_id], by=admin(shop))
    assert refused.value.pointer == "/store_ids"


def test_a_limit_to_no_store_is_refused(app: App, shop: Shop) -> None:
    """It would otherwise be read as no limit at all."""
    with pytest.raises(Invalid):
        make(app, shop, store_ids=[], by=admin(shop))


def test_there_is_a_bound_on_keys_that_are_not_revoked(app: App, shop: Shop) -> None:
    before = len(rows(app, ApiKey))
    with app.database.writing(shop.organization_id) as session:
        for _ in range(MAX_API_KEYS - before):
            last = ApiKey.create(session, organization_id=shop.organization_id, name="n", scopes=[*KeyScope], at=NOON)
    with pytest.raises(InvalidState):
        make(app, shop)
    make(app, make_shop(app.back_office, "other"))
    with changing(app, last) as revoked:
        revoked.revoke(at=NOON)
    make(app, shop)


def test_whoever_made_a_key_is_known(app: App, shop: Shop) -> None:
    assert make(app, shop, by=admin(shop)).created_by_id == shop.staff["admin"]
    assert make(app, shop).created_by_id is None


def test_use_is_recorded_again_after_a_minute(app: App, shop: Shop) -> None:
    key = make(app, shop)
    token = Token.parse(secret_of(key))
    assert token is not None
    with changing(app, key) as used:
        used.seen_at = NOON
    for at, is_old in ((NOON + LAST_SEEN_RESOLUTION, False), (NOON + LAST_SEEN_RESOLUTION + SECOND, True)):
        with app.database.reading(shop.organization_id) as session:
            match = find_actor(session, token, at)
        assert match is not None
        assert match[1].is_old(at, is_tap=False) is is_old
