"""Open work: what somebody has taken or promised, given to others who work there when that person leaves or moves."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, case, or_, select
from sqlalchemy.orm import Session, joinedload

from models.access import Actor, Permission, Role, roles_with
from models.concerns.concern import Concern
from models.concerns.enums import Status
from models.concerns.event import ConcernEvent, ConcernStep
from models.concerns.handover import why_not_callable
from models.concerns.unresolved import NOT_RESOLVED
from models.organizations.store import Store
from models.recovery.follow_up import PENDING_STATUSES, FollowUp
from models.recovery.follow_up_owner import FollowUpOwner
from models.staff.staff import Staff

# Who is asked first to own what somebody promised, after those who were named.
OWNERS_BY_RANK = case({Role.MANAGER: 0, Role.REGIONAL: 1}, value=Staff.role, else_=2)


@dataclass
class OpenWork:
    """What somebody had open and others have now: the ids, and the events for the caller to announce."""

    concerns: list[UUID] = field(default_factory=list)
    follow_ups: list[UUID] = field(default_factory=list)
    concern_events: list[ConcernEvent] = field(default_factory=list)
    follow_up_events: list[tuple[FollowUp, ConcernEvent]] = field(default_factory=list)

    def add(self, other: "OpenWork") -> None:
        self.concerns += other.concerns
        self.follow_ups += other.follow_ups
        self.concern_events += other.concern_events
        self.follow_up_events += other.follow_up_events


def has_open_work() -> ColumnElement[bool]:
    """Match people who have taken a concern that is not resolved, or owe something about one."""
    taken = select(Concern.id).where(
        NOT_RESOLVED, Concern.organization_id == Staff.organization_id, Concern.taken_by_id == Staff.id
    )
    owed = select(FollowUp.id).where(
        FollowUp.organization_id == Staff.organization_id,
        FollowUp.owner_id == Staff.id,
        FollowUp.status.in_(PENDING_STATUSES),
    )
    return or_(taken.exists(), owed.exists())


def lock_open_work(session: Session, staff_ids: Sequence[UUID]) -> None:
    """Lock the concerns that these people have taken or owe something about, in the order of their ids.

    Concerns are locked before people, as wherever both are.
    """
    taken = select(Concern.id).where(NOT_RESOLVED, Concern.taken_by_id.in_(staff_ids))
    owed = select(FollowUp.concern_id).where(FollowUp.owner_id.in_(staff_ids), FollowUp.status.in_(PENDING_STATUSES))
    ids = {*session.scalars(taken), *session.scalars(owed)}
    if ids:
        stmt = select(Concern.id).where(Concern.id.in_(ids)).order_by(Concern.id)
        session.execute(stmt.with_for_update(key_share=True))


def hand_over_open_work(
    session: Session,
    staff_id: UUID,
    *,
    by: Actor,
    at: datetime,
    heir: Staff | None = None,
    recorder: Staff | None = None,
    except_in: Collection[UUID] = (),
) -> OpenWork:
    """Release what somebody has taken, so that it rings again, and give what they promised to somebody else.

    Args:
        session: The session of the organization, with the concerns locked (`lock_open_work`).
        staff_id: The person who leaves, or moves.
        by: Whoever records it.
        at: The time of the hand-over.
        heir: The colleague to whom all goes that they may have.
        recorder: The colleague who is asked next to own a follow-up.
        except_in: The stores where the person goes on working: what they have open there stays theirs.
    """
    work = OpenWork()
    _release_concerns(session, work, staff_id, heir, by=by, at=at, except_in=except_in)
    session.flush()  # what was released is read again below
    _reassign_follow_ups(session, work, staff_id, [heir, recorder], by=by, at=at, except_in=except_in)
    return work


def _release_concerns(
    session: Session,
    work: OpenWork,
    staff_id: UUID,
    heir: Staff | None,
    *,
    by: Actor,
    at: datetime,
    except_in: Collection[UUID],
) -> None:
    taken = (Concern.status == Status.TAKEN, Concern.taken_by_id == staff_id, Concern.store_id.not_in(except_in))
    stmt = select(Concern).where(NOT_RESOLVED, *taken).options(joinedload(Concern.store), *Concern.eager_options())
    stmt = stmt.order_by(Concern.id).execution_options(populate_existing=True)
    concerns = session.scalars(stmt).unique().all()
    for concern in concerns:
        work.concern_events.append(concern.release_of_leaver(by=by, at=at))
        if heir is not None and why_not_callable(session, concern, heir, at=at) is None:
            details = {"to": str(heir.id)}
            work.concern_events.append(concern.add_event(ConcernStep.HANDED_OVER, by=by, at=at, details=details))
    work.concerns = [concern.id for concern in concerns]


def _reassign_follow_ups(
    session: Session,
    work: OpenWork,
    staff_id: UUID,
    named: list[Staff | None],
    *,
    by: Actor,
    at: datetime,
    except_in: Collection[UUID],
) -> None:
    pending = (FollowUp.owner_id == staff_id, FollowUp.status.in_(PENDING_STATUSES))
    stmt = select(FollowUp).where(*pending, FollowUp.store_id.not_in(except_in))
    stmt = stmt.options(joinedload(FollowUp.concern).joinedload(Concern.store)).order_by(FollowUp.id)
    follow_ups = session.scalars(stmt.execution_options(populate_existing=True)).unique().all()
    owners = _Owners(session, staff_id, named, at)
    for follow_up in follow_ups:
        if owner := owners.for_concern(follow_up.concern):
            work.follow_up_events.append((follow_up, follow_up.assign(owner, by=by, at=at)))
    work.follow_ups = [follow_up.id for follow_up, _ in work.follow_up_events]


@dataclass
class _Owners:
    """People who may own what somebody promised: those who were named, else the managers of the store, else anybody.

    Where nobody at all works in the store, a follow-up stays as it is: its reminder goes to whoever leads by then.
    """

    session: Session
    former_owner_id: UUID
    named: list[Staff | None]
    at: datetime
    by_store: dict[UUID, list[FollowUpOwner]] = field(default_factory=dict)

    def for_concern(self, concern: Concern) -> FollowUpOwner | None:
        """Return who is asked first of those who may own a follow-up on this concern, if anybody may."""
        if concern.store_id not in self.by_store:
            self.by_store[concern.store_id] = list(self._of_store(concern.store))
        return next((owner for owner in self.by_store[concern.store_id] if owner.may_own(concern)), None)

    def _of_store(self, store: Store) -> Iterator[FollowUpOwner]:
        stmt = (
            select(Staff)
            .where(
                Staff.works_at(self.at),
                Staff.id != self.former_owner_id,
                Staff.role.in_(roles_with(Permission.RECOVERY_ACT)),
                Staff.is_of_stores([store.id]),
            )
            .options(*Staff.eager_options())
            .order_by(OWNERS_BY_RANK, Staff.id)
        )
        for staff in [*(staff for staff in self.named if staff is not None), *self.session.scalars(stmt)]:
            if owner := FollowUpOwner.of(self.session, staff, at=self.at):
                yield owner
