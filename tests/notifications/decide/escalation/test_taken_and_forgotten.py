"""Alerts taken and forgotten: a reminder, then an automatic release, unless something was done."""

import pytest

from models.alerts.enums import AlertState
from models.alerts.notification import NotificationKind
from notifications.channels.base import Message
from tests.support.factories.concerns import move
from tests.support.rows import only_alert, pending_messages
from tests.support.store_scenario import StoreScenario
from tests.support.worker import RecordingChannel, for_all_kinds, running_worker

REMINDER = NotificationKind.REMINDER


def test_who_took_it_and_did_nothing_is_reminded_after_ten_minutes(scenario: StoreScenario) -> None:
    take(scenario)
    scenario.let_pass(minutes=15, seconds=-1)
    assert scenario.addresses_by_second(REMINDER) == {600: {"colleague"}}
    assert only_alert(scenario.app).state is AlertState.TAKEN


def test_after_fifteen_minutes_it_is_given_back_and_rings_again(scenario: StoreScenario) -> None:
    concern = take(scenario)
    scenario.let_pass(minutes=15)
    assert scenario.addresses_by_second() == {0: {"colleague", "lead"}, 900: {"colleague", "lead"}}
    assert told_of(scenario, concern)["status"] == "open"
    assert only_alert(scenario.app).taken_by_id is None
    scenario.let_pass(minutes=20)
    assert scenario.addresses_by_second()[900 + 300] == {"manager"}
    assert only_alert(scenario.app).state is AlertState.UNANSWERED


def test_the_timeline_shows_that_it_was_released_automatically(scenario: StoreScenario) -> None:
    concern = take(scenario)
    scenario.let_pass(minutes=15)
    answer = scenario.app.request("GET", f"/v1/concerns/{concern['id']}/events", (scenario.shop, "manager"))
    assert answer.status_code == 200, answer.text
    last = answer.json["items"][-1]
    assert (last["step"], last["by"], last["details"]) == ("released", None, {"forgotten": True})


@pytest.mark.parametrize("minutes", [5, 12], ids=["before the reminder", "after the reminder"])
def test_something_done_in_between_stops_both(scenario: StoreScenario, minutes: int) -> None:
    concern = take(scenario)
    scenario.let_pass(minutes=minutes)
    scenario.act(concern, "colleague")
    scenario.let_pass(minutes=60)
    assert scenario.addresses_by_second(REMINDER) == ({600: {"colleague"}} if minutes > 10 else {})
    assert told_of(scenario, concern)["status"] == "taken"
    assert only_alert(scenario.app).next_step_at is None


@pytest.mark.parametrize("done", ["act", "resolve"])
def test_a_reminder_goes_off_the_phone_once_something_was_done(scenario: StoreScenario, done: str) -> None:
    concern = take(scenario)
    scenario.let_pass(minutes=11)
    so_far = len(scenario.messages)
    do(scenario, concern, done)
    scenario.let_pass(seconds=1)
    assert ("withdraw", "colleague") in [
        (message.kind, message.recipient.address) for _, message in scenario.messages[so_far:]
    ]
    assert pending_messages(scenario.app) == []


def test_a_reminder_that_is_overtaken_by_what_was_done_is_taken_back(scenario: StoreScenario) -> None:
    concern = take(scenario)
    scenario.let_pass(minutes=10, seconds=-1)
    seen = scenario.channel.meanwhile

    def act(message: Message) -> None:
        seen(message)
        if message.kind == "inform":
            scenario.act(concern, "colleague")
            with running_worker(scenario.app, for_all_kinds(RecordingChannel()), name="another") as another:
                another.work_once()  # looks for withdrawals, and finds no phone that shows it yet

    scenario.channel.meanwhile = act
    scenario.let_pass(seconds=2)
    assert [str(message.kind) for _, message in scenario.messages][-2:] == ["inform", "withdraw"]


def test_something_done_in_the_very_moment_it_is_given_back_keeps_it_taken(scenario: StoreScenario) -> None:
    concern = take(scenario)
    scenario.let_pass(minutes=15, seconds=-1)
    scenario.app.clock.move(seconds=1)
    scenario.worker._escalate()  # the decision is written down, and not carried out yet
    assert [row.kind for row in pending_messages(scenario.app)] == ["auto_release"]
    scenario.act(concern, "colleague")
    scenario.let_pass(seconds=1)
    assert told_of(scenario, concern)["status"] == "taken"


def test_what_is_over_reminds_nobody(scenario: StoreScenario) -> None:
    concern = take(scenario)
    scenario.let_pass(minutes=9)
    move(scenario.app, scenario.shop, concern, "resolve", "colleague")
    scenario.let_pass(minutes=30)
    assert scenario.addresses_by_second(REMINDER) == {}
    assert told_of(scenario, concern)["status"] == "resolved"


def test_each_who_takes_it_has_ten_minutes_of_their_own(scenario: StoreScenario) -> None:
    concern = take(scenario)
    scenario.let_pass(minutes=8)
    move(scenario.app, scenario.shop, concern, "release", "colleague")
    move(scenario.app, scenario.shop, concern, "take", "lead")
    scenario.let_pass(minutes=14)
    assert scenario.addresses_by_second(REMINDER) == {8 * 60 + 600: {"lead"}}


def do(scenario: StoreScenario, concern: dict[str, object], done: str) -> None:
    if done == "act":
        scenario.act(concern, "colleague")
    else:
        move(scenario.app, scenario.shop, concern, done, "colleague")


def take(scenario: StoreScenario) -> dict[str, object]:
    """The colleague takes what the others ring for."""
    return move(scenario.app, scenario.shop, scenario.log(mood=2), "take", "colleague")


def told_of(scenario: StoreScenario, concern: dict[str, object]) -> dict[str, object]:
    answer = scenario.app.request("GET", f"/v1/concerns/{concern['id']}", (scenario.shop, "manager"))
    assert answer.status_code == 200, answer.text
    current: dict[str, object] = answer.json
    return current
