"""Taking back what was logged by mistake: who may void a concern or correct it into praise, and what follows from it.

What came from a customer's code, is or was urgent or sensitive, or is of a day that was signed: a regional manager of
the store's region. Anything else: a manager of the store or its region, and whoever logged it within
VOID_BY_REPORTER_WITHIN. Where nobody who may do it at any time works there, an administrator. An API key never.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, ScalarSelect, Select, and_, or_, select
from sqlalchemy.orm import Session

from models.access import Actor, Role
from models.alerts.enums import Reason
from models.concerns.concern import Concern
from models.concerns.counted import counts_as_concern
from models.concerns.enums import Kind, Source
from models.concerns.event import ConcernEvent, ConcernStep
from models.concerns.previous import find_past
from models.customers.customer import Customer
from models.daily_log.daily_log import DailyLog
from models.errors import Conflict, Forbidden, InvalidState
from models.policy_defaults import PREVIOUS_CONCERN_WINDOW, VOID_BY_REPORTER_WITHIN
from models.recovery.action import RecoveryAction
from models.recovery.follow_up import PENDING_STATUSES, FollowUp
from models.recovery.order_cap import OrderChange
from models.staff.staff import Staff, StaffRegion


def void_concern(session: Session, concern: Concern, *, reason: str, by: Actor, at: datetime) -> list[ConcernEvent]:
    """Void a concern, and cancel what was promised about it. Returns the events for the caller to announce.

    Raises Forbidden for whoever may not, also where its value is the cap of an order that something was given for,
    Conflict while something was given for the concern, and InvalidState for a second time.
    """
    refuse_taking_back(session, concern, by=by, at=at)
    _lock_followers_and_customer(session, concern)
    change = OrderChange(session, concern, to=concern.order_key) if concern.order_value is not None else None
    follow_ups = session.scalars(select(FollowUp).where(FollowUp.concern_id == concern.id).order_by(FollowUp.id)).all()
    events = [promised.cancel_voided(by=by, at=at) for promised in follow_ups if promised.status in PENDING_STATUSES]
    for follow_up in follow_ups:
        follow_up.bump_version()  # none of them counts any more
    events.append(concern.void(by=by, reason=reason, at=at))
    if change is not None:
        change.check_not_loosened(session, concern, by=by, at=at)
    link_later_concerns(session, concern)
    return events


def change_kind(session: Session, concern: Concern, kind: Kind, *, by: Actor, at: datetime) -> None:
    """Correct the kind on the business day of the concern, before the event of the edit is recorded.

    Raises InvalidState on another day, and what `void_concern` raises where a concern becomes praise.
    """
    if concern.business_date != concern.store.business_date(at):
        raise InvalidState("The kind can be corrected on the business day of the concern only.", pointer="/kind")
    if kind is Kind.PRAISE:
        refuse_taking_back(session, concern, by=by, at=at)
    concern.change_kind(kind, by=by, at=at)


def refuse_taking_back(session: Session, concern: Concern, *, by: Actor, at: datetime) -> None:
    """Raise Forbidden for whoever may not take this concern back, and Conflict while something was given for it."""
    if not _may_take_back(session, concern, by=by, at=at):
        raise Forbidden(
            "Whoever logged it may take it back at once, and a manager later; what came from a customer's code, is "
            "or was urgent or sensitive, or is of a day that was signed only a regional manager."
        )
    in_the_way = RecoveryAction.concern_id == concern.id, RecoveryAction.counts_or_is_unsettled()
    if ids := session.scalars(select(RecoveryAction.id).where(*in_the_way).order_by(RecoveryAction.id)).all():
        raise Conflict(
            "Something was given or asked for: reverse it, or let it be decided and settled, first.",
            code="has-actions",
            recovery_action_ids=list(ids),
        )


def link_later_concerns(session: Session, concern: Concern) -> None:
    """Give the concerns that followed this one the previous concern that they have now.

    Whoever logs another one of this customer waits.
    """
    if concern.customer_id is None:
        return
    session.flush()
    customer = _lock_followers_and_customer(session, concern)
    later = _select_followers(concern, concern.customer_id)
    for follower in session.scalars(later.execution_options(populate_existing=True)):
        past = find_past(session, customer, store=follower.store, before=follower.received_at)
        follower.set_past(past)
        follower.bump_version()


def _lock_followers_and_customer(session: Session, concern: Concern) -> Customer | None:
    """Lock the concerns that followed this one, and then its customer, in the order that everybody uses."""
    if concern.customer_id is None:
        return None
    lock_later_concerns(session, concern, concern.customer_id)
    return session.scalars(Customer.select_for_update(Customer.id == concern.customer_id, for_change=True)).first()


def lock_later_concerns(session: Session, concern: Concern, customer_id: UUID | ScalarSelect[UUID]) -> None:
    """Lock the concerns of a customer that followed this one, before the customer is."""
    followers = _select_followers(concern, customer_id)
    session.execute(followers.with_only_columns(Concern.id).with_for_update(key_share=True))


def _select_followers(concern: Concern, customer_id: UUID | ScalarSelect[UUID]) -> Select[Concern]:
    """Select, in the order to lock, the concerns whose previous one is this, and the next concern of the customer.

    And those whose customer had last been in this store on its day.
    """
    of_customer = (
        Concern.customer_id == customer_id,
        Concern.received_at > concern.received_at,
        Concern.received_at < concern.received_at + PREVIOUS_CONCERN_WINDOW,
        counts_as_concern(Concern),
    )
    following = select(Concern.id).where(*of_customer).order_by(Concern.received_at).limit(1).scalar_subquery()
    was_here = and_(Concern.store_id == concern.store_id, Concern.last_here_on == concern.business_date)
    is_follower = or_(Concern.previous_id == concern.id, Concern.id == following, was_here)
    return select(Concern).where(*of_customer, is_follower).order_by(Concern.id)


def _may_take_back(session: Session, concern: Concern, *, by: Actor, at: datetime) -> bool:
    weighs = _weighs(session, concern)
    entitled = session.scalars(select(Staff.id).where(Staff.works_at(at), _is_entitled(concern, weighs=weighs))).all()
    if by.person in entitled:
        return True
    if by.role is Role.ADMIN:
        return not entitled
    is_fresh = at - concern.received_at <= VOID_BY_REPORTER_WITHIN
    return not weighs and is_fresh and by.staff_id == concern.reported_by_id


def _is_entitled(concern: Concern, *, weighs: bool) -> ColumnElement[bool]:
    """Return the criterion for people who may take this concern back at any time."""
    if not weighs:
        return Staff.role.in_((Role.MANAGER, Role.REGIONAL)) & Staff.is_of_stores([concern.store_id])
    of_region = select(StaffRegion.staff_id).where(StaffRegion.region_id == concern.store.region_id)
    return (Staff.role == Role.REGIONAL) & Staff.id.in_(of_region)


def _weighs(session: Session, concern: Concern) -> bool:
    """Return whether the people of the store cannot take it back among themselves."""
    rang_as_urgent = concern.alert is not None and concern.alert.reason is Reason.URGENT_CATEGORY
    if concern.source is Source.CUSTOMER or concern.urgent or rang_as_urgent or concern.sensitive:
        return True
    # Whoever corrects that first does not get around it.
    weighed = select(ConcernEvent.id).where(
        ConcernEvent.concern_id == concern.id,
        ConcernEvent.step == ConcernStep.EDITED,
        or_(*(ConcernEvent.details[name].as_string().is_not(None) for name in ("sensitive", "urgent"))),
    )
    signed = select(DailyLog.id).where(
        DailyLog.store_id == concern.store_id,
        DailyLog.business_date == concern.business_date,
        DailyLog.signed_at.is_not(None),
    )
    return session.scalars(select(or_(weighed.exists(), signed.exists()))).one()
