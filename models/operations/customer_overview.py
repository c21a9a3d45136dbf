"""What matters now of a customer who stands there: what is open, what we promised, a second failure, what was tried."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.access import Actor
from models.concerns.concern import Concern
from models.concerns.enums import Kind, Status
from models.customers.customer import Customer
from models.policy_defaults import SECOND_FAILURE_WINDOW
from models.recovery.follow_up import FollowUp
from models.recovery.previous_recovery import PreviousRecovery, find_last_recovery


@dataclass(frozen=True)
class CustomerOverview:
    """To be read before saying hello. `promised` is what they still wait for, what is due first coming first."""

    open: Sequence[Concern]
    promised: Sequence[FollowUp]
    second_failure: bool
    tried_before: PreviousRecovery | None


def customer_overview(session: Session, customer: Customer, *, actor: Actor, at: datetime) -> CustomerOverview:
    """What is open or owed within this person's reach, and what was tried the last time that is over, if in a year.

    A second failure is one wherever it happened: of the concerns of the last 30 days one followed another within 30.
    """
    theirs = (Concern.customer_id == customer.id, Concern.kind != Kind.PRAISE)
    still_open = select(Concern).where(*theirs, *Concern.visible_to(actor), Concern.status != Status.RESOLVED)
    again = select(Concern.id).where(
        *theirs,
        Concern.received_at > at - SECOND_FAILURE_WINDOW,
        Concern.seconds_since_previous <= SECOND_FAILURE_WINDOW.total_seconds(),
    )
    return CustomerOverview(
        open=session.scalars(still_open.order_by(Concern.received_at.desc(), Concern.id.desc())).all(),
        promised=session.scalars(FollowUp.pending_for_customer(customer.id, actor=actor)).all(),
        second_failure=session.scalars(again.limit(1)).first() is not None,
        tried_before=find_last_recovery(session, customer.id, actor=actor, at=at),
    )
