"""Reports by hour and weekday: by the clock of the store, and never so that a row is one person's."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from models.reports.clock_split import showable
from models.staff.shift import EndReason, Shift
from tests.support.app import App
from tests.support.assertions import assert_invalid_value
from tests.support.factories.concerns import add_concern
from tests.support.factories.organizations import Shop

REPORTS = ("recovery", "remedies", "causes", "items", "follow-ups", "listening", "alerts")
FOUR_WEEKS = {"from": "2026-02-10", "to": "2026-03-09"}
EIGHT = datetime(2026, 3, 3, 8, tzinfo=UTC)  # in Lisbon, too
PEOPLE = ("floor", "colleague", "manager", "regional", "admin")


def report(app: App, shop: Shop, name: str = "recovery", by: str = "admin", **query: Any) -> Any:
    return app.request("GET", f"/v1/reports/{name}", (shop, by), query_string={**FOUR_WEEKS, **query})


def work(app: App, shop: Shop, hours: dict[int, int]) -> None:
    """Let so many people work in the first store in each of these hours, for half an hour."""
    with app.back_office.writing(shop.organization_id) as session:
        for hour, people in hours.items():
            for login in PEOPLE[:people]:
                started_at = EIGHT + timedelta(hours=hour - 8, minutes=15)
                ends_at = started_at + timedelta(minutes=30)
                shift = Shift(store_id=shop.store_id, staff_id=shop.staff[login], started_at=started_at)
                shift.ended_at, shift.ends_at, shift.end_reason = ends_at, ends_at, EndReason.CHECKED_OUT
                session.add(shift)


def test_an_hour_in_which_few_work_is_withheld_and_not_to_be_had_by_subtraction(app: App, shop: Shop) -> None:
    work(app, shop, {8: 1, 9: 3, 10: 5, 11: 4})
    for hour in (8, 9, 10, 10, 11):
        add_concern(app, shop, occurred_at=EIGHT + timedelta(hours=hour - 8))
    add_concern(app, shop, store="second", occurred_at=EIGHT)
    answer = report(app, shop, group_by="hour").json
    counts = {row["group"]["hour"]: row["concerns"] for row in answer["rows"]}
    # What is withheld of the first store is of three people together: nine joined eight.
    assert counts == {"10": 2, "11": 1, None: 3}
    assert answer["totals"]["concerns"] == 6
    by_store = {
        (row["group"]["store"]["slug"], row["group"]["hour"]): row["concerns"]
        for row in report(app, shop, group_by="store,hour").json["rows"]
    }
    assert by_store == {("first", "10"): 2, ("first", "11"): 1, ("first", None): 2, ("second", None): 1}
    weekdays = report(app, shop, group_by="weekday").json["rows"]
    assert [row["group"]["weekday"] for row in weekdays] == [None]  # Tuesday is the only day anybody worked
    assert weekdays[0]["checks"] == 0


def test_every_report_is_grouped_by_hour_and_weekday_from_four_weeks_on(app: App, shop: Shop) -> None:
    add_concern(app, shop, cost=250)
    for name in REPORTS:
        for by in ("hour", "weekday"):
            assert report(app, shop, name, group_by=by).status_code == 200, (name, by)
            assert_invalid_value(report(app, shop, name, group_by=by, to="2026-03-08"), "query", "/group_by")
        for by in ("hour,weekday", "hour,day", "weekday,week", "hour,month"):
            assert_invalid_value(report(app, shop, name, group_by=by), "query", "/group_by")
    earlier = report(app, shop, group_by="hour", compare_to="previous").json["compared"]
    assert (earlier["from"], earlier["to"]) == ("2026-01-13", "2026-02-09")


def test_what_is_shown_and_what_is_not_have_three_people_each() -> None:
    ada, bea, cem, dan = (UUID(int=number) for number in range(4))
    assert showable({0: set(), 1: {ada, bea}, 2: {ada, bea, cem}, 3: {ada, bea, cem, dan}}) == {3}
    assert showable({0: {ada}, 1: {bea}, 2: {cem}, 3: {ada, bea, cem}}) == {3}
    assert showable({0: {ada}, 1: {ada, bea}}) == frozenset()
    assert showable({0: {ada, bea, cem}}) == {0}
