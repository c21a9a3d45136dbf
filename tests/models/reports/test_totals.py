"""Totals of groups, added up from several sources."""

from collections import Counter, defaultdict
from datetime import UTC, datetime

from models.db.base import Money
from models.reports.stats.rate import Rate
from models.reports.totals import Totals, group_totals, sum_totals

EARLIER, LATER = datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 3, tzinfo=UTC)


def test_totals_of_one_group_from_several_sources_are_added_up() -> None:
    counts = [(("harbour",), Totals(Counter(concerns=3, recovered=1))), (("cellar",), Totals(Counter(concerns=1)))]
    costs = [(("harbour",), Totals(cost=Counter(EUR=500))), (("harbour",), Totals(cost=Counter(USD=200, EUR=-100)))]
    durations = [(("harbour",), Totals(sketches=defaultdict(list, {"seconds": [packed]}))) for packed in (b"a", b"b")]
    groups = group_totals(counts, costs, durations)
    assert groups.keys() == {("harbour",), ("cellar",)}
    harbour = groups["harbour",]
    assert harbour.figures == Counter(concerns=3, recovered=1)
    assert harbour.money == [Money(400, "EUR"), Money(200, "USD")]
    assert harbour.sketch("seconds") == b"ab"
    assert sum_totals(groups.values()).figures["concerns"] == 4


def test_the_latest_moment_is_that_of_any_source() -> None:
    moments = (None, LATER, None, EARLIER)
    assert sum_totals(Totals(latest=moment) for moment in moments).latest == LATER
    assert sum_totals([Totals(), Totals()]).latest is None


def test_a_currency_whose_costs_cancel_out_has_no_money() -> None:
    assert sum_totals([Totals(cost=Counter(EUR=500)), Totals(cost=Counter(EUR=-500))]).money == []


def test_a_rate_is_one_figure_over_the_sum_of_others() -> None:
    assert Totals(Counter(recovered=6, lost=4)).rate("recovered", "recovered", "lost") == Rate(6, 10)


def test_adding_up_groups_leaves_them_as_they_were() -> None:
    totals = Totals(Counter(concerns=1), sketches=defaultdict(list, {"seconds": [b"a"]}))
    sum_totals([totals, totals])
    assert (totals.figures, totals.sketch("seconds")) == (Counter(concerns=1), b"a")
