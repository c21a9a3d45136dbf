"""The summary of an alert for the person who waits, in each state of delivery."""

from collections.abc import Iterator

import pytest

from models.staff.device import AddressKind
from models.staff.staff import Staff
from notifications.channels.base import DeliveryResult
from tests.support.app import App
from tests.support.clock import NOON
from tests.support.factories.concerns import move
from tests.support.rows import notifications
from tests.support.store_scenario import StoreScenario, store_scenario

AWAY = DeliveryResult.later("unavailable")
GONE = DeliveryResult.gone("unregistered")


@pytest.fixture
def scenario(app: App) -> Iterator[StoreScenario]:
    with store_scenario(app) as scenario:
        yield scenario


def give_firebase_phones(scenario: StoreScenario, *logins: str) -> None:
    scenario.give_phones(*logins, kind=AddressKind.FCM_TOKEN)


def summary(scenario: StoreScenario, concern: dict[str, object]) -> str:
    """What the one who logged it reads, on the concern and on its alert alike."""
    shown = scenario.app.request("GET", f"/v1/concerns/{concern['id']}", (scenario.shop, "floor")).json["alert"]
    alert = scenario.app.request("GET", f"/v1/alerts/{shown['id']}", (scenario.shop, "floor")).json
    assert shown["summary"] == alert["summary"]
    return str(shown["summary"])


def report(scenario: StoreScenario, login: str, *events: str) -> None:
    """The phone of this person says what it did with what it was sent."""
    mine = [row for row in notifications(scenario.app) if row.staff_id == scenario.shop.staff[login]]
    at = scenario.app.clock().isoformat()
    receipts = [{"notification_id": str(row.id), "event": event, "at": at} for row in mine for event in events]
    path, by = "/v1/notifications/receipts", (scenario.shop, login)
    answer = scenario.app.request("POST", path, by, json={"receipts": receipts})
    assert answer.status_code == 200, answer.text


def test_before_the_worker_came_by_it_is_calling(scenario: StoreScenario) -> None:
    give_firebase_phones(scenario)
    body = {"mood": 2, "store_id": str(scenario.shop.store_id)}
    concern = scenario.app.request("POST", "/v1/concerns", (scenario.shop, "floor"), json=body).json
    assert concern["alert"]["summary"] == "calling for help"


def test_without_any_phone_it_says_walk_over(scenario: StoreScenario) -> None:
    concern = scenario.log(mood=1)
    assert summary(scenario, concern) == "no phone reached: walk over"


def test_a_dead_address_is_no_phone(scenario: StoreScenario) -> None:
    give_firebase_phones(scenario, "colleague")
    scenario.channel.answers["colleague"] = GONE
    concern = scenario.log(mood=2)
    assert summary(scenario, concern) == "no phone reached: walk over"


def test_one_dead_address_of_two_counts_for_nothing(scenario: StoreScenario) -> None:
    give_firebase_phones(scenario, "colleague", "lead")
    scenario.channel.answers["colleague"] = GONE
    concern = scenario.log(mood=2)
    assert summary(scenario, concern) == "sent to 1 phone, none has it yet"


def test_accepted_by_the_push_service_is_not_on_a_phone(scenario: StoreScenario) -> None:
    give_firebase_phones(scenario, "colleague", "lead")
    concern = scenario.log(mood=2)
    assert summary(scenario, concern) == "sent to 2 phones, none has it yet"


@pytest.mark.parametrize("event", ["received", "shown"])
def test_received_or_shown_is_on_a_phone(scenario: StoreScenario, event: str) -> None:
    give_firebase_phones(scenario, "colleague", "lead")
    concern = scenario.log(mood=2)
    report(scenario, "lead", event)
    assert summary(scenario, concern) == "on 1 of 2 phones"
    report(scenario, "colleague", event)
    assert summary(scenario, concern) == "on 2 phones"


def test_opened_names_who_opened_it(scenario: StoreScenario) -> None:
    give_firebase_phones(scenario, "colleague", "lead")
    concern = scenario.log(mood=2)
    report(scenario, "lead", "received", "opened")
    assert summary(scenario, concern) == "on 1 of 2 phones, opened by Lead"
    report(scenario, "colleague", "opened")
    assert summary(scenario, concern) == "on 2 phones, opened by Colleague of acme and Lead"


def test_a_phone_that_was_rung_at_two_steps_counts_once(scenario: StoreScenario) -> None:
    give_firebase_phones(scenario, "lead")
    concern = scenario.log(mood=2)
    scenario.let_pass(seconds=46)
    assert scenario.addresses_by_second() == {0: {"lead"}, 45: {"lead"}}
    report(scenario, "lead", "received")
    assert summary(scenario, concern) == "on 1 phone"


def test_taken_names_who_is_on_the_way(scenario: StoreScenario) -> None:
    give_firebase_phones(scenario)
    concern = scenario.log(mood=2)
    move(scenario.app, scenario.shop, concern, "take", "lead")
    assert summary(scenario, concern) == "Lead is on the way"


def test_while_firebase_is_down_it_says_walk_over_and_when_it_is_back_that_it_was_sent(scenario: StoreScenario) -> None:
    give_firebase_phones(scenario, "colleague", "lead")
    scenario.channel.result = AWAY
    concern = scenario.log(mood=2)
    assert summary(scenario, concern) == "the push service does not answer: walk over"
    scenario.let_pass(seconds=30)
    assert summary(scenario, concern) == "the push service does not answer: walk over"
    scenario.channel.result = DeliveryResult.sent()
    scenario.let_pass(seconds=30)
    assert summary(scenario, concern) == "sent to 2 phones, none has it yet"


def test_while_the_circuit_is_open_a_new_alert_does_not_claim_that_a_phone_rings(scenario: StoreScenario) -> None:
    """After three failures in a row the worker does not even try: the one who waits is to know that."""
    give_firebase_phones(scenario)
    scenario.channel.result = AWAY
    for _ in range(3):
        scenario.log(mood=2)
    concern = scenario.log(mood=2)
    scenario.let_pass(seconds=20)
    assert summary(scenario, concern) == "the push service does not answer: walk over"


def test_an_outage_that_lasts_until_the_end_of_the_call_was_no_phone(scenario: StoreScenario) -> None:
    give_firebase_phones(scenario, "colleague")
    scenario.channel.result = AWAY
    concern = scenario.log(mood=2)
    scenario.let_pass(minutes=19)
    assert summary(scenario, concern) == "no phone reached: walk over"


def test_with_nobody_on_shift_and_nobody_else_to_call_it_says_so(scenario: StoreScenario) -> None:
    scenario.check_out("colleague", "lead")
    with scenario.app.back_office.writing(scenario.shop.organization_id) as session:
        session.get_one(Staff, (scenario.shop.organization_id, scenario.shop.staff["manager"])).left_at = NOON
    concern = scenario.log(mood=2)
    assert summary(scenario, concern) == "nobody on shift, no phone reached: walk over"


def test_a_manager_without_a_phone_is_somebody_and_no_phone(scenario: StoreScenario) -> None:
    scenario.check_out("colleague", "lead")
    concern = scenario.log(mood=2)
    assert summary(scenario, concern) == "no phone reached: walk over"


def test_with_nobody_on_shift_the_phone_of_the_manager_counts(scenario: StoreScenario) -> None:
    give_firebase_phones(scenario)
    scenario.check_out("colleague", "lead")
    concern = scenario.log(mood=2)
    assert summary(scenario, concern) == "sent to 1 phone, none has it yet"


def test_what_nobody_answered_says_walk_over(scenario: StoreScenario) -> None:
    give_firebase_phones(scenario)
    concern = scenario.log(mood=2)
    scenario.let_pass(minutes=20)
    assert summary(scenario, concern) == "nobody answered: walk over"


def test_what_was_known_of_an_earlier_call_says_nothing_of_this_one(scenario: StoreScenario) -> None:
    give_firebase_phones(scenario, "colleague")
    concern = scenario.log(mood=2)
    report(scenario, "colleague", "opened")
    for step in ("take", "release"):
        move(scenario.app, scenario.shop, concern, step, "lead")
    assert summary(scenario, concern) == "calling for help"
    scenario.let_pass(seconds=1)
    assert summary(scenario, concern) == "sent to 1 phone, none has it yet"
