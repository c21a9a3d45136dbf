"""Previous recovery of a customer: which remedies were tried last time, and how that ended."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, ScalarSelect, and_, func, literal, null, select, union
from sqlalchemy.orm import Session, aliased

from models.access import Actor
from models.concerns.concern import Concern
from models.concerns.counted import IS_COUNTED_CONCERN
from models.concerns.enums import Outcome, Status
from models.concerns.event import ConcernEvent, ConcernStep
from models.organizations.names import NamedWord
from models.organizations.vocabulary import Category, Cause, Question
from models.policy_defaults import PREVIOUS_CONCERN_WINDOW
from models.recovery.action import IN_EFFECT, RecoveryAction
from models.recovery.remedy import Remedy

_NOT_READ: ColumnElement[Any] = null()


class PreviousRecovery(NamedTuple):
    """A past concern with the remedies that were tried, in order, and its outcome. `tried` has their names."""

    concern_id: UUID
    business_date: date
    category: str | None
    outcome: Outcome | None
    mood_after: int | None
    remedies: Sequence[str]
    tried: Sequence[NamedWord]


class CustomerPast(NamedTuple):
    """What a customer was asked before (slugs of questions), and the last recovery."""

    questions: frozenset[str]
    recovery: PreviousRecovery | None


def last_resolved_expression(customer_id: UUID, *, actor: Actor, at: datetime) -> ScalarSelect[UUID]:
    """Return the id of the customer's last resolved concern the actor may see, within a year, as a subquery."""
    of_customer = (Concern.customer_id == customer_id, IS_COUNTED_CONCERN, *Concern.visible_to(actor))
    resolved = select(Concern.id).where(
        *of_customer, Concern.status == Status.RESOLVED, Concern.received_at > at - PREVIOUS_CONCERN_WINDOW
    )
    return resolved.order_by(Concern.received_at.desc(), Concern.id.desc()).limit(1).scalar_subquery()


def find_last_recovery(session: Session, customer_id: UUID, *, actor: Actor, at: datetime) -> PreviousRecovery | None:
    """Return the recovery of the customer's last resolved concern, as in `last_resolved_expression`."""
    last_id = last_resolved_expression(customer_id, actor=actor, at=at)
    return _read_recovery(_fetch_rows(session, Concern.id == last_id))


def find_customer_past(session: Session, customer_id: UUID, *, actor: Actor, at: datetime) -> CustomerPast:
    """Return what `find_last_recovery` does, and the questions that the customer was asked within a year.

    In one statement, because a person waits for the answer. A question counts wherever it was asked.
    """
    within_a_year = (
        Concern.customer_id == customer_id,
        Concern.status != Status.VOIDED,
        Concern.received_at > at - PREVIOUS_CONCERN_WINDOW,
    )
    # A concern holds the question that was asked last; its timeline those that were there before.
    replaced = ConcernEvent.details["question"]["before"].as_string()
    asked_slugs = union(
        select(Question.slug).join(Concern, Concern.question_id == Question.id).where(*within_a_year),
        select(replaced)
        .join(ConcernEvent.concern)
        .where(*within_a_year, ConcernEvent.step == ConcernStep.EDITED, replaced.is_not(None)),
    ).subquery()
    slugs = select(func.aggregate_strings(asked_slugs.c[0], " ")).scalar_subquery()
    last_id = last_resolved_expression(customer_id, actor=actor, at=at)
    rows = _fetch_rows(session, Concern.id == last_id, questions=slugs)
    return CustomerPast(frozenset((rows[0].questions or "").split()), _read_recovery(rows))


def find_previous_recovery(session: Session, concern_id: UUID, *, actor: Actor) -> PreviousRecovery | None:
    """Return the recovery of the previous concern of a concern. None where the actor may not see it."""
    previous_id = select(Concern.previous_id).where(Concern.id == concern_id).scalar_subquery()
    return _read_recovery(_fetch_rows(session, Concern.id == previous_id, *Concern.visible_to(actor)))


def _fetch_rows(
    session: Session, *criteria: ColumnElement[bool], questions: ColumnElement[Any] = _NOT_READ
) -> Sequence[Any]:
    """Return a row for each remedy of the one concern that matches; at least one row, with `questions`."""
    always_one_row = select(literal(1).label("one")).subquery()
    category = aliased(Category)  # as of now: see Concern.category
    category_id = func.coalesce(Cause.category_id, Category.merged_into_id, Category.id)
    return session.execute(
        select(
            questions.label("questions"),
            Concern.id,
            Concern.business_date,
            category.slug,
            Concern.outcome,
            Concern.mood_after,
            Remedy.slug.label("remedy"),
            Remedy.name.label("remedy_name"),
            Remedy.names.label("remedy_names"),
        )
        .select_from(always_one_row)
        .outerjoin(Concern, and_(*criteria))
        .outerjoin(Concern.filed_category)
        .outerjoin(Concern.filed_cause)
        .outerjoin(category, category.id == category_id)
        .outerjoin(Concern.actions.and_(IN_EFFECT))
        .outerjoin(RecoveryAction.remedy)
        .order_by(RecoveryAction.recorded_at, RecoveryAction.id)
    ).all()


def _read_recovery(rows: Sequence[Any]) -> PreviousRecovery | None:
    concern, done = rows[0], [row for row in rows if row.remedy is not None]
    if concern.id is None:
        return None
    return PreviousRecovery(
        concern.id,
        concern.business_date,
        concern.slug,
        concern.outcome,
        concern.mood_after,
        remedies=[row.remedy for row in done],
        tried=[NamedWord(row.remedy, row.remedy_name, row.remedy_names or {}) for row in done],
    )
