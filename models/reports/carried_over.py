"""What did the day before leave to this one? What is open, what is owed, a note, and how much older there is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session, joinedload, subqueryload

from models.access import Actor
from models.alerts.alert import Alert
from models.concerns.concern import Concern
from models.concerns.unresolved import IS_UNRESOLVED, carried_to, unresolved_before
from models.daily_log.daily_log import TOMORROW_HEADING, DailyLog, DailyLogHandover
from models.organizations.store import Store
from models.policy_defaults import MAX_CARRIED_OVER
from models.recovery.follow_up import FollowUp


@dataclass(frozen=True)
class EarlierItems:
    """How much of all the days `before` this one is open or owed still in a store."""

    count: int
    store_id: UUID
    before: date


@dataclass(frozen=True)
class CarriedOver:
    """What the day before left, the newest first, and no more than MAX_CARRIED_OVER of each.

    `concerns` were handed over by its sign-off, whatever has become of them since, or belong to it and are open still.
    `follow_ups` were due on it and are owed still. `note` is what it left for tomorrow. Of days on which the store
    stayed shut everything is left to the next one. `still_open` and `still_owed` count what is older as well: that was
    told of on its own morning.
    """

    note: str | None
    concerns: Sequence[Concern]
    follow_ups: Sequence[FollowUp]
    still_open: EarlierItems
    still_owed: EarlierItems


def build_carried_over(session: Session, store: Store, day: date, before: DailyLog, *, actor: Actor) -> CarriedOver:
    """What is left to this day, as far as the actor may see it; `before` is the page of the day before."""
    handed_to = DailyLogHandover.business_date
    here = (DailyLogHandover.store_id == store.id, handed_to > store.previous_working_date(day), handed_to <= day)
    # Looked up first: a database that does not know how few they are would read every concern of the store.
    handed = session.scalars(select(DailyLogHandover.concern_id).where(*here)).all()
    still_open = and_(carried_to(store, day, Concern.business_date), IS_UNRESOLVED)
    concerns = (
        select(Concern)
        .where(Concern.store_id == store.id, or_(still_open, Concern.id.in_(handed)), *Concern.visible_to(actor))
        .options(
            *Concern.eager_options(load_lists=subqueryload), joinedload(Concern.alert).subqueryload(Alert.notifications)
        )
        .order_by(Concern.received_at.desc(), Concern.id.desc())
    )
    owed = FollowUp.select_visible(actor, store_id=store.id, owed_before=day)
    owed = owed.where(carried_to(store, day, FollowUp.business_date)).order_by(
        FollowUp.due_at.desc(), FollowUp.id.desc()
    )
    open_, owing = _counted(session, store, day, actor)
    return CarriedOver(
        note=before.notes.get(TOMORROW_HEADING),
        concerns=session.scalars(concerns.limit(MAX_CARRIED_OVER)).all(),
        follow_ups=session.scalars(owed.limit(MAX_CARRIED_OVER)).all(),
        still_open=EarlierItems(open_, store.id, day),
        still_owed=EarlierItems(owing, store.id, day),
    )


def _counted(session: Session, store: Store, day: date, actor: Actor) -> tuple[int, int]:
    """How many concerns are open and how many promises owed of all the days before, in one look-up."""
    numbers = (
        select(func.count()).select_from(kind).where(kind.store_id == store.id, left, *kind.visible_to(actor))
        for kind, left in ((Concern, unresolved_before(day)), (FollowUp, FollowUp.pending_before(day)))
    )
    open_, owed = session.execute(select(*(number.scalar_subquery() for number in numbers))).one()
    return open_, owed
