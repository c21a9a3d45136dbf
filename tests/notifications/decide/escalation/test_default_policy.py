"""The default escalation policy of a new organization: who rings after how many seconds, and who is spared."""

from collections.abc import Iterator
from datetime import time, timedelta

import pytest

from models.alerts.alert import Alert
from models.alerts.enums import AlertState
from models.alerts.escalation_policy import DEFAULT_POLICY, RecipientGroup, policy_step
from models.alerts.notification import NotificationKind
from models.concerns.enums import Severity
from models.staff.device import AddressKind
from notifications.channels.base import DeliveryResult, Message
from tests.support.app import App
from tests.support.factories.concerns import edit, move
from tests.support.factories.organizations import set_escalation_steps
from tests.support.rows import only_alert, rows
from tests.support.store_scenario import StoreScenario, store_scenario

GONE = DeliveryResult.gone("unregistered")
REGULAR = {"phone": "900 000 101"}


@pytest.fixture
def scenario(app: App) -> Iterator[StoreScenario]:
    with store_scenario(app) as scenario:
        yield scenario


def test_those_on_shift_ring_at_once_the_lead_after_two_minutes_the_managers_after_five(
    scenario: StoreScenario,
) -> None:
    scenario.give_phones()
    scenario.log(mood=2)
    scenario.let_pass(minutes=30)
    assert scenario.addresses_by_second() == {0: {"colleague", "lead"}, 120: {"lead"}, 300: {"manager"}}
    assert scenario.step_log() == [(0, 2, None), (1, 1, None), (2, 1, None)]


def test_a_severe_one_rings_the_regional_manager_after_ten_minutes(scenario: StoreScenario) -> None:
    scenario.give_phones()
    scenario.log(mood=1)
    scenario.let_pass(minutes=30)
    assert scenario.addresses_by_second() == {
        0: {"colleague", "lead"},
        120: {"lead"},
        300: {"manager"},
        600: {"regional"},
    }


def test_after_twenty_minutes_nobody_answered_and_the_managers_hear_it_by_push_and_by_mail(
    scenario: StoreScenario,
) -> None:
    scenario.give_phones()
    scenario.set_preferences("manager", email="manager@example.com")
    concern = scenario.log(mood=2)
    scenario.let_pass(minutes=20, seconds=-1)
    assert only_alert(scenario.app).state is AlertState.OPEN
    scenario.let_pass(seconds=1)
    assert only_alert(scenario.app).state is AlertState.UNANSWERED
    assert scenario.addresses_by_second(NotificationKind.UNANSWERED) == {
        1200: {"manager", "manager@example.com", "regional"}
    }
    assert move(scenario.app, scenario.shop, concern, "take")["alert"]["state"] == "taken"


def test_where_nobody_is_on_shift_the_next_step_comes_at_once_and_is_recorded(scenario: StoreScenario) -> None:
    scenario.give_phones()
    scenario.check_out("colleague", "lead")
    scenario.log(mood=1)
    assert scenario.addresses_by_second() == {0: {"manager"}}
    assert scenario.step_log() == [(0, 0, "nobody"), (1, 0, "nobody"), (2, 1, None)]
    scenario.let_pass(minutes=30)
    assert scenario.addresses_by_second() == {0: {"manager"}, 600: {"regional"}}


def test_who_is_on_shift_without_a_phone_is_recorded_as_such(scenario: StoreScenario) -> None:
    scenario.give_phones("manager")
    scenario.log(mood=2)
    assert scenario.step_log() == [(0, 0, "no_phone"), (1, 0, "no_phone"), (2, 1, None)]


def test_where_no_phone_says_it_has_it_each_step_comes_after_forty_five_seconds(scenario: StoreScenario) -> None:
    scenario.give_phones(kind=AddressKind.FCM_TOKEN)
    scenario.log(mood=1)
    scenario.let_pass(minutes=19)
    assert scenario.addresses_by_second() == {
        0: {"colleague", "lead"},
        45: {"lead"},
        90: {"manager"},
        135: {"regional"},
    }


def test_one_receipt_within_forty_five_seconds_keeps_the_escalation_to_its_times(scenario: StoreScenario) -> None:
    scenario.give_phones(kind=AddressKind.FCM_TOKEN)
    scenario.log(mood=1)
    scenario.let_pass(seconds=44)
    scenario.confirm("colleague")
    scenario.let_pass(minutes=19)
    assert scenario.addresses_by_second() == {
        0: {"colleague", "lead"},
        120: {"lead"},
        300: {"manager"},
        600: {"regional"},
    }


def test_a_receipt_that_comes_at_the_second_step_brings_the_third_back_to_its_time(scenario: StoreScenario) -> None:
    scenario.give_phones(kind=AddressKind.FCM_TOKEN)
    scenario.log(mood=2)
    scenario.let_pass(seconds=60)
    scenario.confirm("lead")
    scenario.let_pass(minutes=19)
    assert scenario.addresses_by_second() == {0: {"colleague", "lead"}, 45: {"lead"}, 300: {"manager"}}


def test_where_the_only_phone_is_dead_the_next_step_comes_at_once(scenario: StoreScenario) -> None:
    scenario.give_phones("colleague", "manager", kind=AddressKind.FCM_TOKEN)
    scenario.channel.answers["colleague"] = GONE
    scenario.log(mood=2)
    assert scenario.addresses_by_second() == {0: {"colleague", "manager"}}
    assert scenario.step_log() == [(0, 1, None), (1, 0, "no_phone"), (2, 1, None)]


def test_a_dead_phone_beside_one_that_may_ring_hurries_nobody(scenario: StoreScenario) -> None:
    scenario.give_phones(kind=AddressKind.FCM_TOKEN)
    scenario.channel.answers["colleague"] = GONE
    scenario.log(mood=2)
    scenario.let_pass(seconds=44)
    assert scenario.addresses_by_second() == {0: {"colleague", "lead"}}


def test_the_second_round_begins_after_half_the_time(scenario: StoreScenario) -> None:
    scenario.give_phones()
    set_escalation_steps(scenario.app.back_office, scenario.shop, DEFAULT_POLICY["steps"][:3], rounds=2)
    scenario.log(mood=2)
    scenario.let_pass(minutes=30)
    first = {0: {"colleague", "lead"}, 120: {"lead"}, 300: {"manager"}}
    assert scenario.addresses_by_second() == first | {600 + seconds: people for seconds, people in first.items()}
    assert [number for number, _, _ in scenario.step_log()] == [0, 1, 2, 3, 4, 5]
    assert scenario.addresses_by_second(NotificationKind.UNANSWERED).keys() == {1200}


def test_an_alert_escalates_by_the_policy_it_began_with(scenario: StoreScenario) -> None:
    scenario.give_phones()
    scenario.log(mood=2)
    scenario.let_pass(minutes=1)
    set_escalation_steps(
        scenario.app.back_office, scenario.shop, [policy_step(0, RecipientGroup.REGIONAL)], unanswered_after_seconds=60
    )
    scenario.let_pass(minutes=18)
    assert scenario.addresses_by_second() == {0: {"colleague", "lead"}, 120: {"lead"}, 300: {"manager"}}
    scenario.log(mood=2)
    assert scenario.addresses_by_second()[19 * 60] == {"regional"}


@pytest.mark.parametrize("handling", ["help", "mine"])
def test_a_second_failure_rings_the_managers_at_once(scenario: StoreScenario, handling: str) -> None:
    scenario.give_phones()
    concern = scenario.log(mood=2, customer=REGULAR)
    move(scenario.app, scenario.shop, concern, "resolve", "floor")
    scenario.let_pass(minutes=1)
    scenario.log(mood=3, customer=REGULAR, handling=handling)
    assert scenario.addresses_by_second() == {0: {"colleague", "lead"}, 60: {"colleague", "lead", "manager"}}
    assert rows(scenario.app, Alert)[-1].rule == "second-failure"


@pytest.mark.parametrize("minutes", [6, 21], ids=["the managers were rung", "nobody came"])
def test_a_second_failure_that_is_found_out_after_the_managers_rang_rings_nobody_again(
    scenario: StoreScenario, minutes: int
) -> None:
    scenario.give_phones()
    first = scenario.log(mood=3, customer=REGULAR)
    scenario.let_pass(minutes=1)
    concern = scenario.log(mood=2)
    scenario.let_pass(minutes=minutes)
    state = only_alert(scenario.app).state
    edit(scenario.app, scenario.shop, concern, customer_id=first["customer_id"])
    scenario.let_pass(seconds=30)
    assert scenario.addresses_by_second() == {60: {"colleague", "lead"}, 180: {"lead"}, 360: {"manager"}}
    assert (only_alert(scenario.app).state, only_alert(scenario.app).rule) == (state, "second-failure")


def test_nobody_is_rung_for_what_they_logged_whatever_the_step(scenario: StoreScenario) -> None:
    scenario.give_phones()
    scenario.log("lead", mood=2)
    scenario.let_pass(minutes=30)
    assert scenario.addresses_by_second() == {0: {"floor", "colleague"}, 120: {"manager"}}
    assert scenario.step_log() == [(0, 2, None), (1, 0, "nobody"), (2, 1, None)]


def test_a_manager_who_logged_it_is_neither_rung_as_one_on_shift_nor_as_a_manager(scenario: StoreScenario) -> None:
    scenario.give_phones()
    scenario.check_in("manager", lead=True)
    scenario.log("manager", mood=1)
    scenario.let_pass(minutes=19)
    assert scenario.addresses_by_second() == {0: {"floor", "colleague", "lead"}, 120: {"lead"}, 300: {"regional"}}


def test_a_pause_silences_a_phone_until_it_is_over(scenario: StoreScenario) -> None:
    scenario.give_phones()
    for login in ("colleague", "lead"):
        scenario.pause(login, until=scenario.began_at + timedelta(minutes=5))
    scenario.log(mood=2)
    assert scenario.addresses_by_second() == {0: {"manager"}}
    assert scenario.step_log() == [(0, 0, "paused"), (1, 0, "paused"), (2, 1, None)]
    scenario.let_pass(minutes=5)
    scenario.log(mood=2)
    assert scenario.addresses_by_second()[300] == {"colleague", "lead"}


def test_quiet_hours_spare_who_is_at_home_and_not_who_is_on_shift(scenario: StoreScenario) -> None:
    scenario.give_phones()
    for login in ("colleague", "manager"):
        scenario.set_preferences(login, quiet_from=time(11), quiet_until=time(13))
    scenario.log(mood=2)
    scenario.let_pass(minutes=6)
    assert scenario.addresses_by_second() == {0: {"colleague", "lead"}, 120: {"lead"}}
    assert scenario.step_log()[2] == (2, 0, "quiet_hours")


def test_an_edit_that_makes_it_worse_rings_the_regional_manager_in_time(scenario: StoreScenario) -> None:
    scenario.give_phones()
    concern = scenario.log(mood=2)
    scenario.let_pass(minutes=6)
    edit(scenario.app, scenario.shop, concern, mood=1)
    scenario.let_pass(minutes=13)
    assert scenario.addresses_by_second()[600] == {"regional"}


def test_what_turns_out_severe_after_the_time_of_its_step_rings_the_regional_manager_at_once(
    scenario: StoreScenario,
) -> None:
    scenario.give_phones()
    concern = scenario.log(mood=2)
    scenario.let_pass(minutes=12)
    edit(scenario.app, scenario.shop, concern, mood=1)
    scenario.let_pass(minutes=7)
    assert scenario.addresses_by_second()[720] == {"regional"}
    assert only_alert(scenario.app).state is AlertState.OPEN


def test_a_step_for_severe_ones_that_was_passed_over_rings_once_the_call_turns_severe(scenario: StoreScenario) -> None:
    scenario.give_phones()
    steps = [
        policy_step(0, RecipientGroup.ON_SHIFT),
        policy_step(60, RecipientGroup.MANAGERS, only=Severity.SEVERE),
        policy_step(120, RecipientGroup.LEAD),
    ]
    set_escalation_steps(scenario.app.back_office, scenario.shop, steps)
    concern = scenario.log(mood=2)
    scenario.let_pass(minutes=3)
    assert scenario.addresses_by_second() == {0: {"colleague", "lead"}, 120: {"lead"}}
    edit(scenario.app, scenario.shop, concern, mood=1)
    scenario.let_pass(minutes=3)
    assert scenario.addresses_by_second() == {0: {"colleague", "lead"}, 120: {"lead"}, 180: {"manager"}}


def test_a_phone_of_an_earlier_step_that_turns_out_to_be_dead_hurries_nobody(scenario: StoreScenario) -> None:
    scenario.give_phones("colleague", "manager", "regional", kind=AddressKind.FCM_TOKEN)
    scenario.check_out("lead")
    steps = [
        policy_step(0, RecipientGroup.ON_SHIFT),
        policy_step(120, RecipientGroup.MANAGERS),
        policy_step(240, RecipientGroup.REGIONAL),
    ]
    set_escalation_steps(scenario.app.back_office, scenario.shop, steps)
    scenario.channel.answers["colleague"] = GONE
    note = scenario.channel.meanwhile

    def meanwhile(message: Message) -> None:
        note(message)
        if message.recipient.address == "colleague":
            scenario.app.clock.move(seconds=45)
            scenario.worker._escalate()

    scenario.channel.meanwhile = meanwhile
    scenario.log(mood=2)
    scenario.let_pass(minutes=1)
    assert scenario.addresses_by_second() == {0: {"colleague"}, 45: {"manager"}, 90: {"regional"}}
