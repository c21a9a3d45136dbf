"""The figures of recovery: what is said of a number of concerns."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from models.db.base import Money
from models.reports.grouping import Label
from models.reports.rollups.aggregates import Totals
from models.reports.stats.control_limits import ControlPoint
from models.reports.stats.percentiles import Percentiles
from models.reports.stats.rate import Rate


@dataclass(frozen=True)
class MoodChange:
    """How many steps the mood rose, on average over the `n` concerns whose mood afterwards is known."""

    total: int
    n: int

    @property
    def mean(self) -> float | None:
        return self.total / self.n if self.n else None


@dataclass(frozen=True)
class Figures:
    """What became of a number of concerns; praise is not among them, but counted beside them.

    `taken` counts those somebody ever took, `open` those not resolved now, `reopened` those reopened at least once,
    `on_the_spot` those resolved by the one who reported them and never reopened. `lost_without_offer` ones were given
    nothing but words, `repeated` ones are of a customer who was unhappy within thirty days before. `late` ones, told
    too long after they happened, are left out of both spreads of minutes. `cost` has one sum for each currency in
    which something was given and not taken back.
    """

    concerns: int
    unhappy: int
    taken: int
    resolved: int
    recovered: int
    lost: int
    open: int
    on_the_spot: int
    lost_without_offer: int
    late: int
    reopened: int
    repeated: int
    unanswered_alerts: int
    praise: int
    mood_lift: MoodChange
    minutes_to_take: Percentiles
    minutes_to_resolve: Percentiles
    cost: Sequence[Money]

    @property
    def recovery_rate(self) -> Rate:
        return Rate(self.recovered, self.recovered + self.lost)

    @property
    def taken_share(self) -> Rate:
        return Rate(self.taken, self.concerns)

    @property
    def unused_trust(self) -> Rate:
        """Of the customers who were lost, how many had been given nothing but words."""
        return Rate(self.lost_without_offer, self.lost)

    @property
    def repeat_within_30_days(self) -> Rate:
        """Of all concerns, how many were of a customer who had been unhappy shortly before."""
        return Rate(self.repeated, self.concerns)

    @property
    def cost_per_recovered(self) -> Sequence[Money]:
        """What was given, in whole minor units for each customer who was recovered; nothing where none was."""
        return [Money(round(of.amount / self.recovered), of.currency) for of in self.cost] if self.recovered else []


def figure_fields(total: Totals, took: Percentiles, resolved_in: Percentiles) -> dict[str, Any]:
    """The fields of Figures."""
    counted = total.figures
    plain = {name: counted[name] for name, kind in Figures.__annotations__.items() if kind is int}
    return {
        "mood_lift": MoodChange(counted["mood_change"], counted["mood_after_known"]),
        "cost": [Money(amount, currency) for currency, amount in sorted(total.cost.items()) if amount],
        "minutes_to_take": took,
        "minutes_to_resolve": resolved_in,
        **plain,
    }


@dataclass(frozen=True)
class FiguresRow(Figures):
    """The figures of one group, and whether people were asked there.

    `follow_ups_kept` are those kept in time of the `follow_ups_due`. `ask_denominator` are the receipts of the days
    that count them, and the covers of those that count only those; `ask_numerator` are the checks and concerns of
    these days, `concerns_on_receipt_days` the concerns of the days that count receipts. All of it is None where the
    group is not made of whole stores, for a check has no category.
    """

    group: dict[str, Label]
    checks: int | None
    covers: int | None
    transactions: int | None
    ask_denominator: int | None
    ask_numerator: int | None
    concerns_on_receipt_days: int | None
    follow_ups_due: int | None
    follow_ups_kept: int | None
    control: dict[str, ControlPoint | None] | None = None

    @property
    def ask_rate(self) -> Rate | None:
        """How many of those there were to ask were heard, on the days that say how many there were."""
        return (
            None
            if self.ask_numerator is None or self.ask_denominator is None
            else Rate(self.ask_numerator, self.ask_denominator)
        )


LISTENING_FIGURES = tuple(name for name, kind in FiguresRow.__annotations__.items() if kind == int | None)
