"""Were people listened to, and did it help? The recovery report, over the stores within somebody's reach."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session

from models.access import Actor
from models.concern import Concern
from models.reports.figures import Figures, Row, figures
from models.reports.groups import GroupBy
from models.store import Store


@dataclass(frozen=True)
class RecoveryReport:
    """Figures of the business days from `from_date` to `to_date`, both included, each store's own days."""

    from_date: date
    to_date: date
    group_by: Sequence[GroupBy]
    generated_at: datetime
    rows: Sequence[Row]
    totals: Figures
    clock: str = "wall"  # minutes as they passed, opening hours or not
    business_dates: str = "store"  # a day is what it is in each store's own zone
    relative_error: float = 0


def recovery(
    session: Session,
    *,
    seen_by: Actor,
    from_date: date,
    to_date: date,
    group_by: Sequence[GroupBy] = (),
    category: str | None = None,
    region_id: UUID | None = None,
    store_id: UUID | None = None,
    at: datetime,
) -> RecoveryReport:
    """The report over the stores within reach, of one category (by slug), region or store where it is named."""
    criteria: list[ColumnElement[bool]] = [*Store.visible_to(seen_by)]
    if category is not None:
        criteria.append(Concern.category.has(slug=category))
    if region_id is not None:
        criteria.append(Store.region_id == region_id)
    if store_id is not None:
        criteria.append(Store.id == store_id)
    rows, totals = figures(session, *criteria, from_date=from_date, to_date=to_date, group_by=group_by)
    return RecoveryReport(from_date, to_date, group_by, at, rows, totals)
