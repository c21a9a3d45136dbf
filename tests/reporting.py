"""Telling concerns with a known end, and asking for the recovery report about them."""

from datetime import timedelta
from typing import Any

from sqlalchemy import select
from werkzeug.test import TestResponse

from models.access import GRANTS, Actor, Role
from models.base import Money
from models.concern import Concern
from models.putting_right import act
from models.remedy import Remedy
from models.store import Store
from models.terms import Outcome
from models.vocabulary import Category
from tests.factories import NOON, Shop
from tests.world import World

DAYS = {"from": "2026-03-01", "to": "2026-03-31"}


def report(world: World, shop: Shop, by: str = "hq", *, accept: str | None = None, **query: Any) -> TestResponse:
    headers = {"Accept": accept} if accept else {}
    return world.request("GET", "/v1/reports/recovery", (shop, by), query_string={**DAYS, **query}, headers=headers)


def tell(
    world: World,
    shop: Shop,
    *,
    store: str = "first",
    mood: int = 2,
    outcome: Outcome | None = None,
    mood_after: int | None = None,
    cost: int | None = None,
    category: str | None = None,
    **told: Any,
) -> None:
    """One concern on the third of March, resolved ten minutes later where an outcome is given."""
    with world.back_office.writing(shop.organization_id) as session:
        by = Actor(shop.organization_id, GRANTS[Role.FLOOR], None, staff_id=shop.staff["floor"])
        where = session.scalars(select(Store).where(Store.slug == store)).one()
        if category:
            told["category"] = session.scalars(select(Category).where(Category.slug == category)).one()
        concern = Concern.log(by=by, store=where, mood=mood, at=NOON, **told).concern
        session.add(concern)
        if cost is not None:
            voucher = Remedy.named(session, "voucher")
            act(session, concern, by=by, remedy=voucher, cost=Money(cost, "EUR"), at=NOON)
        if outcome:
            concern.resolve(by=by, outcome=outcome, mood_after=mood_after, at=NOON + timedelta(minutes=10))
