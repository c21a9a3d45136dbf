"""The recovery report beside others: stores beside all of them, a period beside the one before; how much it carries."""

from datetime import timedelta

import pytest

from models.reports import reading
from models.reports.refresh import refresh
from models.terms import Outcome
from tests.factories import NOON, Shop
from tests.reporting import report, tell
from tests.world import World


def test_a_store_that_differs_by_more_than_chance_is_told(world: World, shop: Shop) -> None:
    for number in range(60):
        tell(world, shop, outcome=Outcome.RECOVERED)
        tell(world, shop, store="second", outcome=Outcome.RECOVERED if number % 3 == 0 else Outcome.LOST)
    day = {"covers": None, "transactions": 1000, "sales": None}
    for store_id in (shop.store_id, shop.other_store_id):
        put = f"/v1/stores/{store_id}/days/2026-03-03"
        assert world.request("PUT", put, (shop, "admin"), json=day).status_code == 200
    first, second = report(world, shop, group_by="store").json["rows"]
    for row, value in ((first, 1.0), (second, 20 / 60)):
        rate = row["control"]["recovery_rate"]
        assert (rate["value"], rate["target"], rate["outside"]) == (value, 80 / 120, "99.8")
        assert rate["limits"]["99.8"]["low"] < rate["limits"]["95"]["low"] < rate["target"]
        assert row["control"]["taken_share"] is None  # all alike
        asked = row["control"]["concerns_per_1000"]
        assert (asked["value"], asked["target"], asked["outside"]) == (60, 60, None)
    assert all(row["control"] is None for row in report(world, shop, group_by="store,day").json["rows"])
    assert "control" not in report(world, shop, accept="text/csv", group_by="store").text


def test_the_period_before_stands_beside_it(world: World, shop: Shop) -> None:
    tell(world, shop)
    tell(world, shop, mood=4, occurred_at=NOON - timedelta(days=4))
    answer = report(world, shop, group_by="store", compare_to="previous").json
    assert (answer["totals"]["concerns"], answer["totals"]["unhappy"]) == (1, 1)
    before = answer["compared"]
    assert (before["from"], before["to"], before["group_by"]) == ("2026-02-01", "2026-02-28", ["store"])
    assert (before["totals"]["concerns"], before["totals"]["unhappy"]) == (1, 0)
    assert [row["group"]["store"]["slug"] for row in before["rows"]] == ["first"]
    a_year_ago = report(world, shop, compare_to="last_year").json["compared"]
    assert (a_year_ago["from"], a_year_ago["to"]) == ("2025-03-01", "2025-03-31")
    assert a_year_ago["totals"]["concerns"] == 0
    assert report(world, shop).json["compared"] is None
    assert report(world, shop, compare_to="tomorrow").status_code == 422


def test_more_rows_than_an_answer_carries_are_refused(
    world: World, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MOST", 2)
    for days_ago in range(3):
        tell(world, shop, occurred_at=NOON - timedelta(days=days_ago), cost=100)
    first = {"from": "2026-02-01"}
    for group_by in ("day", "day,channel"):
        assert report(world, shop, **first, group_by=group_by).status_code == 422
    assert len(report(world, shop, **first, group_by="month").json["rows"]) == 1
    refresh(world.back_office)
    refresh(world.back_office)
    assert report(world, shop, **first, group_by="day").status_code == 422
    assert report(world, shop, **first, group_by="store").json["totals"]["concerns"] == 3
