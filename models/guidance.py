"""Guidance: the question to ask, what may be offered now, what helped others and what was tried; hints, never rules."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, false, select
from sqlalchemy.orm import aliased

from models.access import Actor, Permission
from models.base import Money
from models.concern import Concern
from models.customer import Customer
from models.description import UNHAPPY
from models.lessons import Ask, Learned, SameCause, learned
from models.look_up import look_up
from models.previous import Tried, last_over, tried_last
from models.recovery import STANDS, RecoveryAction
from models.remedy import Remedy, RemedyKind, RemedyLimit, trusted_as
from models.session import ScopedSession
from models.store import Store
from models.terms import Kind, Status
from models.trust import for_the_same, given_on, left_of, to_customer
from models.vocabulary import Category

WORDS = frozenset({RemedyKind.APOLOGY, RemedyKind.EXPLANATION})


@dataclass(frozen=True)
class Offer:
    """A remedy, and what this person may still give of it; None where nothing limits it."""

    remedy: str
    name: str
    kind: RemedyKind
    limit: Money | None
    left: Money | None


@dataclass(frozen=True)
class Guidance:
    """Words come before money where the failure was not the price."""

    question: Ask | None
    words_first: bool
    offers: Sequence[Offer]
    same_cause: SameCause | None
    tried_before: Tried | None


def guidance_for(session: ScopedSession, concern: Concern, *, by: Actor, at: datetime) -> Guidance | None:
    """Hints for a concern that was logged just now; None for who does not act, for praise and for what is over."""
    over = concern.kind is Kind.PRAISE or concern.status is Status.RESOLVED
    if over or not by.may(Permission.RECOVERY_ACT):
        return None
    session.flush()
    what = learned(session, concern.cause_id, concern.store.currency, unhappy=concern.unhappy, at=at)
    offers, tried = _now(
        session, concern.store, to=for_the_same(concern), customer_id=concern.customer_id, by=by, at=at
    )
    return _told(what, concern.category, offers, tried)


def guidance(session: ScopedSession, store: Store | None, told: dict[str, Any], *, by: Actor, at: datetime) -> Guidance:
    """Hints for a conversation about `told`: category and cause by slug, mood, customer_id, each if known.

    Missing for whatever is out of reach. Without a store nothing is offered.
    """
    if (customer_id := told.get("customer_id")) is not None:
        Customer.find(session, customer_id, seen_by=by, pointer="/customer_id")
    named: dict[str, Any] = {name: slug for name, slug in told.items() if name in ("category", "cause")}
    rows = look_up(session, named, store_id=store.id if store else None)
    cause, mood = rows.get("cause"), told.get("mood")
    unhappy = None if mood is None else mood <= UNHAPPY
    currency = store.currency if store else None
    what = learned(session, cause.id if cause else None, currency, unhappy=unhappy, at=at)
    if store is not None:
        to = to_customer(customer_id) if customer_id else false()
        offers, tried = _now(session, store, to=to, customer_id=customer_id, by=by, at=at)
    else:
        offers, tried = [], tried_last(session, customer_id, seen_by=by, at=at) if customer_id else None
    return _told(what, rows.get("category"), offers, tried)


def _told(what: Learned, category: Category | None, offers: Sequence[Offer], tried: Tried | None) -> Guidance:
    words_first = category is None or not category.about_money
    ordered = sorted(offers, key=lambda offer: (words_first and offer.kind not in WORDS, offer.remedy))
    return Guidance(what.question, words_first, ordered, what.same_cause, tried)


def _now(
    session: ScopedSession, store: Store, *, to: ColumnElement[bool], customer_id: UUID | None, by: Actor, at: datetime
) -> tuple[Sequence[Offer], Tried | None]:
    """What may be given at this moment, and what was tried before, in one look-up of one row for each of both.

    `to` tells the actions that count against what one customer may get.
    """
    given = given_on(store.business_date(at), store.currency, to=to, by=by)
    limits = (
        (RemedyLimit.remedy_id == Remedy.id)
        & (RemedyLimit.role == trusted_as(by.role))
        & (RemedyLimit.currency == store.currency)
    )
    question = (
        select(Remedy.id, Remedy.slug, Remedy.name, Remedy.kind, RemedyLimit, given.c.to_them, given.c.by_them)
        .select_from(Remedy)
        .outerjoin(RemedyLimit, limits)
        .outerjoin(given, given.c.remedy_id == Remedy.id)
    )
    if customer_id is not None:
        over = last_over(customer_id, seen_by=by, at=at)
        last = aliased(Concern)
        question = (
            question.add_columns(
                *(last.id.label("last_id"), last.business_date, last.outcome, last.mood_after, Category),
                *(RecoveryAction.id.label("action_id"), RecoveryAction.recorded_at),
            )
            .outerjoin(last, last.id == over)
            .outerjoin(Category, Category.id == last.category_id)
            .outerjoin(
                RecoveryAction,
                (RecoveryAction.concern_id == over) & (RecoveryAction.remedy_id == Remedy.id) & STANDS,
            )
        )
    rows = session.execute(question).all()
    offers = {row.slug: _offer(row, store.currency) for row in rows}
    return list(offers.values()), _tried(rows) if customer_id else None


def _offer(row: Row[Any], currency: str) -> Offer:
    trust = left_of(row.RemedyLimit, int(row.to_them or 0), int(row.by_them or 0), currency)
    return Offer(row.slug, row.name, row.kind, trust.limit, trust.left)


def _tried(rows: Sequence[Row[Any]]) -> Tried | None:
    if not rows or rows[0].last_id is None:
        return None
    done = sorted((row.recorded_at, row.action_id, row.slug) for row in rows if row.action_id is not None)
    first = rows[0]
    remedies = [slug for _, _, slug in done]
    return Tried(first.last_id, first.business_date, first.Category, first.outcome, first.mood_after, remedies)
