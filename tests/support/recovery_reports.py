"""Telling concerns with a known end, and asking for the recovery report about them."""

from datetime import timedelta
from typing import Any

from sqlalchemy import select
from werkzeug.test import TestResponse

from models.access import GRANTS, Actor, Role
from models.concerns.concern import Concern
from models.concerns.enums import Outcome
from models.db.base import Money
from models.organizations.store import Store
from models.organizations.vocabulary import Category
from models.recovery.approvals import record_action
from models.recovery.remedy import Remedy
from tests.support.app import World
from tests.support.factories import NOON, Shop

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
            voucher = Remedy.by_slug(session, "voucher")
            record_action(session, concern, by=by, remedy=voucher, cost=Money(cost, "EUR"), at=NOON)
        if outcome:
            concern.resolve(by=by, outcome=outcome, mood_after=mood_after, at=NOON + timedelta(minutes=10))
