"""Daily recovery log of a store: what needs a person now, the figures of the day, and every concern."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, joinedload, subqueryload
from sqlalchemy.sql.base import ExecutableOption

from models.access import Actor
from models.alerts.alert import Alert
from models.alerts.enums import AlertState
from models.concerns.check import WellbeingCheck
from models.concerns.concern import Concern
from models.concerns.enums import Kind, Severity, Status
from models.concerns.event import ConcernEvent, ConcernStep
from models.daily_log.daily_log import DailyLog, DailyLogPolicy
from models.db.base import Money
from models.organizations.store import Store
from models.recovery.action import UNPAID, ActionStatus, RecoveryAction
from models.recovery.follow_up import PENDING_STATUSES, FollowUp
from models.reports.carried_over import CarriedOver, build_carried_over
from models.reports.daily_figures import DailyFigures, daily_figures

T = TypeVar("T")


@dataclass(frozen=True)
class NeedsYouNow:
    """What needs a person: concerns of the day that are not resolved, first among them the unanswered alerts.

    And of the same day: follow-ups that are due or broken, approvals that are pending, money that was promised and not
    yet paid, or taken back and is not back, and what was given beyond a limit and nobody has reviewed. In each list the
    severe come first, then what waits longest: see `_in_order`.
    """

    unanswered_alerts: Sequence[Concern]
    open_concerns: Sequence[Concern]
    follow_ups: Sequence[FollowUp]
    pending_approvals: Sequence[RecoveryAction]
    promised_not_paid: Sequence[RecoveryAction]
    to_review: Sequence[RecoveryAction]


@dataclass(frozen=True)
class VoidedConcern:
    """A concern of the day that was voided, and the event that says when, by whom and why."""

    concern: Concern
    event: ConcernEvent

    @property
    def cost(self) -> list[Money]:
        """What a till paid for it all the same and is not back, by currency."""
        sums = Counter[str]()
        for cost in (action.cost for action in self.concern.actions):
            if cost is not None:
                sums[cost.currency] += cost.amount
        return [Money(amount, currency) for currency, amount in sorted(sums.items()) if amount]

    @classmethod
    def of(cls, concern: Concern) -> "VoidedConcern":
        return cls(concern, next(event for event in concern.timeline if event.step is ConcernStep.VOIDED))


@dataclass(frozen=True)
class LogStore:
    """The store of a log, with the time zone that held on its day."""

    id: UUID
    slug: str
    name: str
    time_zone: str


@dataclass(frozen=True)
class DailyLogReport:
    """One business day of one store, from `opens_at` until just before `closes_at`.

    `figures` count everything that belongs to the day; `odd_checks` are those for many at once. The other lists hold
    what the reader may see. `unsettled_actions` are those that are pending, not paid or not reviewed, and `page` holds
    the notes and the sign-off.
    """

    store: LogStore
    business_date: date
    opens_at: datetime
    closes_at: datetime
    generated_at: datetime
    figures: DailyFigures
    odd_checks: Sequence[WellbeingCheck]
    concerns: Sequence[Concern]
    praise: Sequence[Concern]
    voided: Sequence[VoidedConcern]
    pending_follow_ups: Sequence[FollowUp]
    unsettled_actions: Sequence[RecoveryAction]
    carried_over: CarriedOver
    page: DailyLog
    headings: Sequence[dict[str, Any]]

    @property
    def needs_you_now(self) -> NeedsYouNow:
        concerns = _in_order(self.concerns, lambda concern: concern.severity)
        actions = _in_order(self.unsettled_actions, lambda action: action.concern.severity)
        return NeedsYouNow(
            unanswered_alerts=[
                concern for concern in concerns if concern.alert and concern.alert.state is AlertState.UNANSWERED
            ],
            open_concerns=[concern for concern in concerns if concern.status is not Status.RESOLVED],
            follow_ups=_in_order(self.pending_follow_ups, lambda follow_up: follow_up.concern.severity),
            pending_approvals=[action for action in actions if action.status is ActionStatus.PENDING],
            promised_not_paid=[
                action
                for action in actions
                if action.status is not ActionStatus.PENDING and action.settlement in UNPAID
            ],
            to_review=[action for action in actions if action.is_to_review],
        )

    @property
    def late_entries(self) -> list[UUID]:
        """Return the ids of the concerns that were logged after the customer had gone."""
        return [concern.id for concern in self.concerns if concern.late]

    @property
    def after_sign_off(self) -> list[UUID]:
        """Return the ids of the concerns that were logged, went on or were voided after the day was signed off."""
        signed_steps = self.page.signed_steps
        if signed_steps is None:
            return []
        return [
            concern.id
            for concern in (*self.concerns, *self.praise, *(voided.concern for voided in self.voided))
            if concern.event_count > signed_steps.get(str(concern.id), 0)
        ]


def build_daily_log(
    session: Session, store: Store, business_date: date, *, actor: Actor, at: datetime
) -> DailyLogReport:
    """Build the log of a day, as far as the actor may see it. A day without concerns has an empty log."""
    concerns = session.scalars(
        select(Concern)
        .where(Concern.store_id == store.id, Concern.business_date == business_date, *Concern.visible_to(actor))
        .options(*_eager_options())
        .order_by(Concern.received_at, Concern.id)
    ).all()
    counted = [concern for concern in concerns if concern.status is not Status.VOIDED]
    day: dict[str, Any] = {"store_id": store.id, "business_date": business_date}
    follow_ups = FollowUp.select_visible(actor, **day).where(FollowUp.status.in_(PENDING_STATUSES))
    follow_ups = follow_ups.options(*_severity_options(FollowUp))
    is_unsettled = or_(
        RecoveryAction.status == ActionStatus.PENDING,
        RecoveryAction.is_unpaid(),
        RecoveryAction.is_not_back(),
        RecoveryAction.waits_for_review(),
    )
    actions = (
        RecoveryAction.select_visible(actor, **day).where(is_unsettled).options(*_severity_options(RecoveryAction))
    )
    opens_at, closes_at = store.day_bounds(business_date)
    page, page_before = DailyLog.for_days(session, store, business_date, store.previous_date(business_date))
    return DailyLogReport(
        store=LogStore(store.id, store.slug, store.name, store.terms_on(business_date).time_zone),
        business_date=business_date,
        opens_at=opens_at,
        closes_at=closes_at,
        generated_at=at,
        figures=daily_figures(session, store, business_date),
        odd_checks=WellbeingCheck.odd_of_day(session, store, business_date),
        concerns=[concern for concern in counted if concern.kind is not Kind.PRAISE],
        praise=[concern for concern in counted if concern.kind is Kind.PRAISE],
        voided=[VoidedConcern.of(concern) for concern in concerns if concern.status is Status.VOIDED],
        pending_follow_ups=session.scalars(follow_ups.order_by(FollowUp.due_at, FollowUp.id)).all(),
        unsettled_actions=session.scalars(actions.order_by(RecoveryAction.recorded_at, RecoveryAction.id)).all(),
        carried_over=build_carried_over(session, store, business_date, page_before, actor=actor),
        page=page,
        headings=DailyLogPolicy.current(session).headings,
    )


def _in_order(rows: Sequence[T], severity: Callable[[T], Severity]) -> list[T]:
    """Return rows, which come by time, with the severe ones first."""
    return sorted(rows, key=lambda row: severity(row) is not Severity.SEVERE)


def _severity_options(child: type[FollowUp] | type[RecoveryAction]) -> Sequence[ExecutableOption]:
    """Return the loader options for the severity of the concern of a child."""
    concern = joinedload(child.concern)
    return (
        concern.joinedload(Concern.alert).lazyload(Alert.notifications),
        concern.joinedload(Concern.filed_category),
        concern.joinedload(Concern.filed_cause),
    )


def _eager_options() -> Sequence[ExecutableOption]:
    """Return the loader options for all that a log shows of a concern.

    They cost as many statements for a thousand concerns as for one.
    """
    return (
        *Concern.eager_options(load_lists=subqueryload),
        subqueryload(Concern.timeline).joinedload(ConcernEvent.by),
        joinedload(Concern.alert).subqueryload(Alert.notifications),
    )
