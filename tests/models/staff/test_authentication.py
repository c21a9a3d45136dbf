"""Tokens: whom they authenticate, for how long, and that only digests are stored."""

import hashlib
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from uuid_utils.compat import uuid7

from models.access import GRANTS, ROLES_OF_ALL_STORES, Actor, Permission, Role
from models.policy_defaults import LAST_SEEN_RESOLUTION, SESSION_DAYS
from models.staff.authentication import find_actor
from models.staff.credentials.api_key import ApiKey
from models.staff.credentials.staff_session import StaffSession
from models.staff.credentials.token import SECRET_BYTES, Token
from models.staff.staff import Staff
from models.tables import metadata
from tests.support.app import App
from tests.support.clock import NOON
from tests.support.factories.organizations import Shop, make_shop
from tests.support.rows import rows

SECOND = timedelta(seconds=1)
SESSION = timedelta(days=SESSION_DAYS)


def find(app: App, text: str, *, at: datetime = NOON) -> tuple[Actor, bool] | None:
    """Return whom this token authenticates at that time."""
    token = Token.parse(text)
    assert token is not None
    with app.database.reading(token.organization_id) as session:
        return find_actor(session, token, at)


def test_a_token_can_be_read_again_and_names_its_organization() -> None:
    organization = uuid7()
    for kind in SECRET_BYTES:
        token = Token.new(kind, organization)
        assert token.text.startswith(f"amd_{kind}_{organization.hex}_")
        assert Token.parse(token.text) == token
        assert token.digest == hashlib.sha256(token.text.encode()).digest()


def test_no_two_tokens_are_the_same() -> None:
    organization = uuid7()
    secrets = {Token.new("s", organization).text.split("_", 3)[3] for _ in range(1000)}
    assert len(secrets) == 1000
    assert min(len(secret) for secret in secrets) == 43  # 256 bits in base 64


def test_a_code_that_is_used_once_is_shorter_and_signs_nobody_in(app: App, shop: Shop) -> None:
    for kind in ("i", "e"):
        token = Token.new(kind, shop.organization_id)
        assert len(token.text.split("_", 3)[3]) == 22  # 128 bits
        assert find(app, token.text) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "amd",
        "amd_s",
        "amd_s_0123456789abcdef0123456789abcdef",
        "amd_s_0123456789abcdef0123456789abcdef_",
        "amd_x_0123456789abcdef0123456789abcdef_secret",
        "amx_s_0123456789abcdef0123456789abcdef_secret",
        "amd_s_0123456789abcdef0123456789abcdeg_secret",
        "amd_s_0123456789abcdef0123456789abcde_secret",
        "amd_s_01234567-89ab-cdef-0123-456789abcdef_secret",
    ],
)
def test_a_text_in_another_format_is_no_token(text: str) -> None:
    assert Token.parse(text) is None


def test_a_token_stands_for_the_person_with_stores_and_grants(app: App, shop: Shop) -> None:
    expected: dict[str, tuple[Role, Any]] = {
        "floor": (Role.FLOOR, {shop.store_id}),
        "regional": (Role.REGIONAL, {shop.store_id}),
        "elsewhere": (Role.FLOOR, {shop.other_store_id}),
        "hq": (Role.HEAD_OFFICE, None),
    }
    for login, (role, store_ids) in expected.items():
        result = find(app, shop.tokens[login])
        assert result is not None
        actor, _ = result
        assert (actor.staff_id, actor.role, actor.permissions) == (shop.staff[login], role, GRANTS[role])
        assert (actor.store_ids, actor.organization_id) == (store_ids, shop.organization_id)
    assert {role for role, store_ids in expected.values() if store_ids is None} <= ROLES_OF_ALL_STORES


def test_who_belongs_to_no_store_reaches_none(app: App, shop: Shop) -> None:
    with app.back_office.writing(shop.organization_id) as session:
        staff = Staff(login="new", name="New", role=Role.FLOOR, password_hash="-")
        session.add(staff)
        session.flush()
        _, token = StaffSession.open(session, staff=staff, at=NOON)
    result = find(app, token.text)
    assert result is not None
    assert result[0].store_ids == frozenset()


def test_a_sign_in_lasts_thirty_days(app: App, shop: Shop) -> None:
    assert timedelta(days=30) == SESSION
    assert find(app, shop.tokens["floor"], at=NOON + SESSION - SECOND)
    assert find(app, shop.tokens["floor"], at=NOON + SESSION) is None


def test_last_seen_is_recorded_once_a_minute(app: App, shop: Shop) -> None:
    for login in ("floor", "key"):
        kind = StaffSession if login == "floor" else ApiKey
        app.clock.at = NOON
        me = "/v1/stores"
        app.request("GET", me, (shop, login))
        for seconds, expected in ((59, NOON), (61, NOON + timedelta(seconds=61))):
            app.clock.at = NOON + timedelta(seconds=seconds)
            app.request("GET", me, (shop, login))
            assert max(row.seen_at for row in rows(app, kind) if row.seen_at) == expected, login
    assert timedelta(minutes=1) == LAST_SEEN_RESOLUTION


def test_a_key_stands_for_its_scopes(app: App, shop: Shop) -> None:
    result = find(app, shop.tokens["reports-key"])
    assert result is not None
    actor, _ = result
    assert (actor.staff_id, actor.role, actor.store_ids) == (None, None, None)
    assert actor.may(Permission.REPORT_READ)
    assert not actor.may(Permission.CONCERN_READ)


@pytest.mark.parametrize("login", ["floor", "key"])
def test_a_token_of_another_organization_or_kind_stands_for_nobody(app: App, shop: Shop, login: str) -> None:
    other = make_shop(app.back_office, "other")
    amd, kind, _, secret = shop.tokens[login].split("_", 3)
    for strange in (
        f"{amd}_{kind}_{other.organization_id.hex}_{secret}",
        f"{amd}_{'k' if kind == 's' else 's'}_{shop.organization_id.hex}_{secret}",
        f"{amd}_{kind}_{shop.organization_id.hex}_{secret}x",
    ):
        assert find(app, strange) is None


def test_only_digests_are_stored(app: App, shop: Shop) -> None:
    """Every value of every table is looked through for the secret of every token."""
    secrets = [token.split("_", 3)[3] for token in shop.tokens.values()]
    digests = {hashlib.sha256(token.encode()).digest() for token in shop.tokens.values()}
    owner = sa.create_engine(app.url)
    with owner.connect() as connection:
        stored = {repr(row) for table in metadata.sorted_tables for row in connection.execute(sa.select(table))}
        stored_digests = {row.digest for kind in (StaffSession, ApiKey) for row in rows(app, kind)}
    owner.dispose()
    assert digests == stored_digests
    assert not [secret for secret in secrets if any(secret in text for text in stored)]


def revoke(app: App, shop: Shop, how: str) -> str:
    """Revoke somebody's access in this way and return whose it was."""
    if how == "signed out":
        assert app.request("DELETE", "/v1/sessions/current", (shop, "floor")).status_code == 204
        return "floor"
    with app.back_office.writing(shop.organization_id) as session:
        if how == "left":
            session.get_one(Staff, (shop.organization_id, shop.staff["floor"])).left_at = NOON
            return "floor"
        session.execute(sa.update(ApiKey).where(ApiKey.name == "key").values(revoked_at=NOON))
        return "key"


@pytest.mark.parametrize("how", ["signed out", "left", "key revoked"])
def test_a_revoked_token_is_refused_on_the_next_request(app: App, shop: Shop, how: str) -> None:
    everybody = {"floor", "manager", "key", "reports-key"}
    assert all(app.request("GET", "/v1/stores", (shop, login)).status_code == 200 for login in everybody)
    whose = revoke(app, shop, how)
    refused = {login for login in everybody if app.request("GET", "/v1/stores", (shop, login)).status_code == 401}
    assert refused == {whose}


def test_who_loses_a_store_does_not_reach_it_on_the_next_request(app: App, shop: Shop) -> None:
    path = f"/v1/stores/{shop.store_id}"
    assert app.request("GET", path, (shop, "floor")).status_code == 200
    owner = sa.create_engine(app.url)
    with owner.begin() as connection:
        links = metadata.tables["staff_store"]
        connection.execute(links.delete().where(links.c.staff_id == shop.staff["floor"]))
    owner.dispose()
    assert app.request("GET", path, (shop, "floor")).status_code == 404


def test_expired_sign_ins_are_deleted(app: App, shop: Shop) -> None:
    count = len(rows(app, StaffSession))
    of_head_office = 2  # their sign-ins are shorter
    for at, left in ((NOON + SESSION - SECOND, count - of_head_office), (NOON + SESSION, 0)):
        with app.database.writing(shop.organization_id) as session:
            StaffSession.delete_expired(session, at=at)
        assert len(rows(app, StaffSession)) == left
