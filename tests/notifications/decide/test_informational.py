"""Informational messages: who gets them about a late concern, one's own or an outcome, and who has muted them."""

from datetime import time, timedelta
from typing import Any

import pytest

from models.alerts.notification import Notification, NotificationKind
from notifications.channels.base import DeliveryResult
from tests.support.factories.concerns import edit, log_concern, move
from tests.support.factories.staff import hire
from tests.support.rows import only_alert, rows
from tests.support.store_scenario import StoreScenario

K = NotificationKind


def test_a_late_concern_informs_the_lead_and_rings_nobody(scenario: StoreScenario) -> None:
    log_late(scenario)
    scenario.let_pass(minutes=30)
    assert (scenario.addresses_by_second(K.LATE), scenario.addresses_by_second(K.RING)) == ({0: {"lead"}}, {})
    assert only_alert(scenario.app).state == "late"


def test_where_nobody_leads_the_managers_hear_of_it(scenario: StoreScenario) -> None:
    scenario.check_out("lead")
    log_late(scenario)
    assert scenario.addresses_by_second(K.LATE) == {0: {"manager"}}


def test_a_lead_who_logged_it_is_not_informed_of_it(scenario: StoreScenario) -> None:
    log_late(scenario, login="lead")
    assert scenario.addresses_by_second(K.LATE) == {0: {"manager"}}


def test_ones_own_informs_the_lead_and_rings_nobody(scenario: StoreScenario) -> None:
    scenario.log(mood=1, handling="mine")
    scenario.let_pass(minutes=30)
    assert (scenario.addresses_by_second(K.OWN), scenario.addresses_by_second(K.RING)) == ({0: {"lead"}}, {})


def test_praise_and_a_content_customer_inform_nobody(scenario: StoreScenario) -> None:
    scenario.log(mood=5, kind="praise")
    scenario.log(mood=4, handling="mine")
    assert scenario.messages == []


def test_who_logged_or_helped_is_informed_how_it_ended_but_not_by_themselves(scenario: StoreScenario) -> None:
    concern = scenario.log(mood=2)
    move(scenario.app, scenario.shop, concern, "take", "colleague")
    scenario.act(concern, "lead")
    move(scenario.app, scenario.shop, concern, "resolve", "colleague")
    scenario.let_pass(seconds=1)
    assert scenario.addresses_by_second(K.OUTCOME) == {0: {"floor", "lead"}}


def test_who_asked_not_to_hear_of_a_kind_does_not_and_is_still_rung(scenario: StoreScenario) -> None:
    scenario.set_preferences("lead", muted=["late", "own", "outcome"])
    log_late(scenario)
    scenario.log(mood=2, handling="mine")
    concern = scenario.log(mood=2)
    scenario.act(concern, "lead")
    move(scenario.app, scenario.shop, concern, "resolve", "colleague")
    scenario.let_pass(seconds=1)
    assert {kind: people for kind in K if (people := scenario.addresses_by_second(kind).get(0))} == {
        K.RING: {"colleague", "lead"},
        K.OUTCOME: {"floor"},
    }


def test_quiet_hours_silence_who_is_at_home_and_not_who_is_on_shift(scenario: StoreScenario) -> None:
    for login in ("floor", "colleague"):
        scenario.set_preferences(login, quiet_from=time(11), quiet_until=time(13))
    concern = scenario.log(mood=2)
    move(scenario.app, scenario.shop, concern, "take", "colleague")
    scenario.check_out("floor")
    move(scenario.app, scenario.shop, concern, "resolve", "lead")
    scenario.let_pass(seconds=1)
    assert scenario.addresses_by_second(K.OUTCOME) == {0: {"colleague"}}


def test_unanswered_in_quiet_hours_is_a_mail_and_no_push(scenario: StoreScenario) -> None:
    scenario.set_preferences("manager", email="manager@example.com", quiet_from=time(11), quiet_until=time(13))
    scenario.log(mood=2)
    scenario.let_pass(minutes=20)
    assert scenario.addresses_by_second(K.UNANSWERED) == {1200: {"manager@example.com", "regional"}}


def test_a_pause_silences_informational_messages_too(scenario: StoreScenario) -> None:
    scenario.pause("lead", until=scenario.began_at + timedelta(minutes=5))
    log_late(scenario)
    assert scenario.addresses_by_second(K.LATE) == {}


def test_a_pause_silences_even_what_is_meant_for_that_person(scenario: StoreScenario) -> None:
    concern = scenario.log(mood=2)
    scenario.pause("lead", until=scenario.began_at + timedelta(minutes=30))
    hand_over_to_the_lead(scenario, concern)
    move(scenario.app, scenario.shop, concern, "take", "lead")
    scenario.let_pass(minutes=12)
    assert (scenario.addresses_by_second(K.HAND_OVER), scenario.addresses_by_second(K.REMINDER)) == ({}, {})


def test_a_pause_silences_what_waits_for_its_channel(scenario: StoreScenario) -> None:
    concern = scenario.log(mood=2)
    scenario.channel.answers["lead"] = DeliveryResult.later("unreachable")
    hand_over_to_the_lead(scenario, concern)
    scenario.let_pass(minutes=1)
    attempts = scenario.addresses_by_second(K.HAND_OVER)
    scenario.pause("lead", until=scenario.began_at + timedelta(minutes=30))
    scenario.channel.answers.clear()
    scenario.let_pass(minutes=5)
    (asked,) = (row for row in rows(scenario.app, Notification) if row.kind is K.HAND_OVER)
    assert (scenario.addresses_by_second(K.HAND_OVER), asked.state) == (attempts, "suppressed")


def test_a_lead_at_home_hears_of_a_pause_only_outside_quiet_hours(scenario: StoreScenario) -> None:
    scenario.check_out("lead")
    assert ask_for_a_pause(scenario, "colleague") == {0: {"manager"}}
    scenario.set_preferences("manager", quiet_from=time(11), quiet_until=time(13))
    assert ask_for_a_pause(scenario, "floor") == {0: {"manager"}}


def test_an_outcome_is_not_sent_when_the_concern_was_reopened(scenario: StoreScenario) -> None:
    concern = scenario.log(mood=2)
    move(scenario.app, scenario.shop, concern, "resolve", "colleague")
    move(scenario.app, scenario.shop, concern, "reopen", "floor")
    scenario.let_pass(minutes=1)
    assert scenario.addresses_by_second(K.OUTCOME) == {}


def test_an_outcome_that_waits_for_its_channel_is_dropped_when_the_concern_is_reopened(scenario: StoreScenario) -> None:
    concern = scenario.log(mood=2)
    move(scenario.app, scenario.shop, concern, "resolve", "colleague")
    scenario.worker._decide()
    move(scenario.app, scenario.shop, concern, "reopen", "floor")
    scenario.let_pass(minutes=1)
    (outcome,) = (row for row in rows(scenario.app, Notification) if row.kind is K.OUTCOME)
    assert (scenario.addresses_by_second(K.OUTCOME), outcome.state, outcome.failure) == ({}, "suppressed", "reopened")


@pytest.mark.parametrize("decided", [False, True])
def test_nobody_is_told_of_a_concern_that_was_voided_meanwhile(scenario: StoreScenario, *, decided: bool) -> None:
    an_hour_ago = (scenario.app.clock() - timedelta(hours=1)).isoformat()
    logged = [
        log_concern(scenario.app, scenario.shop, occurred_at=an_hour_ago),
        log_concern(scenario.app, scenario.shop, mood=1, handling="mine"),
        log_concern(scenario.app, scenario.shop, kind="praise", praised_id=str(scenario.shop.staff["colleague"])),
    ]
    if decided:
        scenario.worker._decide()
    for concern in logged:
        path = f"/v1/concerns/{concern['id']}/void"
        answer = scenario.app.request("POST", path, (scenario.shop, "floor"), json={"reason": "A slip."})
        assert answer.status_code == 200, answer.text
    scenario.let_pass(minutes=1)
    assert scenario.messages == []
    assert {row.failure for row in rows(scenario.app, Notification)} == ({"voided"} if decided else set())


def test_praise_that_is_a_concern_praises_nobody(scenario: StoreScenario) -> None:
    changes = {"kind": "praise", "praised_id": str(scenario.shop.staff["colleague"])}
    praise = log_concern(scenario.app, scenario.shop, mood=5, **changes)
    edit(scenario.app, scenario.shop, praise, kind="concern")
    scenario.let_pass(seconds=1)
    assert scenario.addresses_by_second(K.PRAISE) == {}


def test_the_mail_that_nobody_came_outlives_a_mail_server_that_is_away_for_an_hour(scenario: StoreScenario) -> None:
    scenario.set_preferences("manager", email="manager@example.com")
    scenario.channel.answers["manager@example.com"] = DeliveryResult.later("unreachable")
    scenario.log(mood=2)
    scenario.let_pass(minutes=80)
    scenario.channel.answers.clear()
    scenario.let_pass(minutes=1)
    mails = [row for row in rows(scenario.app, Notification) if row.device_id is None]
    assert [mail.state for mail in mails] == ["accepted"]


def test_informing_many_costs_as_many_statements_as_informing_one(scenario: StoreScenario) -> None:
    costs = []
    for pool in (1, 12):
        for number in range(pool):
            login = f"colleague-{pool}-{number}"
            hire(scenario.app.back_office, scenario.shop, login, at=scenario.began_at)
            scenario.check_in(login, lead=True)
            scenario.give_phones(login)
        log_concern(scenario.app, scenario.shop, mood=1, handling="mine")
        with scenario.app.counting(scenario.app.back_office) as statements:
            assert scenario.worker._decide() == 1
        costs.append(len(statements))
        scenario.let_pass(seconds=1)
    assert costs[0] == costs[1]


def test_a_sensitive_one_informs_only_those_who_may_read_it(scenario: StoreScenario) -> None:
    concern = scenario.log(mood=2, sensitive=True)
    assert scenario.addresses_by_second() == {0: {"manager"}}
    move(scenario.app, scenario.shop, concern, "take", "manager")
    move(scenario.app, scenario.shop, concern, "resolve", "manager")
    scenario.let_pass(seconds=1)
    assert scenario.addresses_by_second(K.OUTCOME) == {}


def ask_for_a_pause(scenario: StoreScenario, login: str) -> dict[int, set[str]]:
    answer = scenario.app.request("POST", "/v1/me/pause", (scenario.shop, login), json={"minutes": 5})
    assert answer.status_code == 200, answer.text
    scenario.let_pass(seconds=0)
    return scenario.addresses_by_second(K.PAUSE)


def hand_over_to_the_lead(scenario: StoreScenario, concern: dict[str, Any]) -> None:
    path = f"/v1/concerns/{concern['id']}/hand-over"
    body = {"staff_id": str(scenario.shop.staff["lead"])}
    assert scenario.app.request("POST", path, (scenario.shop, "colleague"), json=body).status_code == 200


def log_late(scenario: StoreScenario, login: str = "floor") -> None:
    occurred_at = (scenario.app.clock() - timedelta(minutes=16)).isoformat()
    log_concern(scenario.app, scenario.shop, login, mood=2, occurred_at=occurred_at)
    scenario.let_pass(seconds=0)
