"""Shifts through the API: they end by the clock, by what a person does, by a colleague, and by a time clock."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from models.alerts.enums import AlertState
from models.alerts.notification import NotificationKind
from models.operations.people.shifts import settle_end
from models.organizations.opening_hours import parse_weekly
from models.organizations.store import Store
from models.staff.shift import EndReason, Shift
from notifications.decide.announce import announce_near_end
from tests.support.app import App
from tests.support.assertions import assert_invalid_value, assert_problem
from tests.support.factories.concerns import log_concern, move
from tests.support.factories.organizations import Shop
from tests.support.factories.staff import check_in, give_phone, give_shared_phone, sign_in_on
from tests.support.rows import notifications, only_alert, rows
from tests.support.worker import RecordingChannel, for_all_kinds, running_worker, work_until_idle

MINE = "/v1/me/shift"


def ask(app: App, shop: Shop, method: str, path: str, by: str = "floor", **options: Any) -> Any:
    return app.request(method, path, (shop, by), **options)


def my_shift(app: App, shop: Shop, by: str = "floor") -> Any:
    return ask(app, shop, "GET", "/v1/me", by).json["shift"]


def shift_of(app: App, shop: Shop, login: str = "floor") -> Shift:
    return [shift for shift in rows(app, Shift) if shift.staff_id == shop.staff[login]][-1]


def on_shift(app: App, shop: Shop, by: str = "colleague") -> list[dict[str, Any]]:
    answer = ask(app, shop, "GET", f"/v1/stores/{shop.store_id}/on-shift", by)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json["items"]
    return items


def work(app: App) -> RecordingChannel:
    channel = RecordingChannel()
    with running_worker(app, for_all_kinds(channel)) as worker:
        work_until_idle(worker)
    return channel


def kinds_told(app: App, shop: Shop, login: str) -> list[NotificationKind]:
    return [row.kind for row in notifications(app) if row.staff_id == shop.staff[login]]


def end_of(app: App, shop: Shop, login: str = "floor") -> datetime:
    return shift_of(app, shop, login).ends_at


# ----------------------------------------------------------------------------------------------------- by the clock


def test_who_forgot_to_check_out_ten_days_ago_is_not_rung_at_home_at_night(app: App, shop: Shop) -> None:
    give_phone(app.back_office, shop, "floor", "phone at home")
    app.clock.move(days=10, hours=13, minutes=8)  # 01:08
    log_concern(app, shop, "colleague", store_id=str(shop.store_id))
    assert "phone at home" not in [address for _, address in work(app).seen()]
    assert my_shift(app, shop) is None


def test_a_shift_ends_by_the_clock_with_no_worker_running(app: App, shop: Shop) -> None:
    app.clock.at = end_of(app, shop) - timedelta(microseconds=1)
    assert my_shift(app, shop)["store_id"] == str(shop.store_id)
    app.clock.at += timedelta(microseconds=1)
    assert my_shift(app, shop) is None
    assert on_shift(app, shop) == []
    assert_problem(ask(app, shop, "POST", "/v1/me/pause", json={}), 409, "not-now")
    assert shift_of(app, shop).ended_at is None


def test_the_python_and_the_sql_form_say_the_same(app: App, shop: Shop) -> None:
    check_in(app.back_office, shop, "colleague", at=app.clock.move(hours=1))
    ask(app, shop, "DELETE", MINE)
    for hours in (-2, -1, 0, 1, 14, 16):
        at = app.clock() + timedelta(hours=hours)
        with app.back_office.reading(shop.organization_id) as session:
            in_sql = {shift.id for shift in session.query(Shift).where(Shift.runs_at(at))}
        assert in_sql == {shift.id for shift in rows(app, Shift) if shift.is_running(at)}


def test_who_checks_in_again_gets_a_new_shift_and_the_one_that_ran_out_is_closed(app: App, shop: Shop) -> None:
    ended = end_of(app, shop)
    app.clock.at = ended + timedelta(hours=4)
    assert ask(app, shop, "PUT", MINE, json={"store_id": str(shop.store_id)}).status_code == 200
    before, now = [shift for shift in rows(app, Shift) if shift.staff_id == shop.staff["floor"]]
    assert (before.ended_at, before.end_reason, now.ended_at) == (ended, EndReason.RAN_OUT, None)


def test_who_checks_in_again_during_a_shift_keeps_it_for_as_long_as_a_new_one(app: App, shop: Shop) -> None:
    app.clock.move(hours=14)  # 02:00: the shift that begins now counts for the day that begins at four
    shift = ask(app, shop, "PUT", MINE, json={"store_id": str(shop.store_id)}).json
    assert (shift["started_at"], shift["ends_at"]) == ("2026-03-03T12:00:00Z", "2026-03-04T18:00:00Z")


def test_what_a_person_does_keeps_their_shift_from_ending_for_half_an_hour(app: App, shop: Shop) -> None:
    concern = log_concern(app, shop)
    app.clock.at = end_of(app, shop) - timedelta(minutes=10)
    for polled in ("/v1/concerns", "/v1/alerts", "/v1/me"):
        ask(app, shop, "GET", polled)
    ask(app, shop, "POST", "/v1/notifications/receipts", json={"receipts": []})
    assert end_of(app, shop) == app.clock() + timedelta(minutes=10)
    ask(app, shop, "GET", f"/v1/concerns/{concern['id']}")
    assert end_of(app, shop) == app.clock() + timedelta(minutes=31)
    app.clock.move(seconds=50)
    assert not [line for line in writing(app, shop, f"/v1/concerns/{concern['id']}") if "shift" in line]
    app.clock.move(seconds=11)
    assert [line for line in writing(app, shop, f"/v1/concerns/{concern['id']}") if "shift" in line]


def writing(app: App, shop: Shop, path: str) -> list[str]:
    with app.counting() as statements:
        ask(app, shop, "GET", path)
    return [line for line in statements if line.startswith("UPDATE")]


def test_a_use_locks_phone_and_sign_in_before_the_shift_as_a_sign_in_does(app: App, shop: Shop) -> None:
    concern = log_concern(app, shop)
    phone = {"platform": "ios", "address": "address", "address_kind": "log"}
    ask(app, shop, "PUT", "/v1/me/devices/one", json=phone)
    app.clock.at = end_of(app, shop) - timedelta(minutes=10)
    tables = [line.split()[1] for line in writing(app, shop, f"/v1/concerns/{concern['id']}")]
    assert [table for table in tables if table != "change_counter"] == ["device", "staff_session", "shift"]


def test_whoever_signs_in_on_a_shared_phone_does_something_too(app: App, shop: Shop) -> None:
    app.clock.at = end_of(app, shop) - timedelta(minutes=1)
    body = {"organization": shop.slug, "login": "floor", "password": "correct-horse-battery"}
    assert app.request("POST", "/v1/sessions", json=body).status_code == 201
    assert end_of(app, shop) == app.clock() + timedelta(minutes=31)


def test_the_phone_asks_once_before_the_end_and_one_tap_gives_two_hours(app: App, shop: Shop) -> None:
    give_phone(app.back_office, shop, "floor", "phone of floor")
    app.clock.at = end_of(app, shop) - timedelta(minutes=15, seconds=1)
    work(app)
    assert kinds_told(app, shop, "floor") == []
    app.clock.move(seconds=1)
    channel = work(app)
    assert [(message.kind, message.title) for message in channel.messages] == [("inform", "Still here?")]
    app.clock.move(minutes=10)
    work(app)
    assert kinds_told(app, shop, "floor") == [NotificationKind.STILL_HERE]
    answer = ask(app, shop, "POST", f"{MINE}/extend")
    assert answer.status_code == 200
    assert end_of(app, shop) == app.clock() + timedelta(hours=2)
    app.clock.at = end_of(app, shop) - timedelta(minutes=15)
    work(app)
    assert kinds_told(app, shop, "floor") == [NotificationKind.STILL_HERE] * 2
    app.clock.move(minutes=15)
    assert_problem(ask(app, shop, "POST", f"{MINE}/extend"), 409, "not-now")


@pytest.mark.parametrize("answer", [("POST", f"{MINE}/extend"), ("DELETE", MINE)])
def test_whoever_has_answered_or_checked_out_meanwhile_is_not_asked(
    app: App, shop: Shop, answer: tuple[str, str]
) -> None:
    give_phone(app.back_office, shop, "floor", "phone of floor")
    app.clock.at = end_of(app, shop) - timedelta(minutes=10)
    with app.back_office.writing(shop.organization_id) as session:
        near_end = settle_end(session, shift_of(app, shop).id, at=app.clock())
        assert near_end is not None
        announce_near_end(session, near_end, at=app.clock())
    assert ask(app, shop, *answer).status_code < 300
    work(app)
    assert kinds_told(app, shop, "floor") == []


def test_what_somebody_has_taken_keeps_their_shift_going_and_after_the_longest_one_rings_again(
    app: App, shop: Shop
) -> None:
    concern = log_concern(app, shop, "colleague", store_id=str(shop.store_id))
    app.clock.at = datetime(2026, 3, 4, 2, tzinfo=UTC)
    ask(app, shop, "POST", f"/v1/concerns/{concern['id']}/take")
    body = {"remedy": "apology"}
    ask(app, shop, "POST", f"/v1/concerns/{concern['id']}/recovery-actions", json=body)  # so that it is not forgotten
    while app.clock() < datetime(2026, 3, 4, 3, 45, tzinfo=UTC):
        work(app)
        app.clock.move(minutes=13)
        assert my_shift(app, shop) is not None
    app.clock.at = datetime(2026, 3, 4, 4, tzinfo=UTC)  # sixteen hours
    work(app)
    assert (shift_of(app, shop).end_reason, only_alert(app).state) == (EndReason.RAN_OUT, AlertState.OPEN)
    events = ask(app, shop, "GET", f"/v1/concerns/{concern['id']}/events", "manager").json["items"]
    assert [(event["step"], event["details"]) for event in events][-1] == ("released", {"shift_ended": True})


def test_the_hold_of_what_is_taken_goes_beyond_the_end_of_the_day(app: App, shop: Shop) -> None:
    with app.back_office.writing(shop.organization_id) as session:
        session.get_one(Store, (shop.organization_id, shop.store_id)).day_starts_at = time(20)
    concern = log_concern(app, shop, "colleague", store_id=str(shop.store_id))
    check_in(app.back_office, shop, "manager", at=app.clock())
    assert end_of(app, shop, "manager") == app.clock() + timedelta(hours=8)
    ask(app, shop, "POST", f"/v1/concerns/{concern['id']}/take", "manager")
    body = {"remedy": "apology"}
    ask(app, shop, "POST", f"/v1/concerns/{concern['id']}/recovery-actions", "manager", json=body)
    app.clock.at = end_of(app, shop, "manager") - timedelta(minutes=1)
    for _ in range(6):
        work(app)
        app.clock.move(minutes=20)
        assert my_shift(app, shop, "manager") is not None
    move(app, shop, concern, "resolve", "manager")
    app.clock.move(minutes=31)
    assert my_shift(app, shop, "manager") is None


def test_a_worker_that_comes_late_brings_no_shift_back_that_is_over_by_the_clock(app: App, shop: Shop) -> None:
    concern = log_concern(app, shop, "colleague", store_id=str(shop.store_id))
    check_in(app.back_office, shop, "manager", at=app.clock.move(hours=12))
    ask(app, shop, "POST", f"/v1/concerns/{concern['id']}/take", "manager")
    ended = end_of(app, shop, "manager")
    app.clock.at = ended + timedelta(minutes=5)
    assert my_shift(app, shop, "manager") is None
    work(app)
    shift = shift_of(app, shop, "manager")
    assert (shift.ended_at, shift.end_reason) == (ended, EndReason.RAN_OUT)
    shown = ask(app, shop, "GET", f"/v1/concerns/{concern['id']}", "manager").json
    assert (shown["status"], only_alert(app).state) == ("open", AlertState.OPEN)


# ------------------------------------------------------------------------------------------------- by what one does


@pytest.mark.parametrize("path", ["/v1/sessions/current", "/v1/me/sessions"])
def test_signing_out_on_a_personal_phone_ends_the_shift_and_gives_back_what_was_taken(
    app: App, shop: Shop, path: str
) -> None:
    concern = log_concern(app, shop, "colleague", store_id=str(shop.store_id))
    phone = {"platform": "ios", "address": "address", "address_kind": "log"}
    assert ask(app, shop, "PUT", "/v1/me/devices/one", json=phone).status_code == 200
    ask(app, shop, "POST", f"/v1/concerns/{concern['id']}/take")
    assert ask(app, shop, "DELETE", path).status_code == 204
    shift = shift_of(app, shop)
    assert (shift.ended_at, shift.end_reason) == (app.clock(), EndReason.SIGNED_OUT)
    shown = ask(app, shop, "GET", f"/v1/concerns/{concern['id']}", "manager").json
    assert (shown["status"], shown["taken_by"], only_alert(app).state) == ("open", None, AlertState.OPEN)


def test_neither_a_sign_out_on_a_shared_phone_nor_in_a_browser_nor_an_expiry_ends_a_shift(app: App, shop: Shop) -> None:
    browser = shop.tokens["floor"]
    sign_in_on(app.back_office, shop, "floor", give_shared_phone(app.back_office, shop, "bar"), at=app.clock())
    assert ask(app, shop, "DELETE", "/v1/sessions/current").status_code == 204
    shop.tokens["floor"] = browser
    assert ask(app, shop, "DELETE", "/v1/sessions/current").status_code == 204
    app.clock.move(hours=1)
    work(app)
    assert shift_of(app, shop).is_running(app.clock())


def test_ending_the_sign_in_of_a_lost_phone_leaves_the_shift_alone(app: App, shop: Shop) -> None:
    give_phone(app.back_office, shop, "floor", "lost phone")
    items = ask(app, shop, "GET", "/v1/me/sessions").json["items"]
    lost = next(item["id"] for item in items if item["device"])
    assert ask(app, shop, "DELETE", f"/v1/me/sessions/{lost}").status_code == 204
    assert my_shift(app, shop) is not None


def test_a_check_out_gives_back_what_was_taken_there(app: App, shop: Shop) -> None:
    concern = log_concern(app, shop, "colleague", store_id=str(shop.store_id))
    ask(app, shop, "POST", f"/v1/concerns/{concern['id']}/take")
    run = only_alert(app).run_id
    assert ask(app, shop, "DELETE", MINE).status_code == 204
    assert shift_of(app, shop).end_reason is EndReason.CHECKED_OUT
    assert (only_alert(app).state, only_alert(app).run_id != run) == (AlertState.OPEN, True)


def test_who_goes_to_another_store_gives_back_what_they_took_in_the_first(app: App, shop: Shop) -> None:
    concern = log_concern(app, shop, "floor")
    check_in(app.back_office, shop, "manager", at=app.clock())
    ask(app, shop, "POST", f"/v1/concerns/{concern['id']}/take", "regional")
    here = {"store_id": str(shop.store_id)}
    assert ask(app, shop, "PUT", MINE, "regional", json=here).status_code == 200
    assert only_alert(app).state is AlertState.TAKEN
    ask(app, shop, "DELETE", MINE, "regional")
    assert only_alert(app).state is AlertState.OPEN


# ---------------------------------------------------------------------------------------------------- by colleagues


@pytest.mark.parametrize("by", ["lead", "manager", "regional", "admin"])
def test_whoever_leads_and_the_managers_end_the_shift_of_a_colleague_who_is_told(app: App, shop: Shop, by: str) -> None:
    if by == "lead":
        check_in(app.back_office, shop, "colleague", lead=True, at=app.clock())
        by = "colleague"
    give_phone(app.back_office, shop, "floor", "phone of floor")
    path = f"/v1/shifts/{shift_of(app, shop).id}"
    app.clock.move(hours=1)
    assert [ask(app, shop, "DELETE", path, by).status_code for _ in range(2)] == [204, 204]
    shift = shift_of(app, shop)
    assert (shift.ended_at, shift.end_reason) == (app.clock(), EndReason.BY_COLLEAGUE)
    assert shift.ended_by_id == shop.staff[by]
    assert [message.title for message in work(app).messages] == ["Your shift was ended"]


def test_others_may_not_end_the_shift_of_a_colleague(app: App, shop: Shop) -> None:
    path = f"/v1/shifts/{shift_of(app, shop).id}"
    check_in(app.back_office, shop, "colleague", at=app.clock())
    assert_problem(ask(app, shop, "DELETE", path, "colleague"), 403, "forbidden")
    assert_problem(ask(app, shop, "DELETE", path, "elsewhere"), 404, "not-found")


def test_who_ends_their_own_shift_checks_out_and_is_not_told(app: App, shop: Shop) -> None:
    give_phone(app.back_office, shop, "floor", "phone of floor")
    concern = log_concern(app, shop, "colleague", store_id=str(shop.store_id))
    ask(app, shop, "POST", f"/v1/concerns/{concern['id']}/take")
    assert ask(app, shop, "DELETE", f"/v1/shifts/{shift_of(app, shop).id}").status_code == 204
    shift = shift_of(app, shop)
    assert (shift.end_reason, shift.ended_by_id) == (EndReason.CHECKED_OUT, None)
    assert only_alert(app).state is AlertState.OPEN
    work(app)
    assert NotificationKind.SHIFT_ENDED not in kinds_told(app, shop, "floor")


def test_everybody_who_works_there_sees_who_is_on_shift_and_only_lead_and_managers_who_pauses(
    app: App, shop: Shop
) -> None:
    check_in(app.back_office, shop, "colleague", lead=True, at=app.clock.move(minutes=5))
    give_phone(app.back_office, shop, "floor", "phone of floor")
    ask(app, shop, "POST", "/v1/me/pause", json={"minutes": 5})
    lead, floor = on_shift(app, shop, "floor")
    assert (lead["staff"]["name"], lead["lead"], lead["phones"]) == ("Colleague of acme", True, 0)
    assert floor == {
        "shift_id": str(shift_of(app, shop).id),
        "staff": {"id": str(shop.staff["floor"]), "name": "Floor of acme"},
        "role": "floor",
        "lead": False,
        "started_at": "2026-03-03T12:00:00Z",
        "ends_at": "2026-03-04T04:00:00Z",
        "phones": 1,
        "paused_until": None,
    }
    for login in ("colleague", "manager"):
        assert on_shift(app, shop, login)[1]["paused_until"] == "2026-03-03T12:10:00Z"


# ---------------------------------------------------------------------------------------------------- by time clock


def clock_in(app: App, shop: Shop, reference: str = "1", **fields: Any) -> Any:
    body = {"store_id": str(shop.store_id), "staff_id": str(shop.staff["colleague"])}
    body |= {"started_at": app.clock().isoformat(), **fields}
    return ask(app, shop, "PUT", f"/v1/shifts/till/{reference}", "key", json=body)


def test_a_time_clock_begins_and_ends_a_shift_and_may_repeat_itself(app: App, shop: Shop) -> None:
    began = app.clock().isoformat()
    first = clock_in(app, shop, started_at=began, lead=True)
    assert (first.status_code, clock_in(app, shop, started_at=began, lead=True).status_code) == (201, 200)
    assert my_shift(app, shop, "colleague")["lead"] is True
    concern = log_concern(app, shop)
    ask(app, shop, "POST", f"/v1/concerns/{concern['id']}/take", "colleague")
    app.clock.move(hours=8)
    over = {"started_at": began, "ended_at": app.clock().isoformat()}
    ended = clock_in(app, shop, **over)
    assert (ended.json["end_reason"], ended.json["ended_at"]) == ("by_clock", "2026-03-03T20:00:00Z")
    assert only_alert(app).state is AlertState.OPEN
    assert clock_in(app, shop, **over).json == ended.json
    assert clock_in(app, shop, started_at=began).json == ended.json  # what is over stays over
    assert my_shift(app, shop, "colleague") is None


def test_a_shift_that_the_person_began_with_the_app_becomes_that_of_the_clock(app: App, shop: Shop) -> None:
    own = shift_of(app, shop)
    app.clock.move(minutes=2)
    answer = clock_in(app, shop, staff_id=str(shop.staff["floor"]))
    assert (answer.json["id"], answer.json["started_at"]) == (str(own.id), "2026-03-03T12:00:00Z")


def test_a_shift_that_is_over_is_recorded_and_touches_no_other(app: App, shop: Shop) -> None:
    yesterday = app.clock() - timedelta(days=1)
    times = {"started_at": yesterday.isoformat(), "ended_at": (yesterday + timedelta(hours=8)).isoformat()}
    assert clock_in(app, shop, staff_id=str(shop.staff["floor"]), **times).status_code == 201
    forgotten = clock_in(app, shop, "2", staff_id=str(shop.staff["floor"]), started_at=yesterday.isoformat())
    assert (forgotten.json["end_reason"], forgotten.json["ends_at"]) == ("ran_out", "2026-03-03T04:00:00Z")
    assert my_shift(app, shop)["started_at"] == "2026-03-03T12:00:00Z"


def test_the_next_shift_of_the_clock_ends_the_one_before_and_gives_back_what_was_taken(app: App, shop: Shop) -> None:
    clock_in(app, shop)
    concern = log_concern(app, shop)
    ask(app, shop, "POST", f"/v1/concerns/{concern['id']}/take", "colleague")
    app.clock.move(hours=1)
    assert clock_in(app, shop, "2").status_code == 201
    assert only_alert(app).state is AlertState.OPEN
    one, two = [shift for shift in rows(app, Shift) if shift.staff_id == shop.staff["colleague"]]
    assert (one.end_reason, one.ended_at, two.ended_at) == (EndReason.BY_CLOCK, app.clock(), None)


def test_a_shift_of_the_clock_that_is_over_leaves_one_that_runs_and_what_is_taken_in_it(app: App, shop: Shop) -> None:
    clock_in(app, shop, "one")
    concern = log_concern(app, shop)
    ask(app, shop, "POST", f"/v1/concerns/{concern['id']}/take", "colleague")
    began = app.clock()
    times = {"started_at": began.isoformat(), "ended_at": (began + timedelta(minutes=30)).isoformat()}
    app.clock.move(hours=1)
    two = clock_in(app, shop, "two", **times)
    assert (two.status_code, two.json["ended_at"]) == (201, "2026-03-03T12:30:00Z")
    assert my_shift(app, shop, "colleague")["started_at"] == "2026-03-03T12:00:00Z"
    assert only_alert(app).state is AlertState.TAKEN


def test_who_checks_in_after_their_shift_ran_out_gives_back_what_they_took_in_it(app: App, shop: Shop) -> None:
    concern = log_concern(app, shop, "colleague", store_id=str(shop.store_id))
    ask(app, shop, "POST", f"/v1/concerns/{concern['id']}/take")
    app.clock.at = end_of(app, shop) + timedelta(hours=4)
    ask(app, shop, "PUT", MINE, json={"store_id": str(shop.store_id)})
    assert only_alert(app).state is AlertState.OPEN


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"staff_id": "elsewhere"}, "/staff_id"),
        ({"started_at": "2026-03-03T12:06:00Z"}, "/started_at"),
        ({"started_at": "2026-01-01T12:00:00Z"}, "/started_at"),
        ({"ended_at": "2026-03-03T11:00:00Z"}, "/ended_at"),
        ({"employee_number": "17"}, "/staff_id"),
    ],
)
def test_what_cannot_be_is_refused(app: App, shop: Shop, fields: dict[str, Any], pointer: str) -> None:
    if fields.get("staff_id"):
        fields = {"staff_id": str(shop.staff["elsewhere"])}
    assert_invalid_value(clock_in(app, shop, **fields), "body", pointer)


def test_a_reference_is_that_of_one_person_and_a_number_finds_them(app: App, shop: Shop) -> None:
    fields = {"employee_number": "10042"}
    headers = {"If-Match": "*"}
    path = f"/v1/staff/{shop.staff['colleague']}"
    ask(app, shop, "PATCH", path, "manager", json=fields, headers=headers)
    body = {"store_id": str(shop.store_id), "started_at": app.clock().isoformat(), **fields}
    assert ask(app, shop, "PUT", "/v1/shifts/till/1", "key", json=body).status_code == 201
    assert_problem(clock_in(app, shop, staff_id=str(shop.staff["floor"])), 409, "already-exists")
    assert_problem(ask(app, shop, "PUT", "/v1/shifts/till/1", "manager", json=body), 403, "forbidden")


# ------------------------------------------------------------------------------------------------------- the store


def test_a_store_says_whether_its_shifts_end_with_the_day(app: App, shop: Shop) -> None:
    path = f"/v1/stores/{shop.store_id}"
    assert ask(app, shop, "GET", path).json["shifts_end_daily"] is True
    headers = {"If-Match": "*"}
    changed = ask(app, shop, "PATCH", path, "admin", json={"shifts_end_daily": False}, headers=headers)
    assert changed.json["shifts_end_daily"] is False
    app.clock.move(hours=10)
    check_in(app.back_office, shop, "colleague", at=app.clock())
    assert end_of(app, shop, "colleague") == app.clock() + timedelta(hours=16)


def test_only_a_store_that_never_shuts_turns_the_end_of_the_day_off(app: App, shop: Shop) -> None:
    path, headers = f"/v1/stores/{shop.store_id}", {"If-Match": "*"}
    turn_off = {"json": {"shifts_end_daily": False}, "headers": headers}

    def set_hours(text: str) -> None:
        answer = ask(app, shop, "PUT", f"{path}/hours", "manager", json={"weekly": parse_weekly(text)}, headers=headers)
        assert answer.status_code == 200, answer.text

    set_hours("mon-sun 12:00-23:00")
    assert_invalid_value(ask(app, shop, "PATCH", path, "admin", **turn_off), "body", "/shifts_end_daily")
    set_hours("mon-sun 06:00-18:00; mon-sun 18:00-06:00")
    assert ask(app, shop, "PATCH", path, "admin", **turn_off).json["shifts_end_daily"] is False
    set_hours("mon-sun 12:00-23:00")
    assert ask(app, shop, "GET", path).json["shifts_end_daily"] is True


def test_what_a_person_does_keeps_a_shift_going_beyond_sixteen_hours_and_what_they_took_does_not(
    app: App, shop: Shop
) -> None:
    with app.back_office.writing(shop.organization_id) as session:
        session.get_one(Store, (shop.organization_id, shop.store_id)).shifts_end_daily = False
    concern = log_concern(app, shop)
    longest = shift_of(app, shop).started_at + timedelta(hours=16)
    app.clock.at = longest - timedelta(minutes=1)
    ask(app, shop, "POST", f"/v1/concerns/{concern['id']}/take")
    assert end_of(app, shop) == longest + timedelta(minutes=30)
    work(app)
    app.clock.at = longest + timedelta(minutes=29)
    work(app)
    assert end_of(app, shop) == longest + timedelta(minutes=30)
    ask(app, shop, "POST", f"{MINE}/extend")
    assert end_of(app, shop) == longest + timedelta(hours=2, minutes=29)


def test_the_closing_of_a_store_gives_back_what_was_taken_in_its_shifts(app: App, shop: Shop) -> None:
    concern = log_concern(app, shop, "colleague", store_id=str(shop.store_id))
    ask(app, shop, "POST", f"/v1/concerns/{concern['id']}/take")
    app.clock.move(minutes=1)
    assert ask(app, shop, "POST", f"/v1/stores/{shop.store_id}/close", "admin").status_code == 200
    assert shift_of(app, shop).end_reason is EndReason.STORE_CLOSED
    shown = ask(app, shop, "GET", f"/v1/concerns/{concern['id']}", "manager").json
    assert (shown["status"], shown["taken_by"], only_alert(app).state) == ("open", None, AlertState.OPEN)
