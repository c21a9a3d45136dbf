"""What customers say afterwards, added up: ratings and the likelihood to recommend, beside how many were asked."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_

from models.concerns.concern import Concern
from models.concerns.counted import IS_COUNTED_CONCERN
from models.policy_defaults import MIN_RATE_DENOMINATOR, PASSIVE_FROM, PROMOTER_FROM
from models.recovery.feedback_request import FeedbackRequest
from models.reports.stats.rounding import MEAN_DECIMALS, round_ratio
from models.reports.totals import count_where, sum_where

RATINGS = range(1, 6)
_COUNTS = FeedbackRequest.answered_at.is_not(None) & FeedbackRequest.suspect.is_(False)
_RECOMMEND: Any = FeedbackRequest.recommend
FEEDBACK_AGGREGATES: Mapping[str, ColumnElement[int]] = {
    "feedback_asked": count_where(),
    "feedback_suspect": count_where(FeedbackRequest.suspect.is_(True)),
    **{f"rated_{rating}": count_where(_COUNTS, FeedbackRequest.rating == rating) for rating in RATINGS},
    "promoters": count_where(_COUNTS, _RECOMMEND >= PROMOTER_FROM),
    "passives": count_where(_COUNTS, _RECOMMEND >= PASSIVE_FROM, _RECOMMEND < PROMOTER_FROM),
    "detractors": count_where(_COUNTS, _RECOMMEND < PASSIVE_FROM),
    "recommend_total": sum_where(_RECOMMEND, _COUNTS),
}


def feedback_of(concerns: Select[Any]) -> Select[Any]:
    """Return the statement for the feedback requests of those concerns that count."""
    of_concern = and_(
        FeedbackRequest.organization_id == Concern.organization_id, FeedbackRequest.concern_id == Concern.id
    )
    return concerns.join(FeedbackRequest, of_concern).where(IS_COUNTED_CONCERN)


@dataclass(frozen=True)
class Ratings:
    """How many customers gave each rating, from 1 to 5. A suspect answer is not among them."""

    of_1: int
    of_2: int
    of_3: int
    of_4: int
    of_5: int

    @classmethod
    def of(cls, figures: Counter[str]) -> "Ratings":
        return cls(**{f"of_{rating}": figures[f"rated_{rating}"] for rating in RATINGS})

    @property
    def n(self) -> int:
        return sum(getattr(self, f"of_{rating}") for rating in RATINGS)

    @property
    def mean(self) -> float | None:
        total = sum(rating * getattr(self, f"of_{rating}") for rating in RATINGS)
        return round_ratio(total, self.n, MEAN_DECIMALS) if self.n else None


@dataclass(frozen=True)
class Recommendation:
    """How likely customers are to recommend the store, 0 to 10, of those who said it: `total` is the sum.

    `score` is the Net Promoter Score: the percentage of promoters minus that of detractors.
    """

    promoters: int
    passives: int
    detractors: int
    total: int

    @classmethod
    def of(cls, figures: Counter[str]) -> "Recommendation":
        names = ("promoters", "passives", "detractors")
        return cls(**{name: figures[name] for name in names}, total=figures["recommend_total"])

    @property
    def n(self) -> int:
        return self.promoters + self.passives + self.detractors

    @property
    def mean(self) -> float | None:
        return round_ratio(self.total, self.n, MEAN_DECIMALS) if self.n else None

    @property
    def score(self) -> int | None:
        """Return the score as a whole number; None for too few answers."""
        if self.n < MIN_RATE_DENOMINATOR:
            return None
        return int(round_ratio(100 * (self.promoters - self.detractors), self.n, 0))
