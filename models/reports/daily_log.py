"""How did the day go in this store? The daily recovery log: what needs a person, the figures, every concern."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, subqueryload
from sqlalchemy.sql.base import ExecutableOption

from models.access import Actor
from models.alerts.alert import Alert
from models.alerts.enums import AlertState
from models.concerns.concern import Concern
from models.concerns.enums import Kind, Status
from models.concerns.event import ConcernEvent
from models.daily_log.daily_log import ONE_DAY, DailyLog, DailyLogPolicy
from models.organizations.store import Store
from models.recovery.action import ActionStatus, RecoveryAction
from models.recovery.follow_up import PENDING_STATUSES, FollowUp
from models.reports.carried_over import CarriedOver, build_carried_over
from models.reports.daily_figures import DailyFigures, daily_figures


@dataclass(frozen=True)
class NeedsYouNow:
    """What needs a person: those that rang and still nobody came, and everything not resolved, them included.

    And of the day: promises that are due or broken, what somebody asks to be allowed, money promised and not paid.
    """

    unanswered_alerts: Sequence[Concern]
    open_concerns: Sequence[Concern]
    follow_ups: Sequence[FollowUp]
    pending_approvals: Sequence[RecoveryAction]
    promised_not_paid: Sequence[RecoveryAction]


@dataclass(frozen=True)
class DailyLogReport:
    """One business day of one store, from `opens_at` to just before `closes_at`.

    `figures` count everything that belongs to the day; the lists hold what the reader may see.
    """

    store: Store
    business_date: date
    opens_at: datetime
    closes_at: datetime
    generated_at: datetime
    figures: DailyFigures
    concerns: Sequence[Concern]
    praise: Sequence[Concern]
    owed: Sequence[FollowUp]
    waiting: Sequence[RecoveryAction]
    carried_over: CarriedOver
    page: DailyLog
    headings: Sequence[dict[str, Any]]

    @property
    def needs_you_now(self) -> NeedsYouNow:
        unanswered = [one for one in self.concerns if one.alert and one.alert.state is AlertState.UNANSWERED]
        return NeedsYouNow(
            unanswered_alerts=unanswered,
            open_concerns=[one for one in self.concerns if one.status is not Status.RESOLVED],
            follow_ups=self.owed,
            pending_approvals=[one for one in self.waiting if one.status is ActionStatus.PENDING],
            promised_not_paid=[one for one in self.waiting if one.status is not ActionStatus.PENDING],
        )

    @property
    def late_entries(self) -> list[UUID]:
        """What was told when the customer had gone already."""
        return [one.id for one in self.concerns if one.late]

    @property
    def after_sign_off(self) -> list[UUID]:
        """What the one who signed has not seen: told later, or with steps that were taken later."""
        signed = self.page.signed_steps
        if signed is None:
            return []
        return [one.id for one in (*self.concerns, *self.praise) if one.event_count > signed.get(str(one.id), 0)]


def build_daily_log(
    session: Session, store: Store, business_date: date, *, actor: Actor, at: datetime
) -> DailyLogReport:
    """The log of a day, as far as this actor may see it; a day without concerns has an empty one."""
    belongs = (Concern.store_id == store.id, Concern.business_date == business_date)
    told = session.scalars(
        select(Concern)
        .where(*belongs, *Concern.visible_to(actor))
        .options(*_eager_options())
        .order_by(Concern.received_at, Concern.id)
    ).all()
    day: dict[str, Any] = {"store_id": store.id, "business_date": business_date}
    owed = FollowUp.select_visible(actor, **day).where(FollowUp.status.in_(PENDING_STATUSES))
    waits = (RecoveryAction.status == ActionStatus.PENDING) | RecoveryAction.is_unpaid()
    waiting = RecoveryAction.select_visible(actor, **day).where(waits)
    opens_at, closes_at = store.day_bounds(business_date)
    page, before = DailyLog.for_days(session, store, business_date, business_date - ONE_DAY)
    return DailyLogReport(
        store=store,
        business_date=business_date,
        opens_at=opens_at,
        closes_at=closes_at,
        generated_at=at,
        figures=daily_figures(session, store, business_date),
        concerns=[concern for concern in told if concern.kind is not Kind.PRAISE],
        praise=[concern for concern in told if concern.kind is Kind.PRAISE],
        owed=session.scalars(owed.order_by(FollowUp.due_at, FollowUp.id)).all(),
        waiting=session.scalars(waiting.order_by(RecoveryAction.recorded_at, RecoveryAction.id)).all(),
        carried_over=build_carried_over(session, store, business_date, before, actor=actor),
        page=page,
        headings=DailyLogPolicy.current(session).headings,
    )


def _eager_options() -> Sequence[ExecutableOption]:
    """Everything a log shows of a concern, in as many statements for a thousand of them as for one."""
    return (
        *Concern.eager_options(load_lists=subqueryload),
        subqueryload(Concern.actions),
        subqueryload(Concern.timeline).joinedload(ConcernEvent.by),
        joinedload(Concern.alert).subqueryload(Alert.notifications),
    )
