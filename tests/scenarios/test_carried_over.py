"""Concerns a day leaves to the next: handed over once, in a short list; older ones are counted and linked."""

from datetime import date, timedelta
from typing import Any

from models.daily_log.daily_log import DailyLogHandover
from models.organizations.opening_hours import WEEKDAYS
from models.policy_defaults import MAX_CARRIED_OVER
from tests.support.app import App
from tests.support.clock import NOON
from tests.support.databases import only_on_sqlite
from tests.support.factories.daily_log import (
    DAY,
    NEXT_DAY,
    ids_of,
    log_concern_id,
    read_log,
    resolve_concern,
    sign_off,
    write_notes,
)
from tests.support.factories.organizations import Shop
from tests.support.rows import rows

AFTER = NEXT_DAY + timedelta(days=1)


def carried(app: App, shop: Shop, day: date, by: str = "manager") -> dict[str, Any]:
    shown: dict[str, Any] = read_log(app, shop, day, by)["carried_over"]
    return shown


def listed(app: App, shop: Shop, left: dict[str, Any], by: str = "manager") -> list[str]:
    """What the list holds whose address stands beside the number; as many as that says."""
    answer = app.request("GET", f"{left['list']}&limit=200", (shop, by))
    assert answer.status_code == 200, answer.text
    assert len(answer.json["items"]) == left["count"]
    return ids_of(answer.json["items"])


def promise(app: App, shop: Shop, concern_id: str, *, hours: int) -> str:
    body = {"what": "We call.", "kind": "call", "due_at": (NOON + timedelta(hours=hours)).isoformat()}
    answer = app.request("POST", f"/v1/concerns/{concern_id}/follow-ups", (shop, "floor"), json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json["id"])


def shut_on(app: App, shop: Shop, day: date) -> None:
    open_ = [name for number, name in enumerate(WEEKDAYS) if number != day.weekday()]
    weekly = [{"weekday": name, "opens_at": "08:00", "closes_at": "22:00"} for name in open_]
    answer = app.request("PUT", f"/v1/stores/{shop.store_id}/hours", (shop, "admin"), json={"weekly": weekly})
    assert answer.status_code == 200, answer.text


def test_what_is_open_is_handed_over_once_and_listed_from_then_on(app: App, shop: Shop) -> None:
    first, second = log_concern_id(app, shop), log_concern_id(app, shop)
    log_concern_id(app, shop, kind="praise", mood=5)
    write_notes(app, shop, {"tomorrow": "Call table 12."})
    app.clock.move(days=1)
    sign_off(app, shop)
    morning = carried(app, shop, NEXT_DAY)
    assert (morning["note"], ids_of(morning["concerns"])) == ("Call table 12.", [second, first])
    assert listed(app, shop, morning["still_open"]) == [second, first]
    resolve_concern(app, shop, first)
    # What was handed over is shown all day, whatever became of it.
    assert [it["status"] for it in carried(app, shop, NEXT_DAY)["concerns"]] == ["open", "resolved"]
    assert listed(app, shop, carried(app, shop, NEXT_DAY)["still_open"]) == [second]
    app.clock.move(days=1)
    sign_off(app, shop, NEXT_DAY)
    after = carried(app, shop, AFTER)
    assert (after["note"], after["concerns"]) == (None, [])
    assert listed(app, shop, after["still_open"]) == [second]
    handed = sorted((str(row.concern_id), row.business_date) for row in rows(app, DailyLogHandover))
    assert handed == sorted((id_, NEXT_DAY) for id_ in (first, second))


def test_what_nobody_signed_is_not_forgotten(app: App, shop: Shop) -> None:
    left = log_concern_id(app, shop)
    owed = promise(app, shop, left, hours=1)
    today = carried(app, shop, DAY)
    assert (today["concerns"], today["follow_ups"], today["still_open"]["count"]) == ([], [], 0)  # it is of today
    app.clock.move(days=1)
    morning = carried(app, shop, NEXT_DAY)
    assert (ids_of(morning["concerns"]), ids_of(morning["follow_ups"])) == ([left], [owed])
    app.clock.move(days=1)
    later = carried(app, shop, AFTER)
    assert (later["concerns"], later["follow_ups"]) == ([], [])
    assert listed(app, shop, later["still_open"]) == [left]
    assert listed(app, shop, later["still_owed"]) == [owed]
    resolve_concern(app, shop, left)
    assert carried(app, shop, AFTER)["still_open"]["count"] == 0
    answer = app.request("POST", f"/v1/follow-ups/{owed}/keep", (shop, "floor"), json={})
    assert (answer.status_code, carried(app, shop, AFTER)["still_owed"]["count"]) == (200, 0)


def test_of_many_the_newest_are_shown_and_all_are_listed(app: App, shop: Shop) -> None:
    concern_ids = [log_concern_id(app, shop) for _ in range(MAX_CARRIED_OVER + 1)]
    owed = [promise(app, shop, concern_ids[number], hours=1 + number % 3) for number in range(MAX_CARRIED_OVER + 1)]
    app.clock.move(days=1)
    sign_off(app, shop)
    morning = carried(app, shop, NEXT_DAY)
    assert ids_of(morning["concerns"]) == concern_ids[:0:-1]
    assert listed(app, shop, morning["still_open"]) == concern_ids[::-1]
    due = [follow_up["due_at"] for follow_up in morning["follow_ups"]]
    assert (len(due), due) == (MAX_CARRIED_OVER, sorted(due, reverse=True))
    assert sorted(listed(app, shop, morning["still_owed"])) == sorted(owed)


def test_what_a_day_left_waits_until_the_store_opens_again(app: App, shop: Shop) -> None:
    shut_on(app, shop, NEXT_DAY)
    signed, unsigned = log_concern_id(app, shop), log_concern_id(app, shop)
    owed = promise(app, shop, signed, hours=1)
    app.clock.move(days=1)
    sign_off(app, shop)
    resolve_concern(app, shop, signed)
    app.clock.move(days=1)
    morning = carried(app, shop, AFTER)
    assert (ids_of(morning["concerns"]), ids_of(morning["follow_ups"])) == ([unsigned, signed], [owed])
    assert listed(app, shop, carried(app, shop, AFTER + timedelta(days=1))["still_open"]) == [unsigned]
    assert carried(app, shop, AFTER + timedelta(days=1))["concerns"] == []


def test_what_one_may_not_see_is_neither_listed_nor_counted(app: App, shop: Shop) -> None:
    hidden, seen = log_concern_id(app, shop, "colleague", sensitive=True), log_concern_id(app, shop, "colleague")
    for id_ in (hidden, seen):
        assert app.request("POST", f"/v1/concerns/{id_}/take", (shop, "manager")).status_code == 200
    app.clock.move(days=1)
    for by, theirs in (("manager", [seen, hidden]), ("floor", [seen])):
        morning = carried(app, shop, NEXT_DAY, by)
        assert ids_of(morning["concerns"]) == theirs
        assert listed(app, shop, morning["still_open"], by) == theirs


@only_on_sqlite
def test_what_is_older_is_counted_in_indexes_of_what_is_left(app: App, shop: Shop) -> None:
    with app.counting() as sent:
        carried(app, shop, NEXT_DAY)
    (asked,) = (statement for statement in sent if "IN ('open', 'broken')" in statement and "count(*)" in statement)
    with app.back_office.reading(shop.organization_id) as session:
        plan = session.connection().exec_driver_sql("EXPLAIN QUERY PLAN " + asked, ("",) * asked.count("?")).all()
    assert "ix_concern_open" in str(plan)
    assert "ix_follow_up_owed" in str(plan)
