"""What did the days before leave to this one? What is open, what is owed, and a note."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session, joinedload, subqueryload

from models.access import Actor
from models.alert import Alert
from models.concern import Concern
from models.follow_up import OWED, FollowUp
from models.log_page import IS_OPEN, TOMORROW, LogHandOver, LogPage
from models.store import Store
from models.terms import Kind


@dataclass(frozen=True)
class CarriedOver:
    """What an earlier day left.

    `concerns` were handed over to this day by the sign-off of the one before, whatever has become of them since, or
    belong to an earlier day and are open still. `follow_ups` were due before this day and are owed still. `note` is
    what the day before left for tomorrow.
    """

    note: str | None
    concerns: Sequence[Concern]
    follow_ups: Sequence[FollowUp]


def carried_over(session: Session, store: Store, day: date, before: LogPage, *, seen_by: Actor) -> CarriedOver:
    """What is left to this day, as far as the actor may see it; `before` is the page of the day before."""
    here = (LogHandOver.store_id == store.id, LogHandOver.business_date == day)
    # Looked up first: a database that does not know how few they are would read every concern of the store.
    handed = session.scalars(select(LogHandOver.concern_id).where(*here)).all()
    still_open = and_(Concern.business_date < day, IS_OPEN, Concern.kind != Kind.PRAISE)
    concerns = (
        select(Concern)
        .where(Concern.store_id == store.id, or_(still_open, Concern.id.in_(handed)), *Concern.visible_to(seen_by))
        .options(*Concern.shown_with(parts=subqueryload), joinedload(Concern.alert).subqueryload(Alert.notifications))
        .order_by(Concern.received_at, Concern.id)
    )
    owed = FollowUp.listed(seen_by, store_id=store.id).where(FollowUp.status.in_(OWED), FollowUp.business_date < day)
    return CarriedOver(
        note=before.notes.get(TOMORROW),
        concerns=session.scalars(concerns).all(),
        follow_ups=session.scalars(owed.order_by(FollowUp.due_at, FollowUp.id)).all(),
    )
