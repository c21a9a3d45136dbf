"""Guidance: the question to ask, what may be offered now, what helped others and what was tried; hints, never rules."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement

from models.access import Actor, Permission, Role
from models.concerns.concern import Concern
from models.concerns.enums import Kind, Status
from models.concerns.references import resolve_slugs
from models.customers.customer import Customer
from models.db.base import Money
from models.db.session import ScopedSession
from models.operations.past_outcomes import PastOutcomes, SameCause, SuggestedQuestion, past_outcomes
from models.organizations.store import Store
from models.organizations.vocabulary import Category
from models.policy_defaults import UNHAPPY_MOOD
from models.recovery.budget import budget_left, for_same_beneficiary, select_spent_on, to_customer
from models.recovery.previous_recovery import PreviousRecovery, find_last_recovery
from models.recovery.remedy import WORDS_ONLY_KINDS, LimitAmounts, Remedy, RemedyKind, limit_role


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

    question: SuggestedQuestion | None
    words_first: bool
    offers: Sequence[Offer]
    same_cause: SameCause | None
    tried_before: PreviousRecovery | None


def guidance_for_concern(session: ScopedSession, concern: Concern, *, by: Actor, at: datetime) -> Guidance | None:
    """Hints for a concern that was logged just now; None for who does not act, for praise and for what is over."""
    over = concern.kind is Kind.PRAISE or concern.status is Status.RESOLVED
    if over or not by.may(Permission.RECOVERY_ACT):
        return None
    session.flush()
    store = concern.store
    what = past_outcomes(session, concern.category_id, concern.cause_id, store.currency, unhappy=concern.unhappy, at=at)
    offers = _offers(session, store, to=for_same_beneficiary(concern), by=by, at=at)
    knows = concern.customer_id if concern.previous_id else None
    tried = find_last_recovery(session, knows, actor=by, at=at) if knows else None
    return _assemble(what, concern.category, offers, tried)


def guidance_for_conversation(
    session: ScopedSession, store: Store | None, told: dict[str, Any], *, by: Actor, at: datetime
) -> Guidance:
    """Hints for a conversation about `told`: category and cause by slug, mood, customer_id, each if known.

    Missing for whatever is out of reach. Without a store nothing is offered.
    """
    if (customer_id := told.get("customer_id")) is not None:
        Customer.get_visible(session, customer_id, actor=by, pointer="/customer_id")
    named: dict[str, Any] = {name: slug for name, slug in told.items() if name in ("category", "cause")}
    rows = resolve_slugs(session, named, store_id=store.id if store else None)
    category, cause, mood = rows.get("category"), rows.get("cause"), told.get("mood")
    unhappy = None if mood is None else mood <= UNHAPPY_MOOD
    currency = store.currency if store else None
    category_id, cause_id = (row.id if row else None for row in (category, cause))
    what = past_outcomes(session, category_id, cause_id, currency, unhappy=unhappy, at=at)
    to = to_customer(customer_id) if customer_id else None
    offers = _offers(session, store, to=to, by=by, at=at) if store else []
    tried = find_last_recovery(session, customer_id, actor=by, at=at) if customer_id else None
    return _assemble(what, category, offers, tried)


def _assemble(
    what: PastOutcomes, category: Category | None, offers: Sequence[Offer], tried: PreviousRecovery | None
) -> Guidance:
    words_first = category is None or not category.about_money
    ordered = sorted(offers, key=lambda offer: (words_first and offer.kind not in WORDS_ONLY_KINDS, offer.remedy))
    return Guidance(what.question, words_first, ordered, what.same_cause, tried)


def _offers(
    session: ScopedSession, store: Store, *, to: ColumnElement[bool] | None, by: Actor, at: datetime
) -> list[Offer]:
    """What this person may still give at this moment. `to` tells the actions that count against one customer's limit.

    What there is to give, and its limits, may be a minute old; what was given is looked up now.
    """
    role, currency = limit_role(by.role), store.currency
    remedies = session.cached((_OfferedRemedy, role, currency), lambda: _remedies(session, role, currency), at=at)
    to_them, by_them = Counter[UUID](), Counter[UUID]()
    if any(one.limit for one in remedies):
        for row in session.execute(select_spent_on(store.business_date(at), currency, to=to, by=by)):
            (to_them if row.to_them else by_them)[row.remedy_id] += int(row.total)
    trust = {one.id: budget_left(one.limit, to_them[one.id], by_them[one.id], currency) for one in remedies}
    return [Offer(one.slug, one.name, one.kind, trust[one.id].limit, trust[one.id].left) for one in remedies]


class _OfferedRemedy(NamedTuple):
    """A remedy, and what somebody with a role may give of it."""

    id: UUID
    slug: str
    name: str
    kind: RemedyKind
    limit: LimitAmounts | None


def _remedies(session: ScopedSession, role: Role, currency: str) -> list[_OfferedRemedy]:
    remedies = session.scalars(Remedy.select_visible())
    limits = ((remedy, remedy.limit_of(role, currency)) for remedy in remedies)
    return [
        _OfferedRemedy(remedy.id, remedy.slug, remedy.name, remedy.kind, limit.most if limit else None)
        for remedy, limit in limits
    ]
