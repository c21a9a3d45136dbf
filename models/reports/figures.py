"""Figures of recovery: what is counted of a number of concerns, and how each figure is defined."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.db.base import Money
from models.reports.feedback import Ratings, Recommendation
from models.reports.grouping import Label
from models.reports.stats.control_limits import ControlPoint
from models.reports.stats.percentiles import Percentiles
from models.reports.stats.rate import Rate
from models.reports.stats.rounding import MEAN_DECIMALS, round_ratio
from models.reports.totals import Totals


@dataclass(frozen=True)
class MoodChange:
    """Change of the mood (1-5): `total` steps over the `n` resolved concerns whose mood afterwards is known."""

    total: int
    n: int

    @property
    def mean(self) -> float | None:
        return round_ratio(self.total, self.n, MEAN_DECIMALS) if self.n else None


@dataclass(frozen=True)
class Figures:
    """Figures of a number of concerns. Praise is counted apart, and is in no other figure; what was voided is in none.

    `taken`: ever taken by somebody: `taken_in_time` before their alert went unanswered, `taken_after_unanswered`
    once it had, and the rest without an alert that rang. `open`: not resolved now. `reopened`: reopened at least
    once. `on_the_spot`: resolved by the person who reported it, and never reopened. `lost_without_offer`: lost, and
    nothing but words was given. `repeated`: of those `with_customer`, the customer had another concern in the 30
    days before. `late`: logged too long after it happened; such concerns are left out of `minutes_to_take` and
    `minutes_to_resolve`. `cost`: one sum for each currency, of what was given and not reversed. `recovered_in`:
    `recovered` by the currency that the store had that day. `feedback_asked`: links by which customers were asked how
    it was; `feedback_suspect`: answers that may be by staff, which are in no rating.
    """

    concerns: int
    unhappy: int
    taken: int
    taken_in_time: int
    taken_after_unanswered: int
    resolved: int
    recovered: int
    lost: int
    open: int
    on_the_spot: int
    lost_without_offer: int
    late: int
    reopened: int
    repeated: int
    with_customer: int
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
    recovered_in: Mapping[str, int]

    @property
    def recovery_rate(self) -> Rate:
        return Rate(self.recovered, self.recovered + self.lost)

    @property
    def unhappy_share(self) -> Rate:
        return Rate(self.unhappy, self.concerns)

    @property
    def taken_share(self) -> Rate:
        return Rate(self.taken, self.concerns)

    @property
    def unused_trust(self) -> Rate:
        """Return the share of lost customers who were given nothing but words."""
        return Rate(self.lost_without_offer, self.lost)

    @property
    def repeat_within_30_days(self) -> Rate:
        """Return the share of concerns with a known customer who had another one in the 30 days before."""
        return Rate(self.repeated, self.with_customer)

    @property
    def feedback_answered(self) -> int:
        return self.rating.n

    @property
    def response_rate(self) -> Rate:
        """Return the share of those asked who answered. A suspect answer is nobody's, and its link stays unanswered."""
        return Rate(self.feedback_answered, self.feedback_asked)

    @property
    def cost_per_recovered(self) -> Sequence[Money]:
        """Return the cost in each currency over the customers recovered where it was the currency of the store.

        In whole minor units; without a currency in which nobody was recovered.
        """
        recovered = self.recovered_in
        return [
            Money(int(round_ratio(cost.amount, recovered[cost.currency], 0)), cost.currency)
            for cost in self.cost
            if recovered.get(cost.currency)
        ]


def figure_fields(totals: Totals, minutes_to_take: Percentiles, minutes_to_resolve: Percentiles) -> dict[str, Any]:
    """Return the fields of Figures, by name."""
    figures = totals.figures
    counts = {name: figures[name] for name, annotation in Figures.__annotations__.items() if annotation is int}
    return {
        "mood_lift": MoodChange(figures["mood_change"], figures["mood_after_known"]),
        "cost": totals.money,
        "rating": Ratings.of(figures),
        "recommend": Recommendation.of(figures),
        "recovered_in": totals.recovered_in,
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
    `reclassified`: praise that was logged as a concern. `logged_unhappy`: concerns that were logged with an
    unhappy mood, whatever became of them. Of these: `quick_own` were handled by whoever logged them and resolved within
    QUICK_OWN_WITHIN, `corrected_up` have a mood CORRECTED_UP_STEPS higher now, `taken_back` are voided or praise now.
    `days_with_concerns`: business days of a store, of which `unsigned_days` are those nobody has signed (yet).
    These figures are None where concerns of one store and day are in different groups, because a check has no category,
    cause or channel.
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
    logged_unhappy: int | None
    quick_own: int | None
    corrected_up: int | None
    taken_back: int | None
    control: dict[str, ControlPoint | None] | None = None

    @property
    def quick_own_share(self) -> Rate | None:
        return self._of_logged_unhappy(self.quick_own)

    @property
    def corrected_up_share(self) -> Rate | None:
        return self._of_logged_unhappy(self.corrected_up)

    @property
    def taken_back_share(self) -> Rate | None:
        return self._of_logged_unhappy(self.taken_back)

    def _of_logged_unhappy(self, concerns: int | None) -> Rate | None:
        return None if concerns is None or self.logged_unhappy is None else Rate(concerns, self.logged_unhappy)

    @property
    def ask_rate(self) -> Rate | None:
        """Return the share of customers who were heard, on the days that report how many customers there were."""
        if self.ask_numerator is None or self.ask_denominator is None:
            return None
        return Rate(self.ask_numerator, self.ask_denominator)


WHOLE_STORE_FIGURES = tuple(name for name, annotation in FiguresRow.__annotations__.items() if annotation == int | None)
