"""Informational messages: who gets them about a late concern, one's own or an outcome, and who has muted them."""

from collections.abc import Iterator
from datetime import time, timedelta
from typing import Any

import pytest

from models.alerts.notification import Notification, NotificationKind
from notifications.channels.base import DeliveryResult
from tests.support.app import App
from tests.support.factories.concerns import log_concern, move
from tests.support.factories.staff import hire
from tests.support.rows import only_alert, rows
from tests.support.store_scenario import StoreScenario, store_scenario

K = NotificationKind


@pytest.fixture
def evening(world: App) -> Iterator[StoreScenario]:
    with store_scenario(world) as evening:
        evening.give_phones()
        yield evening


def test_a_late_concern_informs_the_lead_and_rings_nobody(evening: StoreScenario) -> None:
    log_late(evening)
    evening.let_pass(minutes=30)
    assert (evening.told(K.LATE), evening.told(K.RING)) == ({0: {"lead"}}, {})
    assert only_alert(evening.world).state == "late"


def test_where_nobody_leads_the_managers_hear_of_it(evening: StoreScenario) -> None:
    evening.check_out("lead")
    log_late(evening)
    assert evening.told(K.LATE) == {0: {"manager"}}


def test_a_lead_who_logged_it_is_not_informed_of_it(evening: StoreScenario) -> None:
    log_late(evening, login="lead")
    assert evening.told(K.LATE) == {0: {"manager"}}


def test_ones_own_informs_the_lead_and_rings_nobody(evening: StoreScenario) -> None:
    evening.log(mood=1, handling="mine")
    evening.let_pass(minutes=30)
    assert (evening.told(K.OWN), evening.told(K.RING)) == ({0: {"lead"}}, {})


def test_praise_and_a_content_customer_inform_nobody(evening: StoreScenario) -> None:
    evening.log(mood=5, kind="praise")
    evening.log(mood=4, handling="mine")
    assert evening.messages == []


def test_who_logged_or_helped_is_informed_how_it_ended_but_not_by_themselves(evening: StoreScenario) -> None:
    concern = evening.log(mood=2)
    move(evening.world, evening.shop, concern, "take", "colleague")
    evening.act(concern, "lead")
    move(evening.world, evening.shop, concern, "resolve", "colleague")
    evening.let_pass(seconds=1)
    assert evening.told(K.OUTCOME) == {0: {"floor", "lead"}}


def test_who_asked_not_to_hear_of_a_kind_does_not_and_is_still_rung(evening: StoreScenario) -> None:
    evening.settle_for("lead", muted=["late", "own", "outcome"])
    log_late(evening)
    evening.log(mood=2, handling="mine")
    concern = evening.log(mood=2)
    evening.act(concern, "lead")
    move(evening.world, evening.shop, concern, "resolve", "colleague")
    evening.let_pass(seconds=1)
    assert {kind: people for kind in K if (people := evening.told(kind).get(0))} == {
        K.RING: {"colleague", "lead"},
        K.OUTCOME: {"floor"},
    }


def test_quiet_hours_silence_who_is_at_home_and_not_who_is_on_shift(evening: StoreScenario) -> None:
    for login in ("floor", "colleague"):
        evening.settle_for(login, quiet_from=time(11), quiet_until=time(13))
    concern = evening.log(mood=2)
    move(evening.world, evening.shop, concern, "take", "colleague")
    evening.check_out("floor")
    move(evening.world, evening.shop, concern, "resolve", "lead")
    evening.let_pass(seconds=1)
    assert evening.told(K.OUTCOME) == {0: {"colleague"}}


def test_unanswered_in_quiet_hours_is_a_mail_and_no_push(evening: StoreScenario) -> None:
    evening.settle_for("manager", email="manager@example.com", quiet_from=time(11), quiet_until=time(13))
    evening.log(mood=2)
    evening.let_pass(minutes=20)
    assert evening.told(K.UNANSWERED) == {1200: {"manager@example.com", "regional"}}


def test_a_pause_silences_informational_messages_too(evening: StoreScenario) -> None:
    evening.pause("lead", until=evening.began_at + timedelta(minutes=5))
    log_late(evening)
    assert evening.told(K.LATE) == {}


def test_a_pause_silences_even_what_is_meant_for_that_person(evening: StoreScenario) -> None:
    concern = evening.log(mood=2)
    evening.pause("lead", until=evening.began_at + timedelta(minutes=30))
    hand_over_to_the_lead(evening, concern)
    move(evening.world, evening.shop, concern, "take", "lead")
    evening.let_pass(minutes=12)
    assert (evening.told(K.HAND_OVER), evening.told(K.REMINDER)) == ({}, {})


def test_a_pause_silences_what_waits_for_its_channel(evening: StoreScenario) -> None:
    concern = evening.log(mood=2)
    evening.book.answers["lead"] = DeliveryResult.later("unreachable")
    hand_over_to_the_lead(evening, concern)
    evening.let_pass(minutes=1)
    attempts = evening.told(K.HAND_OVER)
    evening.pause("lead", until=evening.began_at + timedelta(minutes=30))
    evening.book.answers.clear()
    evening.let_pass(minutes=5)
    (asked,) = (row for row in rows(evening.world, Notification) if row.kind is K.HAND_OVER)
    assert (evening.told(K.HAND_OVER), asked.state) == (attempts, "suppressed")


def test_a_lead_at_home_hears_of_a_pause_only_outside_quiet_hours(evening: StoreScenario) -> None:
    evening.check_out("lead")
    assert ask_for_a_pause(evening, "colleague") == {0: {"manager"}}
    evening.settle_for("manager", quiet_from=time(11), quiet_until=time(13))
    assert ask_for_a_pause(evening, "floor") == {0: {"manager"}}


def test_an_outcome_is_not_sent_when_the_concern_was_reopened(evening: StoreScenario) -> None:
    concern = evening.log(mood=2)
    move(evening.world, evening.shop, concern, "resolve", "colleague")
    move(evening.world, evening.shop, concern, "reopen", "floor")
    evening.let_pass(minutes=1)
    assert evening.told(K.OUTCOME) == {}


def test_an_outcome_that_waits_for_its_channel_is_dropped_when_the_concern_is_reopened(evening: StoreScenario) -> None:
    concern = evening.log(mood=2)
    move(evening.world, evening.shop, concern, "resolve", "colleague")
    evening.worker._decide()
    move(evening.world, evening.shop, concern, "reopen", "floor")
    evening.let_pass(minutes=1)
    (outcome,) = (row for row in rows(evening.world, Notification) if row.kind is K.OUTCOME)
    assert (evening.told(K.OUTCOME), outcome.state, outcome.failure) == ({}, "suppressed", "reopened")


def test_the_mail_that_nobody_came_outlives_a_mail_server_that_is_away_for_an_hour(evening: StoreScenario) -> None:
    evening.settle_for("manager", email="manager@example.com")
    evening.book.answers["manager@example.com"] = DeliveryResult.later("unreachable")
    evening.log(mood=2)
    evening.let_pass(minutes=80)
    evening.book.answers.clear()
    evening.let_pass(minutes=1)
    mails = [row for row in rows(evening.world, Notification) if row.device_id is None]
    assert [mail.state for mail in mails] == ["accepted"]


def test_informing_many_costs_as_many_statements_as_informing_one(evening: StoreScenario) -> None:
    costs = []
    for crowd in (1, 12):
        for number in range(crowd):
            login = f"colleague-{crowd}-{number}"
            hire(evening.world.back_office, evening.shop, login, at=evening.began_at)
            evening.check_in(login, lead=True)
            evening.give_phones(login)
        log_concern(evening.world, evening.shop, mood=1, handling="mine")
        with evening.world.counting(evening.world.back_office) as statements:
            assert evening.worker._decide() == 1
        costs.append(len(statements))
        evening.let_pass(seconds=1)
    assert costs[0] == costs[1]


def test_a_sensitive_one_informs_only_those_who_may_read_it(evening: StoreScenario) -> None:
    concern = evening.log(mood=2, sensitive=True)
    assert evening.told() == {0: {"manager"}}
    move(evening.world, evening.shop, concern, "take", "manager")
    move(evening.world, evening.shop, concern, "resolve", "manager")
    evening.let_pass(seconds=1)
    assert evening.told(K.OUTCOME) == {}


def ask_for_a_pause(evening: StoreScenario, login: str) -> dict[int, set[str]]:
    answer = evening.world.request("POST", "/v1/me/pause", (evening.shop, login), json={"minutes": 5})
    assert answer.status_code == 200, answer.text
    evening.let_pass(seconds=0)
    return evening.told(K.PAUSE)


def hand_over_to_the_lead(evening: StoreScenario, concern: dict[str, Any]) -> None:
    path = f"/v1/concerns/{concern['id']}/hand-over"
    asked = {"staff_id": str(evening.shop.staff["lead"])}
    assert evening.world.request("POST", path, (evening.shop, "colleague"), json=asked).status_code == 200


def log_late(evening: StoreScenario, login: str = "floor") -> None:
    occurred_at = (evening.world.clock() - timedelta(minutes=16)).isoformat()
    log_concern(evening.world, evening.shop, login, mood=2, occurred_at=occurred_at)
    evening.let_pass(seconds=0)
