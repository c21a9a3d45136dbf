"""Every figure of the recovery report and the daily log, beside a recount of the raw rows."""

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import combinations
from random import Random
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.reports.grouping import RECOVERY_DIMENSIONS
from tests.support.app import App
from tests.support.assertions import assert_invalid_value, counted_part, matches_recount
from tests.support.databases import Databases, only_on_sqlite
from tests.support.factories.organizations import Shop, make_shop
from tests.support.factories.store_groups import make_store_groups
from tests.support.generators.histories import BEGIN, END, add_store_abroad, live
from tests.support.oracle.raw_rows import RawRows, months_over, read_raw_rows
from tests.support.oracle.recovery_recount import recount, recount_day
from tests.support.profiles import examples
from tests.support.sign_in import sign_in_again

FROM, TO = BEGIN.date() - timedelta(days=50), END.date() + timedelta(days=1)
MONTHS_ARE_OVER = END + timedelta(days=4)
# More than five seconds: every grouping there is is asked for, and each day of both logs.
EVERY = [(), *((by,) for by in RECOVERY_DIMENSIONS), *combinations(RECOVERY_DIMENSIONS, 2)]
TIMES = {"day", "week", "month", "weekday", "hour"}


def is_answered(group_by: tuple[str, ...]) -> bool:
    """Return whether a report may be grouped like that: by hour or weekday there is no other time."""
    return not {"weekday", "hour"} & set(group_by) or len(TIMES & set(group_by)) == 1


GROUPINGS = [group_by for group_by in EVERY if is_answered(group_by)]
SEED = 20260303
COUNTED = ("concerns", "follow_ups_due", "follow_ups_kept", "checks")


def stores_of(app: App, shop: Shop) -> list[UUID]:
    """The stores of the shop: one is in two groups, one in none."""
    here, there, abroad = shop.store_id, shop.other_store_id, add_store_abroad(app.back_office, shop)
    make_store_groups(app.back_office, shop, {"lanterns": [here, there], "river": [here], "empty": []})
    return [here, there, abroad]


def rows_of(app: App, shop: Shop, store_ids: list[UUID]) -> RawRows:
    with app.database.reading(shop.organization_id) as session:
        return replace(read_raw_rows(session, store_ids), today=app.clock.at.date())


def report(app: App, shop: Shop, **query: Any) -> dict[str, Any]:
    params = {"from": FROM.isoformat(), "to": TO.isoformat(), **{key: str(value) for key, value in query.items()}}
    answer = app.request("GET", "/v1/reports/recovery", (shop, "hq"), query_string=params)
    assert answer.status_code == 200, answer.text
    return counted_part(answer.json)


History = tuple[App, Shop, RawRows]


@pytest.fixture(scope="module")
def history(databases: Databases, database_kind: str) -> Iterator[History]:
    """A history of two organizations, of which one is looked at and none is changed; it is made once per run."""

    def fill(url: str) -> tuple[Shop, list[UUID], datetime]:
        with closing(App(url)) as app:
            shop = make_shop(app.back_office)
            store_ids = stores_of(app, shop)
            live(app.back_office, shop, Random(SEED), concerns=150)
            stranger = make_shop(app.back_office, "stranger")
            live(app.back_office, stranger, Random(SEED + 1), concerns=20)
            return shop, store_ids, app.clock.at

    copied = databases.copy(database_kind, "recovery-history", fill)
    with copied as (url, (shop, store_ids, at)), closing(App(url)) as app:
        app.clock.at = max(at, MONTHS_ARE_OVER)
        sign_in_again(app, shop, "hq", "admin")
        yield app, shop, rows_of(app, shop, store_ids)


def test_the_report_is_a_recount_of_the_rows_however_it_is_grouped(history: History) -> None:
    app, shop, told = history
    for group_by in GROUPINGS:
        recounted = recount(told, from_date=FROM, to_date=TO, group_by=group_by)
        assert matches_recount(report(app, shop, group_by=",".join(group_by)), recounted), group_by
    hours = [row["group"]["hour"] for row in report(app, shop, group_by="hour")["rows"]]
    assert hours[-1] is None  # of some stores some are withheld
    assert len(hours) > 12
    totals = recounted["totals"]  # the history has something of everything, or this would show nothing
    assert 0 < totals["unused_trust"]["numerator"] < totals["lost"]
    assert all(totals[name] for name in ("lost", "open", "late", "reopened", "on_the_spot", "unanswered_alerts"))
    assert all(totals[name] for name in ("praise", "voided", "reclassified"))
    assert len(totals["cost"]) == 2
    assert 0 < totals["feedback_answered"] < totals["feedback_asked"]
    assert all((*totals["rating"].values(), *totals["recommend"].values(), totals["feedback_suspect"]))
    assert 0 < totals["unsigned_days"] < totals["days_with_concerns"]


def test_the_report_of_some_days_and_stores_is_a_recount_of_their_rows(history: History) -> None:
    app, shop, told = history
    filters: list[dict[str, Any]] = [
        {"category": "food"},
        {"region_id": shop.region_id},
        {"store_id": shop.other_store_id},
        *({"group_id": id_} for id_ in told.named["store_group"]),
        {"category": "waiting-time", "store_id": shop.store_id},
    ]
    for chosen in filters:
        recounted = recount(told, from_date=FROM, to_date=TO, group_by=("cause", "week"), **chosen)
        assert matches_recount(report(app, shop, group_by="cause,week", **chosen), recounted), chosen
    for group_id in told.named["store_group"]:
        recounted = recount(told, from_date=FROM, to_date=TO, group_by=("group", "month"), group_id=group_id)
        # A store of this group that is in another one too: of that there would be half, under its full name.
        recounted["rows"] = [row for row in recounted["rows"] if row["group"]["group"]["id"] == str(group_id)]
        assert matches_recount(report(app, shop, group_by="group,month", group_id=group_id), recounted)
    first, last = date(2026, 3, 8), date(2026, 3, 29)
    narrow = report(app, shop, **{"from": first, "to": last, "group_by": "day,store"})
    assert matches_recount(narrow, recount(told, from_date=first, to_date=last, group_by=("day", "store")))
    days = [row["group"]["day"] for row in narrow["rows"]]
    assert (min(days), max(days)) == (first.isoformat(), last.isoformat())


def test_the_figures_of_every_day_are_a_recount_of_its_rows(history: History) -> None:
    app, shop, told = history
    seen: Counter[str] = Counter()
    rates = 0
    for store_id in (shop.store_id, told_abroad(told, shop)):
        for day in range((END - BEGIN).days + 1):
            business_date = BEGIN.date() + timedelta(days=day)
            path = f"/v1/stores/{store_id}/recovery-logs/{business_date}"
            log = app.request("GET", path, (shop, "admin")).json
            assert log["figures"] == recount_day(told, store_id, business_date), path
            assert len(log["concerns"]) == log["figures"]["concerns"]
            assert len(log["praise"]) == log["figures"]["praise"]
            assert len(log["late_entries"]) == log["figures"]["late"]
            assert len(log["needs_you_now"]["open_concerns"]) == log["figures"]["open"]
            seen.update({name: log["figures"][name] for name in COUNTED})
            rates += log["figures"]["ask_rate"]["value"] is not None
    assert min(seen[name] for name in COUNTED) > 10
    assert seen["follow_ups_kept"] < seen["follow_ups_due"]
    assert rates > 5


def told_abroad(told: RawRows, shop: Shop) -> UUID:
    (abroad,) = told.named["store"].keys() - {shop.store_id, shop.other_store_id}
    return abroad


DAYS = st.dates(FROM, TO + timedelta(days=3))


@examples(quick=8, deep=60)
@given(days=st.tuples(DAYS, DAYS).map(sorted), today=DAYS, by=st.sampled_from(["hour", "weekday"]))
def test_hours_of_any_period_on_any_day_are_a_recount_of_the_rows(
    history: History, days: list[date], today: date, by: str
) -> None:
    app, shop, told = history
    later = app.clock.at
    app.clock.at = datetime.combine(today, time(), UTC)
    try:
        first, last = days
        query = {"from": str(first), "to": str(last), "group_by": f"{by},channel"}
        answer = app.request("GET", "/v1/reports/recovery", (shop, "key"), query_string=query)
        if months_over(first, last, today):
            counted = recount(replace(told, today=today), from_date=first, to_date=last, group_by=(by, "channel"))
            assert matches_recount(counted_part(answer.json), counted), (query, today)
        else:
            assert_invalid_value(answer, "query", "/group_by")
    finally:
        app.clock.at = later


@only_on_sqlite
@examples(quick=4, deep=8)
@given(rng=st.randoms(use_true_random=False), concerns=st.integers(0, 6), group_by=st.sampled_from(GROUPINGS))
def test_whatever_happens_report_and_recount_agree(
    app: App, rng: Random, concerns: int, group_by: tuple[str, ...]
) -> None:
    shop = make_shop(app.back_office, f"shop-{app.clock.move(seconds=1):%H%M%S}")
    store_ids = stores_of(app, shop)
    live(app.back_office, shop, rng, concerns=concerns)
    recounted = recount(rows_of(app, shop, store_ids), from_date=FROM, to_date=TO, group_by=group_by)
    assert matches_recount(report(app, shop, group_by=",".join(group_by)), recounted)
