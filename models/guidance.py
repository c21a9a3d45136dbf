"""Guidance: what helped people with the same cause, and the open question worth asking next; hints, never rules."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, select
from sqlalchemy.orm import Session

from models.access import Actor
from models.concern import Concern
from models.customer import Customer
from models.description import UNHAPPY
from models.look_up import look_up
from models.recovery import ActionStatus, RecoveryAction
from models.remedy import Remedy, RemedyKind
from models.store import Store
from models.terms import Kind
from models.trust import offers
from models.vocabulary import Cause, Question

WORDS = frozenset({RemedyKind.APOLOGY, RemedyKind.EXPLANATION})
ENOUGH = 10  # people, below which nothing is said: neither true nor private enough
SAMPLE = 200  # the newest ones: what helps changes, and a year of them would be slow to read


@dataclass(frozen=True)
class Spread:
    """The middle and both ends of what there was."""

    median: float
    least: int
    most: int


@dataclass(frozen=True)
class Lesson:
    """What became of those who received a remedy. `cost` in minor units of `currency`; None where it costs nothing."""

    remedy: str
    n: int
    cost: Spread | None
    currency: str
    mood_lift: Spread


@dataclass(frozen=True)
class SameCause:
    """Of `n` people with the same cause, what was tried often enough to tell."""

    n: int
    lessons: Sequence[Lesson]


def guidance(session: Session, store: Store | None, told: dict[str, Any], *, by: Actor, at: datetime) -> dict[str, Any]:
    """Hints for a conversation about `told`: category and cause by slug, mood, customer_id, each if known.

    Words come before money where the failure was not the price. Missing for whatever is out of reach.
    """
    if (customer_id := told.get("customer_id")) is not None:
        Customer.find(session, customer_id, seen_by=by, pointer="/customer_id")
    named: dict[str, Any] = {name: slug for name, slug in told.items() if name in ("category", "cause")}
    rows = look_up(session, named, store_id=store.id if store else None)
    category, cause = rows.get("category"), rows.get("cause")
    words_first = category is None or not category.about_money
    return {
        "question": next_question(session, cause, mood=told.get("mood")),
        "words_first": words_first,
        "offers": _offers(session, store, customer_id, words_first=words_first, by=by, at=at) if store else [],
        "same_cause": same_cause(session, cause, store.currency, mood=told.get("mood")) if store and cause else None,
    }


def _offers(
    session: Session, store: Store, customer_id: UUID | None, *, words_first: bool, by: Actor, at: datetime
) -> list[dict[str, Any]]:
    remedies = session.scalars(Remedy.listed()).all()
    ordered = sorted(remedies, key=lambda remedy: (words_first and remedy.kind not in WORDS, remedy.slug))
    trust = offers(session, store, remedies, customer_id=customer_id, by=by, on=store.business_date(at))
    return [
        {"remedy": remedy.slug, "name": remedy.name, "kind": remedy.kind, **vars(trust[remedy.id])}
        for remedy in ordered
    ]


def same_cause(session: Session, cause: Cause, currency: str, *, mood: int | None = None) -> SameCause | None:
    """What people with this cause received and how their mood changed; None where they were too few.

    The organization's newest with a known end, in this currency; with a mood, those who were unhappy likewise, or not.
    Reversed actions helped nobody.
    """
    newest = _ended(cause, mood).order_by(Concern.received_at.desc()).limit(SAMPLE).subquery()
    columns = RecoveryAction.__table__.c
    done = (
        (RecoveryAction.concern_id == newest.c.id)
        & (RecoveryAction.status == ActionStatus.DONE)
        & RecoveryAction.reverses_id.is_(None)
    )
    rows = session.execute(
        select(newest.c.id, newest.c.lift, Remedy.slug, columns.cost_amount, columns.cost_currency)
        .select_from(newest)
        .outerjoin(RecoveryAction, done)
        .outerjoin(RecoveryAction.remedy)
    ).all()
    people = {row.id for row in rows}
    if len(people) < ENOUGH:
        return None
    return SameCause(len(people), _lessons(rows, currency))


def next_question(session: Session, cause: Cause | None, *, mood: int | None = None) -> Question | None:
    """The open question that was followed by the best change of mood; each is tried often enough before.

    None where the organization has none.
    """
    questions = session.scalars(select(Question).order_by(Question.slug)).all()
    lifts: defaultdict[UUID, list[int]] = defaultdict(list)
    if cause is not None:
        asked = (
            _ended(cause, mood)
            .where(Concern.question_id.is_not(None))
            .order_by(Concern.received_at.desc())
            .limit(SAMPLE)
        )
        for row in session.execute(asked):
            lifts[row.question_id].append(row.lift)
    untried = [question for question in questions if len(lifts[question.id]) < ENOUGH]
    if untried:
        return min(untried, key=lambda question: len(lifts[question.id]))
    return max(questions, key=lambda question: median(lifts[question.id]), default=None)


def _ended(cause: Cause, mood: int | None) -> Select[UUID, int | None, UUID | None]:
    lift = (Concern.mood_after - Concern.mood).label("lift")
    ended = (Concern.cause_id == cause.id, Concern.mood_after.is_not(None), Concern.kind != Kind.PRAISE)
    question = select(Concern.id, lift, Concern.question_id).where(*ended)
    if mood is None:
        return question
    return question.where(Concern.mood <= UNHAPPY if mood <= UNHAPPY else Concern.mood > UNHAPPY)


def _lessons(rows: Iterable[Row[Any]], currency: str) -> list[Lesson]:
    received: defaultdict[str, dict[UUID, Row[Any]]] = defaultdict(dict)
    for row in rows:
        if row.slug is not None and row.cost_currency in (None, currency):
            received[row.slug][row.id] = row  # one person counts once
    told = {slug: list(found.values()) for slug, found in received.items() if len(found) >= ENOUGH}
    lessons = [_lesson(slug, found, currency) for slug, found in told.items()]
    return sorted(lessons, key=lambda lesson: (-lesson.mood_lift.median, lesson.remedy))


def _lesson(remedy: str, rows: Sequence[Row[Any]], currency: str) -> Lesson:
    costs = [row.cost_amount for row in rows if row.cost_amount is not None]
    cost = _spread(costs) if len(costs) >= ENOUGH else None
    return Lesson(remedy, len(rows), cost, currency, _spread([row.lift for row in rows]))


def _spread(values: Sequence[int]) -> Spread:
    return Spread(float(median(values)), min(values), max(values))
