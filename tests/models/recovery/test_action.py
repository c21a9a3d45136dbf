"""Recovery actions: what they cost, and that nothing is ever edited away."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from models.access import GRANTS, Actor, Role
from models.concerns.concern import Concern
from models.concerns.enums import Outcome
from models.concerns.event import ConcernStep
from models.db.base import Money
from models.db.session import ScopedSession
from models.errors import Invalid, InvalidState, NotFound
from models.organizations.store import Store
from models.recovery.action import ActionStatus, RecoveryAction
from models.recovery.approvals import record_action
from models.recovery.remedy import Remedy
from tests.support.app import App
from tests.support.clock import NOON
from tests.support.factories.organizations import Shop


@pytest.fixture
def session(app: App, shop: Shop) -> Iterator[ScopedSession]:
    with app.database.writing(shop.organization_id) as session:
        yield session


@pytest.fixture
def by(shop: Shop) -> Actor:
    return Actor(shop.organization_id, GRANTS[Role.FLOOR], None, staff_id=shop.staff["floor"])


@pytest.fixture
def concern(session: ScopedSession, shop: Shop, by: Actor) -> Concern:
    store = session.get_one(Store, (shop.organization_id, shop.store_id))
    concern = Concern.log(by=by, store=store, mood=2, at=NOON).concern
    session.add(concern)
    session.flush()
    return concern


def remedy(session: ScopedSession, slug: str = "remake") -> Remedy:
    return Remedy.by_slug(session, slug)


def test_without_a_cost_it_costs_what_the_remedy_usually_does(
    session: ScopedSession, concern: Concern, by: Actor
) -> None:
    usual, _ = record_action(session, concern, by=by, remedy=remedy(session), at=NOON)
    told, _ = record_action(session, concern, by=by, remedy=remedy(session), cost=Money(99, "EUR"), at=NOON)
    nothing, _ = record_action(session, concern, by=by, remedy=remedy(session), cost=Money(0, "EUR"), at=NOON)
    words, _ = record_action(session, concern, by=by, remedy=remedy(session, "apology"), at=NOON)
    costs = [action.cost for action in (usual, told, nothing, words)]
    assert costs == [Money(450, "EUR"), Money(99, "EUR"), Money(0, "EUR"), None]


def test_a_store_counts_in_one_currency(session: ScopedSession, concern: Concern, by: Actor) -> None:
    with pytest.raises(Invalid, match="EUR") as refused:
        record_action(session, concern, by=by, remedy=remedy(session), cost=Money(450, "USD"), at=NOON)
    assert refused.value.pointer == "/cost/currency"
    assert concern.event_count == 1


def test_a_remedys_usual_cost_in_another_currency_is_not_the_stores(
    session: ScopedSession, concern: Concern, by: Actor
) -> None:
    concern.store.currency = "USD"
    action, _ = record_action(session, concern, by=by, remedy=remedy(session), at=NOON)
    assert action.cost is None


def test_a_remedy_nobody_offers_is_missing(session: ScopedSession) -> None:
    with pytest.raises(NotFound) as refused:
        remedy(session, "a yacht")
    assert refused.value.pointer == "/remedy"


def test_an_action_stands_in_the_timeline(session: ScopedSession, concern: Concern, by: Actor) -> None:
    action, event = record_action(session, concern, by=by, remedy=remedy(session), at=NOON)
    assert (event.step, event.number, concern.version) == (ConcernStep.ACTION_RECORDED, 2, 1)
    assert event.details == {"recovery_action_id": str(action.id), "remedy": "remake", "status": "done"}


def test_nothing_was_done_in_the_future(session: ScopedSession, concern: Concern, by: Actor) -> None:
    for told, kept in ((timedelta(hours=1), NOON), (timedelta(minutes=-20), NOON - timedelta(minutes=20))):
        action, _ = record_action(session, concern, by=by, remedy=remedy(session), acted_at=NOON + told, at=NOON)
        assert (action.acted_at, action.recorded_at) == (kept, NOON)


def test_an_entry_that_reverses_takes_exactly_the_cost_back(
    session: ScopedSession, concern: Concern, by: Actor
) -> None:
    for slug in ("remake", "voucher", "apology"):
        action, _ = record_action(session, concern, by=by, remedy=remedy(session, slug), at=NOON)
        entry, event = action.reverse(session, by=by, at=NOON + timedelta(minutes=1), note="wrong table")
        assert (action.status, action.version) == (ActionStatus.REVERSED, 2)
        assert (entry.reverses_id, entry.remedy_id, entry.note) == (action.id, action.remedy_id, "wrong table")
        assert (entry.cost is None) == (action.cost is None)
        assert event.step is ConcernStep.ACTION_REVERSED
    session.flush()
    rows, total = session.execute(select(func.count(), func.sum(RecoveryAction.cost_amount))).one()  # type: ignore[attr-defined]
    assert (rows, total) == (6, 0)


def test_nothing_is_reversed_twice_nor_is_a_reversal(session: ScopedSession, concern: Concern, by: Actor) -> None:
    action, _ = record_action(session, concern, by=by, remedy=remedy(session), at=NOON)
    entry, _ = action.reverse(session, by=by, at=NOON)
    for over in (action, entry):
        with pytest.raises(InvalidState):
            over.reverse(session, by=by, at=NOON)
    session.flush()
    assert session.scalars(select(func.count()).select_from(RecoveryAction)).one() == 2


def test_on_a_resolved_concern_nothing_is_recorded_nor_reversed(
    session: ScopedSession, concern: Concern, by: Actor
) -> None:
    action, _ = record_action(session, concern, by=by, remedy=remedy(session), at=NOON)
    concern.resolve(by=by, outcome=Outcome.LOST, at=NOON)
    session.flush()
    version = concern.version
    with pytest.raises(InvalidState, match="resolved"):
        action.reverse(session, by=by, at=NOON)
    assert action.status is ActionStatus.DONE
    with pytest.raises(InvalidState, match="resolved"):
        record_action(session, concern, by=by, remedy=remedy(session), at=NOON)
    assert concern.version == version
    concern.reopen(by=by, at=NOON)
    session.flush()
    assert action.reverse(session, by=by, at=NOON)


def test_an_action_on_a_resolved_concern_is_not_stored(app: App, shop: Shop) -> None:
    logged = app.request("POST", "/v1/concerns", (shop, "floor"), json={"mood": 3, "outcome": "unknown"}).json
    path = f"/v1/concerns/{logged['id']}/recovery-actions"
    assert app.request("POST", path, (shop, "floor"), json={"remedy": "remake"}).status_code == 409
    with app.database.reading(shop.organization_id) as session:
        assert session.scalars(select(func.count()).select_from(RecoveryAction)).one() == 0
