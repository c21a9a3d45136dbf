"""Reports by hour and weekday: by the clock of the store, and never so that a row is one person's."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from itertools import combinations
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.access import GRANTS, Actor, Role
from models.concerns.concern import Concern
from models.organizations.store import Store
from models.organizations.store_terms import EarlierTerms, StoreTerms
from models.reports.clock_split import showable, shown_in_each
from models.staff.shift import EndReason, Shift
from tests.support.app import App
from tests.support.assertions import assert_invalid_value, assert_problem
from tests.support.factories.concerns import add_concern
from tests.support.factories.organizations import Shop

REPORTS = ("recovery", "remedies", "causes", "items", "follow-ups", "listening", "alerts")
JANUARY = {"from": "2026-01-01", "to": "2026-01-31"}
FEBRUARY = {"from": "2026-02-01", "to": "2026-02-28"}  # over, on the third of March
IN_FEBRUARY = datetime(2026, 2, 10, tzinfo=UTC)  # a Tuesday; in Lisbon it is the same hour
PEOPLE = ("floor", "colleague", "manager", "regional", "admin")


def report(app: App, shop: Shop, name: str = "recovery", by: str = "admin", **query: Any) -> Any:
    query = {"group_by": "hour", **FEBRUARY, **query}
    return app.request("GET", f"/v1/reports/{name}", (shop, by), query_string=query)


def by_hour(app: App, shop: Shop, **query: Any) -> dict[str | None, int]:
    """Return the concerns of each row by hour."""
    return {row["group"]["hour"]: row["concerns"] for row in report(app, shop, **query).json["rows"]}


def add_shift(
    app: App,
    shop: Shop,
    login: str,
    starts: float,
    ends: float,
    reason: EndReason | None = EndReason.CHECKED_OUT,
    *,
    on: datetime = IN_FEBRUARY,
) -> None:
    """Let somebody work in the first store, from and until these hours of a day. Without a reason it goes on."""
    with app.back_office.writing(shop.organization_id) as session:
        shift = Shift(store_id=shop.store_id, staff_id=shop.staff[login])
        shift.started_at, shift.ends_at = on + timedelta(hours=starts), on + timedelta(hours=ends)
        shift.ended_at, shift.end_reason = (shift.ends_at, reason) if reason else (None, None)
        session.add(shift)


def work(app: App, shop: Shop, hours: dict[int, int], *, on: datetime = IN_FEBRUARY) -> None:
    """Let so many people work in the first store in each of these hours, for half an hour."""
    for hour, people in hours.items():
        for login in PEOPLE[:people]:
            add_shift(app, shop, login, hour + 0.25, hour + 0.75, on=on)


def log(app: App, shop: Shop, *hours: int, on: datetime = IN_FEBRUARY) -> None:
    """Log a concern in the first store in each of these hours."""
    by = Actor(shop.organization_id, GRANTS[Role.FLOOR], None, staff_id=shop.staff["floor"])
    with app.back_office.writing(shop.organization_id) as session:
        store = session.get_one(Store, (shop.organization_id, shop.store_id))
        for hour in hours:
            session.add(Concern.log(by=by, store=store, mood=2, at=on + timedelta(hours=hour)).concern)


def test_an_hour_in_which_few_work_is_withheld_and_not_to_be_had_by_subtraction(app: App, shop: Shop) -> None:
    work(app, shop, {8: 1, 9: 3, 10: 5, 11: 4})
    log(app, shop, 8, 9, 10, 10, 11)
    add_concern(app, shop, store="second", occurred_at=IN_FEBRUARY + timedelta(hours=8))
    # What is withheld of the first store is of three people together: nine joined eight.
    assert by_hour(app, shop) == {"10": 2, "11": 1, None: 3}
    assert report(app, shop).json["totals"]["concerns"] == 6
    by_store = {
        (row["group"]["store"]["slug"], row["group"]["hour"]): row["concerns"]
        for row in report(app, shop, group_by="store,hour").json["rows"]
    }
    assert by_store == {("first", "10"): 2, ("first", "11"): 1, ("first", None): 2, ("second", None): 1}
    assert by_hour(app, shop, store_id=str(shop.store_id)) == {"10": 2, "11": 1, None: 2}
    weekdays = report(app, shop, group_by="weekday").json["rows"]
    assert [row["group"]["weekday"] for row in weekdays] == [None]  # Tuesday is the only day anybody worked
    assert weekdays[0]["checks"] == 0


def test_periods_that_differ_by_a_day_do_not_tell_its_hours(app: App, shop: Shop) -> None:
    work(app, shop, {9: 3, 10: 5, 11: 4})
    log(app, shop, 9, 10, 10, 11)
    for day in (-10, 19):  # the last of January, the first of March
        log(app, shop, 10, on=IN_FEBRUARY + timedelta(days=day))
        work(app, shop, {9: 3, 10: 5, 11: 4}, on=IN_FEBRUARY + timedelta(days=day))
    assert by_hour(app, shop) == {"10": 2, "11": 1, None: 1}
    for longer in ({"to": "2026-03-01"}, {"from": "2026-01-31"}):
        assert by_hour(app, shop, **longer) == {"10": 2, "11": 1, None: 2}
        unsplit = report(app, shop, **longer, group_by="channel").json
        assert report(app, shop, **longer).json["totals"] == unsplit["totals"]
    compared = report(app, shop, to="2026-03-01", compare_to="previous").json["compared"]
    assert (compared["from"], compared["to"]) == ("2026-01-03", "2026-01-31")
    assert [(row["group"]["hour"], row["concerns"]) for row in compared["rows"]] == [(None, 1)]


def test_a_period_without_a_whole_month_that_is_over_is_refused(app: App, shop: Shop) -> None:
    add_concern(app, shop, cost=250)
    for name in REPORTS:
        assert report(app, shop, name).status_code == report(app, shop, name, group_by="weekday").status_code == 200
        assert_invalid_value(report(app, shop, name, to="2026-02-27"), "query", "/group_by")
        assert_invalid_value(report(app, shop, name, group_by="hour,weekday"), "query", "/group_by")
    for by in ("hour,day", "weekday,week", "hour,month"):
        assert_invalid_value(report(app, shop, group_by=by), "query", "/group_by")
    for first, last, month in (
        ("2026-01-02", "2026-02-27", "2026-01-01 to 2026-01-31"),
        ("2026-03-01", "2026-03-31", "2026-02-01 to 2026-02-28"),
        ("2027-01-01", "2027-12-31", "2026-02-01 to 2026-02-28"),
    ):
        assert month in assert_problem(report(app, shop, **{"from": first, "to": last}), 422, "invalid")["detail"]
    assert report(app, shop, **{"from": "2026-01-01", "to": "2026-12-31"}).status_code == 200
    app.clock.at = datetime(2026, 3, 1, 23, 59, tzinfo=UTC)  # somewhere it is still the last of February
    assert_invalid_value(report(app, shop), "query", "/group_by")
    app.clock.at = datetime(2026, 3, 2, tzinfo=UTC)
    assert report(app, shop).status_code == 200


def test_months_subtracted_from_each_other_do_not_tell_an_hour_in_which_few_work(app: App, shop: Shop) -> None:
    in_january = IN_FEBRUARY - timedelta(days=31)
    work(app, shop, {8: 1, 9: 3, 10: 4, 11: 4}, on=in_january)
    work(app, shop, {8: 1, 9: 5, 10: 3, 11: 5})
    for day in (in_january, IN_FEBRUARY):
        log(app, shop, 8, 9, 10, 11, on=day)
    assert by_hour(app, shop, **JANUARY) == {"10": 1, "11": 1, None: 2}
    assert by_hour(app, shop) == {"09": 1, "11": 1, None: 2}
    # With nine or ten of both months the one that is withheld in one of them were known, and so eight.
    assert by_hour(app, shop, **{"from": JANUARY["from"]}) == {"11": 2, None: 6}


def test_who_did_not_check_out_counts_in_the_hour_of_the_check_in_only(app: App, shop: Shop) -> None:
    work(app, shop, {6: 2})
    add_shift(app, shop, "manager", 7.25, 7.75)  # with those at six there are three, so that nothing joins them
    reasons = (EndReason.RAN_OUT, EndReason.BY_COLLEAGUE, EndReason.STORE_CLOSED, None)
    for login, reason in zip(PEOPLE, reasons, strict=False):
        add_shift(app, shop, login, 9, 17, reason)
    log(app, shop, 9, 10, 16)
    assert by_hour(app, shop) == {"09": 1, None: 2}
    for login in PEOPLE[:3]:
        add_shift(app, shop, login, 9.5, 11)
    log(app, shop, 11)
    assert by_hour(app, shop) == {"09": 1, "10": 1, None: 2}


def test_a_shift_counts_in_the_hours_of_the_business_day_for_which_it_began(app: App, shop: Shop) -> None:
    work(app, shop, {20: 2})
    add_shift(app, shop, "manager", 21.25, 21.75)
    last = datetime(2026, 2, 28, tzinfo=UTC)  # which lasts until four in the morning
    for login in PEOPLE[:3]:
        add_shift(app, shop, login, 23.5, 24 + 6, on=last)
    log(app, shop, 24 + 3, on=last)
    log(app, shop, 5)
    assert by_hour(app, shop) == {"03": 1, None: 1}
    for login in PEOPLE[:3]:
        add_shift(app, shop, login, 3.75, 6, on=last)  # for the day that begins at four
    log(app, shop, 4)
    assert by_hour(app, shop) == {"03": 1, "04": 1, "05": 1}


@pytest.mark.parametrize("terms", [("America/New_York", time(4)), ("Europe/Lisbon", time(6))])
def test_a_store_shows_no_hours_and_weekdays_of_months_with_other_days(
    app: App, shop: Shop, terms: tuple[str, time]
) -> None:
    for day in range(3):
        work(app, shop, {9: 3, 10: 5, 11: 4}, on=IN_FEBRUARY + timedelta(days=day))
    log(app, shop, 9, 10, on=IN_FEBRUARY + timedelta(days=2))
    for since, hours, weekdays in ((date(2026, 2, 2), [None], [None]), (date(2026, 2, 1), ["10", None], ["thursday"])):
        with app.back_office.writing(shop.organization_id) as session:
            store = session.get_one(Store, (shop.organization_id, shop.store_id))
            store.terms_from = since
            store.earlier_terms = [EarlierTerms(since, StoreTerms(*terms, "EUR")).to_json()]
        assert [row["group"]["hour"] for row in report(app, shop).json["rows"]] == hours
        assert [row["group"]["weekday"] for row in report(app, shop, group_by="weekday").json["rows"]] == weekdays


def test_what_is_shown_and_what_is_not_have_three_people_each() -> None:
    ada, bea, cem, dan = (UUID(int=number) for number in range(4))
    assert showable({0: set(), 1: {ada, bea}, 2: {ada, bea, cem}, 3: {ada, bea, cem, dan}}) == {3}
    assert showable({0: {ada}, 1: {bea}, 2: {cem}, 3: {ada, bea, cem}}) == {3}
    assert showable({0: {ada}, 1: {ada, bea}}) == frozenset()
    assert showable({0: {ada, bea, cem}}) == {0}


CELLS = range(6)
SOME_PEOPLE = st.sets(st.sampled_from([UUID(int=number) for number in range(6)]))
MONTH = st.fixed_dictionaries(dict.fromkeys(CELLS, SOME_PEOPLE))


@given(months=st.lists(MONTH, min_size=3, max_size=4))
def test_no_sum_or_difference_of_periods_tells_an_hour_of_a_month_in_which_few_worked(
    months: list[Mapping[int, set[UUID]]],
) -> None:
    # Every figure of every period is a sum of these of each month: the hours that it shows alone, and all others of it
    # together, which no period tells apart. So it is enough that each of these has three people.
    for first, last in combinations(range(len(months) + 1), 2):
        shown = shown_in_each(months[first:last])
        for month in months[first:last]:
            alone = shown_in_each([month])
            assert shown <= alone
            assert all(len(month[cell]) >= 3 for cell in shown)
            withheld = set[UUID]().union(*(month[cell] for cell in CELLS if cell not in alone))
            assert alone in (set(), {*CELLS}) or len(withheld) >= 3
