"""Seeded random histories of an organization, lived through the real verbs."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from uuid import UUID

from sqlalchemy import select
from uuid_utils.compat import uuid7

from models.access import GRANTS, Actor, Role
from models.alerts.enums import AlertState
from models.concerns.check import WellbeingCheck
from models.concerns.concern import Concern
from models.concerns.enums import Channel, Handling, Kind, Outcome, Status
from models.concerns.event import ConcernEvent
from models.concerns.previous import find_past
from models.customers.customer import Customer
from models.daily_log.daily_log import DailyLog
from models.db.base import Money
from models.db.session import Database, ScopedSession
from models.errors import Conflict, Forbidden, InvalidState, TooMany
from models.operations.log_concern import update_concern
from models.operations.void_concern import void_concern
from models.organizations.store import Store
from models.organizations.store_day import StoreDay
from models.organizations.store_terms import EarlierTerms, StoreTerms
from models.organizations.vocabulary import Category, Cause
from models.recovery.action import ActionStatus, RecoveryAction
from models.recovery.approvals import record_action
from models.recovery.feedback_request import FeedbackPolicy, FeedbackRequest, Origin
from models.recovery.follow_up import FollowUp, FollowUpKind
from models.recovery.remedy import MONEY_KINDS, Remedy
from models.staff.shift import EndReason, Shift
from notifications.decide.announce import announce
from tests.support.factories.organizations import PEOPLE, Shop, make_store

BEGIN = datetime(2026, 2, 20, tzinfo=UTC)  # clocks change in New York on 8 March, in Lisbon on 29 March
DAYS = 45
END = BEGIN + timedelta(days=DAYS)
TERMS_FROM = date(2026, 3, 11)  # until then a store counts in euros, and its clocks are those of Chicago


@dataclass
class Stage:
    """What a history plays with."""

    session: ScopedSession
    stores: list[Store]
    categories: list[Category]
    causes: list[Cause]
    remedies: list[Remedy]
    people: list[Actor]
    customers: list[Customer]


def add_store_abroad(database: Database, shop: Shop) -> UUID:
    """A third store, in another zone, with a late morning, and new terms in the middle of it; its id."""
    with database.writing(shop.organization_id) as session:
        store = make_store("third", shop.region_id, zone="America/New_York", day_starts_at=time(6, 30))
        store.currency, store.country, store.terms_from = "USD", "US", TERMS_FROM
        before = StoreTerms("America/Chicago", store.day_starts_at, "EUR")
        store.earlier_terms = [EarlierTerms(TERMS_FROM, before).to_json()]
        session.add(store)
        Remedy.add_limits_of_currencies(session, {"USD"})
    return store.id


def live(database: Database, shop: Shop, rng: Random, *, concerns: int) -> None:
    """Let that many concerns happen to the shop, each with whatever becomes of it."""
    with database.writing(shop.organization_id) as session:
        everybody = [
            Actor(shop.organization_id, GRANTS[PEOPLE[login][0]], None, staff_id=shop.staff[login])
            for login in ("floor", "colleague", "manager")
        ]
        till = Actor(shop.organization_id, GRANTS[Role.FLOOR], None)  # nobody by name
        stage = Stage(
            session,
            *(list(session.scalars(select(kind).order_by(kind.slug))) for kind in (Store, Category, Cause, Remedy)),
            people=[*everybody, till],
            customers=list(
                session.scalars(select(Customer).where(Customer.merged_into_id.is_(None)).order_by(Customer.id))
            ),
        )
        for _ in range(concerns):
            _happen(stage, rng)
        _listen(stage, rng)
        _ask_how_it_was(stage, rng)
        _correct_mistakes(stage, rng)
        _sign_days(stage, rng)
        _work(stage, rng, [*shop.staff.values()])


def _listen(stage: Stage, rng: Random) -> None:
    """Add follow-ups with what became of them, some checks, and figures of some days."""
    stands = select(Concern).where(Concern.status != Status.VOIDED).order_by(Concern.id)
    for concern in stage.session.scalars(stands).all():
        for _ in range(rng.choice([0, 0, 1, 2])):
            _promise(stage, rng, concern)
    for _ in range(rng.randrange(60)):
        by, at = rng.choice(stage.people), BEGIN + timedelta(seconds=rng.randrange(DAYS * 24 * 3600))
        store_id = rng.choice(stage.stores).id
        with suppress(TooMany):  # more than a store can ask within an hour
            WellbeingCheck.record(stage.session, by=by, at=at, store_id=store_id, count=rng.choice([1, 1, 5, 50]))
    for _ in range(rng.randrange(60, 120)):
        store, day = rng.choice(stage.stores), BEGIN.date() + timedelta(days=rng.randrange(DAYS))
        sizes = {name: rng.choice([None, 0, 9, 10, 250]) for name in ("covers", "transactions")}
        StoreDay.record(stage.session, store, day, at=BEGIN + timedelta(days=DAYS), sales=None, **sizes)
        stage.session.flush()


def _promise(stage: Stage, rng: Random, concern: Concern) -> None:
    """Add a follow-up that is kept, broken, cancelled or handed over, in time or not, or stays open."""
    by, session, at = rng.choice(stage.people[:3]), stage.session, concern.received_at
    due_at = at + timedelta(seconds=rng.choice([1, 600, 7200, 30_000, 86_400, 3 * 86_400]))
    promised, _ = FollowUp.create(session, concern, by=by, at=at, due_at=due_at, what="A call.", kind=FollowUpKind.CALL)
    session.flush()
    at += timedelta(seconds=rng.choice([0, 599, 600, 7200, 86_400]))
    if at >= due_at and rng.random() < 0.5:
        promised.mark_broken(at=at)
    match rng.choice(["keep", "keep", "cancel", "nothing"]):
        case "keep":
            promised.keep(by=by, at=at)
        case "cancel":
            promised.cancel(by=by, at=at, note="Not needed.")
    session.flush()


def _ask_how_it_was(stage: Stage, rng: Random) -> None:
    """Ask most customers afterwards, some twice. Some answer, and some answers come from the phone that asks."""
    session, phone = stage.session, Origin(None, None, "a phone")
    FeedbackPolicy.set_to(session, days_between=0)
    over = select(Concern).where(Concern.status == Status.RESOLVED, Concern.kind != Kind.PRAISE)
    for concern in session.scalars(over.order_by(Concern.id)).all():
        for _ in range(rng.choice([0, 1, 1, 2])):
            if concern.status is not Status.RESOLVED:
                continue  # a low rating has opened it again
            by, at = rng.choice(stage.people), concern.received_at + timedelta(days=1)
            try:
                request, _ = FeedbackRequest.create(session, concern, id_=uuid7(), by=by, at=at, origin=phone)
            except Conflict:
                continue  # this customer was asked about a later concern: the history is not told in order
            session.flush()
            browser = rng.choice([None, "a guest's", "a guest's", "a phone"])
            if browser is not None:
                answers = {"rating": rng.randint(1, 5), "recommend": rng.choice([None, 0, 6, 7, 8, 9, 10])}
                request.answer(**answers, at=at + timedelta(seconds=9), origin=Origin(None, None, browser))
            session.flush()


def _sign_days(stage: Stage, rng: Random) -> None:
    """Sign some days of each store, also some on which nothing happened, and only write notes on others."""
    manager, session, at = stage.people[2], stage.session, END + timedelta(days=2)
    for store in stage.stores:
        days = [BEGIN.date() + timedelta(days=number) for number in range(0, DAYS, rng.choice([2, 3]))]
        for daily_log in DailyLog.for_days(session, store, *days):
            if daily_log.signed_at is None and rng.random() < 0.8:
                daily_log.sign_off(session, store, count=lambda *_: None, by=manager, at=at)
            elif daily_log.signed_at is None:
                daily_log.write(session, store, {"went-well": "The soup."}, at=at)
            session.flush()


def _work(stage: Stage, rng: Random, people: list[UUID]) -> None:
    """Let few people work in the stores from January on, so that some hours of some months are one person's."""
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    for store in stage.stores:
        for _ in range(120):
            started_at = begin + timedelta(minutes=rng.randrange(0, (END - begin) // timedelta(minutes=1), 20))
            ends_at = started_at + timedelta(hours=rng.choice([0, 1, 4, 8, 12]), minutes=rng.choice([0, 1, 40]))
            shift = Shift(store_id=store.id, staff_id=rng.choice(people[:5]), started_at=started_at)
            reasons = [*[EndReason.CHECKED_OUT] * 5, EndReason.BY_CLOCK, EndReason.RAN_OUT, EndReason.BY_COLLEAGUE]
            shift.ended_at, shift.ends_at, shift.end_reason = ends_at, ends_at, rng.choice(reasons)
            stage.session.add(shift)


def _correct_mistakes(stage: Stage, rng: Random) -> None:
    """Void some concerns with whatever became of them, and correct the kind or mood of some, where allowed."""
    manager, session = stage.people[2], stage.session
    for concern in session.scalars(select(Concern).order_by(Concern.id)).all():
        mistake, later = rng.choice(["void", "kind", "mood", None]), timedelta(minutes=rng.choice([1, 30]))
        at = max(filter(None, (concern.received_at + later, concern.taken_at, concern.resolved_at)))
        with suppress(Forbidden, Conflict, InvalidState):
            if mistake == "void":
                for event in void_concern(session, concern, reason="Logged twice.", by=manager, at=at):
                    announce(session, event)
            elif mistake == "kind":
                changes = {"kind": rng.choice([Kind.CONCERN, Kind.PRAISE])}
                announce(session, update_concern(session, concern, changes, by=manager, at=at))
            elif mistake == "mood":
                changes = {"mood": rng.randint(1, 5)}
                announce(session, update_concern(session, concern, changes, by=manager, at=at))
        session.flush()


def _happen(stage: Stage, rng: Random) -> None:
    now = BEGIN + timedelta(seconds=rng.randrange(DAYS * 24 * 3600))
    minutes_ago = rng.choice([0, 0, 0, 1, 14, 15, 16, 120, 3 * 24 * 60, 40 * 24 * 60, -2])
    described = {}
    if rng.random() < 0.7:
        described["category"] = rng.choice(stage.categories)
        causes = [cause for cause in stage.causes if cause.category_id == described["category"].id]
        if causes and rng.random() < 0.7:
            described["cause"] = rng.choice(causes)
    if stage.customers and rng.random() < 0.6:
        described["customer"] = rng.choice(stage.customers)
    by, store = rng.choice(stage.people), rng.choice(stage.stores)
    event = Concern.log(
        by=by,
        store=store,
        mood=rng.randint(1, 5),
        at=now,
        occurred_at=now - timedelta(minutes=minutes_ago, seconds=rng.choice([0, 0, 1, 59])),
        kind=rng.choice([Kind.CONCERN] * 6 + [Kind.REQUEST, Kind.PRAISE]),
        handling=rng.choice([Handling.HELP, Handling.HELP, Handling.MINE]),
        channel=rng.choice(list(Channel)),
        sensitive=rng.random() < 0.1,
        past=find_past(stage.session, described.get("customer"), store=store, before=now),
        **described,
    )
    stage.session.add(event.concern)
    announce(stage.session, event)
    stage.session.flush()
    for _ in range(rng.randrange(7)):
        now += timedelta(seconds=rng.choice([0, 1, 45, 60, 61, 300, 1200, 3601]))
        _go_on(stage, rng, event.concern, now)


def _go_on(stage: Stage, rng: Random, concern: Concern, now: datetime) -> None:
    """One more step, of those its state allows."""
    by, session = rng.choice(stage.people), stage.session
    events = []
    match rng.choice(["take", "release", "act", "act", "reverse", "resolve", "resolve", "reopen", "nobody comes"]):
        case "take" if concern.status is Status.OPEN:
            events = [concern.take(by=by, at=now)]
        case "release" if concern.status is Status.TAKEN:
            manager = stage.people[2]
            events = [concern.release(by=manager, at=now)]
        case "act" if concern.status is not Status.RESOLVED:
            events = [_act(stage, rng, concern, by, now)]
        case "reverse" if concern.status is not Status.RESOLVED:
            events = [_take_back(session, concern, by, now)]
        case "resolve" if concern.status is not Status.RESOLVED:
            outcome, mood = rng.choice(list(Outcome)), rng.choice([None, 1, 2, 3, 4, 5])
            events = [concern.resolve(by=by, outcome=outcome, mood_after=mood, at=now)]
        case "reopen" if concern.status is Status.RESOLVED and concern.kind is not Kind.PRAISE:
            events = [concern.reopen(by=by, at=now)]
        case "nobody comes" if concern.alert and concern.alert.state is AlertState.OPEN:
            while (at := concern.alert.next_step_at) is not None:
                concern.alert.advance(at=max(at, now), has_receipt=False)
    session.flush()
    for event in filter(None, events):
        announce(session, event)
    session.flush()


def _act(stage: Stage, rng: Random, concern: Concern, by: Actor, now: datetime) -> ConcernEvent | None:
    """Give something; None where nobody could approve it."""
    currency = concern.store.terms_at(now).currency
    cost = Money(rng.choice([0, 1, 250, 999, 10**9]), currency) if rng.random() < 0.7 else None
    costs = cost is not None and cost.amount > 0
    fitting = [it for it in stage.remedies if costs or it.kind not in MONEY_KINDS]
    remedy = rng.choice([it for it in fitting if cost or it.default_cost is None])
    try:
        return record_action(stage.session, concern, by=by, remedy=remedy, cost=cost, at=now)[1]
    except Conflict:
        return None


def _take_back(session: ScopedSession, concern: Concern, by: Actor, now: datetime) -> ConcernEvent | None:
    stands = select(RecoveryAction).where(
        RecoveryAction.concern_id == concern.id,
        RecoveryAction.status == ActionStatus.DONE,
        RecoveryAction.reverses_id.is_(None),
    )
    action = session.scalars(stands.limit(1)).one_or_none()
    return action.reverse(session, by=by, at=now)[1] if action else None
