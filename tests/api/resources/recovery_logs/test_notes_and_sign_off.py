"""The manager's part of a daily log: notes, sign-off, handed-over concerns, amendments."""

from functools import partial

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import ProgrammingError

from models.daily_log.daily_log import DailyLog
from tests.support.app import App
from tests.support.assertions import assert_invalid_value, assert_problem, etag_version
from tests.support.clock import NOON
from tests.support.databases import only_on_postgresql
from tests.support.factories.daily_log import (
    DAY,
    NEXT_DAY,
    add_amendment,
    ids_of,
    log_concern_id,
    log_path,
    read_log,
    resolve_concern,
    sign_off,
    write_notes,
)
from tests.support.factories.organizations import Shop
from tests.support.sign_in import sign_in_again
from tests.support.threads import at_once

REQUIRED = [
    {"slug": "tomorrow", "name": "For tomorrow", "required": True},
    {"slug": "team", "name": "The team", "required": True},
    {"slug": "else", "name": "Anything else"},
]


def test_a_day_nobody_wrote_about_has_an_empty_page(app: App, shop: Shop) -> None:
    shown = read_log(app, shop)
    assert shown["page"] == {
        "version": 0,
        "store_id": str(shop.store_id),
        "business_date": str(DAY),
        "notes": {},
        "signed_at": None,
        "signed_by": None,
        "signed_figures": None,
        "amendments": [],
    }
    assert [heading["slug"] for heading in shown["headings"]] == ["went-well", "to-improve", "tomorrow"]
    assert not any(heading["required"] for heading in shown["headings"])
    none_of = f"?store_id={shop.store_id}"
    assert shown["carried_over"] == {
        "note": None,
        "concerns": [],
        "follow_ups": [],
        "still_open": {"count": 0, "list": f"/v1/concerns{none_of}&open_before={DAY}"},
        "still_owed": {"count": 0, "list": f"/v1/follow-ups{none_of}&owed_before={DAY}"},
    }


def test_notes_are_kept_as_they_are_typed_and_merged(app: App, shop: Shop) -> None:
    first = write_notes(app, shop, {"went-well": "Br", "to-improve": "Wait"}, read='"0"')
    assert (first.status_code, etag_version(first)) == (200, 1)
    second = write_notes(app, shop, {"went-well": "Breakfast.", "to-improve": None}, read='"1"')
    assert second.json["notes"] == {"went-well": "Breakfast."}
    assert read_log(app, shop)["page"]["notes"] == {"went-well": "Breakfast."}
    assert second.json["version"] == 2


def test_of_two_managers_who_type_the_second_reads_first(app: App, shop: Shop) -> None:
    assert write_notes(app, shop, {"tomorrow": "mine"}, read='"0"').status_code == 200
    late = write_notes(app, shop, {"tomorrow": "theirs"}, by="regional", read='"0"')
    assert assert_problem(late, 412, "stale-version")
    unseen = app.request("PATCH", log_path(shop), (shop, "manager"), json={"notes": {}})
    assert assert_problem(unseen, 428, "version-required")
    assert read_log(app, shop)["page"]["notes"] == {"tomorrow": "mine"}


@only_on_postgresql
def test_of_ten_who_begin_the_page_at_once_one_does(app: App, shop: Shop) -> None:
    answers = at_once([partial(write_notes, app, shop, {"tomorrow": str(number)}, read='"0"') for number in range(10)])
    assert sorted(answer.status_code for answer in answers) == [200, *[412] * 9]
    with app.back_office.reading(shop.organization_id) as session:
        assert session.scalars(select(func.count()).select_from(DailyLog)).one() == 1


def test_a_heading_nobody_has_is_refused(app: App, shop: Shop) -> None:
    refused = write_notes(app, shop, {"went-well": "Fine.", "weather": "Rain."})
    assert_invalid_value(refused, "body", "/notes/weather")
    assert read_log(app, shop)["page"]["version"] == 0


def test_managers_write_and_nobody_else(app: App, shop: Shop) -> None:
    for login, may in (("floor", False), ("regional", True), ("manager", True), ("hq", False), ("admin", False)):
        assert write_notes(app, shop, {"tomorrow": login}, by=login).status_code == (200 if may else 403), login
        assert sign_off(app, shop, NEXT_DAY, by=login).status_code == (409 if may else 403), login  # it is not over
        assert add_amendment(app, shop, by=login).status_code == (409 if may else 403), login  # it is not signed


def test_the_administrator_says_what_is_noted(app: App, shop: Shop) -> None:
    answer = app.request("PUT", "/v1/log-policy", (shop, "admin"), json={"headings": REQUIRED})
    assert answer.json == {"headings": [*REQUIRED[:2], {**REQUIRED[2], "required": False}]}
    twice = app.request("PUT", "/v1/log-policy", (shop, "admin"), json={"headings": [REQUIRED[0], REQUIRED[0]]})
    assert_invalid_value(twice, "body", "/headings/1/slug")
    assert app.request("PUT", "/v1/log-policy", (shop, "manager"), json={"headings": []}).status_code == 403
    assert app.request("GET", "/v1/log-policy", (shop, "manager")).json == answer.json
    assert read_log(app, shop)["headings"] == answer.json["headings"]


def test_a_day_is_signed_once_it_is_over(app: App, shop: Shop) -> None:
    app.clock.move(hours=15, minutes=59)
    early = assert_problem(sign_off(app, shop), 409, "not-now")
    assert "2026-03-04 04:00" in early["detail"]
    app.clock.move(minutes=1)
    signed = sign_off(app, shop)
    assert (signed.status_code, signed.json["signed_at"]) == (200, "2026-03-04T04:00:00Z")
    assert signed.json["signed_by"] == {"id": str(shop.staff["manager"]), "name": "Manager of acme"}


def test_a_day_is_signed_from_when_the_store_shuts(app: App, shop: Shop) -> None:
    hours = {"weekly": [{"weekday": "tuesday", "opens_at": "18:00", "closes_at": "02:00"}]}
    assert app.request("PUT", f"/v1/stores/{shop.store_id}/hours", (shop, "admin"), json=hours).status_code == 200
    app.clock.move(hours=13, minutes=59)
    assert assert_problem(sign_off(app, shop), 409, "not-now")
    app.clock.move(minutes=1)
    assert sign_off(app, shop).status_code == 200
    assert assert_problem(sign_off(app, shop, NEXT_DAY), 409, "not-now")


def test_what_has_to_be_noted_is_missing(app: App, shop: Shop) -> None:
    app.request("PUT", "/v1/log-policy", (shop, "admin"), json={"headings": REQUIRED})
    write_notes(app, shop, {"team": "  "})
    app.clock.move(days=1)
    assert assert_problem(sign_off(app, shop), 409, "not-now")["missing"] == ["tomorrow", "team"]
    write_notes(app, shop, {"tomorrow": "Bread comes late.", "team": "Tired."})
    assert sign_off(app, shop).status_code == 200


def test_signing_twice_is_once_and_by_another_refused(app: App, shop: Shop) -> None:
    app.clock.move(days=1)
    first = sign_off(app, shop, headers={"Idempotency-Key": "sign"})
    app.clock.move(minutes=5)
    repeated, again = sign_off(app, shop, headers={"Idempotency-Key": "sign"}), sign_off(app, shop)
    assert first.json == repeated.json == again.json
    assert repeated.headers["Idempotent-Replayed"] == "true"
    refused = assert_problem(sign_off(app, shop, by="regional"), 409, "already-signed")
    assert refused["signed_by"] == {"id": str(shop.staff["manager"]), "name": "Manager of acme"}


@only_on_postgresql
def test_of_two_who_sign_at_once_one_does(app: App, shop: Shop) -> None:
    log_concern_id(app, shop)
    app.clock.move(days=1)
    answers = at_once([partial(sign_off, app, shop, by=login) for login in ("manager", "regional")])
    assert sorted(answer.status_code for answer in answers) == [200, 409]


def test_signed_notes_are_closed_and_what_is_left_to_say_is_an_amendment(app: App, shop: Shop) -> None:
    write_notes(app, shop, {"tomorrow": "Look."})
    app.clock.move(days=1)
    assert assert_problem(add_amendment(app, shop), 409, "not-now")
    sign_off(app, shop)
    assert assert_problem(write_notes(app, shop, {"tomorrow": "Changed."}), 409, "not-now")
    app.clock.move(minutes=1)
    answer = add_amendment(app, shop, by="regional")
    assert answer.status_code == 201, answer.text
    page = read_log(app, shop)["page"]
    assert page["notes"] == {"tomorrow": "Look."}
    assert page["amendments"] == [answer.json]
    assert (answer.json["at"], answer.json["by"]["name"]) == ("2026-03-04T12:01:00Z", "Regional of acme")
    assert page["version"] == 3


def test_what_came_in_later_is_flagged_and_never_in_what_was_signed(app: App, shop: Shop) -> None:
    untouched, going_on = log_concern_id(app, shop, mood=1), log_concern_id(app, shop)
    app.clock.move(days=1)
    sign_off(app, shop)
    assert read_log(app, shop)["after_sign_off"] == []
    late = log_concern_id(app, shop, occurred_at=NOON.isoformat())
    praise = log_concern_id(app, shop, occurred_at=NOON.isoformat(), kind="praise", mood=5)
    resolve_concern(app, shop, going_on)
    shown = read_log(app, shop)
    assert set(shown["after_sign_off"]) == {going_on, late, praise}
    assert untouched in ids_of(shown["concerns"])
    signed = shown["page"]["signed_figures"]
    assert (signed["concerns"], signed["open"], signed["praise"]) == (2, 2, 0)
    now = shown["figures"]
    assert (now["concerns"], now["open"], now["praise"]) == (3, 2, 1)


def test_what_was_signed_is_every_figure_of_that_moment(app: App, shop: Shop) -> None:
    resolve_concern(app, shop, log_concern_id(app, shop, recovery_actions=[{"remedy": "voucher"}]))
    log_concern_id(app, shop)
    body = {"covers": 20, "transactions": None, "sales": None}
    app.request("PUT", f"/v1/stores/{shop.store_id}/days/{DAY}", (shop, "manager"), json=body)
    app.clock.move(days=1)
    before = read_log(app, shop)["figures"]
    assert sign_off(app, shop).json["signed_figures"] == before
    assert before["cost"] == [{"amount": 1000, "currency": "EUR"}]


@pytest.mark.parametrize("login", ["floor", "hq", "key"])
def test_notes_are_for_those_who_may_read_every_concern(app: App, shop: Shop, login: str) -> None:
    hidden = log_concern_id(app, shop, "colleague", sensitive=True)
    write_notes(app, shop, {"tomorrow": "planted note"})
    app.clock.move(days=1)
    sign_in_again(app, shop, "hq", "admin")
    sign_off(app, shop)
    add_amendment(app, shop, text="planted text", reason="planted reason")
    resolve_concern(app, shop, hidden)
    for day in (DAY, NEXT_DAY):
        shown = app.request("GET", log_path(shop, day), (shop, login)).text
        assert "planted" not in shown
        assert hidden not in shown
        assert ("Manager of acme" in shown) == (login != "hq" and day == DAY)
    assert read_log(app, shop, by=login)["page"]["signed_figures"]["concerns"] == 1
    assert hidden in read_log(app, shop, by="admin")["after_sign_off"]
    assert "planted note" in app.request("GET", log_path(shop, NEXT_DAY), (shop, "admin")).text


def test_why_somebody_paused_is_in_no_log(app: App, shop: Shop) -> None:
    log_concern_id(app, shop, mood=1)
    assert app.request("POST", "/v1/me/pause", (shop, "floor"), json={"minutes": 3}).status_code == 200
    log = read_log(app, shop)
    assert [event["step"] for concern in log["concerns"] for event in concern["timeline"]] == ["logged"]
    assert "pause" not in app.request("GET", log_path(shop), (shop, "manager")).text


@only_on_postgresql
@pytest.mark.parametrize("change", ["UPDATE daily_log_amendment SET text = 'other'", "DELETE FROM daily_log_amendment"])
def test_the_database_lets_nobody_take_an_amendment_back(app: App, shop: Shop, change: str) -> None:
    app.clock.move(days=1)
    sign_off(app, shop)
    assert add_amendment(app, shop).status_code == 201
    with pytest.raises(ProgrammingError, match="permission denied"), app.database.writing(shop.organization_id) as it:
        it.execute(text(change))
    assert read_log(app, shop)["page"]["amendments"][0]["text"] == "The oven was out for an hour."
