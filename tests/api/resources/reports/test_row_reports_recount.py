"""Every figure of the reports that read rows, beside a recount."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import combinations
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.schemas.reports.base import CONCERNS, STORES_AND_TIME
from models.reports.grouping import GroupBy
from tests.support.app import App
from tests.support.assertions import matches_recount
from tests.support.databases import Databases, only_on_sqlite
from tests.support.factories.organizations import Shop, make_shop
from tests.support.factories.store_groups import make_store_groups
from tests.support.generators.histories import BEGIN, END, add_store_abroad, live
from tests.support.generators.history_events import live_on
from tests.support.oracle.report_recount import ReportRows, read_report_rows, recount_report
from tests.support.profiles import by_profile, examples
from tests.support.sign_in import sign_in_again

FROM, TO = BEGIN.date() - timedelta(days=50), END.date() + timedelta(days=1)
MONTHS_ARE_OVER = END + timedelta(days=4)
FITTING = {
    "remedies": CONCERNS,
    "causes": (GroupBy.CHANNEL, *STORES_AND_TIME),
    "items": CONCERNS,
    "follow-ups": (GroupBy.KIND, *STORES_AND_TIME),
    "listening": (GroupBy.QUESTION, *STORES_AND_TIME),
    "alerts": CONCERNS,
}
BY_CATEGORY = ("remedies", "causes", "items", "alerts")
# More than five seconds: every grouping of every report is asked for, in the quick profile every sixth pair.
EVERY = by_profile(quick=6, deep=1)
TIMES = {"day", "week", "month", "weekday", "hour"}


def is_answered(group_by: tuple[str, ...]) -> bool:
    """Return whether a report may be grouped like that: by hour or weekday there is no other time."""
    return not {"weekday", "hour"} & set(group_by) or len(TIMES & set(group_by)) == 1


GROUPINGS = {
    name: [
        (),
        *((by,) for by in fitting),
        *[*filter(is_answered, combinations(fitting, 2))][::EVERY],
        (fitting[-1], fitting[0]),
    ]
    for name, fitting in FITTING.items()
}
SEED = 20260304


def report(app: App, shop: Shop, name: str, by: str = "admin", **query: Any) -> dict[str, Any]:
    params = {"from": FROM.isoformat(), "to": TO.isoformat(), **{key: str(value) for key, value in query.items()}}
    answer = app.request("GET", f"/v1/reports/{name}", (shop, by), query_string=params)
    assert answer.status_code == 200, answer.text
    return {"rows": answer.json["rows"], "totals": answer.json["totals"]}


def lived(app: App, shop: Shop, rng: Random, *, concerns: int) -> ReportRows:
    store_ids = here, there, _ = [shop.store_id, shop.other_store_id, add_store_abroad(app.back_office, shop)]
    make_store_groups(app.back_office, shop, {"lanterns": [here, there], "river": [here]})  # two of one, one of none
    live(app.back_office, shop, rng, concerns=concerns)
    live_on(app.back_office, shop, rng)
    with app.database.reading(shop.organization_id) as session:
        rows = read_report_rows(session, store_ids)
    return replace(rows, raw=replace(rows.raw, today=app.clock.at.date()))


History = tuple[App, Shop, ReportRows]


@pytest.fixture(scope="module")
def history(databases: Databases, database_kind: str) -> Iterator[History]:
    """A history of two organizations, of which one is looked at and none is changed; it is made once per run."""

    def fill(url: str) -> tuple[Shop, ReportRows, datetime]:
        with closing(App(url)) as app:
            shop = make_shop(app.back_office)
            more = lived(app, shop, Random(SEED), concerns=100)
            lived(app, make_shop(app.back_office, "stranger"), Random(SEED + 1), concerns=20)
            return shop, more, app.clock.at

    with databases.copy(database_kind, "row-history", fill) as (url, (shop, more, at)), closing(App(url)) as app:
        app.clock.at = max(at, MONTHS_ARE_OVER)
        more.raw.today = app.clock.at.date()
        sign_in_again(app, shop, "hq", "admin")
        yield app, shop, more


def test_each_report_is_a_recount_of_the_rows_however_it_is_grouped(history: History) -> None:
    app, shop, told = history
    for name, groupings in GROUPINGS.items():
        for group_by in groupings:
            recounted = recount_report(told, name, from_date=FROM, to_date=TO, group_by=group_by)
            assert matches_recount(report(app, shop, name, group_by=",".join(group_by)), recounted), (name, group_by)


def test_head_office_reads_the_names_of_confirmed_items_and_the_count_of_the_others(history: History) -> None:
    app, shop, rows = history
    for group_by in ((), ("store",), ("week",), ("cause", "group")):
        days: dict[str, Any] = {"from_date": FROM, "to_date": TO}
        recounted = recount_report(rows, "items", by_head_office=True, group_by=group_by, **days)
        assert matches_recount(report(app, shop, "items", "hq", group_by=",".join(group_by)), recounted), group_by
    names = [row["group"]["item"] for row in report(app, shop, "items", "hq")["rows"]]
    assert sorted((item["name"], item["slug"]) for item in names if item["slug"]) == [("Bread", "bread")]
    assert {item["name"] for item in names if not item["slug"]} == {"Soup of the day", "unconfirmed"}


def test_the_history_has_something_of_everything(history: History) -> None:
    app, shop, _ = history
    totals = {name: report(app, shop, name)["totals"] for name in FITTING}
    assert totals["remedies"]["concerns"] < totals["remedies"]["times"]
    assert 0 < totals["causes"]["raised_since_fixed"] < totals["causes"]["concerns"]
    assert 0 < totals["items"]["concerns"] < totals["items"]["share"]["denominator"]
    assert all(value for name, value in totals["follow-ups"].items())
    assert 0 < totals["follow-ups"]["kept_late"] < totals["follow-ups"]["broken"]
    rang = totals["alerts"]
    assert 0 < rang["rang"] < rang["alerts"]
    assert 0 < rang["phones_opened"] < rang["phones_received"]
    assert all(rang[name] for name in ("taken", "unanswered", "phones_told"))
    assert rang["minutes_to_show"]["p90"] > 0
    assert all(totals["listening"][name]["value"] for name in ("read_back_share", "question_asked_share", "ask_rate"))


def test_each_report_of_some_days_and_stores_is_a_recount_of_their_rows(history: History) -> None:
    app, shop, told = history
    first, last = date(2026, 3, 8), date(2026, 3, 29)
    days = {"from": first, "to": last}
    filters: list[dict[str, Any]] = [{"region_id": shop.region_id}, {"store_id": shop.other_store_id}]
    filters += [{"group_id": id_} for id_ in told.raw.named["store_group"]]
    for name in FITTING:
        of_category = [{"category": "food", "store_id": shop.store_id}]
        for chosen in [*filters, *(of_category if name in BY_CATEGORY else [])]:
            recounted = recount_report(told, name, from_date=first, to_date=last, group_by=("week",), **chosen)
            assert matches_recount(report(app, shop, name, group_by="week", **days, **chosen), recounted), (
                name,
                chosen,
            )


@only_on_sqlite
@examples(quick=4, deep=8)
@given(
    rng=st.randoms(use_true_random=False),
    concerns=st.integers(0, 6),
    asked=st.sampled_from([(name, group_by) for name, groupings in GROUPINGS.items() for group_by in groupings]),
)
def test_whatever_happens_report_and_recount_agree(
    app: App, rng: Random, concerns: int, asked: tuple[str, tuple[str, ...]]
) -> None:
    shop = make_shop(app.back_office, f"shop-{app.clock.move(seconds=1):%H%M%S}")
    more, (name, group_by) = lived(app, shop, rng, concerns=concerns), asked
    recounted = recount_report(more, name, from_date=FROM, to_date=TO, group_by=group_by)
    assert matches_recount(report(app, shop, name, group_by=",".join(group_by)), recounted), asked
