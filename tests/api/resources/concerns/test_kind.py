"""The kind of a concern, corrected on its business day: praise that is a concern, and a concern that is praise."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from models.concerns.concern import Concern as ConcernRow
from models.customers.customer import Customer
from tests.support.app import App
from tests.support.assertions import assert_problem
from tests.support.databases import only_on_postgresql
from tests.support.factories.concerns import edit, log_concern, move
from tests.support.factories.organizations import Shop
from tests.support.store_scenario import StoreScenario
from tests.support.threads import TIMEOUT, wait_for_blocked_transaction

Concern = dict[str, Any]


def correct(app: App, shop: Shop, concern: Concern, login: str = "floor", **changes: Any) -> TestResponse:
    path = f"/v1/concerns/{concern['id']}"
    version = app.request("GET", path, (shop, login)).headers["ETag"]
    return app.request("PATCH", path, (shop, login), json=changes, headers={"If-Match": version})


def test_praise_that_is_a_concern_rings_as_if_logged_now(scenario: StoreScenario) -> None:
    praise = scenario.log(mood=1, kind="praise")
    assert (praise["status"], praise["alert"], praise["taken_by"]) == ("resolved", None, None)
    scenario.let_pass(hours=1)
    concern = edit(scenario.app, scenario.shop, praise, kind="concern")
    assert (concern["status"], concern["resolved_at"], concern["alert"]["state"]) == ("open", None, "open")
    scenario.let_pass(seconds=1)
    assert scenario.addresses_by_second() == {3600: {"colleague", "lead"}}
    move(scenario.app, scenario.shop, concern, "take")


def test_praise_that_was_logged_late_and_is_a_concern_rings_too(scenario: StoreScenario) -> None:
    praise = scenario.log(mood=5, kind="praise", occurred_at=(scenario.began_at - timedelta(hours=1)).isoformat())
    scenario.let_pass(hours=2)
    concern = edit(scenario.app, scenario.shop, praise, kind="concern", mood=1)
    assert (concern["late"], concern["alert"]["state"]) == (False, "open")
    scenario.let_pass(seconds=1)
    assert scenario.addresses_by_second() == {7200: {"colleague", "lead"}}
    taken = move(scenario.app, scenario.shop, concern, "take")
    assert move(scenario.app, scenario.shop, taken, "release")["alert"]["state"] == "open"


def test_a_concern_that_is_praise_is_over_and_stops_ringing(scenario: StoreScenario) -> None:
    app, shop = scenario.app, scenario.shop
    concern = scenario.log(mood=1)
    praise = edit(app, shop, concern, kind="praise", mood=5, praised_id=str(shop.staff["colleague"]))
    assert (praise["status"], praise["outcome"], praise["reclassified"]) == ("resolved", None, True)
    assert praise["alert"]["state"] == "cancelled"
    scenario.let_pass(minutes=30)
    kinds_sent = [message.kind for _, message in scenario.messages if message.recipient.address == "colleague"]
    assert sorted(kinds_sent) == ["inform", "ring", "withdraw"]
    log = app.request("GET", f"/v1/stores/{shop.store_id}/recovery-logs/{concern['business_date']}", (shop, "manager"))
    figures = log.json["figures"]
    assert [figures[name] for name in ("concerns", "unhappy", "praise", "reclassified", "voided")] == [0, 0, 1, 1, 0]
    again = edit(app, shop, praise, kind="concern", mood=1)
    assert (again["reclassified"], again["alert"]["state"]) == (False, "open")


@pytest.mark.parametrize(("kind", "corrected"), [("concern", "praise"), ("praise", "concern")])
def test_what_was_voided_is_brought_back_by_no_other_kind(app: App, shop: Shop, kind: str, corrected: str) -> None:
    concern = log_concern(app, shop, kind=kind, mood=1)
    app.request("POST", f"/v1/concerns/{concern['id']}/void", (shop, "floor"), json={"reason": "A slip."})
    for changes in ({"kind": corrected}, {"kind": "request"}, {"kind": corrected, "mood": 2}):
        assert_problem(correct(app, shop, concern, **changes), 409, "not-now")
    after = app.request("GET", f"/v1/concerns/{concern['id']}", (shop, "manager")).json
    assert (after["status"], after["kind"], after["mood"]) == ("voided", kind, 1)
    assert after["alert"] is None or after["alert"]["state"] == "cancelled"


@pytest.mark.parametrize("verb", ["take", "release", "reopen", "resolve"])
def test_praise_can_be_neither_taken_nor_reopened(app: App, shop: Shop, verb: str) -> None:
    praise = log_concern(app, shop, mood=5, kind="praise", handling="mine", outcome="recovered")
    assert (praise["status"], praise["outcome"], praise["taken_at"]) == ("resolved", None, None)
    body = {"json": {"outcome": "recovered", "mood_after": 4}} if verb == "resolve" else {}
    answer = app.request("POST", f"/v1/concerns/{praise['id']}/{verb}", (shop, "manager"), **body)
    assert_problem(answer, 409, "not-now")


def test_a_request_and_a_concern_are_corrected_by_anybody_whatever_was_done(app: App, shop: Shop) -> None:
    concern = log_concern(app, shop, category="allergy")
    app.request("POST", f"/v1/concerns/{concern['id']}/recovery-actions", (shop, "floor"), json={"remedy": "apology"})
    request = edit(app, shop, concern, "colleague", kind="request")
    assert (request["kind"], request["status"], request["reclassified"]) == ("request", "open", False)
    assert edit(app, shop, request, kind="request")["kind"] == "request"


@pytest.mark.parametrize("kinds", [("concern", "praise"), ("praise", "concern"), ("concern", "request")])
def test_another_business_day_is_too_late(app: App, shop: Shop, kinds: tuple[str, str]) -> None:
    concern = log_concern(app, shop, kind=kinds[0])
    app.clock.at += timedelta(hours=16)  # 04:00 in the store
    refused = assert_problem(correct(app, shop, concern, "manager", kind=kinds[1]), 409, "not-now")
    assert "business day" in refused["detail"]


def test_a_concern_becomes_praise_for_whom_and_while_it_could_be_voided(app: App, shop: Shop) -> None:
    concern, urgent = log_concern(app, shop), log_concern(app, shop, category="allergy")
    for subject, login in ((concern, "colleague"), (urgent, "floor"), (urgent, "manager")):
        assert_problem(correct(app, shop, subject, login, kind="praise"), 403, "forbidden")
    edit(app, shop, urgent, category="food")
    assert_problem(correct(app, shop, urgent, kind="praise"), 403, "forbidden")
    assert correct(app, shop, urgent, "regional", kind="praise").status_code == 200
    path_of_actions = f"/v1/concerns/{concern['id']}/recovery-actions"
    app.request("POST", path_of_actions, (shop, "floor"), json={"remedy": "apology"})
    assert_problem(correct(app, shop, concern, kind="praise"), 409, "has-actions")


def test_what_becomes_praise_is_no_first_failure_of_a_customer(app: App, shop: Shop) -> None:
    customer: dict[str, Any] = {"customer": {"phone": "+351 912 345 678"}}
    first = log_concern(app, shop, **customer)
    app.clock.at += timedelta(minutes=1)
    log_concern(app, shop, **customer)
    overview = f"/v1/customers/{first['customer_id']}/history"
    assert app.request("GET", overview, (shop, "manager")).json["now"]["second_failure"]
    praise = edit(app, shop, first, kind="praise")
    assert not app.request("GET", overview, (shop, "manager")).json["now"]["second_failure"]
    edit(app, shop, praise, kind="concern")
    assert app.request("GET", overview, (shop, "manager")).json["now"]["second_failure"]


@only_on_postgresql
def test_a_kind_with_another_customer_locks_later_concerns_before_the_customer(app: App, shop: Shop) -> None:
    praise = log_concern(app, shop, kind="praise")
    app.clock.at += timedelta(minutes=1)
    later = log_concern(app, shop, customer={"phone": "+351 912 345 678"})
    with ThreadPoolExecutor(1) as pool:
        with app.back_office.writing(shop.organization_id) as session:
            session.execute(select(ConcernRow.id).where(ConcernRow.id == UUID(later["id"])).with_for_update())
            changes = {"kind": "concern", "customer_id": later["customer_id"]}
            correcting = pool.submit(correct, app, shop, praise, **changes)
            wait_for_blocked_transaction(app)
            session.execute(select(Customer.id).with_for_update())
        assert correcting.result(TIMEOUT).status_code == 200
