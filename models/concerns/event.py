"""Events of a concern: its timeline, its audit trail, and the input of the alert decisions."""

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import Index, Integer
from sqlalchemy.orm import Mapped, mapped_column

from models.db.base import TenantOwned, many_to_one, tenant_fk
from models.staff.staff import Staff

if TYPE_CHECKING:
    from models.concerns.concern import Concern


class ConcernStep(StrEnum):
    """The kind of an event of a concern."""

    LOGGED = "logged"
    TAKEN = "taken"
    RELEASED = "released"
    OUTCOME_WAITS = "outcome_waits"  # how it ended holds once what was asked for is approved
    RESOLVED = "resolved"
    REOPENED = "reopened"
    EDITED = "edited"
    VOIDED = "voided"  # `reason`: why
    HANDED_OVER = "handed_over"  # `to`: id of the colleague who is called
    ACTION_RECORDED = "action_recorded"
    ACTION_REVERSED = "action_reversed"
    ACTION_APPROVED = "action_approved"
    ACTION_DECLINED = "action_declined"
    ACTION_EXPIRED = "action_expired"  # nobody decided in time
    ACTION_REVIEWED = "action_reviewed"  # it was given beyond a limit, and somebody has looked at it
    ACTION_SETTLED = "action_settled"  # `settlement`: the new settlement of the action
    FEEDBACK_ASKED = "feedback_asked"
    FEEDBACK_GIVEN = "feedback_given"  # `rating`: by the customer
    PROMISED = "promised"
    PROMISE_KEPT = "promise_kept"
    PROMISE_BROKEN = "promise_broken"  # the due time has passed
    PROMISE_CANCELLED = "promise_cancelled"
    PROMISE_HANDED_OVER = "promise_handed_over"  # `to`: id of the new owner


# What somebody could go on doing to one concern without end. Each is a step of its timeline.
BOUNDED_STEPS = frozenset(
    {
        ConcernStep.REOPENED,
        ConcernStep.EDITED,
        ConcernStep.HANDED_OVER,
        ConcernStep.ACTION_RECORDED,
        ConcernStep.PROMISED,
    }
)
# Allowed after a concern is resolved: they do not change how it was put right.
STEPS_AFTER_RESOLUTION = frozenset(
    {
        ConcernStep.ACTION_APPROVED,
        ConcernStep.ACTION_DECLINED,
        ConcernStep.ACTION_EXPIRED,
        ConcernStep.ACTION_REVIEWED,
        ConcernStep.ACTION_SETTLED,
        ConcernStep.FEEDBACK_ASKED,
        ConcernStep.FEEDBACK_GIVEN,
        ConcernStep.PROMISED,
        ConcernStep.PROMISE_KEPT,
        ConcernStep.PROMISE_BROKEN,
        ConcernStep.PROMISE_CANCELLED,
        ConcernStep.PROMISE_HANDED_OVER,
    }
)
# Allowed after a concern is voided: money may move all the same, and what was given is reviewed.
STEPS_AFTER_VOID = frozenset({ConcernStep.ACTION_REVIEWED, ConcernStep.ACTION_SETTLED})


class ConcernEvent(TenantOwned):
    """One event: who, when, in which store, from which device, and what changed.

    Append-only: the database does not allow the application to change or delete a row.
    """

    __tablename__ = "concern_event"
    __table_args__ = (Index("ix_concern_event_concern", "organization_id", "concern_id", "number"),)

    concern_id: Mapped[UUID] = tenant_fk("concern")
    store_id: Mapped[UUID] = tenant_fk("store")
    number: Mapped[int] = mapped_column(Integer)
    step: Mapped[ConcernStep]
    at: Mapped[datetime]
    by_staff_id: Mapped[UUID | None] = tenant_fk("staff", nullable=True)
    by_api_key_id: Mapped[UUID | None] = tenant_fk("api_key", nullable=True)
    device_id: Mapped[UUID | None] = tenant_fk("device", nullable=True)
    details: Mapped[dict[str, Any]] = mapped_column(default=dict)

    by: Mapped[Staff | None] = many_to_one("ConcernEvent", "by_staff_id", "Staff")
    concern: Mapped["Concern"] = many_to_one("ConcernEvent", "concern_id", "Concern", back_populates="events")
