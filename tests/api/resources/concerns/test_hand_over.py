"""Handing over a concern: the colleague is called personally, while the others are called as before."""

from datetime import timedelta
from typing import Any

import pytest

from models.alerts.enums import AlertState
from models.alerts.notification import NotificationKind
from models.organizations.store import Store
from models.staff.shift import Shift
from models.staff.staff import Staff, StaffStore
from tests.support.app import App
from tests.support.assertions import assert_invalid_value, assert_problem
from tests.support.factories.concerns import log_concern, move
from tests.support.factories.organizations import Shop
from tests.support.factories.staff import check_in, give_phone
from tests.support.rows import notifications, only_alert, pending_messages
from tests.support.worker import RecordingChannel, for_all_kinds, running_worker, work_until_idle


def hand_over(app: App, shop: Shop, concern: Any, to: str, by: str = "colleague", **options: Any) -> Any:
    path, body = f"/v1/concerns/{concern['id']}/hand-over", {"staff_id": str(shop.staff[to])}
    return app.request("POST", path, (shop, by), json=body, **options)


def steps(app: App, shop: Shop, concern: Any) -> list[tuple[str, Any]]:
    items = app.request("GET", f"/v1/concerns/{concern['id']}/events", (shop, "manager")).json["items"]
    return [(item["step"], item["details"]) for item in items]


@pytest.fixture(autouse=True)
def on_shift(app: App, shop: Shop) -> None:
    """Those who are called here are on shift, for nobody else is asked."""
    check_in(app.back_office, shop, "colleague", "manager", "regional", at=app.clock())


def test_a_colleague_is_called_personally_while_the_escalation_goes_on(app: App, shop: Shop) -> None:
    for login in ("manager", "regional"):
        give_phone(app.back_office, shop, login, f"phone of {login}")
    concern = log_concern(app, shop)
    before = only_alert(app)
    answer = hand_over(app, shop, concern, "regional")
    assert (answer.status_code, answer.json["status"]) == (200, "open")
    channel = RecordingChannel()
    with running_worker(app, for_all_kinds(channel)) as worker:
        work_until_idle(worker)
    assert sorted(channel.seen()) == [("ring", "phone of manager"), *[("ring", "phone of regional")] * 2]
    kinds = {row.kind for row in notifications(app) if row.staff_id == shop.staff["regional"]}
    assert kinds == {NotificationKind.RING, NotificationKind.HAND_OVER}
    assert (only_alert(app).run_id, only_alert(app).state) == (before.run_id, AlertState.OPEN)
    assert steps(app, shop, concern)[-1] == ("handed_over", {"to": str(shop.staff["regional"])})


def test_what_one_has_taken_is_given_back_first_and_rings_again(app: App, shop: Shop) -> None:
    concern = log_concern(app, shop)
    first = only_alert(app).run_id
    move(app, shop, concern, "take", "colleague")
    app.clock.move(minutes=1)
    answer = hand_over(app, shop, concern, "manager")
    assert (answer.status_code, answer.json["status"], answer.json["taken_by"]) == (200, "open", None)
    assert [step for step, _ in steps(app, shop, concern)] == ["logged", "taken", "released", "handed_over"]
    assert (only_alert(app).state, only_alert(app).run_id != first) == (AlertState.OPEN, True)


def test_what_another_has_taken_is_handed_over_by_a_manager_only(app: App, shop: Shop) -> None:
    concern = log_concern(app, shop)
    move(app, shop, concern, "take", "colleague")
    assert_problem(hand_over(app, shop, concern, "manager", by="floor"), 403, "forbidden")
    assert hand_over(app, shop, concern, "regional", by="manager").json["status"] == "open"


def test_a_hand_over_that_somebody_answered_calls_nobody(app: App, shop: Shop) -> None:
    give_phone(app.back_office, shop, "regional", "phone of regional")
    concern = log_concern(app, shop)
    hand_over(app, shop, concern, "regional")
    move(app, shop, concern, "take")
    channel = RecordingChannel()
    with running_worker(app, for_all_kinds(channel)) as worker:
        work_until_idle(worker)
    assert ("ring", "phone of regional") not in channel.seen()


def test_what_does_not_ring_can_be_handed_over_too(app: App, shop: Shop) -> None:
    give_phone(app.back_office, shop, "manager", "phone of manager")
    concern = log_concern(app, shop, mood=3)
    occurred_at = (app.clock() - timedelta(minutes=20)).isoformat()
    late = log_concern(app, shop, occurred_at=occurred_at)
    channel = RecordingChannel()
    with running_worker(app, for_all_kinds(channel)) as worker:
        for silent_concern in (concern, late):
            assert hand_over(app, shop, silent_concern, "manager").status_code == 200
            work_until_idle(worker)
            app.clock.move(minutes=1)
            work_until_idle(worker)
    assert pending_messages(app) == []
    assert [message.title for message in channel.messages if message.kind == "ring"] == ["Handed over to you"] * 2


def test_a_repeated_hand_over_calls_once(app: App, shop: Shop) -> None:
    concern = log_concern(app, shop)
    for _ in range(2):
        answer = hand_over(app, shop, concern, "manager", headers={"Idempotency-Key": "once"})
        assert answer.status_code == 200
    assert [step for step, _ in steps(app, shop, concern)] == ["logged", "handed_over"]


@pytest.mark.parametrize("to", ["floor", "colleague"])
def test_neither_the_reporter_nor_oneself_is_asked(app: App, shop: Shop, to: str) -> None:
    concern = log_concern(app, shop)
    assert_invalid_value(hand_over(app, shop, concern, to), "body", "/staff_id")
    assert [step for step, _ in steps(app, shop, concern)] == ["logged"]


def test_a_sensitive_concern_is_handed_to_those_who_may_read_it(app: App, shop: Shop) -> None:
    concern = log_concern(app, shop, sensitive=True)
    assert_invalid_value(hand_over(app, shop, concern, "colleague", by="manager"), "body", "/staff_id")
    assert hand_over(app, shop, concern, "regional", by="manager").status_code == 200


@pytest.mark.parametrize("to", ["elsewhere", "hq", "admin"])
def test_who_does_not_work_in_ones_stores_is_out_of_reach(app: App, shop: Shop, to: str) -> None:
    refused = hand_over(app, shop, log_concern(app, shop), to)
    assert_invalid_value(refused, "body", "/staff_id", "not-found")


def test_who_helps_out_in_the_store_today_works_there(app: App, shop: Shop) -> None:
    with app.back_office.writing(shop.organization_id) as session:
        session.add(StaffStore(staff_id=shop.staff["colleague"], store_id=shop.other_store_id))
    concern = log_concern(app, shop, "elsewhere", store_id=str(shop.other_store_id))
    assert_invalid_value(hand_over(app, shop, concern, "manager"), "body", "/staff_id")
    with app.back_office.writing(shop.organization_id) as session:
        there = session.get_one(Store, (shop.organization_id, shop.other_store_id))
        Shift.check_in(session, staff_id=shop.staff["manager"], store=there, lead=False, at=app.clock())
    assert hand_over(app, shop, concern, "manager").status_code == 200


def test_who_has_gone_home_is_not_asked_and_who_is_asked_may_be_out_of_reach(app: App, shop: Shop) -> None:
    concern = log_concern(app, shop)
    answer = hand_over(app, shop, concern, "manager")
    assert (answer.status_code, answer.json["phones"]) == (200, 0)
    give_phone(app.back_office, shop, "manager", "phone of manager")
    assert hand_over(app, shop, concern, "manager").json["phones"] == 1
    app.request("DELETE", "/v1/me/shift", (shop, "manager"))
    assert_invalid_value(hand_over(app, shop, concern, "manager"), "body", "/staff_id")


def test_who_has_left_is_not_asked(app: App, shop: Shop) -> None:
    concern = log_concern(app, shop)
    with app.back_office.writing(shop.organization_id) as session:
        session.get_one(Staff, (shop.organization_id, shop.staff["manager"])).left_at = app.clock()
    assert_invalid_value(hand_over(app, shop, concern, "manager"), "body", "/staff_id")


def test_what_is_over_is_not_handed_over(app: App, shop: Shop) -> None:
    concern = log_concern(app, shop)
    move(app, shop, concern, "resolve")
    assert_problem(hand_over(app, shop, concern, "manager"), 409, "not-now")
