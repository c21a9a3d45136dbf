"""Every figure of the demo's reports and daily logs: none is empty, and each is a recount of the raw rows."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.support.app import App
from tests.support.assertions import counted_part, matches_recount
from tests.support.clock import NOON
from tests.support.databases import Databases
from tests.support.demo import seeded_demo, token_of
from tests.support.oracle.recovery_recount import recount, recount_day
from tests.support.oracle.report_recount import COUNTERS, ReportRows, recount_report

TODAY = NOON.date()
FIRST = TODAY - timedelta(days=60)
DAYS = {"from": FIRST.isoformat(), "to": TODAY.isoformat()}
GROUPINGS = ((), ("region", "month"), ("store", "week"), ("category", "cause"), ("channel",), ("day",))
# Not figures: the group of the totals, what compares stores with each other, and hints where a figure is odd.
NO_FIGURES = {"group", "control", "ask_rate_note"}

Demo = tuple[App, dict[str, UUID], ReportRows, str]


@pytest.fixture(scope="module")
def demo(databases: Databases, database_kind: str) -> Iterator[Demo]:
    """The demo with its stores by slug, its raw rows and a sign-in of the administrator."""
    with seeded_demo(databases, database_kind) as (app, stores, rows):
        yield app, stores, rows, token_of(app, "admin")


def ask(app: App, token: str, path: str, **query: str) -> Any:
    answer = app.request("GET", path, headers={"Authorization": f"Bearer {token}"}, query_string=query)
    assert answer.status_code == 200, answer.text
    return answer.json


# More than five seconds: the fixture seeds sixty days.
def test_no_figure_of_the_demo_is_empty_and_each_is_a_recount(demo: Demo) -> None:
    app, stores, rows, admin = demo
    assert 600 < len(rows.raw.concerns) < 1200
    actions = [action for of_concern in rows.raw.actions.values() for action in of_concern]
    assert {action["status"] for action in actions} == {"done", "declined", "expired", "reversed"}
    assert {action["settlement"] for action in actions} >= {"none", "recorded", "settled", "failed"}
    for slug, store_id in stores.items():
        query = {**DAYS, "store_id": str(store_id)}
        shown = ask(app, admin, "/v1/reports/recovery", **query)
        assert empty_figures(shown["totals"]) == [], slug
        counted = recount(rows.raw, from_date=FIRST, to_date=TODAY, store_id=store_id)
        assert matches_recount(counted_part(shown), counted), slug
        for name in COUNTERS:
            shown = ask(app, admin, f"/v1/reports/{name}", **query)
            assert empty_figures(shown["totals"]) == [], (name, slug)
            counted = recount_report(rows, name, from_date=FIRST, to_date=TODAY, store_id=store_id)
            assert matches_recount({"rows": shown["rows"], "totals": shown["totals"]}, counted), (name, slug)
        fixes = ask(app, admin, "/v1/fixes", store_id=str(store_id))["items"]
        fixes = [ask(app, admin, f"/v1/fixes/{fix['id']}")["figures"] for fix in fixes]
        of_each = {name: [figures[name] for figures in fixes] for name in fixes[0]}
        assert [name for name, values in of_each.items() if all(empty_figures(value) for value in values)] == [], slug


def test_the_demo_shows_what_its_rows_say_however_it_is_grouped(demo: Demo) -> None:
    app, stores, rows, admin = demo
    for group_by in GROUPINGS:
        shown = ask(app, admin, "/v1/reports/recovery", **DAYS, group_by=",".join(group_by))
        counted = recount(rows.raw, from_date=FIRST, to_date=TODAY, group_by=group_by)
        assert matches_recount(counted_part(shown), counted), group_by
    for store_id in stores.values():
        for days_ago in (1, 2, 17, 60):
            day = TODAY - timedelta(days=days_ago)
            log = ask(app, admin, f"/v1/stores/{store_id}/recovery-logs/{day}")
            assert log["figures"] == recount_day(rows.raw, store_id, day), (store_id, day)


def empty_figures(figures: Any, path: str = "") -> list[str]:
    """Return where an answer has no figure: null, 0 or an empty list."""
    match figures:
        case dict():
            names = figures.keys() - NO_FIGURES
            return [empty for name in names for empty in empty_figures(figures[name], f"{path}/{name}")]
        case list() if figures:
            return [empty for inner in figures for empty in empty_figures(inner, path)]
        case None | 0 | []:
            return [path]
    return []
