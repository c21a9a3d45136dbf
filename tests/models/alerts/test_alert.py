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
def evening(world: App) -> Iterator[StoreScenario]:
    with store_scenario(world) as evening:
        yield evening


def give_firebase_phones(evening: StoreScenario, *logins: str) -> None:
    evening.give_phones(*logins, kind=AddressKind.FCM_TOKEN)


def summary(evening: StoreScenario, concern: dict[str, object]) -> str:
    """What the one who logged it reads, on the concern and on its alert alike."""
    shown = evening.world.request("GET", f"/v1/concerns/{concern['id']}", (evening.shop, "floor")).json["alert"]
    alert = evening.world.request("GET", f"/v1/alerts/{shown['id']}", (evening.shop, "floor")).json
    assert shown["summary"] == alert["summary"]
    return str(shown["summary"])


def report(evening: StoreScenario, login: str, *events: str) -> None:
    """The phone of this person says what it did with what it was sent."""
    mine = [row for row in notifications(evening.world) if row.staff_id == evening.shop.staff[login]]
    at = evening.world.clock().isoformat()
    receipts = [{"notification_id": str(row.id), "event": event, "at": at} for row in mine for event in events]
    path, by = "/v1/notifications/receipts", (evening.shop, login)
    answer = evening.world.request("POST", path, by, json={"receipts": receipts})
    assert answer.status_code == 200, answer.text


def test_before_the_worker_came_by_it_is_calling(evening: StoreScenario) -> None:
    give_firebase_phones(evening)
    body = {"mood": 2, "store_id": str(evening.shop.store_id)}
    told = evening.world.request("POST", "/v1/concerns", (evening.shop, "floor"), json=body).json
    assert told["alert"]["summary"] == "calling for help"


def test_without_any_phone_it_says_walk_over(evening: StoreScenario) -> None:
    concern = evening.log(mood=1)
    assert summary(evening, concern) == "no phone reached: walk over"


def test_a_dead_address_is_no_phone(evening: StoreScenario) -> None:
    give_firebase_phones(evening, "colleague")
    evening.book.answers["colleague"] = GONE
    concern = evening.log(mood=2)
    assert summary(evening, concern) == "no phone reached: walk over"


def test_one_dead_address_of_two_counts_for_nothing(evening: StoreScenario) -> None:
    give_firebase_phones(evening, "colleague", "lead")
    evening.book.answers["colleague"] = GONE
    concern = evening.log(mood=2)
    assert summary(evening, concern) == "sent to 1 phone, none has it yet"


def test_accepted_by_the_push_service_is_not_on_a_phone(evening: StoreScenario) -> None:
    give_firebase_phones(evening, "colleague", "lead")
    concern = evening.log(mood=2)
    assert summary(evening, concern) == "sent to 2 phones, none has it yet"


@pytest.mark.parametrize("event", ["received", "shown"])
def test_received_or_shown_is_on_a_phone(evening: StoreScenario, event: str) -> None:
    give_firebase_phones(evening, "colleague", "lead")
    concern = evening.log(mood=2)
    report(evening, "lead", event)
    assert summary(evening, concern) == "on 1 of 2 phones"
    report(evening, "colleague", event)
    assert summary(evening, concern) == "on 2 phones"


def test_opened_names_who_opened_it(evening: StoreScenario) -> None:
    give_firebase_phones(evening, "colleague", "lead")
    concern = evening.log(mood=2)
    report(evening, "lead", "received", "opened")
    assert summary(evening, concern) == "on 1 of 2 phones, opened by Lead"
    report(evening, "colleague", "opened")
    assert summary(evening, concern) == "on 2 phones, opened by Colleague of acme and Lead"


def test_a_phone_that_was_rung_at_two_steps_counts_once(evening: StoreScenario) -> None:
    give_firebase_phones(evening, "lead")
    concern = evening.log(mood=2)
    evening.let_pass(seconds=46)
    assert evening.told() == {0: {"lead"}, 45: {"lead"}}
    report(evening, "lead", "received")
    assert summary(evening, concern) == "on 1 phone"


def test_taken_names_who_is_on_the_way(evening: StoreScenario) -> None:
    give_firebase_phones(evening)
    concern = evening.log(mood=2)
    move(evening.world, evening.shop, concern, "take", "lead")
    assert summary(evening, concern) == "Lead is on the way"


def test_while_firebase_is_down_it_says_walk_over_and_when_it_is_back_that_it_was_sent(evening: StoreScenario) -> None:
    give_firebase_phones(evening, "colleague", "lead")
    evening.book.result = AWAY
    concern = evening.log(mood=2)
    assert summary(evening, concern) == "the push service does not answer: walk over"
    evening.let_pass(seconds=30)
    assert summary(evening, concern) == "the push service does not answer: walk over"
    evening.book.result = DeliveryResult.sent()
    evening.let_pass(seconds=30)
    assert summary(evening, concern) == "sent to 2 phones, none has it yet"


def test_while_the_circuit_is_open_a_new_alert_does_not_claim_that_a_phone_rings(evening: StoreScenario) -> None:
    """After three failures in a row the worker does not even try: the one who waits is to know that."""
    give_firebase_phones(evening)
    evening.book.result = AWAY
    for _ in range(3):
        evening.log(mood=2)
    concern = evening.log(mood=2)
    evening.let_pass(seconds=20)
    assert summary(evening, concern) == "the push service does not answer: walk over"


def test_an_outage_that_lasts_until_the_end_of_the_call_was_no_phone(evening: StoreScenario) -> None:
    give_firebase_phones(evening, "colleague")
    evening.book.result = AWAY
    concern = evening.log(mood=2)
    evening.let_pass(minutes=19)
    assert summary(evening, concern) == "no phone reached: walk over"


def test_with_nobody_on_shift_and_nobody_else_to_call_it_says_so(evening: StoreScenario) -> None:
    evening.check_out("colleague", "lead")
    with evening.world.back_office.writing(evening.shop.organization_id) as session:
        session.get_one(Staff, (evening.shop.organization_id, evening.shop.staff["manager"])).left_at = NOON
    concern = evening.log(mood=2)
    assert summary(evening, concern) == "nobody on shift, no phone reached: walk over"


def test_a_manager_without_a_phone_is_somebody_and_no_phone(evening: StoreScenario) -> None:
    evening.check_out("colleague", "lead")
    concern = evening.log(mood=2)
    assert summary(evening, concern) == "no phone reached: walk over"


def test_with_nobody_on_shift_the_phone_of_the_manager_counts(evening: StoreScenario) -> None:
    give_firebase_phones(evening)
    evening.check_out("colleague", "lead")
    concern = evening.log(mood=2)
    assert summary(evening, concern) == "sent to 1 phone, none has it yet"


def test_what_nobody_answered_says_walk_over(evening: StoreScenario) -> None:
    give_firebase_phones(evening)
    concern = evening.log(mood=2)
    evening.let_pass(minutes=20)
    assert summary(evening, concern) == "nobody answered: walk over"


def test_what_was_known_of_an_earlier_call_says_nothing_of_this_one(evening: StoreScenario) -> None:
    give_firebase_phones(evening, "colleague")
    concern = evening.log(mood=2)
    report(evening, "colleague", "opened")
    for step in ("take", "release"):
        move(evening.world, evening.shop, concern, step, "lead")
    assert summary(evening, concern) == "calling for help"
    evening.let_pass(seconds=1)
    assert summary(evening, concern) == "sent to 1 phone, none has it yet"
