"""Overview of a customer, for staff to read before the greeting."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.access import Actor
from models.concerns.concern import Concern
from models.concerns.counted import IS_COUNTED_CONCERN
from models.concerns.unresolved import NOT_RESOLVED
from models.customers.customer import Customer
from models.policy_defaults import SECOND_FAILURE_WINDOW
from models.recovery.follow_up import FollowUp
from models.recovery.previous_recovery import PreviousRecovery, find_last_recovery


@dataclass(frozen=True)
class CustomerOverview:
    """The open matters of a customer. `promised` are the pending follow-ups by due time."""

    open: Sequence[Concern]
    promised: Sequence[FollowUp]
    second_failure: bool
    tried_before: PreviousRecovery | None


def customer_overview(session: Session, customer: Customer, *, actor: Actor, at: datetime) -> CustomerOverview:
    """Return what is open or pending for a customer and visible to the actor, and what was tried last time.

    `second_failure` counts concerns of all stores: one of the last 30 days followed another within 30 days
    (SECOND_FAILURE_WINDOW).
    """
    of_customer = (Concern.customer_id == customer.id, IS_COUNTED_CONCERN)
    still_open = select(Concern).where(*of_customer, *Concern.visible_to(actor), NOT_RESOLVED)
    second_failures = select(Concern.id).where(
        *of_customer,
        Concern.received_at > at - SECOND_FAILURE_WINDOW,
        Concern.seconds_since_previous <= SECOND_FAILURE_WINDOW.total_seconds(),
    )
    return CustomerOverview(
        open=session.scalars(still_open.order_by(Concern.received_at.desc(), Concern.id.desc())).all(),
        promised=session.scalars(FollowUp.pending_for_customer(customer.id, actor=actor)).all(),
        second_failure=session.scalars(second_failures.limit(1)).first() is not None,
        tried_before=find_last_recovery(session, customer.id, actor=actor, at=at),
    )
