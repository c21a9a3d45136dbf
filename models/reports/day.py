"""How did the day go in this store? The daily recovery log: what needs a person, the figures, every concern."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload, subqueryload
from sqlalchemy.sql.base import ExecutableOption

from models.access import Actor
from models.alert import Alert
from models.concern import Concern
from models.concern_event import ConcernEvent
from models.reports.figures import Figures, figures
from models.store import Store
from models.terms import AlertState, Kind, Status


@dataclass(frozen=True)
class DayFigures(Figures):
    """The figures of a day, and how often somebody was praised."""

    praise: int


@dataclass(frozen=True)
class NeedsYouNow:
    """What needs a person: those that rang and still nobody came, and everything not resolved, them included."""

    unanswered_alerts: Sequence[Concern]
    open_concerns: Sequence[Concern]


@dataclass(frozen=True)
class RecoveryLog:
    """One business day of one store, from `opens_at` to just before `closes_at`.

    `figures` count everything that belongs to the day; the lists hold what the reader may see.
    """

    store: Store
    business_date: date
    opens_at: datetime
    closes_at: datetime
    generated_at: datetime
    figures: DayFigures
    concerns: Sequence[Concern]
    praise: Sequence[Concern]

    @property
    def needs_you_now(self) -> NeedsYouNow:
        unanswered = [one for one in self.concerns if one.alert and one.alert.state is AlertState.UNANSWERED]
        return NeedsYouNow(unanswered, [one for one in self.concerns if one.status is not Status.RESOLVED])

    @property
    def late_entries(self) -> list[UUID]:
        """What was told when the customer had gone already."""
        return [one.id for one in self.concerns if one.late]


def recovery_log(session: Session, store: Store, business_date: date, *, seen_by: Actor, at: datetime) -> RecoveryLog:
    """The log of a day, as far as this actor may see it; a day without concerns has an empty one."""
    _, of_the_day = figures(session, Store.id == store.id, from_date=business_date, to_date=business_date)
    belongs = (Concern.store_id == store.id, Concern.business_date == business_date)
    praised = select(func.count()).select_from(Concern).where(*belongs, Concern.kind == Kind.PRAISE)
    told = session.scalars(
        select(Concern)
        .where(*belongs, *Concern.visible_to(seen_by))
        .options(*_shown_in_the_log())
        .order_by(Concern.received_at, Concern.id)
    ).all()
    opens_at, closes_at = store.day_bounds(business_date)
    return RecoveryLog(
        store=store,
        business_date=business_date,
        opens_at=opens_at,
        closes_at=closes_at,
        generated_at=at,
        figures=DayFigures(**vars(of_the_day), praise=session.scalars(praised).one()),
        concerns=[concern for concern in told if concern.kind is not Kind.PRAISE],
        praise=[concern for concern in told if concern.kind is Kind.PRAISE],
    )


def _shown_in_the_log() -> Sequence[ExecutableOption]:
    """Everything a log shows of a concern, in as many statements for a thousand of them as for one."""
    return (
        *Concern.shown_with(parts=subqueryload),
        subqueryload(Concern.actions),
        subqueryload(Concern.timeline).joinedload(ConcernEvent.by),
        joinedload(Concern.alert).subqueryload(Alert.notifications),
    )
