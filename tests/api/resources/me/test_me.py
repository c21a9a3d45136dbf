"""One's own preferences: quiet hours, muted kinds, a pause, a test of one's phones."""

from datetime import time
from typing import Any

import pytest

from models.alerts.notification import NotificationState
from models.outbox.message import OutboxKind, OutboxMessage
from models.staff.staff import Staff
from tests.support.app import App
from tests.support.assertions import assert_invalid_value, assert_problem
from tests.support.factories.concerns import log_concern
from tests.support.factories.organizations import Shop
from tests.support.factories.staff import give_phone
from tests.support.rows import notifications, pending_messages, rows
from tests.support.sign_in import sign_in_again
from tests.support.worker import RecordingChannel, for_all_kinds, running_worker, work_until_idle

NIGHT = {"from": "22:30", "until": "07:00"}


def me(app: App, shop: Shop, by: str = "floor") -> Any:
    return app.request("GET", "/v1/me", (shop, by))


def prefer(app: App, shop: Shop, by: str = "floor", **wishes: Any) -> Any:
    headers = {"If-Match": me(app, shop, by).headers["ETag"]}
    return app.request("PATCH", "/v1/me", (shop, by), json=wishes, headers=headers)


def pause(app: App, shop: Shop, by: str = "floor", **told: Any) -> Any:
    return app.request("POST", "/v1/me/pause", (shop, by), json=told)


def lead(app: App, shop: Shop, login: str) -> None:
    body = {"store_id": str(shop.store_id), "lead": True}
    assert app.request("PUT", "/v1/me/shift", (shop, login), json=body).status_code == 200


def test_a_person_says_when_and_what_they_do_not_want_to_hear(app: App, shop: Shop) -> None:
    profile = me(app, shop).json
    assert (profile["quiet_hours"], profile["muted"], profile["email"]) == (None, [], None)
    answer = prefer(app, shop, quiet_hours=NIGHT, muted=["own", "late", "own"], email="floor@example.org")
    assert answer.status_code == 200
    assert answer.json == profile | {
        "version": 2,
        "quiet_hours": NIGHT,
        "muted": ["late", "own"],
        "email": "floor@example.org",
    }
    assert me(app, shop).json == answer.json
    (staff,) = (staff for staff in rows(app, Staff) if staff.id == shop.staff["floor"])
    assert (staff.quiet_from, staff.quiet_until) == (time(22, 30), time(7))


def test_another_mailbox_needs_a_recent_sign_in_because_codes_go_there(app: App, shop: Shop) -> None:
    assert prefer(app, shop, email="floor@example.org").status_code == 200
    app.clock.move(minutes=10, seconds=1)
    for email in ("somebody@example.org", None):
        assert_problem(prefer(app, shop, email=email), 403, "sign-in-again")
    assert prefer(app, shop, email="floor@example.org", muted=["own"]).status_code == 200
    sign_in_again(app, shop, "floor")
    assert prefer(app, shop, email=None).json["email"] is None


def test_what_is_not_named_stays_and_null_takes_away(app: App, shop: Shop) -> None:
    prefer(app, shop, quiet_hours=NIGHT, muted=["outcome"], email="floor@example.org")
    assert prefer(app, shop, email=None).json["quiet_hours"] == NIGHT
    profile = prefer(app, shop, quiet_hours=None).json
    assert (profile["quiet_hours"], profile["muted"], profile["email"]) == (None, ["outcome"], None)


def test_ones_own_wishes_are_changed_as_they_were_read(app: App, shop: Shop) -> None:
    assert_problem(app.request("PATCH", "/v1/me", (shop, "floor"), json={}), 428, "version-required")
    old = me(app, shop).headers["ETag"]
    prefer(app, shop, muted=["own"])
    answer = app.request("PATCH", "/v1/me", (shop, "floor"), json={"muted": []}, headers={"If-Match": old})
    assert_problem(answer, 412, "stale-version")
    assert me(app, shop).json["muted"] == ["own"]


@pytest.mark.parametrize(
    ("wish", "pointer"),
    [
        ({"muted": ["ring"]}, "/muted/0"),
        ({"muted": ["unanswered"]}, "/muted/0"),
        ({"quiet_hours": {"from": "22:30", "until": "25:00"}}, "/quiet_hours/until"),
        ({"quiet_hours": {"from": "22:30", "until": "22:30"}}, "/quiet_hours/until"),
        ({"email": "nowhere"}, "/email"),
        ({"email": "jørgen@example.org"}, "/email"),
    ],
)
def test_a_wish_that_cannot_be_granted_is_refused(app: App, shop: Shop, wish: dict[str, Any], pointer: str) -> None:
    assert_invalid_value(prefer(app, shop, **wish), "body", pointer)
    assert me(app, shop).json["version"] == 1


def test_nobody_makes_themselves_a_manager(app: App, shop: Shop) -> None:
    for name, value in {"role": "manager", "login": "x", "version": 9, "store_ids": []}.items():
        assert_invalid_value(prefer(app, shop, **{name: value}), "body", f"/{name}", "unknown-field")


def test_a_pause_is_as_long_as_the_store_allows_and_shown(app: App, shop: Shop) -> None:
    answer = pause(app, shop)
    assert (answer.status_code, answer.json["paused_until"]) == (200, "2026-03-03T12:05:00Z")
    assert me(app, shop).json["shift"]["paused_until"] == "2026-03-03T12:05:00Z"
    assert_invalid_value(pause(app, shop, minutes=6), "body", "/minutes")
    assert_invalid_value(pause(app, shop, minutes=0), "body", "/minutes")


def test_a_second_pause_changes_nothing_while_the_first_lasts(app: App, shop: Shop) -> None:
    pause(app, shop, minutes=3)
    app.clock.move(minutes=2)
    assert pause(app, shop).json["paused_until"] == "2026-03-03T12:03:00Z"
    assert len(pending_messages(app, OutboxKind.FIND_READERS)) == 1
    app.clock.move(minutes=1)
    assert pause(app, shop).json["paused_until"] == "2026-03-03T12:08:00Z"
    assert len(pending_messages(app, OutboxKind.FIND_READERS)) == 2


def test_who_is_not_on_shift_has_nothing_to_pause(app: App, shop: Shop) -> None:
    assert_problem(pause(app, shop, "manager"), 409, "not-now")
    assert app.request("DELETE", "/v1/me/pause", (shop, "manager")).status_code == 204


def test_only_the_lead_is_informed_of_a_pause_and_the_phone_stays_silent(app: App, shop: Shop) -> None:
    for login in ("floor", "colleague", "manager"):
        give_phone(app.back_office, shop, login, f"phone of {login}")
    lead(app, shop, "colleague")
    pause(app, shop)
    channel = RecordingChannel()
    with running_worker(app, for_all_kinds(channel)) as worker:
        work_until_idle(worker)
        assert channel.seen() == [("inform", "phone of colleague")]
        log_concern(app, shop, "regional")
        work_until_idle(worker)
        assert ("ring", "phone of floor") not in channel.seen()
        assert app.request("DELETE", "/v1/me/pause", (shop, "floor")).status_code == 204
        assert me(app, shop).json["shift"]["paused_until"] is None
        log_concern(app, shop, "regional")
        work_until_idle(worker)
        assert ("ring", "phone of floor") in channel.seen()


@pytest.mark.parametrize("by", ["colleague", "manager", "regional"])
def test_who_leads_and_who_manages_see_whose_pause_it_is(app: App, shop: Shop, by: str) -> None:
    lead(app, shop, "colleague")
    pause(app, shop, minutes=4)
    (one,) = pauses(app, shop, by).json["items"]
    assert (one["staff"]["name"], one["paused_until"]) == ("Floor of acme", "2026-03-03T12:04:00Z")
    app.clock.move(minutes=4)
    assert pauses(app, shop, by).json["items"] == []


@pytest.mark.parametrize("by", ["colleague", "floor", "hq"])
def test_a_pause_is_nobody_elses_business(app: App, shop: Shop, by: str) -> None:
    pause(app, shop)
    assert_problem(pauses(app, shop, by), 403, "forbidden")


def register_phone(app: App, shop: Shop, login: str, address: str) -> str:
    """Register the phone that somebody is signed in on; return its id."""
    phone = {"platform": "android", "address": address, "address_kind": "log"}
    answer = app.request("PUT", f"/v1/me/devices/{address}", (shop, login), json=phone)
    assert answer.status_code == 200, answer.text
    return str(answer.json["id"])


def test_a_test_push_rings_the_phone_that_asks_and_no_other(app: App, shop: Shop) -> None:
    asking = register_phone(app, shop, "hq", "one")
    give_phone(app.back_office, shop, "hq", "two")
    answer = app.request("POST", "/v1/me/test-push", (shop, "hq"))
    assert answer.status_code == 202
    (queued,) = answer.json["notifications"]
    assert (queued["device_id"], queued["kind"], queued["state"], queued["step"]) == (asking, "test", "queued", None)
    channel = RecordingChannel()
    with running_worker(app, for_all_kinds(channel)) as worker:
        work_until_idle(worker)
    assert channel.seen() == [("ring", "one")]
    assert {row.state for row in notifications(app)} == {NotificationState.ACCEPTED}


def test_a_test_push_from_no_phone_says_so_whatever_other_phones_there_are(app: App, shop: Shop) -> None:
    give_phone(app.back_office, shop, "floor", "another one")
    problem = assert_problem(app.request("POST", "/v1/me/test-push", (shop, "floor")), 409, "not-now")
    assert "register" in problem["detail"]
    assert rows(app, OutboxMessage) == []


def test_phones_are_tested_a_few_times_a_minute(app: App, shop: Shop) -> None:
    register_phone(app, shop, "floor", "one")
    register_phone(app, shop, "manager", "two")
    answers = [app.request("POST", "/v1/me/test-push", (shop, "floor")) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [202, 202, 202, 429]
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert app.request("POST", "/v1/me/test-push", (shop, "manager")).status_code == 202


def pauses(app: App, shop: Shop, by: str) -> Any:
    return app.request("GET", f"/v1/stores/{shop.store_id}/pauses", (shop, by))
