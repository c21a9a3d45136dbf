"""A concern: every move it may make and every one it may not, and what each leaves behind."""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import product
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm.attributes import set_committed_value
from uuid_utils.compat import uuid7

from models.access import GRANTS, KEY_GRANTS, Actor, KeyScope, Role
from models.concerns.concern import MOVES, Concern
from models.concerns.enums import Handling, Kind, Outcome, Status
from models.concerns.event import ConcernStep
from models.customers.customer import Customer
from models.errors import Conflict, Forbidden, InvalidState
from models.operations.default_rules import default_rules
from models.organizations.place import Place
from models.organizations.store import Store
from models.organizations.vocabulary import Category, Cause
from models.staff.credentials.api_key import ApiKey
from models.staff.staff import Staff
from tests.support.app import App
from tests.support.clock import NOON
from tests.support.factories.organizations import Shop, make_store

ORGANIZATION = uuid7()
STORE = make_store("first", uuid7())


def somebody(role: Role = Role.FLOOR) -> Actor:
    return Actor(ORGANIZATION, GRANTS[role], frozenset({STORE.id}), staff_id=uuid7())


FLOOR, COLLEAGUE, MANAGER = somebody(), somebody(), somebody(Role.MANAGER)
TILL = Actor(ORGANIZATION, KEY_GRANTS[KeyScope.CONCERNS_WRITE], None, api_key_id=uuid7())

VERBS: dict[str, Callable[..., Any]] = {
    "take": Concern.take,
    "release": Concern.release,
    "resolve": lambda concern, **by_at: concern.resolve(outcome=Outcome.LOST, mood_after=1, **by_at),
    "reopen": Concern.reopen,
    "void": lambda concern, **by_at: concern.void(reason="Logged twice.", **by_at),
}
LEADS_TO = {
    ("open", "take"): "taken",
    ("open", "resolve"): "resolved",
    ("taken", "release"): "open",
    ("taken", "resolve"): "resolved",
    ("resolved", "reopen"): "open",
    ("open", "void"): "voided",
    ("taken", "void"): "voided",
    ("resolved", "void"): "voided",
}


def after(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def logged(**said: Any) -> Concern:
    return Concern.log(**{"by": FLOOR, "store": STORE, "mood": 2, "at": NOON} | said).concern


def brought_to(status: str) -> Concern:
    """A concern in this state; if it was taken, by FLOOR."""
    concern = logged()
    if status == "taken":
        concern.take(by=FLOOR, at=after(1))
    if status == "resolved":
        concern.resolve(by=FLOOR, outcome=Outcome.UNKNOWN, at=after(1))
    if status == "voided":
        concern.void(by=FLOOR, reason="Logged twice.", at=after(1))
    assert concern.status == status
    return concern


def test_the_table_of_moves_is_the_one_that_was_agreed() -> None:
    steps = {
        "take": ConcernStep.TAKEN,
        "release": ConcernStep.RELEASED,
        "resolve": ConcernStep.RESOLVED,
        "reopen": ConcernStep.REOPENED,
        "void": ConcernStep.VOIDED,
    }
    agreed = {(str(start), verb): str(MOVES[step][1]) for verb, step in steps.items() for start in MOVES[step][0]}
    assert agreed == LEADS_TO
    assert set(MOVES) == set(steps.values())


@pytest.mark.parametrize(("status", "verb"), LEADS_TO)
def test_a_move_leads_where_it_should_and_is_recorded(status: str, verb: str) -> None:
    concern = brought_to(status)
    version, number = concern.version, concern.event_count
    event = VERBS[verb](concern, by=FLOOR, at=after(5))
    assert concern.status == LEADS_TO[status, verb]
    assert (concern.version, concern.event_count) == (version + 1, number + 1)
    assert (event.step, event.number, event.at) == (event.step, number + 1, after(5))
    assert (event.by_staff_id, event.store_id, event.concern_id) == (FLOOR.staff_id, STORE.id, concern.id)


REFUSED = [move for move in product(Status, VERBS) if move not in LEADS_TO and move != ("taken", "take")]


@pytest.mark.parametrize(("status", "verb"), REFUSED)
def test_any_other_move_is_refused_and_changes_nothing(status: str, verb: str) -> None:
    concern = brought_to(status)
    before = vars(concern).copy()
    with pytest.raises(InvalidState, match=f"is {status}") as refused:
        VERBS[verb](concern, by=MANAGER, at=after(5))
    assert refused.value.members == {"state": status}
    assert vars(concern) == before


def test_a_second_taker_learns_who_was_first() -> None:
    concern = brought_to("taken")
    concern.taken_by = Staff(id=FLOOR.staff_id, name="Ana", login="ana", role=Role.FLOOR, password_hash="")
    with pytest.raises(Conflict, match="Ana") as refused:
        concern.take(by=COLLEAGUE, at=after(5))
    assert refused.value.code == "already-taken"
    assert refused.value.members == {"taken_by": {"id": FLOOR.staff_id, "name": "Ana"}}


def test_the_takers_own_repeated_tap_does_nothing() -> None:
    concern = brought_to("taken")
    before = vars(concern).copy()
    assert concern.take(by=FLOOR, at=after(5)) is None
    assert vars(concern) == before


def test_the_till_that_took_it_has_no_name_to_show() -> None:
    concern = logged(by=TILL)
    concern.take(by=TILL, at=after(1))
    with pytest.raises(Conflict, match="the till"):
        concern.take(by=TILL, at=after(2))


def test_when_it_was_first_taken_is_never_cleared() -> None:
    concern = logged()
    concern.take(by=FLOOR, at=after(2))
    assert (concern.taken_at, concern.seconds_to_take, concern.taken_by_id) == (after(2), 120, FLOOR.staff_id)
    concern.release(by=FLOOR, at=after(3))
    assert (concern.taken_at, concern.taken_by_id) == (after(2), None)
    concern.take(by=COLLEAGUE, at=after(9))
    concern.resolve(by=COLLEAGUE, outcome=Outcome.LOST, at=after(10))
    concern.reopen(by=MANAGER, at=after(11))
    concern.take(by=MANAGER, at=after(12))
    assert (concern.taken_at, concern.seconds_to_take, concern.taken_by_id) == (after(2), 120, MANAGER.staff_id)


def test_when_it_was_resolved_is_the_last_time_and_empty_while_open() -> None:
    concern = logged()
    assert (concern.resolved_at, concern.seconds_to_resolve, concern.resolved_by_id) == (None, None, None)
    concern.resolve(by=FLOOR, outcome=Outcome.RECOVERED, mood_after=5, at=after(10))
    resolved = (concern.resolved_at, concern.seconds_to_resolve, concern.resolved_by_id)
    assert resolved == (after(10), 600, FLOOR.staff_id)
    concern.reopen(by=MANAGER, at=after(20))
    ended = (concern.resolved_at, concern.seconds_to_resolve, concern.resolved_by_id, concern.outcome)
    assert (*ended, concern.mood_after, concern.taken_by_id) == (None,) * 6
    concern.resolve(by=MANAGER, outcome=Outcome.LOST, mood_after=1, at=after(30))
    assert (concern.resolved_at, concern.seconds_to_resolve, concern.outcome) == (after(30), 1800, Outcome.LOST)
    assert (concern.reopened_count, concern.mood_after) == (1, 1)


def test_reopening_is_counted_and_keeps_how_it_had_ended() -> None:
    concern = logged()
    for times in (1, 2):
        concern.resolve(by=FLOOR, outcome=Outcome.RECOVERED, mood_after=4, at=after(times))
        event = concern.reopen(by=MANAGER, at=after(times))
        assert event.details == {"outcome": "recovered", "mood_after": 4}
        assert concern.reopened_count == times


def test_resolving_from_open_takes_it_at_the_same_moment() -> None:
    concern = logged()
    concern.resolve(by=COLLEAGUE, outcome=Outcome.RECOVERED, at=after(3))
    assert (concern.taken_by_id, concern.taken_at) == (COLLEAGUE.staff_id, after(3))


def test_who_resolves_it_for_the_taker_does_not_become_the_taker() -> None:
    concern = brought_to("taken")
    concern.resolve(by=COLLEAGUE, outcome=Outcome.RECOVERED, at=after(3))
    assert (concern.taken_by_id, concern.resolved_by_id) == (FLOOR.staff_id, COLLEAGUE.staff_id)


@pytest.mark.parametrize("by", [FLOOR, MANAGER])
def test_the_taker_or_a_manager_gives_it_back(by: Actor) -> None:
    concern = brought_to("taken")
    concern.release(by=by, at=after(2))
    assert (concern.status, concern.taken_by_id) == (Status.OPEN, None)


@pytest.mark.parametrize("by", [COLLEAGUE, TILL])
def test_nobody_else_gives_it_back(by: Actor) -> None:
    concern = brought_to("taken")
    with pytest.raises(Forbidden):
        concern.release(by=by, at=after(2))
    assert (concern.status, concern.taken_by_id) == (Status.TAKEN, FLOOR.staff_id)


def test_what_is_ones_own_is_taken_at_once() -> None:
    concern = logged(handling=Handling.MINE)
    assert (concern.status, concern.taken_by_id, concern.taken_at) == (Status.TAKEN, FLOOR.staff_id, NOON)
    assert (concern.event_count, concern.seconds_to_take) == (2, 0)


def test_what_a_rule_rings_for_anyway_stays_open_for_others_even_when_it_is_ones_own() -> None:
    store = make_store("harbour", uuid7())
    set_committed_value(store, "alert_rules", default_rules())
    urgent = Category(slug="allergy", name="Allergy", urgent=True)
    assert logged(store=store, handling=Handling.MINE, category=urgent).status is Status.OPEN
    assert logged(store=store, handling=Handling.MINE, mood=1).status is Status.TAKEN


@pytest.mark.parametrize(
    ("known", "missing"),
    [
        ({}, ["their_words", "stake", "wanted", "category", "cause", "place", "customer"]),
        ({"their_words": "", "mood": 3}, ["their_words", "wanted", "category", "cause", "place", "customer"]),
        (
            {"their_words": "Cold.", "stake": "A birthday", "wanted": "A new one"},
            ["category", "cause", "place", "customer"],
        ),
        (
            {"category": Category(slug="food", name="Food"), "place": Place(slug="t", name="table")},
            ["their_words", "stake", "wanted", "cause", "customer"],
        ),
        (
            {
                "their_words": "Cold.",
                "stake": "A birthday",
                "wanted": "A new one",
                "category": Category(slug="food", name="Food"),
                "cause": Cause(slug="cold", name="Cold"),
                "place": Place(slug="t", name="table"),
                "customer": Customer(phone="+351912345678"),
            },
            [],
        ),
    ],
)
def test_what_is_missing_is_listed_and_blocks_nothing(known: dict[str, Any], missing: list[str]) -> None:
    assert logged(**known).missing == missing


def test_a_sensitive_concern_is_seen_by_who_reported_it_and_by_managers(app: App, shop: Shop) -> None:
    stores = frozenset({shop.store_id})

    def person(login: str, role: Role, store_ids: Any = stores) -> Actor:
        return Actor(shop.organization_id, GRANTS[role], store_ids, staff_id=shop.staff[login])

    def key(id_: UUID) -> Actor:
        return Actor(shop.organization_id, KEY_GRANTS[KeyScope.CONCERNS_READ], None, api_key_id=id_)

    with app.database.writing(shop.organization_id) as session:
        store = session.get_one(Store, (shop.organization_id, shop.store_id))
        one, another, *_ = session.scalars(select(ApiKey.id).order_by(ApiKey.name))
        floor = person("floor", Role.FLOOR)
        plain, hidden, of_a_key = (
            Concern.log(by=by, store=store, mood=2, at=NOON, sensitive=sensitive).concern
            for by, sensitive in ((floor, False), (floor, True), (key(one), True))
        )
        session.add_all([plain, hidden, of_a_key])
    everything = {plain.id, hidden.id, of_a_key.id}
    sees = [
        (floor, {plain.id, hidden.id}),
        (person("colleague", Role.FLOOR), {plain.id}),
        (person("manager", Role.MANAGER), everything),
        (person("regional", Role.REGIONAL), everything),
        (person("admin", Role.ADMIN, None), everything),
        (person("hq", Role.HEAD_OFFICE, None), {plain.id}),
        (person("elsewhere", Role.FLOOR, frozenset({shop.other_store_id})), set()),
        (key(one), {plain.id, of_a_key.id}),
        (key(another), {plain.id}),
    ]
    with app.database.reading(shop.organization_id) as session:
        for actor, seen in sees:
            assert set(session.scalars(select(Concern.id).where(*Concern.visible_to(actor)))) == seen, actor


def test_who_may_read_a_concern_is_the_same_in_python_and_in_sql(app: App, shop: Shop) -> None:
    with app.database.writing(shop.organization_id) as session:
        store = session.get_one(Store, (shop.organization_id, shop.store_id))
        floor = Actor(shop.organization_id, GRANTS[Role.FLOOR], None, staff_id=shop.staff["floor"])
        concerns = [
            Concern.log(by=floor, store=store, mood=2, at=NOON, sensitive=sensitive).concern
            for sensitive in (False, True)
        ]
        session.add_all(concerns)
        session.flush()
        for staff in session.scalars(select(Staff)):
            in_sql = set(session.scalars(select(Concern.id).where(*Concern.readable_by(staff.permissions, staff.id))))
            in_python = {concern.id for concern in concerns if concern.is_readable_by(staff.permissions, staff.id)}
            assert in_sql == in_python, staff.login


def test_only_roles_that_may_read_a_concern_are_called_for_it() -> None:
    assert logged().ringable_roles == {Role.FLOOR, Role.MANAGER, Role.REGIONAL}
    assert logged(sensitive=True).ringable_roles == {Role.MANAGER, Role.REGIONAL}


def test_what_is_voided_is_left_as_it_is() -> None:
    concern = brought_to("voided")
    for change in (
        lambda: concern.edit(by=MANAGER, at=after(5), mood=1),
        lambda: concern.add_event(ConcernStep.ACTION_RECORDED, by=MANAGER, at=after(5), details={}),
    ):
        with pytest.raises(InvalidState, match="voided"):
            change()
    paid = concern.add_event(ConcernStep.ACTION_SETTLED, by=MANAGER, at=after(5), details={})  # a till may be late
    assert paid.step is ConcernStep.ACTION_SETTLED


@pytest.mark.parametrize("handling", Handling)
def test_praise_is_over_when_it_is_told(handling: Handling) -> None:
    praise = logged(kind=Kind.PRAISE, mood=5, handling=handling)
    assert (praise.status, praise.resolved_at, praise.outcome) == (Status.RESOLVED, NOON, None)
    assert (praise.taken_by_id, praise.taken_at, praise.event_count) == (None, None, 1)


@pytest.mark.parametrize("verb", ["take", "release", "resolve", "reopen"])
def test_praise_is_never_open(verb: str) -> None:
    with pytest.raises(InvalidState):
        VERBS[verb](logged(kind=Kind.PRAISE, mood=5), by=MANAGER, at=after(5))


def test_praise_that_becomes_a_concern_counts_from_then_on_and_is_not_late() -> None:
    praise = logged(kind=Kind.PRAISE, mood=5, occurred_at=after(-60))
    assert praise.late
    praise.change_kind(Kind.CONCERN, by=FLOOR, at=after(120))
    praise.edit(by=FLOOR, at=after(120), kind=Kind.CONCERN, mood=1)
    assert not praise.late
    praise.take(by=FLOOR, at=after(121))
    praise.resolve(by=FLOOR, outcome=Outcome.RECOVERED, at=after(125))
    assert (praise.seconds_to_take, praise.seconds_to_resolve) == (60, 300)


def test_a_concern_that_becomes_praise_is_over_without_an_outcome() -> None:
    concern = brought_to("resolved")
    concern.change_kind(Kind.PRAISE, by=MANAGER, at=after(5))
    assert (concern.status, concern.outcome, concern.resolved_at) == (Status.RESOLVED, None, after(5))
    assert (concern.reclassified, concern.taken_by_id, concern.seconds_to_resolve) == (True, None, None)
    concern.kind = Kind.PRAISE
    concern.change_kind(Kind.REQUEST, by=MANAGER, at=after(6))
    assert (concern.status, concern.resolved_at, concern.reclassified) == (Status.OPEN, None, False)
