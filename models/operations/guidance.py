"""Guidance: hints on what to ask and offer next, what helped others, and what was tried before. Never rules."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement

from models.access import Actor, Permission, Role
from models.concerns.concern import Concern
from models.concerns.enums import Status
from models.concerns.references import resolve_slugs
from models.customers.customer import Customer
from models.db.base import Money
from models.db.session import ScopedSession
from models.operations.past_outcomes import PastOutcomes, SameCause, SuggestedQuestion, past_outcomes
from models.organizations.names import Named
from models.organizations.store import Store, StoreKind
from models.organizations.vocabulary import Category, Question
from models.policy_defaults import MIN_OUTCOME_SAMPLE, UNHAPPY_MOOD
from models.recovery.action import ActionStatus
from models.recovery.budget import Budget, budget_left, for_customer, for_same_beneficiary, read_given
from models.recovery.previous_recovery import CustomerPast, PreviousRecovery, find_customer_past
from models.recovery.remedy import WORDS_ONLY_KINDS, LimitAmounts, Remedy, RemedyKind, limit_role

NO_PAST = CustomerPast(frozenset(), None)


@dataclass(frozen=True)
class Offer:
    """A remedy, and what this person may still give of it.

    `limit` and `left` are None for what costs nothing, and where nobody has set a limit in the currency of the store:
    then it asks first (`asks_first`), as it does where nothing is left. `n` customers with the same cause received it,
    and left with a mood higher by `mood_lift` on average: 0 and None where they are too few.
    """

    remedy: str
    name: str
    names: Mapping[str, str]  # in further languages
    kind: RemedyKind
    limit: Money | None
    left: Money | None
    asks_first: bool
    n: int = 0
    mood_lift: float | None = None


@dataclass(frozen=True)
class Apology:
    """How to begin with a customer who has told it before: with what was tried."""

    tried: Sequence[Named]


@dataclass(frozen=True)
class Guidance:
    """Hints for one concern or conversation. `words_first` is false only where the price was the failure."""

    opening: Apology | None
    question: SuggestedQuestion | None
    words_first: bool
    offers: Sequence[Offer]
    same_cause: SameCause | None
    tried_before: PreviousRecovery | None


def guidance_for_concern(session: ScopedSession, concern: Concern, *, by: Actor, at: datetime) -> Guidance | None:
    """Return guidance for a concern just logged. None for praise, for a resolved one, and without RECOVERY_ACT."""
    if concern.status in (Status.RESOLVED, Status.VOIDED) or not by.may(Permission.RECOVERY_ACT):
        return None
    session.flush()
    store = concern.store
    outcomes = past_outcomes(
        session,
        concern.category,
        concern.cause,
        store.terms_at(at).currency,
        store.kind,
        unhappy=concern.unhappy,
        at=at,
    )
    to, known = for_same_beneficiary(concern), concern.customer_id is not None
    offers = _offers(session, store, to=to, known=known, by=by, at=at)
    customer = concern.customer  # who is new with this concern has no past
    was_known = customer is not None and customer.created_at < at
    past = find_customer_past(session, customer.id, actor=by, at=at) if customer and was_known else NO_PAST
    tried_now = [action.remedy for action in concern.actions if action.status is ActionStatus.DONE]
    return _assemble(
        outcomes,
        concern.category,
        offers,
        past,
        just_asked=concern.question,
        times_told=concern.times_told,
        tried_now=tried_now,
    )


def guidance_for_conversation(
    session: ScopedSession, store: Store | None, data: dict[str, Any], *, by: Actor, at: datetime
) -> Guidance:
    """Return guidance for a conversation before anything is logged. Without a store there are no offers.

    Args:
        data: `category`, `cause` and `question` (slugs), `mood` (1-5), `times_told` and `customer_id`, each if it is
            known. `question` was just asked.

    Raises NotFound for a customer, category, cause or question that does not exist or is not visible to `by`.
    """
    if (customer_id := data.get("customer_id")) is not None:
        Customer.get_visible(session, customer_id, actor=by, pointer="/customer_id")
    slugs: dict[str, Any] = {name: slug for name, slug in data.items() if name in ("category", "cause", "question")}
    rows = resolve_slugs(session, slugs, store_id=store.id if store else None)
    category, cause, mood = rows.get("category"), rows.get("cause"), data.get("mood")
    unhappy = None if mood is None else mood <= UNHAPPY_MOOD
    currency, store_kind = (store.terms_at(at).currency, store.kind) if store else (None, None)
    outcomes = past_outcomes(session, category, cause, currency, store_kind, unhappy=unhappy, at=at)
    to = for_customer(customer_id) if customer_id else None
    offers = _offers(session, store, to=to, known=to is not None, by=by, at=at) if store else []
    past = find_customer_past(session, customer_id, actor=by, at=at) if customer_id else NO_PAST
    just_asked, times_told = rows.get("question"), data.get("times_told")
    return _assemble(outcomes, category, offers, past, just_asked=just_asked, times_told=times_told)


def _assemble(
    outcomes: PastOutcomes,
    category: Category | None,
    offers: Sequence[Offer],
    past: CustomerPast,
    *,
    just_asked: Question | None,
    times_told: int | None,
    tried_now: Sequence[Remedy] = (),
) -> Guidance:
    """Put the hints together. `tried_now` is what was given for this concern."""
    words_first = category is None or not category.about_money
    told_before = times_told is not None and times_told > 1
    questions_before = past.questions | ({just_asked.slug} if just_asked else set())
    new_questions = (
        question
        for question in outcomes.questions
        if question.slug not in questions_before and not (told_before and question.from_the_beginning)
    )
    before = past.recovery.tried if past.recovery else ()
    tried: dict[str, Named] = {word.slug: word for word in before} | {word.slug: word for word in tried_now}
    return Guidance(
        opening=Apology([*tried.values()]) if told_before else None,
        question=next(new_questions, None),
        words_first=words_first,
        offers=_in_order(offers, outcomes.same_cause, words_first=words_first),
        same_cause=outcomes.same_cause,
        tried_before=past.recovery,
    )


def _in_order(offers: Sequence[Offer], same_cause: SameCause | None, *, words_first: bool) -> list[Offer]:
    """Return the offers, what helped most first, each with how it helped.

    What few customers received says little: every mean is drawn towards that of the cause, as if MIN_OUTCOME_SAMPLE
    more customers had received it, and what is untried stands at the mean of the cause.
    """
    mean_lift = same_cause.mean_lift if same_cause else 0.0
    lessons = {lesson.remedy: lesson for lesson in same_cause.lessons} if same_cause else {}
    expected = {
        slug: (lesson.n * lesson.mean_lift + MIN_OUTCOME_SAMPLE * mean_lift) / (lesson.n + MIN_OUTCOME_SAMPLE)
        for slug, lesson in lessons.items()
    }
    explained = [
        replace(offer, n=lesson.n, mood_lift=round(lesson.mean_lift, 1))
        if (lesson := lessons.get(offer.remedy))
        else offer
        for offer in offers
    ]
    return sorted(
        explained,
        key=lambda offer: (
            words_first and offer.kind not in WORDS_ONLY_KINDS,
            -expected.get(offer.remedy, mean_lift),
            offer.remedy,
        ),
    )


def current_offers(session: ScopedSession, store: Store, *, by: Actor, at: datetime) -> list[Offer]:
    """Return what this person may still give today to a customer who was given nothing yet. Nothing is cached."""
    role, currency = limit_role(by.role), store.currency_on(store.business_date(at))
    return _offers_of(
        session, store, _remedies(session, role, currency, store.kind), to=None, known=False, by=by, at=at
    )


def _offers(
    session: ScopedSession,
    store: Store,
    *,
    to: ColumnElement[bool] | None,
    known: bool,
    by: Actor,
    at: datetime,
) -> list[Offer]:
    """Return what this person may still give now. See `read_given` for what counts.

    The remedies and their limits come from the cache and may be a minute old. What was given is read from the database.
    """
    role, currency, kind = limit_role(by.role), store.currency_on(store.business_date(at)), store.kind
    remedies = session.cached(
        (_OfferedRemedy, role, currency, kind), lambda: _remedies(session, role, currency, kind), at=at
    )
    return _offers_of(session, store, remedies, to=to, known=known, by=by, at=at)


def _offers_of(
    session: ScopedSession,
    store: Store,
    remedies: Sequence["_OfferedRemedy"],
    *,
    to: ColumnElement[bool] | None,
    known: bool,
    by: Actor,
    at: datetime,
) -> list[Offer]:
    today = store.business_date(at)
    role, currency = limit_role(by.role), store.currency_on(today)
    store_limits, counted = store.limits_in(currency), None
    if any(remedy.limit for remedy in remedies):
        counted = read_given(session, store, currency, to=to, known=known, by=by, on=today)
    offers = []
    for remedy in remedies:
        costs = remedy.kind not in WORDS_ONLY_KINDS
        budget = Budget(None, None)
        if costs and counted is not None:
            budget = budget_left(remedy.limit, store_limits, counted, remedy.id, role=role, on=today)
        asks_first = costs and (budget.left is None or budget.left.amount == 0)
        offers.append(Offer(remedy.slug, remedy.name, remedy.names, remedy.kind, budget.limit, budget.left, asks_first))
    return offers


class _OfferedRemedy(NamedTuple):
    """A remedy with the limit of one role, as it is cached."""

    id: UUID
    slug: str
    name: str
    names: Mapping[str, str]
    kind: RemedyKind
    limit: LimitAmounts | None


def _remedies(session: ScopedSession, role: Role, currency: str, kind: StoreKind) -> list[_OfferedRemedy]:
    remedies = session.scalars(Remedy.select_offered(kind)).unique()
    limits = ((remedy, remedy.limit_of(role, currency)) for remedy in remedies)
    return [
        _OfferedRemedy(
            remedy.id, remedy.slug, remedy.name, remedy.names or {}, remedy.kind, limit.most if limit else None
        )
        for remedy, limit in limits
    ]
