"""A request that is sent twice has its effect once, however it is sent and however many times at once."""

import re
from functools import partial
from hashlib import sha256
from typing import Any

import orjson
import pytest
from sqlalchemy import func, select
from uuid_utils.compat import uuid7
from werkzeug.test import TestResponse

from models.alerts.alert import Alert
from models.concerns.concern import Concern
from models.concerns.event import ConcernEvent
from models.db.base import TenantOwned
from models.db.idempotency import IdempotencyKey
from models.db.session import ALL_TENANTS
from models.outbox.message import OutboxMessage
from models.recovery.action import RecoveryAction
from tests.api.conftest import UnchangedOrganization
from tests.support.app import App
from tests.support.assertions import assert_problem, etag_version
from tests.support.databases import only_on_postgresql
from tests.support.factories.organizations import Shop, make_shop
from tests.support.openapi_document import operations, resolved
from tests.support.rows import rows
from tests.support.threads import at_once

UNHAPPY = {"mood": 1, "customer": {"phone": "912 345 678"}, "category": "food", "place": "table-12"}


def post(
    app: App, shop: Shop, path: str, body: Any = None, *, key: str | None = None, login: str = "floor"
) -> TestResponse:
    headers = {} if key is None else {"Idempotency-Key": key}
    return app.request("POST", path, (shop, login), json=body, headers=headers)


def log(app: App, shop: Shop, body: Any, **options: Any) -> TestResponse:
    return post(app, shop, "/v1/concerns", body, **options)


def count(app: App, kind: type[TenantOwned]) -> int:
    with app.back_office.reading(ALL_TENANTS) as session:
        return session.scalars(select(func.count()).select_from(kind)).one()


def replayed(answer: TestResponse) -> bool:
    return answer.headers.get("Idempotent-Replayed") == "true"


def concern_in(answer: TestResponse) -> dict[str, Any]:
    """What is answered without the hints, which are for the first time only."""
    return {name: value for name, value in answer.json.items() if name != "guidance"}


@pytest.mark.parametrize("by", ["key", "id", "both"])
def test_fifty_identical_posts_at_once_make_one_concern(app: App, shop: Shop, by: str) -> None:
    body = UNHAPPY if by == "key" else {**UNHAPPY, "id": str(uuid7())}
    key = None if by == "id" else "tapped-fifty-times"
    answers = at_once([partial(log, app, shop, body, key=key)] * 50)
    made = [answer for answer in answers if not replayed(answer)]
    assert [answer.status_code for answer in made] == [201]
    again = 200 if by == "id" else 201
    assert {answer.status_code for answer in answers if replayed(answer)} == {again}
    assert all(concern_in(answer) == concern_in(made[0]) for answer in answers)
    assert [count(app, kind) for kind in (Concern, Alert, OutboxMessage)] == [1, 1, 1]
    assert made[0].json["alert"]["state"] == "open"


@only_on_postgresql
def test_a_storm_of_retries_makes_as_many_concerns_as_keys(app: App, shop: Shop) -> None:
    def insist(number: int) -> list[TestResponse]:
        return [log(app, shop, {"mood": 2, "stake": str(number)}, key=f"key-{number}") for _ in range(5)]

    # Four phones for each key, each of which asks five times. More phones would wait too long for a connection.
    answers = [answer for insisted in at_once([partial(insist, n % 10) for n in range(40)]) for answer in insisted]
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json["id"] for answer in answers}) == 10
    assert sum(not replayed(answer) for answer in answers) == 10
    assert [count(app, kind) for kind in (Concern, Alert, OutboxMessage)] == [10, 10, 10]


def test_a_key_is_good_for_one_body(app: App, shop: Shop) -> None:
    assert log(app, shop, {"mood": 2, "stake": "birthday"}, key="k").status_code == 201
    assert_problem(log(app, shop, {"mood": 3, "stake": "birthday"}, key="k"), 422, "idempotency-key-reused")
    reordered = log(app, shop, {"stake": "birthday", "mood": 2}, key="k")
    assert (reordered.status_code, replayed(reordered)) == (201, True)
    assert count(app, Concern) == 1


def test_an_id_is_good_for_one_body(app: App, shop: Shop) -> None:
    body = {"mood": 2, "id": str(uuid7())}
    first = log(app, shop, body)
    assert (first.status_code, first.json["id"]) == (201, body["id"])
    again = log(app, shop, body)
    assert (again.status_code, replayed(again), concern_in(again)) == (200, True, concern_in(first))
    other = assert_problem(log(app, shop, {**body, "mood": 3}), 409, "already-exists")
    assert other["pointer"] == "/id"


def test_another_key_for_the_same_id_changes_nothing(app: App, shop: Shop) -> None:
    body = {"mood": 2, "id": str(uuid7())}
    assert log(app, shop, body, key="first").status_code == 201
    again = log(app, shop, body, key="second")
    assert (again.status_code, replayed(again), count(app, Concern)) == (200, True, 1)


def test_a_key_is_ones_own(app: App, shop: Shop) -> None:
    other = make_shop(app.back_office, "other")
    for whose, login in [(shop, "floor"), (shop, "manager"), (shop, "key"), (other, "floor")]:
        body = {"mood": 3, "store_id": str(whose.store_id)}
        answer = log(app, whose, body, key="the-same-for-all", login=login)
        assert (answer.status_code, replayed(answer)) == (201, False), (whose.slug, login)
    assert count(app, Concern) == 4


def test_an_id_of_another_organization_is_free(app: App, shop: Shop) -> None:
    other = make_shop(app.back_office, "other")
    body = {"mood": 3, "id": str(uuid7())}
    assert [log(app, whose, body).status_code for whose in (shop, other)] == [201, 201]
    assert count(app, Concern) == 2


def test_a_colleagues_id_is_in_use(app: App, shop: Shop) -> None:
    body = {"mood": 2, "id": str(uuid7()), "store_id": str(shop.store_id)}
    assert log(app, shop, body).status_code == 201
    refused = assert_problem(log(app, shop, body, login="manager", key="k"), 409, "already-exists")
    assert refused["pointer"] == "/id"
    # A refusal is not stored under the key.
    assert log(app, shop, {**body, "id": str(uuid7())}, login="manager", key="k").status_code == 201


def test_of_two_people_with_one_id_at_once_one_makes_it(app: App, shop: Shop) -> None:
    body = {"mood": 2, "id": str(uuid7()), "store_id": str(shop.store_id)}
    logins = ["floor", "colleague", "manager", "key"]
    answers = at_once([partial(log, app, shop, body, login=login) for login in logins])
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    for answer in answers:
        if answer.status_code != 201:
            assert_problem(answer, 409, "already-exists")
    assert count(app, Concern) == count(app, Alert) == 1


def test_the_id_of_an_action_within_a_concern_may_be_in_use_too(app: App, shop: Shop) -> None:
    used, free = ({"remedy": "apology", "id": str(uuid7())} for _ in range(2))
    assert log(app, shop, {"mood": 3, "recovery_actions": [used]}).status_code == 201
    body = {"mood": 3, "id": str(uuid7()), "recovery_actions": [{"remedy": "remake"}, used]}
    refused = assert_problem(log(app, shop, body, key="k"), 409, "already-exists")
    assert refused["pointer"] == "/recovery_actions/1/id"
    body["recovery_actions"] = [free, used]  # which of them it was, not every database tells
    refused = assert_problem(log(app, shop, body, key="k"), 409, "already-exists")
    assert "pointer" not in refused
    assert "/recovery_actions/0/id, /recovery_actions/1/id" in refused["detail"]
    assert [count(app, kind) for kind in (Concern, RecoveryAction)] == [1, 1]


def test_an_action_with_an_id_that_stands_twice_within_a_concern_is_recorded_once(app: App, shop: Shop) -> None:
    action = {"remedy": "apology", "id": str(uuid7())}
    logged = log(app, shop, {"mood": 3, "recovery_actions": [action, action]})
    assert (logged.status_code, logged.json["as_typed"]) == (201, {"recovery_actions": [action]})
    assert [count(app, kind) for kind in (Concern, RecoveryAction)] == [1, 1]


def test_the_id_of_an_action_may_be_in_use_at_another_concern(app: App, shop: Shop) -> None:
    action = {"remedy": "apology", "id": str(uuid7())}
    one, other = (f"/v1/concerns/{log(app, shop, {'mood': 3}).json['id']}/recovery-actions" for _ in range(2))
    assert post(app, shop, one, action).status_code == 201
    again = post(app, shop, one, action)
    assert (again.status_code, replayed(again)) == (200, True)
    assert_problem(post(app, shop, other, action), 409, "already-exists")
    assert count(app, RecoveryAction) == 1


def test_only_what_had_its_effect_uses_a_key_up(app: App, shop: Shop) -> None:
    assert_problem(log(app, shop, {"mood": 9}, key="k"), 422, "invalid")
    assert_problem(log(app, shop, {"mood": 2, "store_id": str(shop.organization_id)}, key="k"), 422, "invalid")
    assert_problem(log(app, shop, {"mood": 2}, key="k", login="hq"), 403, "forbidden")
    assert count(app, IdempotencyKey) == 0
    answer = log(app, shop, {"mood": 2, "category": "food"}, key="k")
    assert (answer.status_code, replayed(answer)) == (201, False)
    assert count(app, IdempotencyKey) == 1


def test_a_fault_of_ours_does_not_use_a_key_up(app: App, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr("api.resources.concerns.announce", lambda *_: 1 / 0)
        assert_problem(log(app, shop, {"mood": 2}, key="k"), 500, "internal-error")
    assert [count(app, kind) for kind in (Concern, IdempotencyKey)] == [0, 0]
    answer = log(app, shop, {"mood": 2}, key="k")
    assert (answer.status_code, replayed(answer), count(app, Alert)) == (201, False, 1)


def test_a_refused_verb_can_be_repeated_with_its_key(app: App, shop: Shop) -> None:
    concern = f"/v1/concerns/{log(app, shop, {'mood': 2}).json['id']}"
    assert_problem(post(app, shop, f"{concern}/reopen", key="k"), 409, "not-now")
    end = {"outcome": "lost", "mood_after": 1}
    assert post(app, shop, f"{concern}/resolve", end, key="k").status_code == 200
    answer = post(app, shop, f"{concern}/reopen", key="k")
    assert (answer.status_code, replayed(answer), answer.json["status"]) == (200, False, "open")


def test_a_replay_shows_the_object_as_it_is_now(app: App, shop: Shop) -> None:
    made = log(app, shop, {"mood": 2}, key="k")
    post(app, shop, f"/v1/concerns/{made.json['id']}/take", login="manager")
    again = log(app, shop, {"mood": 2}, key="k")
    assert (again.status_code, replayed(again)) == (201, True)
    assert again.json["status"] == "taken"
    assert concern_in(again) == app.request("GET", f"/v1/concerns/{made.json['id']}", (shop, "floor")).json
    assert etag_version(again) == again.json["version"] != etag_version(made)


def test_verbs_with_keys_have_their_effect_once(app: App, shop: Shop) -> None:
    concern = f"/v1/concerns/{log(app, shop, {'mood': 2}).json['id']}"
    action = post(app, shop, f"{concern}/recovery-actions", {"remedy": "voucher"}, key="a")
    steps: list[tuple[str, Any]] = [
        (f"{concern}/take", None),
        (f"{concern}/release", None),
        (f"/v1/recovery-actions/{action.json['id']}/reverse", {}),
        (f"{concern}/resolve", {"outcome": "recovered", "mood_after": 4}),
        (f"{concern}/reopen", None),
    ]
    for path, body in steps:
        first, again = (post(app, shop, path, body, key="one-key-for-all-verbs") for _ in range(2))
        assert (first.status_code, replayed(first)) == (200, False), first.text
        assert (again.status_code, replayed(again), again.json) == (200, True, first.json), path
    assert count(app, ConcernEvent) == 2 + len(steps)
    # A repeat that arrives late undoes nothing that happened since.
    assert post(app, shop, steps[0][0], key="one-key-for-all-verbs").json["status"] == "open"


def test_fifty_identical_resolves_at_once_resolve_it_once(app: App, shop: Shop) -> None:
    concern = f"/v1/concerns/{log(app, shop, {'mood': 2}).json['id']}"
    end = {"outcome": "recovered", "mood_after": 5}
    answers = at_once([partial(post, app, shop, f"{concern}/resolve", end, key="k")] * 50)
    assert {answer.status_code for answer in answers} == {200}
    assert sum(not replayed(answer) for answer in answers) == 1
    assert count(app, ConcernEvent) == 2


def test_the_quotes_of_the_draft_standard_are_not_part_of_the_key(app: App, shop: Shop) -> None:
    first, again = (log(app, shop, {"mood": 2}, key=key) for key in ('"quoted"', "quoted"))
    assert (first.json["id"], replayed(again)) == (again.json["id"], True)


@pytest.mark.parametrize("key", ["", '""', "k" * 256, '"' + "k" * 256 + '"'])
def test_a_key_that_is_none_is_refused(app: App, shop: Shop, key: str) -> None:
    assert_problem(log(app, shop, {"mood": 2}, key=key), 422, "invalid-idempotency-key")
    assert count(app, Concern) == 0


def test_the_longest_key_is_kept_whole(app: App, shop: Shop) -> None:
    keys = ["k" * 254 + last for last in "ab"]
    answers = [log(app, shop, {"mood": 2}, key=key) for key in keys * 2]
    assert [replayed(answer) for answer in answers] == [False, False, True, True]


def test_a_customer_is_made_once_too(app: App, shop: Shop) -> None:
    body = {"id": str(uuid7()), "phone": "912 345 678"}
    answers = at_once([partial(post, app, shop, "/v1/customers", body, key="k")] * 10)
    assert {(answer.status_code, answer.json["id"]) for answer in answers} == {(201, body["id"])}
    assert sum(not replayed(answer) for answer in answers) == 1
    refused = assert_problem(post(app, shop, "/v1/customers", {**body, "phone": "912 345 679"}), 409, "already-exists")
    assert refused["pointer"] == "/id"
    taken = assert_problem(post(app, shop, "/v1/customers", {"phone": body["phone"]}), 409, "already-exists")
    assert "pointer" not in taken


SECRETS = re.compile("(^|_)(token|secret|pin|password|codes?)$")
SAYS_WHETHER = {"has_password", "has_pin"}  # there is a secret, and not which


def test_every_secret_in_an_answer_that_may_be_repeated_is_null_in_the_repeat() -> None:
    """A field that is called like a secret is a `ShownOnce`, which has nothing to show when the object was loaded."""
    names = set()
    for operation in operations():
        if "Idempotency-Key" not in operation.named("header"):
            continue
        for status in {"200", "201"} & operation.spec["responses"].keys():
            content = operation.spec["responses"][status].get("content", {}).get("application/json", {})
            properties = resolved(content.get("schema", {})).get("properties", {})
            for name in filter(SECRETS.search, properties.keys() - SAYS_WHETHER):
                names.add(name)
                assert properties[name]["type"] in (["string", "null"], ["array", "null"]), (operation.id, name)
                assert properties[name]["description"].startswith("Shown once"), (operation.id, name)
    assert "token" in names


@pytest.mark.parametrize("key", ["", " ", '""', '"', '"half', 'half"', "two words", "x" * 256, "é"])
def test_an_idempotency_key_that_is_none_is_422(unchanged: UnchangedOrganization, key: str) -> None:
    headers = {"Idempotency-Key": key.encode().decode("latin-1")}
    answer = unchanged.ask("POST", "/v1/concerns", "floor", json={"mood": 2}, headers=headers)
    assert_problem(answer, 422, "invalid-idempotency-key")


def test_one_key_for_two_bodies_is_422(unchanged: UnchangedOrganization) -> None:
    """The key that the org's first concern was logged with."""
    answer = unchanged.ask("POST", "/v1/concerns", json={"mood": 1}, headers={"Idempotency-Key": "first"})
    assert_problem(answer, 422, "idempotency-key-reused")


def test_nothing_can_be_guessed_from_what_is_kept_of_a_body(app: App, shop: Shop) -> None:
    """A plain digest of a body with a PIN told the PIN after a million tries."""
    body = {"mood": 2, "store_id": str(shop.store_id)}
    for expected in (201, 201):
        answer = app.request("POST", "/v1/concerns", (shop, "floor"), json=body, headers={"Idempotency-Key": "k"})
        assert answer.status_code == expected
    (kept,) = rows(app, IdempotencyKey)
    plain = orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
    assert kept.body_digest != sha256(plain).digest()
    with app.back_office.writing(shop.organization_id) as session:  # as the version before kept it
        row = session.get_one(IdempotencyKey, (shop.organization_id, kept.id))
        row.body_digest = sha256(plain).digest()
    again = app.request("POST", "/v1/concerns", (shop, "floor"), json=body, headers={"Idempotency-Key": "k"})
    assert again.headers["Idempotent-Replayed"] == "true"
