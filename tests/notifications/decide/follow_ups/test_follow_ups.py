"""Follow-ups minute by minute: who is reminded, who is informed of a broken one, and who gets neither."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest

from models.alerts.notification import Notification, NotificationKind
from models.concerns.concern import Concern
from models.recovery.follow_up import FollowUp
from tests.support.app import App
from tests.support.factories.customers import make_customer, set_consent
from tests.support.factories.fixes import log_concern_of, make_fix, make_thank_yous
from tests.support.factories.follow_ups import change_follow_up, follow_up_row, hand_over_follow_up, make_follow_up
from tests.support.rows import notifications, pending_messages, rows
from tests.support.store_scenario import StoreScenario, store_scenario

K = NotificationKind
MINUTE, HOUR = 60, 3600


@pytest.fixture
def evening(world: App) -> Iterator[StoreScenario]:
    with store_scenario(world) as evening:
        evening.give_phones()
        yield evening


def test_the_owner_is_reminded_half_an_hour_before_and_what_is_kept_is_over(evening: StoreScenario) -> None:
    promised = make_follow_up(evening)
    evening.let_pass(minutes=89, seconds=59)
    assert evening.told(K.FOLLOW_UP) == {}
    evening.let_pass(seconds=1)
    assert evening.told(K.FOLLOW_UP) == {90 * MINUTE: {"floor"}}
    evening.let_pass(minutes=29)
    change_follow_up(evening, promised, "keep")
    evening.let_pass(hours=3)
    assert (len(evening.messages), evening.told(K.BROKEN)) == (1, {})
    assert (follow_up_row(evening, promised).status, follow_up_row(evening, promised).broken_at) == ("kept", None)
    assert pending_messages(evening.world) == []


def test_what_is_due_sooner_is_reminded_of_at_once(evening: StoreScenario) -> None:
    make_follow_up(evening, minutes=10)
    assert evening.told(K.FOLLOW_UP) == {0: {"floor"}}
    evening.let_pass(minutes=9)
    assert len(evening.messages) == 1


def test_what_is_not_kept_in_time_escalates_to_the_managers_and_may_be_kept_late(evening: StoreScenario) -> None:
    promised = make_follow_up(evening, minutes=60)
    evening.let_pass(minutes=60, seconds=-1)
    assert follow_up_row(evening, promised).status == "open"
    evening.let_pass(seconds=1)
    broken = follow_up_row(evening, promised)
    assert (broken.status, broken.broken_at) == ("broken", broken.due_at)
    assert evening.told(K.BROKEN) == {HOUR: {"manager"}}
    evening.let_pass(minutes=5)
    kept = change_follow_up(evening, promised, "keep", note="An hour late.")
    assert (kept["status"], kept["note"]) == ("kept", "An hour late.")
    assert kept["broken_at"] < kept["kept_at"]
    evening.let_pass(hours=2)
    assert evening.told(K.BROKEN) == {HOUR: {"manager"}}


def test_after_a_handover_only_the_new_owner_is_informed_and_reminded(evening: StoreScenario) -> None:
    promised = make_follow_up(evening)
    evening.let_pass(minutes=30)
    assert hand_over_follow_up(evening, promised, "colleague")["owner"]["id"] == str(evening.shop.staff["colleague"])
    assert evening.told(K.FOLLOW_UP) == {30 * MINUTE: {"colleague"}}
    evening.let_pass(hours=3)
    assert evening.told(K.FOLLOW_UP) == {30 * MINUTE: {"colleague"}, 90 * MINUTE: {"colleague"}}
    assert evening.told(K.BROKEN) == {2 * HOUR: {"manager"}}
    assert len(evening.messages) == 3  # the reminder and the end of the first run did nothing


def test_a_handover_in_the_last_half_hour_informs_once(evening: StoreScenario) -> None:
    promised = make_follow_up(evening, minutes=40)
    evening.let_pass(minutes=20)
    hand_over_follow_up(evening, promised, "lead")
    evening.let_pass(minutes=19)
    assert evening.told(K.FOLLOW_UP) == {10 * MINUTE: {"floor"}, 20 * MINUTE: {"lead"}}


def test_a_broken_one_that_is_handed_over_informs_and_breaks_once(evening: StoreScenario) -> None:
    promised = make_follow_up(evening, minutes=10)
    evening.let_pass(minutes=10)
    hand_over_follow_up(evening, promised, "colleague", by="manager")
    evening.let_pass(hours=1)
    assert evening.told(K.FOLLOW_UP) == {0: {"floor"}, 10 * MINUTE: {"colleague"}}
    assert evening.told(K.BROKEN) == {10 * MINUTE: {"manager"}}


def test_who_takes_it_over_themselves_is_only_reminded(evening: StoreScenario) -> None:
    hand_over_follow_up(evening, make_follow_up(evening), "colleague", by="colleague")
    evening.let_pass(minutes=100)
    assert evening.told(K.FOLLOW_UP) == {90 * MINUTE: {"colleague"}}


def test_of_what_is_cancelled_nobody_hears(evening: StoreScenario) -> None:
    promised = make_follow_up(evening)
    change_follow_up(evening, promised, "cancel", note="They have found it elsewhere.")
    evening.let_pass(hours=3)
    assert (evening.messages, follow_up_row(evening, promised).status) == ([], "cancelled")


def test_of_somebody_who_went_home_whoever_leads_is_reminded(evening: StoreScenario) -> None:
    make_follow_up(evening)
    evening.let_pass(minutes=89)
    evening.check_out("floor")
    evening.let_pass(minutes=2)
    assert evening.told(K.FOLLOW_UP) == {90 * MINUTE: {"lead"}}


def test_of_somebody_who_went_home_where_nobody_leads_the_managers_are_reminded(evening: StoreScenario) -> None:
    make_follow_up(evening)
    evening.check_out("floor", "lead")
    evening.let_pass(minutes=91)
    assert evening.told(K.FOLLOW_UP) == {90 * MINUTE: {"manager"}}


def test_of_somebody_who_left_for_good_whoever_leads_is_reminded(evening: StoreScenario) -> None:
    make_follow_up(evening)
    evening.settle_for("floor", left_at=evening.world.clock())
    evening.let_pass(minutes=91)
    assert evening.told(K.FOLLOW_UP) == {90 * MINUTE: {"lead"}}


def test_of_somebody_who_needs_a_moment_whoever_leads_is_reminded(evening: StoreScenario) -> None:
    make_follow_up(evening)
    evening.pause("floor", until=evening.world.clock() + timedelta(minutes=91))
    evening.let_pass(minutes=100)
    assert evening.told(K.FOLLOW_UP) == {90 * MINUTE: {"lead"}}


def test_who_came_back_is_reminded_themselves(evening: StoreScenario) -> None:
    make_follow_up(evening)
    evening.check_out("floor")
    evening.let_pass(minutes=60)
    evening.check_in("floor")
    evening.let_pass(minutes=31)
    assert evening.told(K.FOLLOW_UP) == {90 * MINUTE: {"floor"}}


def test_of_a_sensitive_one_only_those_hear_who_may_read_it(evening: StoreScenario) -> None:
    sensitive = evening.log(mood=3, sensitive=True)
    make_follow_up(evening, concern=sensitive)
    evening.check_out("floor")
    evening.let_pass(minutes=91)
    assert evening.told(K.FOLLOW_UP) == {90 * MINUTE: {"manager"}}  # the lead is one of the floor


def test_the_managers_read_of_a_broken_one_in_their_mail_when_the_store_is_closed(evening: StoreScenario) -> None:
    evening.settle_for("manager", email="manager@example.com")
    hours = {"weekly": []}
    admin = (evening.shop, "admin")
    path = f"/v1/stores/{evening.shop.store_id}/hours"
    assert evening.world.request("PUT", path, admin, json=hours).status_code == 200
    make_follow_up(evening, minutes=60)
    evening.let_pass(minutes=61)
    assert evening.told(K.BROKEN) == {HOUR: {"manager@example.com"}}


def test_a_worker_that_was_away_breaks_what_has_passed_and_reminds_of_nothing(evening: StoreScenario) -> None:
    promised = make_follow_up(evening)
    evening.world.clock.move(hours=4)
    evening.let_pass(seconds=0)
    assert evening.told(K.BROKEN) == {4 * HOUR: {"manager"}}
    assert {row.kind for row in notifications(evening.world)} == {K.BROKEN}
    assert follow_up_row(evening, promised).broken_at == follow_up_row(evening, promised).due_at


def test_what_was_broken_before_the_worker_came_to_it_is_kept_late(evening: StoreScenario) -> None:
    promised = make_follow_up(evening)
    evening.world.clock.move(hours=2)
    kept = evening.world.request("POST", f"/v1/follow-ups/{promised['id']}/keep", (evening.shop, "floor"), json={})
    assert kept.json["broken_at"] == promised["due_at"]
    evening.let_pass(minutes=1)
    assert evening.told(K.BROKEN) == {}


def test_the_timeline_shows_every_step(evening: StoreScenario) -> None:
    promised = make_follow_up(evening, minutes=60)
    hand_over_follow_up(evening, promised, "colleague")
    evening.let_pass(minutes=61)
    change_follow_up(evening, promised, "keep", "colleague")
    change_follow_up(
        evening, make_follow_up(evening, concern={"id": promised["concern_id"]}), "cancel", note="Not needed."
    )
    path = f"/v1/concerns/{promised['concern_id']}/events"
    shown = evening.world.request("GET", path, (evening.shop, "floor")).json["items"]
    assert [(event["step"], (event["by"] or {}).get("id")) for event in shown[1:]] == [
        ("promised", str(evening.shop.staff["floor"])),
        ("promise_handed_over", str(evening.shop.staff["floor"])),
        ("promise_broken", None),
        ("promise_kept", str(evening.shop.staff["colleague"])),
        ("promised", str(evening.shop.staff["floor"])),
        ("promise_cancelled", str(evening.shop.staff["floor"])),
    ]
    assert shown[4]["details"] == {"follow_up_id": promised["id"], "late": True}
    assert rows(evening.world, Concern)[0].version == 7


def test_the_thank_yous_of_one_call_remind_once_and_escalate_once(evening: StoreScenario) -> None:
    for name in ("Nia", "Ivo", "Ada"):
        thanked = make_customer(evening.world, evening.shop, name)
        log_concern_of(evening.world, evening.shop, thanked, store_id=str(evening.shop.store_id))
    evening.world.clock.move(seconds=1)
    told = make_fix(evening.world, evening.shop)
    due_at = evening.world.clock() + timedelta(hours=2)
    owner = str(evening.shop.staff["floor"])
    after = make_thank_yous(evening.world, evening.shop, told, due_at=due_at.isoformat(), owner_id=owner)
    assert after["figures"]["thanked"] == 3
    evening.let_pass(hours=3)
    kinds = Counter((row.kind, row.staff_id) for row in rows(evening.world, Notification))
    assert kinds == {(K.FOLLOW_UP, evening.shop.staff["floor"]): 1, (K.BROKEN, evening.shop.staff["manager"]): 1}
    assert {row.status for row in rows(evening.world, FollowUp)} == {"broken"}


def test_a_thank_you_that_is_not_wanted_any_more_reminds_nobody_and_is_not_broken(evening: StoreScenario) -> None:
    thanked = make_customer(evening.world, evening.shop, "Nia")
    log_concern_of(evening.world, evening.shop, thanked, store_id=str(evening.shop.store_id))
    evening.world.clock.move(seconds=1)
    due_at = evening.world.clock() + timedelta(hours=2)
    make_thank_yous(evening.world, evening.shop, make_fix(evening.world, evening.shop), due_at=due_at.isoformat())
    set_consent(evening.world, evening.shop, thanked, contact=False)
    evening.let_pass(hours=3)
    assert notifications(evening.world) == []
    assert [(row.status, row.broken_at) for row in rows(evening.world, FollowUp)] == [("cancelled", None)]
