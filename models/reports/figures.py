"""Figures of recovery: what is counted of a number of concerns, and how each figure is defined."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from models.db.base import Money
from models.reports.feedback import Ratings, Recommendation
from models.reports.grouping import Label
from models.reports.stats.control_limits import ControlPoint
from models.reports.stats.percentiles import Percentiles
from models.reports.stats.rate import Rate
from models.reports.totals import Totals


@dataclass(frozen=True)
class MoodChange:
    """Change of the mood (1-5): `total` steps over the `n` resolved concerns whose mood afterwards is known."""

    total: int
    n: int

    @property
    def mean(self) -> float | None:
        return self.total / self.n if self.n else None


@dataclass(frozen=True)
class Figures:
    """Figures of a number of concerns. Praise is counted apart, and is in no other figure; what was voided is in none.

    `taken`: ever taken by somebody. `open`: not resolved now. `reopened`: reopened at least once. `on_the_spot`:
    resolved by the person who reported it, and never reopened. `lost_without_offer`: lost, and nothing but words was
    given. `repeated`: the customer had another concern in the 30 days before. `late`: logged too long after it
    happened; such concerns are left out of `minutes_to_take` and `minutes_to_resolve`. `cost`: one sum for each
    currency, of what was given and not reversed.
    `feedback_asked`: links by which customers were asked how it was; `feedback_suspect`: answers that may be by staff,
    which are in no rating.
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
    feedback_asked: int
    feedback_suspect: int
    mood_lift: MoodChange
    minutes_to_take: Percentiles
    minutes_to_resolve: Percentiles
    cost: Sequence[Money]
    rating: Ratings
    recommend: Recommendation

    @property
    def recovery_rate(self) -> Rate:
        return Rate(self.recovered, self.recovered + self.lost)

    @property
    def taken_share(self) -> Rate:
        return Rate(self.taken, self.concerns)

    @property
    def unused_trust(self) -> Rate:
        """Return the share of lost customers who were given nothing but words."""
        return Rate(self.lost_without_offer, self.lost)

    @property
    def repeat_within_30_days(self) -> Rate:
        """Return the share of concerns whose customer had another one in the 30 days before."""
        return Rate(self.repeated, self.concerns)

    @property
    def feedback_answered(self) -> int:
        return self.rating.n

    @property
    def response_rate(self) -> Rate:
        """Return the share of those asked who answered. A suspect answer is nobody's, and its link stays unanswered."""
        return Rate(self.feedback_answered, self.feedback_asked)

    @property
    def cost_per_recovered(self) -> Sequence[Money]:
        """Return the cost over the number of recovered customers, in whole minor units; empty without any."""
        if not self.recovered:
            return []
        return [Money(round(cost.amount / self.recovered), cost.currency) for cost in self.cost]


def figure_fields(totals: Totals, minutes_to_take: Percentiles, minutes_to_resolve: Percentiles) -> dict[str, Any]:
    """Return the fields of Figures, by name."""
    figures = totals.figures
    counts = {name: figures[name] for name, annotation in Figures.__annotations__.items() if annotation is int}
    return {
        "mood_lift": MoodChange(figures["mood_change"], figures["mood_after_known"]),
        "cost": totals.money,
        "rating": Ratings.of(figures),
        "recommend": Recommendation.of(figures),
        "minutes_to_take": minutes_to_take,
        "minutes_to_resolve": minutes_to_resolve,
        **counts,
    }


@dataclass(frozen=True)
class FiguresRow(Figures):
    """Figures of one group, with those that only whole stores have.

    `follow_ups_kept`: kept in time, of the `follow_ups_due`. `ask_denominator`: the receipts of the days that report
    them, and the covers of the days that report only covers. `ask_numerator`: the checks and concerns of these days.
    `concerns_on_receipt_days`: the concerns of the days that report receipts. `voided`: taken back, whatever it was;
    `reclassified`: praise that was logged as a concern. `days_with_concerns`: business days of a store, of which
    `unsigned_days` are those whose log nobody has signed (yet). These figures are None where concerns
    of one store and day are in different groups, because a check has no category, cause or channel.
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
    voided: int | None
    reclassified: int | None
    days_with_concerns: int | None
    unsigned_days: int | None
    control: dict[str, ControlPoint | None] | None = None

    @property
    def ask_rate(self) -> Rate | None:
        """Return the share of customers who were heard, on the days that report how many customers there were."""
        if self.ask_numerator is None or self.ask_denominator is None:
            return None
        return Rate(self.ask_numerator, self.ask_denominator)


WHOLE_STORE_FIGURES = tuple(name for name, annotation in FiguresRow.__annotations__.items() if annotation == int | None)
