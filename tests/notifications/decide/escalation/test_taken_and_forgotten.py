"""Alerts taken and forgotten: a reminder, then an automatic release, unless something was done."""

from collections.abc import Iterator

import pytest

from models.alerts.enums import AlertState
from models.alerts.notification import NotificationKind
from notifications.channels.base import Message
from tests.support.app import App
from tests.support.factories.concerns import move
from tests.support.rows import only_alert, pending_messages
from tests.support.store_scenario import StoreScenario, store_scenario
from tests.support.worker import RecordingChannel, for_all_kinds, running_worker

REMINDER = NotificationKind.REMINDER


@pytest.fixture
def evening(world: App) -> Iterator[StoreScenario]:
    with store_scenario(world) as evening:
        evening.give_phones()
        yield evening


def test_who_took_it_and_did_nothing_is_reminded_after_ten_minutes(evening: StoreScenario) -> None:
    take(evening)
    evening.let_pass(minutes=15, seconds=-1)
    assert evening.told(REMINDER) == {600: {"colleague"}}
    assert only_alert(evening.world).state is AlertState.TAKEN


def test_after_fifteen_minutes_it_is_given_back_and_rings_again(evening: StoreScenario) -> None:
    concern = take(evening)
    evening.let_pass(minutes=15)
    assert evening.told() == {0: {"colleague", "lead"}, 900: {"colleague", "lead"}}
    assert told_of(evening, concern)["status"] == "open"
    assert only_alert(evening.world).taken_by_id is None
    evening.let_pass(minutes=20)
    assert evening.told()[900 + 300] == {"manager"}
    assert only_alert(evening.world).state is AlertState.UNANSWERED


def test_the_timeline_shows_that_it_was_released_automatically(evening: StoreScenario) -> None:
    concern = take(evening)
    evening.let_pass(minutes=15)
    told = evening.world.request("GET", f"/v1/concerns/{concern['id']}/events", (evening.shop, "manager"))
    assert told.status_code == 200, told.text
    last = told.json["items"][-1]
    assert (last["step"], last["by"], last["details"]) == ("released", None, {"forgotten": True})


@pytest.mark.parametrize("minutes", [5, 12], ids=["before the reminder", "after the reminder"])
def test_something_done_in_between_stops_both(evening: StoreScenario, minutes: int) -> None:
    concern = take(evening)
    evening.let_pass(minutes=minutes)
    evening.act(concern, "colleague")
    evening.let_pass(minutes=60)
    assert evening.told(REMINDER) == ({600: {"colleague"}} if minutes > 10 else {})
    assert told_of(evening, concern)["status"] == "taken"
    assert only_alert(evening.world).next_step_at is None


@pytest.mark.parametrize("done", ["act", "resolve"])
def test_a_reminder_goes_off_the_phone_once_something_was_done(evening: StoreScenario, done: str) -> None:
    concern = take(evening)
    evening.let_pass(minutes=11)
    so_far = len(evening.messages)
    do(evening, concern, done)
    evening.let_pass(seconds=1)
    assert ("withdraw", "colleague") in [
        (message.kind, message.recipient.address) for _, message in evening.messages[so_far:]
    ]
    assert pending_messages(evening.world) == []


def test_a_reminder_that_is_overtaken_by_what_was_done_is_taken_back(evening: StoreScenario) -> None:
    concern = take(evening)
    evening.let_pass(minutes=10, seconds=-1)
    seen = evening.book.meanwhile

    def act(message: Message) -> None:
        seen(message)
        if message.kind == "inform":
            evening.act(concern, "colleague")
            with running_worker(evening.world, for_all_kinds(RecordingChannel()), name="another") as another:
                another.work_once()  # the recall, which finds no phone that shows it yet

    evening.book.meanwhile = act
    evening.let_pass(seconds=2)
    assert [str(message.kind) for _, message in evening.messages][-2:] == ["inform", "withdraw"]


def test_something_done_in_the_very_moment_it_is_given_back_keeps_it_taken(evening: StoreScenario) -> None:
    concern = take(evening)
    evening.let_pass(minutes=15, seconds=-1)
    evening.world.clock.move(seconds=1)
    evening.worker._escalate()  # the decision is written down, and not carried out yet
    assert [row.kind for row in pending_messages(evening.world)] == ["auto_release"]
    evening.act(concern, "colleague")
    evening.let_pass(seconds=1)
    assert told_of(evening, concern)["status"] == "taken"


def test_what_is_over_reminds_nobody(evening: StoreScenario) -> None:
    concern = take(evening)
    evening.let_pass(minutes=9)
    move(evening.world, evening.shop, concern, "resolve", "colleague")
    evening.let_pass(minutes=30)
    assert evening.told(REMINDER) == {}
    assert told_of(evening, concern)["status"] == "resolved"


def test_each_who_takes_it_has_ten_minutes_of_their_own(evening: StoreScenario) -> None:
    concern = take(evening)
    evening.let_pass(minutes=8)
    move(evening.world, evening.shop, concern, "release", "colleague")
    move(evening.world, evening.shop, concern, "take", "lead")
    evening.let_pass(minutes=14)
    assert evening.told(REMINDER) == {8 * 60 + 600: {"lead"}}


def do(evening: StoreScenario, concern: dict[str, object], done: str) -> None:
    if done == "act":
        evening.act(concern, "colleague")
    else:
        move(evening.world, evening.shop, concern, done, "colleague")


def take(evening: StoreScenario) -> dict[str, object]:
    """The colleague takes what the others ring for."""
    return move(evening.world, evening.shop, evening.log(mood=2), "take", "colleague")


def told_of(evening: StoreScenario, concern: dict[str, object]) -> dict[str, object]:
    answer = evening.world.request("GET", f"/v1/concerns/{concern['id']}", (evening.shop, "manager"))
    assert answer.status_code == 200, answer.text
    told: dict[str, object] = answer.json
    return told
