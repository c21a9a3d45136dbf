"""Carried over: what a business day inherits from the day before, and how much older ones left open."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session, joinedload, subqueryload

from models.access import Actor
from models.alerts.alert import Alert
from models.concerns.concern import Concern
from models.concerns.counted import IS_VOIDED
from models.concerns.unresolved import NOT_RESOLVED, carried_to, unresolved_before
from models.daily_log.daily_log import TOMORROW_HEADING, DailyLog, DailyLogHandover
from models.organizations.store import Store
from models.policy_defaults import MAX_CARRIED_OVER
from models.recovery.follow_up import FollowUp


@dataclass(frozen=True)
class EarlierItems:
    """Number of open concerns or pending follow-ups of a store, from all days `before` this one."""

    count: int
    store_id: UUID
    before: date


@dataclass(frozen=True)
class CarriedOver:
    """Items of the day before, newest first, at most MAX_CARRIED_OVER of each kind.

    `concerns` were handed over when that day was signed off, whatever became of them since, or belong to it and are
    still open. `follow_ups` were due on it and are still pending. `note` is what it left for tomorrow. Days on which
    the store was closed belong to the day before, too. `still_open` and `still_owed` count the items of all earlier
    days: older ones were listed on their own morning.
    """

    note: str | None
    concerns: Sequence[Concern]
    follow_ups: Sequence[FollowUp]
    still_open: EarlierItems
    still_owed: EarlierItems


def build_carried_over(session: Session, store: Store, day: date, before: DailyLog, *, actor: Actor) -> CarriedOver:
    """Build what this day inherits, as far as the actor may see it. `before` is the log of the day before."""
    handed_over_to = DailyLogHandover.business_date
    criteria = (
        DailyLogHandover.store_id == store.id,
        handed_over_to > store.previous_working_date(day),
        handed_over_to <= day,
    )
    # A statement of its own: a database that cannot know how few they are would read every concern of the store.
    handed_over_ids = session.scalars(select(DailyLogHandover.concern_id).where(*criteria)).all()
    is_open = and_(carried_to(store, day, Concern.business_date), NOT_RESOLVED)
    concerns = (
        select(Concern)
        .where(Concern.store_id == store.id, or_(is_open, Concern.id.in_(handed_over_ids)), *Concern.visible_to(actor))
        .where(~IS_VOIDED)
        .options(
            *Concern.eager_options(load_lists=subqueryload), joinedload(Concern.alert).subqueryload(Alert.notifications)
        )
        .order_by(Concern.received_at.desc(), Concern.id.desc())
    )
    follow_ups = (
        FollowUp.select_visible(actor, store_id=store.id, owed_before=day)
        .where(carried_to(store, day, FollowUp.business_date))
        .order_by(FollowUp.due_at.desc(), FollowUp.id.desc())
    )
    open_count, pending_count = _count_earlier(session, store, day, actor)
    return CarriedOver(
        note=before.notes.get(TOMORROW_HEADING),
        concerns=session.scalars(concerns.limit(MAX_CARRIED_OVER)).all(),
        follow_ups=session.scalars(follow_ups.limit(MAX_CARRIED_OVER)).all(),
        still_open=EarlierItems(open_count, store.id, day),
        still_owed=EarlierItems(pending_count, store.id, day),
    )


def _count_earlier(session: Session, store: Store, day: date, actor: Actor) -> tuple[int, int]:
    """Return how many concerns of all earlier days are open and how many follow-ups pending, in one statement."""
    counts = (
        select(func.count()).select_from(model).where(model.store_id == store.id, criterion, *model.visible_to(actor))
        for model, criterion in ((Concern, unresolved_before(day)), (FollowUp, FollowUp.pending_before(day)))
    )
    open_count, pending_count = session.execute(select(*(count.scalar_subquery() for count in counts))).one()
    return open_count, pending_count
