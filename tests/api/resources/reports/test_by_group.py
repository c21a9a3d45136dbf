"""Reports by group of stores: a store in two groups counts in both rows, and once in the totals."""

from typing import Any

import pytest

from models.concerns.enums import Outcome
from tests.support.app import App
from tests.support.assertions import assert_invalid_value
from tests.support.clock import NOON
from tests.support.factories.concerns import add_concern, log_concern
from tests.support.factories.organizations import Shop
from tests.support.factories.store_groups import make_store_groups
from tests.support.reports import MARCH, recovery_report, refresh_rollups
from tests.support.tables import read_csv

OTHERS = ("remedies", "causes", "items", "follow-ups", "listening", "alerts")
CALL = {"what": "We call you.", "kind": "call", "due_at": "2026-03-04T12:00:00Z"}


def by_group(answer: Any, figure: str = "concerns") -> list[tuple[str | None, int]]:
    assert answer.status_code == 200, answer.text
    return [((row["group"]["group"] or {"slug": None})["slug"], row[figure]) for row in answer.json["rows"]]


@pytest.fixture
def grouped(app: App, shop: Shop) -> Shop:
    """The first store has two concerns and is in two groups; the second has one and is in none."""
    make_store_groups(app.back_office, shop, {"river": [shop.store_id], "lanterns": [shop.store_id], "empty": []})
    for store in ("first", "first", "second"):
        add_concern(app, shop, store=store, outcome=Outcome.RECOVERED, cost=100)
    return shop


def test_a_store_counts_in_each_of_its_groups_and_once_in_the_totals(app: App, grouped: Shop) -> None:
    for _ in ("marked", "kept"):
        answer = recovery_report(app, grouped, group_by="group")
        assert by_group(answer) == [("lanterns", 2), ("river", 2), (None, 1)]
        totals = answer.json["totals"]
        assert (totals["concerns"], totals["recovered"]) == (3, 3)
        assert totals["cost"] == [{"amount": 300, "currency": "EUR"}]
        assert totals == recovery_report(app, grouped).json["totals"]
        refresh_rollups(app.back_office)


def test_a_group_is_reported_by_month_and_in_the_order_of_labels(app: App, grouped: Shop) -> None:
    rows = recovery_report(app, grouped, group_by="month,group").json["rows"]
    counts = [(row["group"]["month"], (row["group"]["group"] or {}).get("name"), row["concerns"]) for row in rows]
    assert counts == [("2026-03", "Lanterns", 2), ("2026-03", "River", 2), ("2026-03", None, 1)]
    before = recovery_report(app, grouped, group_by="group", compare_to="last_year").json["compared"]
    assert (before["rows"], before["totals"]["concerns"]) == ([], 0)


def test_a_report_of_one_group_is_of_its_stores_as_far_as_one_sees_them(app: App, shop: Shop) -> None:
    both, second = [shop.store_id, shop.other_store_id], [shop.other_store_id]
    groups = make_store_groups(app.back_office, shop, {"both": both, "second": second})
    for store in ("first", "first", "second"):
        add_concern(app, shop, store=store)

    def count_concerns(by: str, **query: Any) -> int:
        concerns: int = recovery_report(app, shop, by, **query).json["totals"]["concerns"]
        return concerns

    assert [count_concerns("hq", group_id=groups[slug]) for slug in groups] == [3, 1]
    assert count_concerns("manager", group_id=groups["both"]) == 2
    assert count_concerns("hq", group_id=groups["both"], region_id=shop.region_id) == 2
    assert count_concerns("hq", group_id=groups["both"], compare_to="previous") == 3
    assert by_group(recovery_report(app, shop, "manager", group_by="group")) == [("both", 2)]
    assert by_group(recovery_report(app, shop, group_by="group", group_id=groups["second"])) == [("second", 1)]
    assert_invalid_value(recovery_report(app, shop, group_id="both"), "query", "/group_id")


@pytest.mark.parametrize("name", OTHERS)
def test_no_other_report_counts_a_store_twice_in_its_totals(app: App, shop: Shop, name: str) -> None:
    in_two = {"lanterns": [shop.store_id], "river": [shop.store_id], "empty": []}
    groups = make_store_groups(app.back_office, shop, in_two)
    fields = {"mood": 1, "items": [{"name": "Soup"}], "recovery_actions": [{"remedy": "remake"}]}
    concern = log_concern(app, shop, **fields)
    path = f"/v1/concerns/{concern['id']}/follow-ups"
    assert app.request("POST", path, (shop, "floor"), json=CALL).status_code == 201

    def get_report(**query: Any) -> Any:
        answer = app.request("GET", f"/v1/reports/{name}", (shop, "admin"), query_string={**MARCH, **query})
        assert answer.status_code == 200, answer.text
        return answer.json

    plain, grouped = get_report(), get_report(group_by="group")
    assert [row["group"]["group"]["slug"] for row in grouped["rows"]] == ["lanterns", "river"]
    assert grouped["totals"] == plain["totals"]
    of_one = get_report(group_by="group", group_id=groups["river"])
    assert (of_one["rows"], of_one["totals"]) == (grouped["rows"][1:], plain["totals"])
    assert 1 in plain["totals"].values()
    assert {**grouped["rows"][0], "group": None} == {**plain["rows"][0], "group": None}
    assert get_report(group_id=groups["river"])["totals"] == plain["totals"]
    assert get_report(group_id=groups["empty"])["totals"] != plain["totals"]


def test_a_table_has_the_columns_of_the_group(app: App, grouped: Shop) -> None:
    lines = read_csv(recovery_report(app, grouped, accept="text/csv", group_by="group,day").text)
    names = ("line", "group_slug", "group_name", "day", "concerns")
    assert [tuple(line[name] for name in names) for line in lines] == [
        ("group", "lanterns", "Lanterns", str(NOON.date()), "2"),
        ("group", "river", "River", str(NOON.date()), "2"),
        ("group", "", "", str(NOON.date()), "1"),
        ("total", "", "", "", "3"),
    ]
