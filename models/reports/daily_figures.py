"""What became of one store's day, counted from its rows: the only figures whose percentiles are exact."""

from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.concerns.check import WellbeingCheck
from models.concerns.concern import Concern
from models.organizations.store import Store
from models.organizations.store_day import StoreDay
from models.recovery.follow_up import FollowUp
from models.reports.figures import Figures, figure_fields
from models.reports.grouping import Grouping
from models.reports.rollups.aggregates import DUE, DURATIONS, KEPT_IN_TIME, Totals, count_outcomes, sum_costs
from models.reports.stats.percentiles import percentiles_of
from models.reports.stats.rate import Rate


@dataclass(frozen=True)
class DailyFigures(Figures):
    """The figures of a day, what was due that had been promised, and who was asked.

    `follow_ups_kept` are those kept in time of the `follow_ups_due`. `covers` and `transactions` are None where nobody
    told them.
    """

    follow_ups_due: int
    follow_ups_kept: int
    checks: int
    covers: int | None
    transactions: int | None

    @property
    def ask_rate(self) -> Rate:
        """How many of those there were to ask were heard; of a store that counts both, its receipts count."""
        ask_denominator = self.covers if self.transactions is None else self.transactions
        return Rate(self.checks + self.concerns, ask_denominator or 0)


def daily_figures(session: Session, store: Store, business_date: date) -> DailyFigures:
    """Everything that belongs to a store's business day, whoever may see it."""
    belongs = (Concern.store_id == store.id, Concern.business_date == business_date)
    concerns = select(Concern.id).select_from(Concern).where(*belongs)
    everything = Grouping((), business_date, business_date, of=Concern)
    ((_, counted, seconds),) = count_outcomes(session, concerns, everything)
    cost = sum((cost for _, cost in sum_costs(session, concerns, everything)), Counter[str]())
    took, resolved_in = (percentiles_of(seconds[name]) for name in DURATIONS)
    return DailyFigures(
        **figure_fields(Totals(counted, cost), took, resolved_in), **_counted(session, store, business_date)
    )


def _counted(session: Session, store: Store, business_date: date) -> dict[str, Any]:
    """What is counted beside the concerns, in one look-up."""

    def of_the_day(what: type[FollowUp | WellbeingCheck | StoreDay], figure: Any, *criteria: Any) -> Any:
        here = (what.store_id == store.id, what.business_date == business_date, *criteria)
        return select(figure).select_from(what).where(*here).scalar_subquery()

    figure_fields = {
        "follow_ups_due": of_the_day(FollowUp, func.count(), DUE),
        "follow_ups_kept": of_the_day(FollowUp, func.count(), KEPT_IN_TIME),
        "checks": of_the_day(WellbeingCheck, func.coalesce(func.sum(WellbeingCheck.count), 0)),
        "covers": of_the_day(StoreDay, StoreDay.covers),
        "transactions": of_the_day(StoreDay, StoreDay.transactions),
    }
    counted = session.execute(select(*figure_fields.values())).one()
    return dict(zip(figure_fields, counted, strict=True))
