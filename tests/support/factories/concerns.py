"""Concerns: logged, changed and resolved over HTTP, or added with a known end."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import select, update

from models.access import GRANTS, Actor, Role
from models.concerns.concern import Concern
from models.concerns.enums import Outcome
from models.db.base import Money
from models.organizations.store import Store
from models.organizations.vocabulary import Category
from models.recovery.action import RecoveryAction
from models.recovery.approvals import record_action
from models.recovery.remedy import Remedy
from tests.support.app import App
from tests.support.clock import NOON
from tests.support.factories.organizations import Shop


def log_concern(app: App, shop: Shop, login: str = "floor", **fields: Any) -> dict[str, Any]:
    """Log a concern over HTTP; return the answer."""
    fields = {"mood": 2, "store_id": str(shop.store_id)} | fields
    answer = app.request("POST", "/v1/concerns", (shop, login), json=fields)
    assert answer.status_code == 201, answer.text
    result: dict[str, Any] = answer.json
    return result


def move(app: App, shop: Shop, concern: Mapping[str, Any], step: str, login: str = "manager") -> dict[str, Any]:
    """Take, release, resolve or reopen a concern; return the answer."""
    body = {"json": {"outcome": "recovered", "mood_after": 4}} if step == "resolve" else {}
    answer = app.request("POST", f"/v1/concerns/{concern['id']}/{step}", (shop, login), **body)
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json
    return result


def edit(app: App, shop: Shop, concern: Mapping[str, Any], login: str = "floor", **fields: Any) -> dict[str, Any]:
    """Complete or correct a concern; return the answer."""
    path = f"/v1/concerns/{concern['id']}"
    version = app.request("GET", path, (shop, login)).headers["ETag"]
    answer = app.request("PATCH", path, (shop, login), json=fields, headers={"If-Match": version})
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json
    return result


def add_concern(
    app: App,
    shop: Shop,
    *,
    store: str = "first",
    mood: int = 2,
    outcome: Outcome | None = None,
    mood_after: int | None = None,
    cost: int | None = None,
    category: str | None = None,
    **fields: Any,
) -> None:
    """Add a concern of the third of March, resolved ten minutes later when `outcome` is set."""
    with app.back_office.writing(shop.organization_id) as session:
        by = Actor(shop.organization_id, GRANTS[Role.FLOOR], None, staff_id=shop.staff["floor"])
        where = session.scalars(select(Store).where(Store.slug == store)).one()
        if category:
            fields["category"] = session.scalars(select(Category).where(Category.slug == category)).one()
        concern = Concern.log(by=by, store=where, mood=mood, at=NOON, **fields).concern
        session.add(concern)
        if cost is not None:
            voucher = Remedy.by_slug(session, "voucher")
            record_action(session, concern, by=by, remedy=voucher, cost=Money(cost, "EUR"), at=NOON)
        if outcome:
            concern.resolve(by=by, outcome=outcome, mood_after=mood_after, at=NOON + timedelta(minutes=10))


def give_in_two_currencies(app: App, shop: Shop) -> None:
    """Log a concern for which 12.50 EUR and 1,250 JPY were given, as if its store had changed its currency that day."""
    log_concern(app, shop, mood=2, category="food", recovery_actions=[{"remedy": "remake"}, {"remedy": "remake"}])
    with app.back_office.writing(shop.organization_id) as session:
        session.execute(update(RecoveryAction).values(cost_amount=1250, cost_currency="EUR"))
        last = session.scalars(select(RecoveryAction.id).order_by(RecoveryAction.id.desc())).first()
        session.execute(update(RecoveryAction).where(RecoveryAction.id == last).values(cost_currency="JPY"))
