"""Daily figures of one store, counted from its rows. Only here are percentiles exact."""

from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.concerns.check import WellbeingCheck
from models.concerns.concern import Concern
from models.concerns.counted import of_counted_concern
from models.organizations.store import Store
from models.organizations.store_day import StoreDay
from models.recovery.follow_up import FollowUp
from models.reports.figures import Figures, figure_fields
from models.reports.grouping import Grouping
from models.reports.rollups.aggregates import (
    DURATIONS,
    IS_DUE,
    KEPT_IN_TIME,
    count_feedback,
    count_outcomes,
    sum_concern_costs,
)
from models.reports.stats.percentiles import percentiles_of
from models.reports.stats.rate import Rate
from models.reports.totals import Totals, sum_totals, sum_where


@dataclass(frozen=True)
class DailyFigures(Figures):
    """Figures of one business day of a store, with its follow-ups, checks and customers.

    `follow_ups_kept`: kept in time, of the `follow_ups_due`. `covers` and `transactions` are None on a day that does
    not report them.
    """

    follow_ups_due: int
    follow_ups_kept: int
    checks: int
    covers: int | None
    transactions: int | None
    voided: int
    reclassified: int

    @property
    def ask_rate(self) -> Rate:
        """Return the share of customers who were heard: of the receipts, or of the covers without receipts."""
        ask_denominator = self.covers if self.transactions is None else self.transactions
        return Rate(self.checks + self.concerns, ask_denominator or 0)


def daily_figures(session: Session, store: Store, business_date: date) -> DailyFigures:
    """Count everything that belongs to a store's business day, whoever may see it."""
    criteria = (Concern.store_id == store.id, Concern.business_date == business_date)
    concerns = select(Concern.id).select_from(Concern).where(*criteria)
    one_group = Grouping((), business_date, business_date, model=Concern)
    ((_, _, figures, seconds),) = count_outcomes(session, concerns, one_group)
    feedback = sum_totals(totals for _, totals in count_feedback(session, concerns, one_group)).figures
    cost = sum_totals(totals for _, totals in sum_concern_costs(session, concerns, one_group)).cost
    recovered_in = Counter({store.currency_on(business_date): figures["recovered"]})
    to_take, to_resolve = (percentiles_of(seconds[name]) for name in DURATIONS)
    return DailyFigures(
        **figure_fields(Totals(Counter({**figures, **feedback}), cost, recovered_in=recovered_in), to_take, to_resolve),
        **_listening_figures(session, store, business_date),
        voided=figures["voided"],
        reclassified=figures["reclassified"],
    )


def _listening_figures(session: Session, store: Store, business_date: date) -> dict[str, Any]:
    """Return the figures of the day that belong to no concern, in one statement."""

    def of_day(model: type[FollowUp | WellbeingCheck | StoreDay], figure: Any, *criteria: Any) -> Any:
        of_store = (model.store_id == store.id, model.business_date == business_date, *criteria)
        return select(figure).select_from(model).where(*of_store).scalar_subquery()

    columns = {
        "follow_ups_due": of_day(FollowUp, func.count(), IS_DUE, of_counted_concern(FollowUp.concern_id)),
        "follow_ups_kept": of_day(FollowUp, func.count(), KEPT_IN_TIME, of_counted_concern(FollowUp.concern_id)),
        "checks": of_day(WellbeingCheck, sum_where(WellbeingCheck.count)),
        "covers": of_day(StoreDay, StoreDay.covers),
        "transactions": of_day(StoreDay, StoreDay.transactions),
    }
    values = session.execute(select(*columns.values())).one()
    return dict(zip(columns, values, strict=True))
