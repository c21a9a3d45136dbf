"""API keys over HTTP: made, shown once, rotated, revoked, limited to stores, and when they were last used."""

from functools import partial
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from models.access import GRANTS, KeyScope, Permission
from models.staff.credentials.api_key import ApiKey
from tests.support.app import App
from tests.support.assertions import assert_invalid_value, assert_problem
from tests.support.clock import NOON
from tests.support.factories.concerns import log_concern
from tests.support.factories.organizations import PEOPLE, Shop, make_shop
from tests.support.rows import rows
from tests.support.sign_in import sign_in_again
from tests.support.threads import at_once

KEYS = "/v1/api-keys"
# A key of one store has all but the export, which is of the whole organization.
OF_ONE_STORE = [scope for scope in KeyScope if scope is not KeyScope.EXPORTS_READ]


def create(app: App, shop: Shop, *, by: str = "admin", headers: Any = None, **fields: Any) -> Any:
    body = {"name": "till", "scopes": ["concerns:read"]} | fields
    return app.request("POST", KEYS, (shop, by), json=body, headers=headers or {})


def made(app: App, shop: Shop, login: str, **fields: Any) -> dict[str, Any]:
    """Make a key; it signs in as `login` from then on."""
    answer = create(app, shop, **fields)
    assert answer.status_code == 201, answer.text
    key: dict[str, Any] = answer.json
    shop.tokens[login] = key["token"]
    return key


def verb(app: App, shop: Shop, key: dict[str, Any], name: str, *, idempotency_key: str = "", **body: Any) -> Any:
    headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
    options = {"json": body} if body else {}
    return app.request("POST", f"{KEYS}/{key['id']}/{name}", (shop, "admin"), headers=headers, **options)


def status(app: App, shop: Shop, token: str) -> int:
    """Return how a request with this token is answered."""
    return app.request("GET", "/v1/stores", headers={"Authorization": f"Bearer {token}"}).status_code


def shown(app: App, shop: Shop, key: dict[str, Any]) -> dict[str, Any]:
    answer = app.request("GET", f"{KEYS}/{key['id']}", (shop, "admin"))
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json
    return result


def test_a_key_is_made_and_its_token_is_shown_once(app: App, shop: Shop) -> None:
    scopes = ["reports:read", "concerns:read", "reports:read"]
    store_ids = [str(shop.store_id)]
    key = made(app, shop, "till", name="Till 1", scopes=scopes, store_ids=store_ids, expires_at="2027-01-31T00:00:00Z")
    token, id_ = key["token"], key["id"]
    assert status(app, shop, token) == 200
    assert key == {
        "id": id_,
        "name": "Till 1",
        "scopes": ["concerns:read", "reports:read"],
        "store_ids": store_ids,
        "budgets": key["budgets"],
        "created_at": "2026-03-03T12:00:00Z",
        "created_by": {"id": str(shop.staff["admin"]), "name": "Admin of acme"},
        "expires_at": "2027-01-31T00:00:00Z",
        "revoked_at": None,
        "last_used_at": None,
        "previous_until": None,
        "token": token,
    }
    per_day = [budget["per_day"] for budget in key["budgets"]]
    assert per_day == [{"amount": 10_000, "currency": currency} for currency in ("EUR", "GBP", "USD")]
    assert shown(app, shop, key) == {**key, "token": None, "last_used_at": "2026-03-03T12:00:00Z"}


def test_keys_are_listed_newest_first_with_those_that_are_revoked(app: App, shop: Shop) -> None:
    made(app, shop, "one", name="one")
    app.clock.move(seconds=1)
    two = made(app, shop, "two", name="two")
    verb(app, shop, two, "revoke")
    listed = app.request("GET", KEYS, (shop, "admin"), query_string={"limit": 2}).json
    assert [(key["name"], key["revoked_at"], key["token"]) for key in listed["items"]] == [
        ("two", "2026-03-03T12:00:01Z", None),
        ("one", None, None),
    ]
    rest = app.request("GET", KEYS, (shop, "admin"), query_string={"cursor": listed["next_cursor"]}).json
    assert {(key["name"], key["created_by"]) for key in rest["items"]} == {
        ("key", None),
        ("reports-key", None),
        ("exports-key", None),
    }
    assert rest["next_cursor"] is None


@pytest.mark.parametrize("how", ["key", "id", "both"])
def test_a_repeat_of_making_a_key_answers_it_without_its_token(app: App, shop: Shop, how: str) -> None:
    fields = {} if how == "key" else {"id": str(uuid4())}
    headers = {} if how == "id" else {"Idempotency-Key": "made-once"}
    first = create(app, shop, **fields, headers=headers)
    again = create(app, shop, **fields, headers=headers)
    assert (first.status_code, again.status_code) == (201, 200 if how == "id" else 201)
    assert (first.json["token"] is None, first.headers.get("Idempotent-Replayed")) == (False, None)
    assert (again.json, again.headers["Idempotent-Replayed"]) == ({**first.json, "token": None}, "true")
    assert status(app, shop, first.json["token"]) == 200
    assert len([key for key in rows(app, ApiKey) if key.name == "till"]) == 1


def test_of_ten_requests_at_once_one_is_shown_the_token(app: App, shop: Shop) -> None:
    answers = at_once([partial(create, app, shop, headers={"Idempotency-Key": "ten"})] * 10)
    assert {answer.status_code for answer in answers} == {201}
    tokens = [answer.json["token"] for answer in answers if answer.json["token"]]
    assert (len(tokens), status(app, shop, tokens[0])) == (1, 200)
    assert len([key for key in rows(app, ApiKey) if key.name == "till"]) == 1


def test_an_id_that_another_key_has_is_refused(app: App, shop: Shop) -> None:
    key = made(app, shop, "till")
    refused = assert_problem(create(app, shop, id=key["id"], name="other"), 409, "already-exists")
    assert refused["pointer"] == "/id"
    assert create(app, make_shop(app.back_office, "other"), id=key["id"]).status_code == 201


def test_a_rotated_key_has_a_new_token_and_the_former_one_works_until_the_overlap_ends(app: App, shop: Shop) -> None:
    key = made(app, shop, "till")
    rotated = verb(app, shop, key, "rotate", overlap_hours=2)
    assert rotated.status_code == 200
    token, former = rotated.json["token"], key["token"]
    assert token not in (None, former)
    assert rotated.json == {**key, "token": token, "previous_until": "2026-03-03T14:00:00Z"}
    for minutes, expected in ((0, 200), (119, 200), (1, 401)):
        app.clock.move(minutes=minutes)
        assert (status(app, shop, former), status(app, shop, token)) == (expected, 200)


def test_the_overlap_is_a_day_unless_another_is_asked_for(app: App, shop: Shop) -> None:
    key = made(app, shop, "till")
    for body, until in (
        ({}, "2026-03-04T12:00:00Z"),
        ({"overlap_hours": 168}, "2026-03-10T12:00:00Z"),
        ({"overlap_hours": 0}, None),
    ):
        assert verb(app, shop, key, "rotate", **body).json["previous_until"] == until
    for hours in (-1, 169, 1.5, "2"):
        assert_invalid_value(verb(app, shop, key, "rotate", overlap_hours=hours), "body", "/overlap_hours")


def test_a_second_rotation_ends_the_token_before_the_former_at_once(app: App, shop: Shop) -> None:
    key = made(app, shop, "till")
    tokens = [key["token"], *(verb(app, shop, key, "rotate").json["token"] for _ in range(2))]
    assert [status(app, shop, token) for token in tokens] == [401, 200, 200]


def test_a_repeat_of_a_rotation_does_not_rotate_again_and_shows_no_token(app: App, shop: Shop) -> None:
    key = made(app, shop, "till")
    first = verb(app, shop, key, "rotate", idempotency_key="once")
    app.clock.move(minutes=1)
    again = verb(app, shop, key, "rotate", idempotency_key="once")
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (200, "true")
    assert again.json == {**first.json, "token": None}
    assert [status(app, shop, token) for token in (key["token"], first.json["token"])] == [200, 200]
    reused = verb(app, shop, key, "rotate", idempotency_key="once", overlap_hours=1)
    assert_problem(reused, 422, "idempotency-key-reused")
    assert verb(app, shop, key, "rotate", idempotency_key="twice").json["token"] not in (None, first.json["token"])


def test_a_revoked_key_is_refused_at_once_under_both_tokens(app: App, shop: Shop) -> None:
    key = made(app, shop, "till")
    tokens = [key["token"], verb(app, shop, key, "rotate").json["token"]]
    assert [status(app, shop, token) for token in tokens] == [200, 200]
    revoked = verb(app, shop, key, "revoke")
    assert (revoked.status_code, revoked.json["revoked_at"]) == (200, "2026-03-03T12:00:00Z")
    assert (revoked.json["token"], revoked.json["previous_until"]) == (None, None)
    assert [status(app, shop, token) for token in tokens] == [401, 401]
    app.clock.move(minutes=1)
    assert (again := verb(app, shop, key, "revoke")).status_code == 200
    assert again.json == revoked.json
    assert_problem(verb(app, shop, key, "rotate"), 409, "not-now")


def test_an_expired_key_is_refused_like_a_revoked_one(app: App, shop: Shop) -> None:
    key = made(app, shop, "till", expires_at="2026-03-03T13:00:00Z")
    revoked = made(app, shop, "revoked")
    verb(app, shop, revoked, "revoke")
    assert status(app, shop, key["token"]) == 200
    app.clock.move(hours=1)
    answers = [app.request("GET", "/v1/stores", (shop, login)) for login in ("till", "revoked")]
    documents = [assert_problem(answer, 401, "unauthorized") for answer in answers]
    assert len({document["detail"] for document in documents}) == 1
    sign_in_again(app, shop)
    assert_problem(verb(app, shop, key, "rotate"), 409, "not-now")
    assert verb(app, shop, key, "revoke").status_code == 200


def test_keys_are_made_rotated_and_revoked_only_after_a_recent_sign_in(app: App, shop: Shop) -> None:
    key = made(app, shop, "till")
    app.clock.move(minutes=10)
    assert create(app, shop).status_code == 201
    app.clock.move(seconds=1)
    refused = [create(app, shop), *(verb(app, shop, key, name) for name in ("rotate", "revoke"))]
    for answer in refused:
        assert_problem(answer, 403, "sign-in-again")
    assert shown(app, shop, key)["revoked_at"] is None
    sign_in_again(app, shop)
    assert verb(app, shop, key, "revoke").status_code == 200


def test_only_administrators_manage_keys_and_no_key_does(app: App, shop: Shop) -> None:
    key = made(app, shop, "till")
    for login in [*PEOPLE, "key", "till"]:
        may = login in PEOPLE and Permission.KEY_MANAGE in GRANTS[PEOPLE[login][0]]
        assert may == (login == "admin")
        if may:
            continue
        path = f"{KEYS}/{key['id']}"
        for method, where in (("GET", KEYS), ("GET", path), ("POST", f"{path}/rotate"), ("POST", f"{path}/revoke")):
            assert_problem(app.request(method, where, (shop, login)), 403, "forbidden")
        assert_problem(create(app, shop, by=login), 403, "forbidden")
    assert shown(app, shop, key)["revoked_at"] is None


def test_a_key_of_another_organization_is_not_there(app: App, shop: Shop) -> None:
    key = made(app, shop, "till")
    other = make_shop(app.back_office, "other")
    assert_problem(app.request("GET", f"{KEYS}/{key['id']}", (other, "admin")), 404, "not-found")
    for name in ("rotate", "revoke"):
        assert_problem(verb(app, other, key, name), 404, "not-found")
    assert status(app, shop, key["token"]) == 200


def test_an_administrator_gives_every_scope_there_is(app: App, shop: Shop) -> None:
    assert made(app, shop, "till", scopes=[*KeyScope])["scopes"] == sorted(KeyScope)


def test_what_cannot_be_a_key_is_refused(app: App, shop: Shop) -> None:
    other = make_shop(app.back_office, "other")
    count = len(rows(app, ApiKey))
    for fields, pointer in (
        ({"name": ""}, "/name"),
        ({"name": "n" * 201}, "/name"),
        ({"scopes": []}, "/scopes"),
        ({"scopes": ["keys:manage"]}, "/scopes/0"),
        ({"store_ids": []}, "/store_ids"),
        ({"expires_at": "2026-03-03T12:00:00Z"}, "/expires_at"),
        ({"scopes": ["exports:read"], "store_ids": [str(shop.store_id)]}, "/store_ids"),
    ):
        assert_invalid_value(create(app, shop, **fields), "body", pointer)
    for missing in ("name", "scopes"):
        body = {"name": "till", "scopes": ["concerns:read"]}
        del body[missing]
        answer = app.request("POST", KEYS, (shop, "admin"), json=body)
        assert_invalid_value(answer, "body", f"/{missing}", "required")
    for store_id in (other.store_id, uuid4()):
        refused = create(app, shop, store_ids=[str(store_id)])
        assert_invalid_value(refused, "body", "/store_ids/0", "not-found")
    assert len(rows(app, ApiKey)) == count


def test_there_is_a_bound_on_keys(app: App, shop: Shop) -> None:
    with app.back_office.writing(shop.organization_id) as session:
        for _ in range(97):
            last = ApiKey.create(session, organization_id=shop.organization_id, name="n", scopes=[*KeyScope], at=NOON)
    assert "At most 100 keys" in assert_problem(create(app, shop), 409, "too-many")["detail"]
    assert verb(app, shop, {"id": str(last.id)}, "revoke").status_code == 200
    assert create(app, shop).status_code == 201


def test_no_digest_is_in_any_answer(app: App, shop: Shop) -> None:
    key = made(app, shop, "till")
    answers = [
        verb(app, shop, key, "rotate"),
        app.request("GET", KEYS, (shop, "admin")),
        app.request("GET", f"{KEYS}/{key['id']}", (shop, "admin")),
        verb(app, shop, key, "revoke"),
    ]
    digests = [digest.hex() for row in rows(app, ApiKey) for digest in (row.digest, row.previous_digest) if digest]
    assert digests
    assert [answer.status_code for answer in answers] == [200] * 4
    for answer in answers:
        assert "digest" not in answer.text
        assert not [digest for digest in digests if digest in answer.text]


def items(app: App, shop: Shop, path: str, login: str, **query: str) -> list[dict[str, Any]]:
    answer = app.request("GET", path, (shop, login), query_string=query)
    assert answer.status_code == 200, (path, answer.text)
    result: list[dict[str, Any]] = answer.json["items"]
    return result


def test_a_key_of_a_store_sees_that_store_and_none_of_another(app: App, shop: Shop) -> None:
    """The general case is tests/tenant_isolation/test_strangers.py: its neighbours include a key of another store."""
    made(app, shop, "here", scopes=OF_ONE_STORE, store_ids=[str(shop.store_id)])
    made(app, shop, "there", scopes=OF_ONE_STORE, store_ids=[str(shop.other_store_id)])
    group = {"slug": "all", "name": "All", "kind": "other", "store_ids": [str(shop.store_id), str(shop.other_store_id)]}
    app.request("POST", "/v1/groups", (shop, "admin"), json=group)
    concern = log_concern(
        app, shop, category="food", cause="cold", customer={"name": "Quill"}, items=[{"name": "Soup"}]
    )
    app.request("POST", f"/v1/concerns/{concern['id']}/recovery-actions", (shop, "floor"), json={"remedy": "remake"})
    promise = {"what": "We call you.", "kind": "call", "due_at": "2026-03-04T12:00:00Z"}
    app.request("POST", f"/v1/concerns/{concern['id']}/follow-ups", (shop, "floor"), json=promise)
    fix = {"store_id": str(shop.store_id), "category": "food", "cause": "cold", "what": "New lamps."}
    app.request("POST", "/v1/fixes", (shop, "manager"), json=fix)

    lists = ("/v1/concerns", "/v1/alerts", "/v1/follow-ups", "/v1/recovery-actions", "/v1/customers", "/v1/fixes")
    for path in lists:
        assert (len(items(app, shop, path, "here")), len(items(app, shop, path, "there"))) == (1, 0), path
    for login, slug, region in (("here", "first", "here"), ("there", "second", "there")):
        assert [store["slug"] for store in items(app, shop, "/v1/stores", login)] == [slug]
        assert [its_region["slug"] for its_region in items(app, shop, "/v1/regions", login)] == [region]
    assert [group["store_ids"] for group in items(app, shop, "/v1/groups", "here")] == [[str(shop.store_id)]]

    day = concern["business_date"]
    paths = [
        f"/v1/concerns/{concern['id']}",
        f"/v1/concerns/{concern['id']}/events",
        f"/v1/customers/{concern['customer_id']}",
        f"/v1/customers/{concern['customer_id']}/history",
        f"/v1/stores/{shop.store_id}/recovery-logs/{day}",
        f"/v1/stores/{shop.store_id}/days/{day}",
    ]
    for path in paths:
        statuses = [app.request("GET", path, (shop, login)).status_code for login in ("here", "there")]
        assert statuses == [200, 404], path


def test_a_report_of_a_key_counts_the_stores_of_the_key(app: App, shop: Shop) -> None:
    stores = {"here": shop.store_id, "there": shop.other_store_id}
    for login, store_id in stores.items():
        made(app, shop, login, scopes=OF_ONE_STORE, store_ids=[str(store_id)])
    made(app, shop, "all", scopes=["reports:read"])
    for login, count in (("here", 2), ("there", 1)):
        for _ in range(count):
            log_concern(app, shop, login, store_id=str(stores[login]), category="food", items=[{"name": "Soup"}])
    query = {"from": "2026-03-01", "to": "2026-03-31"}
    for report in ("recovery", "causes", "items", "listening"):
        path = f"/v1/reports/{report}"
        # Twice: the second answer may come from the cache of months, which must not mix readers.
        for login, count in (("all", 3), ("here", 2), ("there", 1)) * 2:
            answer = app.request("GET", path, (shop, login), query_string=query)
            assert answer.json["totals"]["concerns"] == count, (report, login)
    by_store = app.request("GET", "/v1/reports/recovery", (shop, "here"), query_string={**query, "group_by": "store"})
    assert [row["group"]["store"]["slug"] for row in by_store.json["rows"]] == ["first"]
    beyond = app.request(
        "GET", "/v1/reports/recovery", (shop, "here"), query_string={**query, "store_id": str(shop.other_store_id)}
    )
    assert_invalid_value(beyond, "query", "/store_id")
    assert_problem(app.request("GET", "/v1/exports/changes", (shop, "here")), 403, "forbidden")


def test_a_key_of_a_store_writes_in_that_store_only(app: App, shop: Shop) -> None:
    made(app, shop, "here", scopes=OF_ONE_STORE, store_ids=[str(shop.store_id)])
    elsewhere = str(shop.other_store_id)
    for path, body in (("/v1/concerns", {"mood": 3}), ("/v1/checks", {"count": 1})):
        allowed = app.request("POST", path, (shop, "here"), json={**body, "store_id": str(shop.store_id)})
        assert allowed.status_code == 201, allowed.text
        refused = app.request("POST", path, (shop, "here"), json={**body, "store_id": elsewhere})
        assert_invalid_value(refused, "body", "/store_id", "not-found")
    figures = {"covers": 10, "transactions": None, "sales": None}
    for store_id, expected in ((shop.store_id, 200), (shop.other_store_id, 404)):
        answer = app.request("PUT", f"/v1/stores/{store_id}/days/2026-03-03", (shop, "here"), json=figures)
        assert answer.status_code == expected


def test_a_customer_that_a_key_of_a_store_makes_is_met_by_that_store(app: App, shop: Shop) -> None:
    for login, store_id in (("here", shop.store_id), ("there", shop.other_store_id)):
        made(app, shop, login, scopes=OF_ONE_STORE, store_ids=[str(store_id)])
    customer = app.request("POST", "/v1/customers", (shop, "here"), json={"loyalty_number": "4711"}).json
    path = f"/v1/customers/{customer['id']}"
    assert [app.request("GET", path, (shop, login)).status_code for login in ("here", "floor")] == [200, 200]
    assert app.request("GET", path, (shop, "there")).status_code == 404
    # Whoever knows the exact contact finds the profile, as staff of that store do.
    search = app.request("POST", "/v1/customers/search", (shop, "there"), json={"loyalty_number": "4711"})
    assert [found["id"] for found in search.json["items"]] == [customer["id"]]
    assert app.request("GET", path, (shop, "there")).status_code == 200


def last_used(app: App, shop: Shop, key: dict[str, Any]) -> Any:
    return shown(app, shop, key)["last_used_at"]


def test_when_a_key_was_last_used_is_written_at_most_once_a_minute(app: App, shop: Shop) -> None:
    key = made(app, shop, "till")
    assert last_used(app, shop, key) is None
    for seconds, expected in ((0, "12:00:00"), (59, "12:00:00"), (2, "12:01:01"), (60, "12:01:01"), (1, "12:02:02")):
        app.clock.move(seconds=seconds)
        assert status(app, shop, key["token"]) == 200
        assert last_used(app, shop, key) == f"2026-03-03T{expected}Z"


def test_use_is_recorded_outside_the_transaction_of_the_request(app: App, shop: Shop) -> None:
    """A request that is refused, and so rolled back, was a use all the same."""
    key = made(app, shop, "till", scopes=["concerns:write"])
    refused = app.request("POST", "/v1/concerns", (shop, "till"), json={"mood": 3, "store_id": str(uuid4())})
    assert_invalid_value(refused, "body", "/store_id", "not-found")
    assert last_used(app, shop, key) == "2026-03-03T12:00:00Z"


def test_a_refused_token_is_no_use_of_its_key(app: App, shop: Shop) -> None:
    key = made(app, shop, "till")
    verb(app, shop, key, "revoke")
    assert status(app, shop, key["token"]) == 401
    assert last_used(app, shop, key) is None


def test_a_key_costs_one_statement_whatever_its_limits_and_rotations(app: App, shop: Shop) -> None:
    both = [str(shop.store_id), str(shop.other_store_id)]
    limited = made(app, shop, "limited", scopes=OF_ONE_STORE, store_ids=both)
    shop.tokens["rotated"] = verb(app, shop, limited, "rotate").json["token"]
    costs = {}
    for login in ("floor", "key", "limited", "rotated"):
        assert app.request("GET", "/v1/questions", (shop, login)).status_code == 200  # records that it was used
        with app.counting() as statements:
            app.request("GET", "/v1/questions", (shop, login))
        costs[login] = sum(not statement.startswith("SELECT set_config(") for statement in statements)
    assert costs == dict.fromkeys(costs, 2)  # who asks; the questions


def test_the_database_alone_says_whether_a_token_is_accepted(app: App, shop: Shop) -> None:
    """Nothing in a process remembers a key: what another process revokes is refused by this one."""
    key = made(app, shop, "till")
    assert status(app, shop, key["token"]) == 200
    owner = sa.create_engine(app.url)
    with owner.begin() as connection:
        keys = ApiKey.__table__
        connection.execute(sa.update(keys).where(keys.c.name == "till").values(revoked_at=NOON))
    owner.dispose()
    assert status(app, shop, key["token"]) == 401
