"""Leaving: from that moment on nobody who left does or receives anything, and nothing open is left to them."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from models.access import Role
from models.alerts.notification import NotificationKind, NotificationState
from models.concerns.concern import Concern
from models.outbox.message import OutboxMessage
from models.recovery.follow_up import FollowUp
from models.staff.device import Device
from models.staff.shift import Shift
from models.staff.staff import DailyLogSubscription, Staff
from notifications.decide.informational import find_readers
from tests.support.app import App
from tests.support.assertions import assert_invalid_value, assert_problem
from tests.support.factories.concerns import log_concern, move
from tests.support.factories.follow_ups import follow_up_row, make_follow_up
from tests.support.factories.organizations import PASSWORD, Shop
from tests.support.factories.people import bring_back, change_person, hire_person, let_go, make_code, redeem, sign_in
from tests.support.factories.staff import hire
from tests.support.rows import notifications, rows
from tests.support.store_scenario import StoreScenario
from tests.support.threads import at_once
from tests.support.worker import work_until_idle

K = NotificationKind


def person(app: App, shop: Shop, login: str) -> Staff:
    return next(staff for staff in rows(app, Staff) if staff.id == shop.staff[login])


def test_a_token_is_refused_with_the_next_request_and_all_else_is_gone(app: App, shop: Shop) -> None:
    phone = {"platform": "ios", "address": "own", "address_kind": "log"}
    app.request("PUT", "/v1/me/devices/own", (shop, "floor"), json=phone)
    wish = {"daily_logs": [str(shop.store_id)], "email": "f@acme.example"}
    app.request("PATCH", "/v1/me", (shop, "floor"), json=wish, headers={"If-Match": "*"})
    code = make_code(app, shop, "floor").json["code"]
    answer = let_go(app, shop, "floor")
    assert (answer.status_code, answer.json["concerns"], answer.json["follow_ups"]) == (200, [], [])
    shown = answer.json["staff"]
    assert (shown["left_at"], shown["leaves_at"]) == ("2026-03-03T12:00:00Z", None)
    assert (shown["has_password"], shown["has_pin"]) == (False, False)
    assert_problem(app.request("GET", "/v1/me", (shop, "floor")), 401, "unauthorized")
    assert_problem(sign_in(app, shop, "floor", PASSWORD), 401, "wrong-sign-in")
    assert_problem(redeem(app, code, password="a new and long one"), 410, "code-not-valid")
    assert [(device.address, device.retired_reason) for device in rows(app, Device)] == [(None, "left")]
    assert [shift.ended_at for shift in rows(app, Shift)] == [app.clock()]
    assert rows(app, DailyLogSubscription) == []
    assert_problem(make_code(app, shop, "floor"), 409, "not-now")
    assert_problem(let_go(app, shop, "floor"), 409, "not-now")


LEAVING: list[tuple[str, str, int]] = [
    ("floor", "colleague", 403),
    ("hq", "colleague", 403),
    ("manager", "colleague", 200),
    ("manager", "both", 403),
    ("manager", "manager", 403),
    ("manager", "regional", 403),
    ("manager", "elsewhere", 404),
    ("manager", "admin", 404),
    ("regional", "colleague", 200),
    ("regional", "manager", 403),
    ("admin", "manager", 200),
    ("admin", "regional", 200),
    ("key", "elsewhere", 200),
    ("key", "manager", 200),
    ("key", "regional", 403),
    ("key", "admin", 403),
]


@pytest.mark.parametrize(("by", "login", "status"), LEAVING)
def test_who_lets_whom_go(app: App, shop: Shop, by: str, login: str, status: int) -> None:
    both = hire_person(app, shop, "admin", login="both", store_ids=[shop.store_id, shop.other_store_id])
    shop.staff["both"] = both.json["id"]
    answer = let_go(app, shop, login, by)
    assert answer.status_code == status, answer.text
    if status != 200:
        assert_problem(answer, status, "forbidden" if status == 403 else "not-found")
    assert sum(staff.left_at is not None for staff in rows(app, Staff)) == (status == 200)


def test_the_last_administrator_stays(app: App, shop: Shop) -> None:
    assert_problem(let_go(app, shop, "admin", "admin"), 409, "last-administrator")
    at = (app.clock() + timedelta(days=1)).isoformat()
    assert_problem(let_go(app, shop, "admin", "admin", at=at), 409, "last-administrator")
    hire(app.back_office, shop, "second", role=Role.ADMIN, at=app.clock())
    assert let_go(app, shop, "second", "admin", at=at).status_code == 200
    assert_problem(let_go(app, shop, "admin", "admin"), 409, "last-administrator")  # the other one is about to go
    assert bring_back(app, shop, "second", "admin").status_code == 200
    assert let_go(app, shop, "admin", "admin").status_code == 200
    assert app.request("GET", "/v1/me", (shop, "second")).status_code == 200


def test_of_two_administrators_who_let_each_other_go_at_once_one_stays(app: App, shop: Shop) -> None:
    hire(app.back_office, shop, "second", role=Role.ADMIN, at=app.clock())
    answers = at_once([lambda: let_go(app, shop, "admin", "second"), lambda: let_go(app, shop, "second", "admin")])
    assert sorted(answer.status_code for answer in answers) in ([200, 401], [200, 409]), [a.text for a in answers]
    working = [staff for staff in rows(app, Staff) if staff.role is Role.ADMIN and staff.left_at is None]
    assert len(working) == 1


def test_of_two_who_let_somebody_go_at_once_one_is_told_that_it_is_done(app: App, shop: Shop) -> None:
    answers = at_once([lambda: let_go(app, shop, "floor"), lambda: let_go(app, shop, "floor", "admin")])
    assert sorted(answer.status_code for answer in answers) == [200, 409]


def test_a_repeat_has_no_second_effect(app: App, shop: Shop) -> None:
    first, again = (let_go(app, shop, "floor", headers={"Idempotency-Key": "once"}) for _ in range(2))
    assert (first.status_code, again.status_code, again.headers["Idempotent-Replayed"]) == (200, 200, "true")
    assert again.json == {"staff": first.json["staff"], "concerns": None, "follow_ups": None}


def test_a_colleague_who_takes_over_is_one_within_reach(app: App, shop: Shop) -> None:
    let_go(app, shop, "colleague")
    for login in ("elsewhere", "floor", "colleague", "00000000-0000-0000-0000-000000000001"):
        assert_invalid_value(let_go(app, shop, "floor", hand_over_to=login), "body", "/hand_over_to")


def test_a_leave_is_planned_within_a_year(app: App, shop: Shop) -> None:
    at = (app.clock() + timedelta(days=367)).isoformat()
    assert_invalid_value(let_go(app, shop, "floor", at=at), "body", "/at")
    past = (app.clock() - timedelta(days=2)).isoformat()
    assert let_go(app, shop, "floor", at=past).json["staff"]["left_at"] == "2026-03-03T12:00:00Z"


def test_what_is_taken_rings_again_and_the_named_colleague_is_called(scenario: StoreScenario) -> None:
    app, shop = scenario.app, scenario.shop
    concern = scenario.log("lead", mood=1)
    move(app, shop, concern, "take", "floor")
    scenario.let_pass(minutes=1)
    before = len(scenario.messages)
    answer = let_go(app, shop, "floor", "admin", hand_over_to="colleague")
    assert answer.json["concerns"] == [concern["id"]]
    scenario.let_pass(seconds=1)
    rung = {(message.kind, message.recipient.address) for _, message in scenario.messages[before:]}
    assert {address for _, address in rung} >= {"colleague"}
    assert "floor" not in {address for kind, address in rung if kind != "withdraw"}
    kinds = {row.kind for row in notifications(app) if row.staff_id == shop.staff["colleague"]}
    assert kinds >= {K.RING, K.HAND_OVER}
    (row,) = rows(app, Concern)
    assert (row.status, row.taken_by_id) == ("open", None)
    timeline = app.request("GET", f"/v1/concerns/{concern['id']}/events", (shop, "manager")).json["items"]
    assert [(event["step"], event["details"].get("taker_left")) for event in timeline][-2:] == [
        ("released", True),
        ("handed_over", None),
    ]


OWNERS = {
    # whom to hand over to, who records the leave, who owns it then
    ("colleague", "manager"): "colleague",
    (None, "manager"): "manager",
    (None, "regional"): "regional",
    (None, "admin"): "manager",  # an administrator owns no follow-up
    (None, "key"): "manager",
    ("hq", "admin"): "manager",  # nor does head office
}


@pytest.mark.parametrize(("to", "by"), OWNERS)
def test_what_was_promised_gets_an_owner_who_works_there(scenario: StoreScenario, to: str | None, by: str) -> None:
    app, shop = scenario.app, scenario.shop
    promised, broken = make_follow_up(scenario), make_follow_up(scenario, minutes=5)
    scenario.let_pass(minutes=6)
    left_at = app.clock()
    answer = let_go(app, shop, "floor", by, **({"hand_over_to": to} if to else {}))
    assert answer.json["follow_ups"] == [promised["id"], broken["id"]]
    owner = shop.staff[OWNERS[to, by]]
    assert {row.owner_id for row in rows(app, FollowUp)} == {owner}
    scenario.let_pass(hours=1, minutes=40)
    reminded = {row.staff_id for row in notifications(app) if row.kind is K.FOLLOW_UP and row.queued_at >= left_at}
    assert reminded
    assert shop.staff["floor"] not in reminded
    assert follow_up_row(scenario, promised).status == "open"


def test_a_concern_that_is_taken_and_owed_something_is_released_as_well(scenario: StoreScenario) -> None:
    app, shop = scenario.app, scenario.shop
    concern = scenario.log("lead", mood=1)
    move(app, shop, concern, "take", "floor")
    make_follow_up(scenario, concern=concern)
    answer = let_go(app, shop, "floor")
    assert (answer.json["concerns"], len(answer.json["follow_ups"])) == ([concern["id"]], 1)
    (row,) = rows(app, Concern)
    assert (row.status, row.taken_by_id) == ("open", None)


@pytest.mark.parametrize(
    "changes", [{"store_ids": ["second"]}, {"role": "head_office"}], ids=["to another store", "to head office"]
)
def test_whoever_moves_leaves_nothing_open_behind(scenario: StoreScenario, changes: dict[str, Any]) -> None:
    app, shop = scenario.app, scenario.shop
    concern = scenario.log("lead", mood=1)
    move(app, shop, concern, "take", "floor")
    make_follow_up(scenario, concern=concern)
    before = len(scenario.messages)
    stores = {"store_ids": [str(shop.other_store_id)]} if "store_ids" in changes else {}
    assert change_person(app, shop, "floor", "admin", **{**changes, **stores}).status_code == 200
    scenario.let_pass(seconds=1)
    (row,) = rows(app, Concern)
    assert (row.status, row.taken_by_id) == ("open", None)
    assert {row.owner_id for row in rows(app, FollowUp)} == {shop.staff["manager"]}
    assert "colleague" in {message.recipient.address for _, message in scenario.messages[before:]}  # it rings again


def test_whoever_works_in_one_store_more_keeps_what_they_have(scenario: StoreScenario) -> None:
    app, shop = scenario.app, scenario.shop
    concern = scenario.log("lead", mood=1)
    move(app, shop, concern, "take", "floor")
    make_follow_up(scenario, concern=concern)
    both = [str(shop.store_id), str(shop.other_store_id)]
    assert change_person(app, shop, "floor", "admin", store_ids=both).status_code == 200
    assert rows(app, Concern)[0].taken_by_id == shop.staff["floor"]
    assert rows(app, FollowUp)[0].owner_id == shop.staff["floor"]


def test_where_no_manager_works_a_colleague_owns_it(scenario: StoreScenario) -> None:
    app, shop = scenario.app, scenario.shop
    make_follow_up(scenario)
    for login in ("manager", "regional"):
        assert let_go(app, shop, login, "admin").status_code == 200
    assert len(let_go(app, shop, "floor", "admin").json["follow_ups"]) == 1
    assert rows(app, FollowUp)[0].owner_id in {shop.staff["colleague"], shop.staff["lead"]}


def test_what_was_queued_for_them_is_not_sent(scenario: StoreScenario) -> None:
    app, shop = scenario.app, scenario.shop
    scenario.set_preferences("floor", email="floor@acme.example")
    make_code(app, shop, "floor")
    with scenario.app.back_office.writing(shop.organization_id) as session:
        for row in session.scalars(select(OutboxMessage).where(OutboxMessage.done_at.is_(None))):
            find_readers(session, row, at=app.clock())
            row.finish(at=app.clock())
    assert len(notifications(app)) == 2  # the phone and the mail
    let_go(app, shop, "floor")
    work_until_idle(scenario.worker)
    assert scenario.messages == []
    assert {row.state for row in notifications(app)} == {NotificationState.SUPPRESSED}
    scenario.let_pass(hours=5)
    assert scenario.messages == []


def test_nobody_who_left_is_told_of_anything(scenario: StoreScenario) -> None:
    let_go(scenario.app, scenario.shop, "lead", "admin")
    let_go(scenario.app, scenario.shop, "manager", "admin")
    scenario.log("floor", mood=1)
    scenario.let_pass(minutes=25)
    recipients = {row.staff_id for row in notifications(scenario.app)}
    assert recipients.isdisjoint({scenario.shop.staff["lead"], scenario.shop.staff["manager"]})
    assert scenario.shop.staff["colleague"] in recipients


def test_a_request_for_approval_stays_decidable(app: App, shop: Shop) -> None:
    remedies = app.request("GET", "/v1/remedies", (shop, "floor")).json["items"]
    (voucher,) = (remedy for remedy in remedies if remedy["slug"] == "voucher")
    body = {"limits": [{"role": "floor", "per_customer": {"amount": 1000, "currency": "EUR"}}]}
    app.request("PATCH", f"/v1/remedies/{voucher['id']}", (shop, "admin"), json=body, headers={"If-Match": "*"})
    path = f"/v1/concerns/{log_concern(app, shop)['id']}/recovery-actions"
    above = {"remedy": "voucher", "cost": {"amount": 2000, "currency": "EUR"}}
    action = app.request("POST", path, (shop, "floor"), json=above).json
    let_go(app, shop, "floor")
    approved = app.request("POST", f"/v1/recovery-actions/{action['id']}/approve", (shop, "manager"), json={})
    assert approved.json["status"] == "done"


def test_who_comes_back_needs_a_new_code(app: App, shop: Shop) -> None:
    let_go(app, shop, "floor")
    back = bring_back(app, shop, "floor")
    assert back.status_code == 200
    assert (back.json["left_at"], back.json["store_ids"]) == (None, [str(shop.store_id)])
    assert_problem(sign_in(app, shop, "floor", PASSWORD), 401, "wrong-sign-in")
    assert redeem(app, back.json["invitation"]["code"], password="a new and long one").status_code == 200
    assert sign_in(app, shop, "floor", "a new and long one").status_code == 201
    assert_problem(app.request("GET", "/v1/me", (shop, "floor")), 401, "unauthorized")  # the former token
    assert_problem(bring_back(app, shop, "floor"), 409, "not-now")


def test_who_may_not_let_somebody_go_may_not_bring_them_back(app: App, shop: Shop) -> None:
    let_go(app, shop, "manager", "admin")
    for by, status in {"floor": 403, "regional": 403, "key": 200}.items():
        answer = bring_back(app, shop, "manager", by)
        assert answer.status_code == status, answer.text
    assert answer.json["invitation"] is None


def test_a_planned_leave_is_changed_and_cancelled(app: App, shop: Shop) -> None:
    friday, saturday = ((app.clock() + timedelta(days=days)).isoformat() for days in (3, 4))
    first = let_go(app, shop, "floor", at=friday, hand_over_to="colleague")
    assert first.json["staff"]["leaves_at"] == "2026-03-06T12:00:00Z"
    assert app.request("GET", "/v1/me", (shop, "floor")).status_code == 200
    assert let_go(app, shop, "floor", at=saturday).json["staff"]["leaves_at"] == "2026-03-07T12:00:00Z"
    assert person(app, shop, "floor").leave_hand_over_to_id is None
    back = bring_back(app, shop, "floor")
    assert (back.json["leaves_at"], back.json["invitation"], back.json["has_password"]) == (None, None, True)
    app.clock.move(days=5)
    assert app.request("GET", "/v1/me", (shop, "floor")).status_code == 200


def test_a_planned_leave_ends_the_sign_in_at_its_moment_whether_or_not_the_worker_runs(app: App, shop: Shop) -> None:
    let_go(app, shop, "floor", at=(app.clock() + timedelta(hours=1)).isoformat())
    app.clock.move(minutes=59)
    assert app.request("GET", "/v1/me", (shop, "floor")).status_code == 200
    app.clock.move(minutes=1)
    assert_problem(app.request("GET", "/v1/me", (shop, "floor")), 401, "unauthorized")
    assert_problem(sign_in(app, shop, "floor", PASSWORD), 401, "wrong-sign-in")
    listed: Any = app.request("GET", "/v1/staff", (shop, "manager")).json["items"]
    assert str(shop.staff["floor"]) not in {item["id"] for item in listed}


def test_a_policy_that_names_a_leaver_goes_on_without_them(scenario: StoreScenario) -> None:
    app, shop = scenario.app, scenario.shop
    (policy,) = app.request("GET", "/v1/escalation-policies", (shop, "admin")).json["items"]
    steps = [{"after_seconds": 0, "whom": ["on_shift"], "staff_ids": [str(shop.staff["manager"])]}]
    path, headers = f"/v1/escalation-policies/{policy['id']}", {"If-Match": "*"}
    assert app.request("PATCH", path, (shop, "admin"), json={"steps": steps}, headers=headers).status_code == 200
    let_go(app, shop, "manager", "admin")
    scenario.log("floor", mood=1)
    assert scenario.addresses_by_second()[0] == {"colleague", "lead"}
    assert app.request("PATCH", path, (shop, "admin"), json={"name": "New"}, headers=headers).status_code == 200


def test_somebody_who_left_can_still_be_corrected(app: App, shop: Shop) -> None:
    let_go(app, shop, "floor")
    assert change_person(app, shop, "floor", name="Their full name").status_code == 200
