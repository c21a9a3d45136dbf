"""Alert rules in Python and in SQL match the same concerns, so that a backtest shows what will ring."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from uuid_utils.compat import uuid7

from models.access import GRANTS, Actor, Role
from models.alerts.rule import AlertRule
from models.concerns.concern import Concern
from models.concerns.enums import Handling, Kind, Severity
from models.db.base import Money
from models.organizations.store import Store
from models.organizations.vocabulary import Category
from notifications.decide.rule_backtest import ringing_criteria
from tests.support.app import App
from tests.support.clock import NOON
from tests.support.factories.organizations import Shop
from tests.support.profiles import examples

DAY = 24 * 60 * 60
CATEGORIES = st.none() | st.sampled_from(["food", "allergy"])
MONEY = st.none() | st.builds(Money, st.sampled_from([0, 999, 1000, 1001]), st.sampled_from(["EUR", "USD"]))
CONDITIONS = st.fixed_dictionaries(
    {
        "mood_at_most": st.none() | st.integers(1, 5),
        "urgent_category": st.booleans(),
        "category": CATEGORIES,
        "repeat_within_days": st.none() | st.integers(1, 3),
        "order_value": MONEY,
        "rings_mine": st.booleans(),
    }
).filter(lambda drawn: any(value for name, value in drawn.items() if name != "rings_mine"))
CONCERNS = st.fixed_dictionaries(
    {
        "mood": st.integers(1, 5),
        "category": CATEGORIES,
        "seconds_since_previous": st.none() | st.sampled_from([0, DAY, DAY + 1, 2 * DAY, 3 * DAY + 1]),
        "order_value": MONEY,
        "kind": st.sampled_from(Kind),
        "handling": st.sampled_from(Handling),
        "late": st.booleans(),
        "urgent_as_typed": st.booleans(),
    }
)


@examples(quick=20, deep=60)
@given(rules=st.lists(CONDITIONS, min_size=1, max_size=8), told=st.lists(CONCERNS, min_size=1, max_size=8))
def test_what_fits_is_what_the_database_finds(
    app: App, shop: Shop, rules: list[dict[str, Any]], told: list[dict[str, Any]]
) -> None:
    by = Actor(shop.organization_id, GRANTS[Role.FLOOR], None, staff_id=shop.staff["floor"])
    with app.back_office.writing(shop.organization_id) as session:
        store = session.get_one(Store, (shop.organization_id, shop.store_id))
        named = {category.slug: category for category in session.scalars(select(Category))} | {None: None}
        concerns = [_concern(said, by, store, named) for said in told]
        session.add_all(concerns)
        session.flush()
        ids = [concern.id for concern in concerns]
        for drawn in rules:
            rule = AlertRule.build(**drawn | {"category": named[drawn["category"]], "severity": Severity.NORMAL})
            these = select(Concern.id).where(Concern.id.in_(ids))
            matching = {concern.id for concern in concerns if rule.matches(concern)}
            assert set(session.scalars(these.where(*rule.matching_criteria()))) == matching, drawn
            ringing = {concern.id for concern in concerns if concern.id in matching and _could_ring(rule, concern)}
            assert set(session.scalars(these.where(*ringing_criteria(rule)))) == ringing, drawn
        session.rollback()


def _concern(said: dict[str, Any], by: Actor, store: Store, named: dict[str | None, Any]) -> Concern:
    direct = {name: said[name] for name in ("mood", "kind", "urgent_as_typed")}
    concern = Concern.log(by=by, store=store, at=NOON, id=uuid7(), category=named[said["category"]], **direct).concern
    concern.order_value, concern.late = said["order_value"], said["late"]
    concern.handling, concern.seconds_since_previous = said["handling"], said["seconds_since_previous"]
    return concern


def _could_ring(rule: AlertRule, concern: Concern) -> bool:
    """Return what the backtest leaves out besides: praise, late concerns, and those handled alone."""
    alone = concern.handling is Handling.MINE and not rule.rings_mine
    return concern.kind is not Kind.PRAISE and not concern.late and not alone
