"""The timeline of a concern: every step, in order, with who did it and what it changed."""

from datetime import datetime, timedelta

from sqlalchemy import select

from models.access import GRANTS, Actor, Role
from models.concerns.concern import Concern
from models.concerns.enums import Kind, Outcome
from models.concerns.event import ConcernEvent, ConcernStep
from models.db.base import Money
from models.organizations.store import Store
from tests.support.app import App
from tests.support.clock import NOON
from tests.support.factories.organizations import Shop


def after(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def live_a_whole_life(app: App, shop: Shop) -> Concern:
    by = Actor(shop.organization_id, GRANTS[Role.MANAGER], None, staff_id=shop.staff["manager"])
    with app.database.writing(shop.organization_id) as session:
        store = session.get_one(Store, (shop.organization_id, shop.store_id))
        concern = Concern.log(by=by, store=store, mood=2, at=NOON, kind=Kind.REQUEST).concern
        session.add(concern)
        concern.take(by=by, at=after(1))
        concern.release(by=by, at=after(2))
        concern.edit(
            by=by, at=after(3), mood=1, stake="birthday", order={"reference": "A7", "value": Money(1250, "EUR")}
        )
        concern.resolve(by=by, outcome=Outcome.RECOVERED, mood_after=4, note="A new plate", at=after(4))
        concern.reopen(by=by, at=after(5))
    return concern


def test_the_timeline_is_numbered_without_gaps_and_says_what_changed(app: App, shop: Shop) -> None:
    concern = live_a_whole_life(app, shop)
    with app.database.reading(shop.organization_id) as session:
        stmt = select(ConcernEvent).where(ConcernEvent.concern_id == concern.id).order_by(ConcernEvent.number)
        events = session.scalars(stmt).all()
    assert [(event.number, event.step, event.at, event.details) for event in events] == [
        (1, ConcernStep.LOGGED, NOON, {"mood": 2, "handling": "help"}),
        (2, ConcernStep.TAKEN, after(1), {}),
        (3, ConcernStep.RELEASED, after(2), {}),
        (
            4,
            ConcernStep.EDITED,
            after(3),
            {
                "mood": {"before": 2, "after": 1},
                "stake": {"before": None, "after": "birthday"},
                "order": {
                    "before": None,
                    "after": {"reference": "A7", "value": {"amount": 1250, "currency": "EUR"}},
                },
            },
        ),
        (5, ConcernStep.RESOLVED, after(4), {"outcome": "recovered", "mood_after": 4, "note": "A new plate"}),
        (6, ConcernStep.REOPENED, after(5), {"outcome": "recovered", "mood_after": 4}),
    ]
    assert {event.by_staff_id for event in events} == {shop.staff["manager"]}
    assert concern.version == 1  # all in one transaction
