"""What was learned from the past: what helped people with the same cause, and which question opens them up."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Row, Select, or_, select
from sqlalchemy.orm import Session

from models.concerns.concern import Concern
from models.concerns.enums import Kind
from models.db.session import ScopedSession
from models.organizations.vocabulary import Question
from models.policy_defaults import MIN_OUTCOME_SAMPLE, UNHAPPY_MOOD
from models.recovery.action import IN_EFFECT, RecoveryAction
from models.recovery.remedy import Remedy

CONCERNS_EXAMINED = 1000  # of one cause
SAMPLE_SIZE = 200  # the newest ones: what helps changes, and a year of them would be slow to read


@dataclass(frozen=True)
class Range:
    """The middle and both ends of what there was."""

    median: float
    least: int
    most: int


@dataclass(frozen=True)
class RemedyOutcome:
    """What became of those who received a remedy. `cost` in minor units of `currency`; None where it costs nothing."""

    remedy: str
    n: int
    cost: Range | None
    currency: str
    mood_lift: Range


@dataclass(frozen=True)
class SameCause:
    """Of `n` people with the same cause, what was tried often enough to tell."""

    n: int
    lessons: Sequence[RemedyOutcome]


class SuggestedQuestion(NamedTuple):
    """An open question."""

    slug: str
    text: str


@dataclass(frozen=True)
class PastOutcomes:
    """What is worth asking next, and what became of those with the same cause."""

    question: SuggestedQuestion | None
    same_cause: SameCause | None


def past_outcomes(
    session: ScopedSession,
    category_id: UUID | None,
    cause_id: UUID | None,
    currency: str | None,
    *,
    unhappy: bool | None,
    at: datetime,
) -> PastOutcomes:
    """Of the organization's own rows, as they were within the last minute; `unhappy` None for whatever mood."""

    def ask() -> PastOutcomes:
        question = _next_question(session, category_id, cause_id, unhappy=unhappy)
        if cause_id is None or currency is None:
            return PastOutcomes(question, None)
        return PastOutcomes(question, _same_cause(session, cause_id, currency, unhappy=unhappy))

    return session.cached((past_outcomes, category_id, cause_id, currency, unhappy), ask, at=at)


def _same_cause(session: Session, cause_id: UUID, currency: str, *, unhappy: bool | None) -> SameCause | None:
    """What people with this cause received and how their mood changed; None where they were too few.

    The organization's newest with a known end, in this currency; those who were unhappy likewise, or not. Reversed
    actions helped nobody.
    """
    newest = _select_ended(cause_id, unhappy=unhappy).subquery()
    rows = session.execute(
        select(newest.c.id, newest.c.lift, Remedy.slug, RecoveryAction.cost_amount, RecoveryAction.cost_currency)
        .select_from(newest)
        .outerjoin(RecoveryAction, (RecoveryAction.concern_id == newest.c.id) & IN_EFFECT)
        .outerjoin(RecoveryAction.remedy)
    ).all()
    people = {row.id for row in rows}
    if len(people) < MIN_OUTCOME_SAMPLE:
        return None
    return SameCause(len(people), _remedy_outcomes(rows, currency))


def _next_question(
    session: Session, category_id: UUID | None, cause_id: UUID | None, *, unhappy: bool | None
) -> SuggestedQuestion | None:
    """The open question that was followed by the best change of mood; each is tried often enough before.

    Those of the category come before those about everything. None where the organization has none.
    """
    questions = session.execute(
        select(Question.id, Question.slug, Question.text)
        .where(or_(Question.category_id.is_(None), Question.category_id == category_id))
        .order_by(Question.category_id.is_(None), Question.id)  # as they were written down
    ).all()
    lifts: defaultdict[UUID, list[int]] = defaultdict(list)
    if cause_id is not None:
        for row in session.execute(_select_ended(cause_id, unhappy=unhappy)):
            lifts[row.question_id].append(row.lift)
    if not questions:
        return None
    untried = (question for question in questions if len(lifts[question.id]) < MIN_OUTCOME_SAMPLE)
    best = next(untried, None) or max(questions, key=lambda question: median(lifts[question.id]))
    return SuggestedQuestion(best.slug, best.text)


def _select_ended(cause_id: UUID, *, unhappy: bool | None) -> Select[UUID, int | None, UUID | None]:
    """Those of the newest whose end is known; so many and no more are looked at, for somebody waits for the answer."""
    columns = (Concern.id, Concern.mood, Concern.mood_after, Concern.question_id, Concern.kind, Concern.received_at)
    of_cause = select(*columns).where(Concern.cause_id == cause_id).order_by(Concern.received_at.desc())
    newest = of_cause.limit(CONCERNS_EXAMINED).subquery().c
    question = (
        select(newest.id, (newest.mood_after - newest.mood).label("lift"), newest.question_id)
        .where(newest.mood_after.is_not(None), newest.kind != Kind.PRAISE)
        .order_by(newest.received_at.desc())
        .limit(SAMPLE_SIZE)
    )
    if unhappy is None:
        return question
    return question.where(newest.mood <= UNHAPPY_MOOD if unhappy else newest.mood > UNHAPPY_MOOD)


def _remedy_outcomes(rows: Iterable[Row[Any]], currency: str) -> list[RemedyOutcome]:
    received: defaultdict[str, dict[UUID, Row[Any]]] = defaultdict(dict)
    for row in rows:
        if row.slug is not None and row.cost_currency in (None, currency):
            received[row.slug][row.id] = row  # one person counts once
    told = {slug: list(found.values()) for slug, found in received.items() if len(found) >= MIN_OUTCOME_SAMPLE}
    lessons = [_remedy_outcome(slug, found, currency) for slug, found in told.items()]
    return sorted(lessons, key=lambda lesson: (-lesson.mood_lift.median, lesson.remedy))


def _remedy_outcome(remedy: str, rows: Sequence[Row[Any]], currency: str) -> RemedyOutcome:
    costs = [row.cost_amount for row in rows if row.cost_amount is not None]
    cost = _range(costs) if len(costs) >= MIN_OUTCOME_SAMPLE else None
    return RemedyOutcome(remedy, len(rows), cost, currency, _range([row.lift for row in rows]))


def _range(values: Sequence[int]) -> Range:
    return Range(float(median(values)), min(values), max(values))
