"""Follow-ups minute by minute: who is reminded, who is informed of a broken one, and who gets neither."""

from collections import Counter
from datetime import time, timedelta

from models.alerts.notification import Notification, NotificationKind
from models.concerns.concern import Concern
from models.organizations.store import Store
from models.recovery.follow_up import FollowUp
from tests.support.factories.customers import make_customer, set_consent
from tests.support.factories.fixes import log_concern_of, make_fix, make_thank_yous
from tests.support.factories.follow_ups import change_follow_up, follow_up_row, hand_over_follow_up, make_follow_up
from tests.support.rows import notifications, pending_messages, rows
from tests.support.store_scenario import StoreScenario

K = NotificationKind
MINUTE, HOUR = 60, 3600


def test_the_owner_is_reminded_half_an_hour_before_and_what_is_kept_is_over(scenario: StoreScenario) -> None:
    promised = make_follow_up(scenario)
    scenario.let_pass(minutes=89, seconds=59)
    assert scenario.addresses_by_second(K.FOLLOW_UP) == {}
    scenario.let_pass(seconds=1)
    assert scenario.addresses_by_second(K.FOLLOW_UP) == {90 * MINUTE: {"floor"}}
    scenario.let_pass(minutes=29)
    change_follow_up(scenario, promised, "keep")
    scenario.let_pass(hours=3)
    assert [str(message.kind) for _, message in scenario.messages] == ["inform", "withdraw"]
    assert scenario.addresses_by_second(K.BROKEN) == {}
    assert (follow_up_row(scenario, promised).status, follow_up_row(scenario, promised).broken_at) == ("kept", None)
    assert pending_messages(scenario.app) == []


def test_the_owner_is_told_at_once_that_there_is_no_contact(scenario: StoreScenario) -> None:
    concern = scenario.log(mood=3, customer={"name": "Ana Silva"})
    make_follow_up(scenario, concern=concern, owner_id=str(scenario.shop.staff["colleague"]))
    assert scenario.addresses_by_second(K.CONTACT_MISSING) == {0: {"colleague"}}
    assert "Ana" not in str(scenario.messages)
    make_follow_up(scenario, concern=concern, kind="visit")
    make_follow_up(scenario)
    assert scenario.addresses_by_second(K.CONTACT_MISSING) == {0: {"colleague"}}


def test_the_owner_is_told_of_a_missing_contact_at_home_and_in_a_shut_store_too(scenario: StoreScenario) -> None:
    concern = scenario.log(mood=3, customer={"name": "Ana Silva"})
    with scenario.app.back_office.writing(scenario.shop.organization_id) as session:
        store = session.get_one(Store, (scenario.shop.organization_id, scenario.shop.store_id))
        store.hours = {"weekly": [], "exceptions": []}
    scenario.set_preferences("manager", quiet_from=time(0), quiet_until=time(23, 59))
    make_follow_up(scenario, concern=concern, owner_id=str(scenario.shop.staff["manager"]))
    assert scenario.addresses_by_second(K.CONTACT_MISSING) == {0: {"manager"}}
    assert [message.kind for _, message in scenario.messages] == ["inform"]


def test_who_has_found_the_contact_meanwhile_is_not_told_that_it_is_missing(scenario: StoreScenario) -> None:
    concern = scenario.log(mood=3, customer={"name": "Ana Silva"})
    due_at = (scenario.app.clock() + timedelta(hours=2)).isoformat()
    promise = {"what": "We call.", "kind": "call", "due_at": due_at}
    path, by = f"/v1/concerns/{concern['id']}/follow-ups", (scenario.shop, "floor")
    assert scenario.app.request("POST", path, by, json=promise).status_code == 201
    path, contact = f"/v1/customers/{concern['customer_id']}", {"phone": "912 345 678"}
    answer = scenario.app.request("PATCH", path, (scenario.shop, "manager"), json=contact, headers={"If-Match": "*"})
    assert answer.status_code == 200, answer.text
    scenario.let_pass(seconds=0)
    assert scenario.addresses_by_second(K.CONTACT_MISSING) == {}


def test_what_is_due_sooner_is_reminded_of_at_once(scenario: StoreScenario) -> None:
    make_follow_up(scenario, minutes=10)
    assert scenario.addresses_by_second(K.FOLLOW_UP) == {0: {"floor"}}
    scenario.let_pass(minutes=9)
    assert len(scenario.messages) == 1


def test_what_is_not_kept_in_time_escalates_to_the_managers_and_may_be_kept_late(scenario: StoreScenario) -> None:
    promised = make_follow_up(scenario, minutes=60)
    scenario.let_pass(minutes=60, seconds=-1)
    assert follow_up_row(scenario, promised).status == "open"
    scenario.let_pass(seconds=1)
    broken = follow_up_row(scenario, promised)
    assert (broken.status, broken.broken_at) == ("broken", broken.due_at)
    assert scenario.addresses_by_second(K.BROKEN) == {HOUR: {"manager"}}
    scenario.let_pass(minutes=5)
    follow_up = change_follow_up(scenario, promised, "keep", note="An hour late.")
    assert (follow_up["status"], follow_up["note"]) == ("kept", "An hour late.")
    assert follow_up["broken_at"] < follow_up["kept_at"]
    scenario.let_pass(hours=2)
    assert scenario.addresses_by_second(K.BROKEN) == {HOUR: {"manager"}}


def test_after_a_handover_only_the_new_owner_is_informed_and_reminded(scenario: StoreScenario) -> None:
    promised = make_follow_up(scenario)
    scenario.let_pass(minutes=30)
    assert hand_over_follow_up(scenario, promised, "colleague")["owner"]["id"] == str(scenario.shop.staff["colleague"])
    assert scenario.addresses_by_second(K.FOLLOW_UP) == {30 * MINUTE: {"colleague"}}
    scenario.let_pass(hours=3)
    assert scenario.addresses_by_second(K.FOLLOW_UP) == {30 * MINUTE: {"colleague"}, 90 * MINUTE: {"colleague"}}
    assert scenario.addresses_by_second(K.BROKEN) == {2 * HOUR: {"manager"}}
    assert len(scenario.messages) == 3  # the reminder and the end of the first run did nothing


def test_a_handover_in_the_last_half_hour_informs_once(scenario: StoreScenario) -> None:
    promised = make_follow_up(scenario, minutes=40)
    scenario.let_pass(minutes=20)
    hand_over_follow_up(scenario, promised, "lead")
    scenario.let_pass(minutes=19)
    assert scenario.addresses_by_second(K.FOLLOW_UP) == {10 * MINUTE: {"floor"}, 20 * MINUTE: {"lead"}}


def test_a_broken_one_that_is_handed_over_informs_and_breaks_once(scenario: StoreScenario) -> None:
    promised = make_follow_up(scenario, minutes=10)
    scenario.let_pass(minutes=10)
    hand_over_follow_up(scenario, promised, "colleague", by="manager")
    scenario.let_pass(hours=1)
    assert scenario.addresses_by_second(K.FOLLOW_UP) == {0: {"floor"}, 10 * MINUTE: {"colleague"}}
    assert scenario.addresses_by_second(K.BROKEN) == {10 * MINUTE: {"manager"}}


def test_who_takes_it_over_themselves_is_only_reminded(scenario: StoreScenario) -> None:
    hand_over_follow_up(scenario, make_follow_up(scenario), "colleague", by="colleague")
    scenario.let_pass(minutes=100)
    assert scenario.addresses_by_second(K.FOLLOW_UP) == {90 * MINUTE: {"colleague"}}


def test_of_what_is_cancelled_nobody_hears(scenario: StoreScenario) -> None:
    promised = make_follow_up(scenario)
    change_follow_up(scenario, promised, "cancel", note="They have found it elsewhere.")
    scenario.let_pass(hours=3)
    assert (scenario.messages, follow_up_row(scenario, promised).status) == ([], "cancelled")


def test_of_somebody_who_went_home_whoever_leads_is_reminded(scenario: StoreScenario) -> None:
    make_follow_up(scenario)
    scenario.let_pass(minutes=89)
    scenario.check_out("floor")
    scenario.let_pass(minutes=2)
    assert scenario.addresses_by_second(K.FOLLOW_UP) == {90 * MINUTE: {"lead"}}


def test_of_somebody_who_went_home_where_nobody_leads_the_managers_are_reminded(scenario: StoreScenario) -> None:
    make_follow_up(scenario)
    scenario.check_out("floor", "lead")
    scenario.let_pass(minutes=91)
    assert scenario.addresses_by_second(K.FOLLOW_UP) == {90 * MINUTE: {"manager"}}


def test_of_somebody_who_left_for_good_whoever_leads_is_reminded(scenario: StoreScenario) -> None:
    make_follow_up(scenario)
    scenario.set_preferences("floor", left_at=scenario.app.clock())
    scenario.let_pass(minutes=91)
    assert scenario.addresses_by_second(K.FOLLOW_UP) == {90 * MINUTE: {"lead"}}


def test_of_somebody_who_needs_a_moment_whoever_leads_is_reminded(scenario: StoreScenario) -> None:
    make_follow_up(scenario)
    scenario.pause("floor", until=scenario.app.clock() + timedelta(minutes=91))
    scenario.let_pass(minutes=100)
    assert scenario.addresses_by_second(K.FOLLOW_UP) == {90 * MINUTE: {"lead"}}


def test_who_came_back_is_reminded_themselves(scenario: StoreScenario) -> None:
    make_follow_up(scenario)
    scenario.check_out("floor")
    scenario.let_pass(minutes=60)
    scenario.check_in("floor")
    scenario.let_pass(minutes=31)
    assert scenario.addresses_by_second(K.FOLLOW_UP) == {90 * MINUTE: {"floor"}}


def test_of_a_sensitive_one_only_those_hear_who_may_read_it(scenario: StoreScenario) -> None:
    sensitive = scenario.log(mood=3, sensitive=True)
    make_follow_up(scenario, concern=sensitive)
    scenario.check_out("floor")
    scenario.let_pass(minutes=91)
    assert scenario.addresses_by_second(K.FOLLOW_UP) == {90 * MINUTE: {"manager"}}  # the lead is one of the floor


def test_the_managers_read_of_a_broken_one_in_their_mail_when_the_store_is_closed(scenario: StoreScenario) -> None:
    scenario.set_preferences("manager", email="manager@example.com")
    hours = {"weekly": []}
    admin = (scenario.shop, "admin")
    path = f"/v1/stores/{scenario.shop.store_id}/hours"
    assert scenario.app.request("PUT", path, admin, json=hours).status_code == 200
    make_follow_up(scenario, minutes=60)
    scenario.let_pass(minutes=61)
    assert scenario.addresses_by_second(K.BROKEN) == {HOUR: {"manager@example.com"}}


def test_a_worker_that_was_away_breaks_what_has_passed_and_reminds_of_nothing(scenario: StoreScenario) -> None:
    promised = make_follow_up(scenario)
    scenario.app.clock.move(hours=4)
    scenario.let_pass(seconds=0)
    assert scenario.addresses_by_second(K.BROKEN) == {4 * HOUR: {"manager"}}
    assert {row.kind for row in notifications(scenario.app)} == {K.BROKEN}
    assert follow_up_row(scenario, promised).broken_at == follow_up_row(scenario, promised).due_at


def test_what_was_broken_before_the_worker_came_to_it_is_kept_late(scenario: StoreScenario) -> None:
    promised = make_follow_up(scenario)
    scenario.app.clock.move(hours=2)
    answer = scenario.app.request("POST", f"/v1/follow-ups/{promised['id']}/keep", (scenario.shop, "floor"), json={})
    assert answer.json["broken_at"] == promised["due_at"]
    scenario.let_pass(minutes=1)
    assert scenario.addresses_by_second(K.BROKEN) == {}


def test_the_timeline_shows_every_step(scenario: StoreScenario) -> None:
    promised = make_follow_up(scenario, minutes=60)
    hand_over_follow_up(scenario, promised, "colleague")
    scenario.let_pass(minutes=61)
    change_follow_up(scenario, promised, "keep", "colleague")
    change_follow_up(
        scenario, make_follow_up(scenario, concern={"id": promised["concern_id"]}), "cancel", note="Not needed."
    )
    path = f"/v1/concerns/{promised['concern_id']}/events"
    shown = scenario.app.request("GET", path, (scenario.shop, "floor")).json["items"]
    assert [(event["step"], (event["by"] or {}).get("id")) for event in shown[1:]] == [
        ("promised", str(scenario.shop.staff["floor"])),
        ("promise_handed_over", str(scenario.shop.staff["floor"])),
        ("promise_broken", None),
        ("promise_kept", str(scenario.shop.staff["colleague"])),
        ("promised", str(scenario.shop.staff["floor"])),
        ("promise_cancelled", str(scenario.shop.staff["floor"])),
    ]
    assert shown[4]["details"] == {"follow_up_id": promised["id"], "late": True}
    assert rows(scenario.app, Concern)[0].version == 7


def test_the_thank_yous_of_one_call_remind_once_and_escalate_once(scenario: StoreScenario) -> None:
    for name in ("Nia", "Ivo", "Ada"):
        thanked = make_customer(scenario.app, scenario.shop, name)
        log_concern_of(scenario.app, scenario.shop, thanked, store_id=str(scenario.shop.store_id))
    scenario.app.clock.move(seconds=1)
    fix = make_fix(scenario.app, scenario.shop)
    due_at = scenario.app.clock() + timedelta(hours=2)
    owner = str(scenario.shop.staff["floor"])
    after = make_thank_yous(scenario.app, scenario.shop, fix, due_at=due_at.isoformat(), owner_id=owner)
    assert after["figures"]["thanked"] == 3
    scenario.let_pass(hours=3)
    kinds = Counter((row.kind, row.staff_id) for row in rows(scenario.app, Notification))
    assert kinds == {(K.FOLLOW_UP, scenario.shop.staff["floor"]): 1, (K.BROKEN, scenario.shop.staff["manager"]): 1}
    assert {row.status for row in rows(scenario.app, FollowUp)} == {"broken"}


def test_a_thank_you_that_is_not_wanted_any_more_reminds_nobody_and_is_not_broken(scenario: StoreScenario) -> None:
    thanked = make_customer(scenario.app, scenario.shop, "Nia")
    log_concern_of(scenario.app, scenario.shop, thanked, store_id=str(scenario.shop.store_id))
    scenario.app.clock.move(seconds=1)
    due_at = scenario.app.clock() + timedelta(hours=2)
    make_thank_yous(scenario.app, scenario.shop, make_fix(scenario.app, scenario.shop), due_at=due_at.isoformat())
    set_consent(scenario.app, scenario.shop, thanked, contact=False)
    scenario.let_pass(hours=3)
    assert notifications(scenario.app) == []
    assert [(row.status, row.broken_at) for row in rows(scenario.app, FollowUp)] == [("cancelled", None)]
