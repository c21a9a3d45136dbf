"""Statistics of past outcomes: what helped customers with the same cause, and which question to ask next."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import mean, median
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Row, Select, or_, select, union_all
from sqlalchemy.orm import Session

from models.concerns.concern import Concern
from models.concerns.counted import counts_as_concern
from models.db.session import ScopedSession
from models.organizations.store import StoreKind
from models.organizations.vocabulary import Category, Cause, Question
from models.policy_defaults import MIN_OUTCOME_SAMPLE, UNHAPPY_MOOD
from models.recovery.action import IN_EFFECT, RecoveryAction
from models.recovery.remedy import Remedy

CONCERNS_EXAMINED = 1000  # of one cause
SAMPLE_SIZE = 200  # of the newest ones: what helps changes over time, and reading a year would be slow


@dataclass(frozen=True)
class Range:
    """Median, minimum and maximum of some values."""

    median: float
    least: int
    most: int


@dataclass(frozen=True)
class RemedyOutcome:
    """Outcome of a remedy for the `n` customers who received it.

    `cost` is in minor units of `currency`, None for a remedy that costs nothing or has too few costs.
    """

    remedy: str
    n: int
    cost: Range | None
    currency: str
    mood_lift: Range
    mean_lift: float


@dataclass(frozen=True)
class SameCause:
    """The remedies that were tried often enough to tell, of `n` concerns with the same cause."""

    n: int
    mean_lift: float
    lessons: Sequence[RemedyOutcome]


class SuggestedQuestion(NamedTuple):
    """An open question to ask the customer."""

    slug: str
    name: str  # the question itself
    names: Mapping[str, str]  # in further languages
    from_the_beginning: bool


@dataclass(frozen=True)
class PastOutcomes:
    """The questions to ask, the best one first, and the outcomes of concerns with the same cause."""

    questions: Sequence[SuggestedQuestion]
    same_cause: SameCause | None


def past_outcomes(
    session: ScopedSession,
    category: Category | None,
    cause: Cause | None,
    currency: str | None,
    store_kind: StoreKind | None,
    *,
    unhappy: bool | None,
    at: datetime,
) -> PastOutcomes:
    """Return statistics of the organization's own concerns, cached for a minute.

    `unhappy` narrows them to customers in the same mood; None counts all. `store_kind` is that of the store, if it is
    known: a question for another kind of store is not suggested.
    """
    category_id, cause_id = (word.id if word else None for word in (category, cause))

    def compute() -> PastOutcomes:
        cause_ids = _ids_of_cause(session, cause_id) if cause_id else []
        questions = _questions(session, category_id, cause_ids, store_kind, unhappy=unhappy)
        if not cause_ids or currency is None:
            return PastOutcomes(questions, None)
        return PastOutcomes(questions, _same_cause(session, cause_ids, currency, unhappy=unhappy))

    return session.cached((past_outcomes, category_id, cause_id, currency, store_kind, unhappy), compute, at=at)


def _ids_of_cause(session: Session, cause_id: UUID) -> Sequence[UUID]:
    """Return the ids of the cause and of those merged into it, of which some concerns may not be re-filed yet."""
    return session.scalars(select(Cause.id).where(or_(Cause.id == cause_id, Cause.merged_into_id == cause_id))).all()


def _same_cause(
    session: Session, cause_ids: Sequence[UUID], currency: str, *, unhappy: bool | None
) -> SameCause | None:
    """Return what customers with this cause received and how their mood changed. None where they are too few.

    Counts the newest concerns with a known mood afterwards (see `_select_ended`) and actions in this currency that
    were not reversed.
    """
    newest = _select_ended(cause_ids, unhappy=unhappy).subquery()
    rows = session.execute(
        select(newest.c.id, newest.c.lift, Remedy.slug, RecoveryAction.cost_amount, RecoveryAction.cost_currency)
        .select_from(newest)
        .outerjoin(RecoveryAction, (RecoveryAction.concern_id == newest.c.id) & IN_EFFECT)
        .outerjoin(RecoveryAction.remedy)
    ).all()
    lifts = {row.id: row.lift for row in rows}
    if len(lifts) < MIN_OUTCOME_SAMPLE:
        return None
    return SameCause(len(lifts), mean(lifts.values()), _remedy_outcomes(rows, currency))


def _questions(
    session: Session,
    category_id: UUID | None,
    cause_ids: Sequence[UUID],
    store_kind: StoreKind | None,
    *,
    unhappy: bool | None,
) -> list[SuggestedQuestion]:
    """Return the open questions, the one with the best median change of mood first.

    Questions that were not asked often enough yet come first, so that each one gets its chance. Questions of the
    category come before general ones.
    """
    questions = session.execute(
        select(Question.id, Question.slug, Question.text, Question.names, Question.from_the_beginning)
        .where(or_(Question.category_id.is_(None), Question.category_id == category_id))
        .where(Question.retired_at.is_(None), or_(Question.store_kind.is_(None), Question.store_kind == store_kind))
        .order_by(Question.category_id.is_(None), Question.id)  # in the order they were created
    ).all()
    lifts: defaultdict[UUID, list[int]] = defaultdict(list)
    if cause_ids:
        for row in session.execute(_select_ended(cause_ids, unhappy=unhappy)):
            lifts[row.question_id].append(row.lift)
    untried = [question for question in questions if len(lifts[question.id]) < MIN_OUTCOME_SAMPLE]
    tried = [question for question in questions if len(lifts[question.id]) >= MIN_OUTCOME_SAMPLE]
    tried.sort(key=lambda question: -median(lifts[question.id]))
    return [
        SuggestedQuestion(row.slug, row.text, row.names or {}, row.from_the_beginning) for row in (*untried, *tried)
    ]


def _select_ended(cause_ids: Sequence[UUID], *, unhappy: bool | None) -> Select[UUID, int | None, UUID | None]:
    """Return a statement for the newest concerns with a known mood afterwards and the change of mood (`lift`).

    Looks at a bounded number of concerns, because a person waits for the answer. An index finds the newest ones of one
    cause, but not of several: each cause is looked up by itself.
    """
    of_mood = (Concern.mood, Concern.mood_after, Concern.question_id)
    columns = (Concern.id, *of_mood, Concern.kind, Concern.status, Concern.received_at)
    newest_by_cause = [
        select(*columns).where(Concern.cause_id == id_).order_by(Concern.received_at.desc()).limit(CONCERNS_EXAMINED)
        for id_ in cause_ids
    ]
    first, *others = newest_by_cause
    newest = (union_all(*(select(stmt.subquery()) for stmt in newest_by_cause)) if others else first).subquery().c
    stmt = (
        select(newest.id, (newest.mood_after - newest.mood).label("lift"), newest.question_id)
        .where(newest.mood_after.is_not(None), counts_as_concern(newest))
        .order_by(newest.received_at.desc())
        .limit(SAMPLE_SIZE)
    )
    if unhappy is None:
        return stmt
    return stmt.where(newest.mood <= UNHAPPY_MOOD if unhappy else newest.mood > UNHAPPY_MOOD)


def _remedy_outcomes(rows: Iterable[Row[Any]], currency: str) -> list[RemedyOutcome]:
    received: defaultdict[str, dict[UUID, Row[Any]]] = defaultdict(dict)
    for row in rows:
        if row.slug is not None and row.cost_currency in (None, currency):
            received[row.slug][row.id] = row  # each concern counts once
    outcomes = [
        _remedy_outcome(slug, list(concerns.values()), currency)
        for slug, concerns in received.items()
        if len(concerns) >= MIN_OUTCOME_SAMPLE
    ]
    return sorted(outcomes, key=lambda outcome: (-outcome.mood_lift.median, outcome.remedy))


def _remedy_outcome(remedy: str, rows: Sequence[Row[Any]], currency: str) -> RemedyOutcome:
    costs = [row.cost_amount for row in rows if row.cost_amount is not None]
    cost = _range(costs) if len(costs) >= MIN_OUTCOME_SAMPLE else None
    lifts = [row.lift for row in rows]
    return RemedyOutcome(remedy, len(rows), cost, currency, _range(lifts), mean(lifts))


def _range(values: Sequence[int]) -> Range:
    return Range(float(median(values)), min(values), max(values))
