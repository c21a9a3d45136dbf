"""Statements of the report and the daily log: as many for a thousand concerns as for ten, in one snapshot."""

from datetime import timedelta

from sqlalchemy import func, select

from models.access import GRANTS, Actor, Role
from models.concerns.concern import Concern
from models.concerns.enums import Outcome
from models.db.base import Money
from models.organizations.catalogue_item import CatalogueItem
from models.organizations.store import Store
from models.policy_defaults import MAX_CARRIED_OVER
from models.recovery.approvals import record_action
from models.recovery.follow_up import FollowUp, FollowUpKind
from models.recovery.remedy import Remedy
from notifications.decide.announce import announce
from tests.support.app import App
from tests.support.clock import NOON
from tests.support.factories.organizations import Shop
from tests.support.factories.store_groups import make_store_groups


def tell(app: App, shop: Shop, count: int) -> None:
    """Log so many concerns of one day, each with an item, an action, a follow-up, and an alert or an end."""
    for first in range(0, count, 100):  # a transaction that thinks for too long is ended by the database
        _tell(app, shop, range(first, min(first + 100, count)))


def _tell(app: App, shop: Shop, numbers: range) -> None:
    by = Actor(shop.organization_id, GRANTS[Role.FLOOR], None, staff_id=shop.staff["floor"])
    with app.back_office.writing(shop.organization_id) as session:
        store = session.get_one(Store, (shop.organization_id, shop.store_id))
        remedy = Remedy.by_slug(session, "voucher")
        (soup,) = CatalogueItem.find_or_create(session, [{"name": "Soup"}], at=NOON)
        for number in numbers:
            logged = Concern.log(by=by, store=store, mood=1, at=NOON, items=[{"item": soup}])
            session.add(logged.concern)
            announce(session, logged)
            cost = Money(number + 1, "EUR")
            record_action(session, logged.concern, by=by, remedy=remedy, cost=cost, at=NOON)
            promise = {"what": "A call.", "kind": FollowUpKind.CALL, "due_at": NOON + timedelta(hours=1)}
            FollowUp.create(session, logged.concern, by=by, at=NOON, **promise)
            if number % 2:
                logged.concern.resolve(by=by, outcome=Outcome.LOST, at=NOON + timedelta(seconds=number))


def statements(app: App, shop: Shop, path: str) -> int:
    with app.counting() as sent:
        answer = app.request("GET", path, (shop, "admin"))
    assert answer.status_code == 200, answer.text
    return len(sent)


def test_statements_do_not_grow_with_concerns(app: App, shop: Shop) -> None:
    report = "/v1/reports/recovery?from=2026-03-01&to=2026-03-31&group_by="
    paths = [
        f"/v1/stores/{shop.store_id}/recovery-logs/{NOON.date()}",
        f"/v1/stores/{shop.store_id}/recovery-logs/{NOON.date() + timedelta(days=1)}",
        *(
            f"{report}{group_by}"
            for group_by in ("", "day", "category,cause", "store,week", "region,month", "group,month")
        ),
    ]
    tell(app, shop, 10)
    of_ten = [statements(app, shop, path) for path in paths]
    tell(app, shop, 290)
    assert [statements(app, shop, path) for path in paths] == of_ten
    assert max(of_ten) <= 28
    assert app.request("GET", paths[0], (shop, "admin")).json["figures"]["concerns"] == 300
    carried = app.request("GET", paths[1], (shop, "admin")).json["carried_over"]
    assert (len(carried["concerns"]), carried["still_open"]["count"]) == (MAX_CARRIED_OVER, 150)


def test_each_filter_that_is_named_costs_one_statement(app: App, shop: Shop) -> None:
    (group,) = make_store_groups(app.back_office, shop, {"river": [shop.store_id]}).values()
    report = "/v1/reports/listening?from=2026-03-01&to=2026-03-31"
    plain = statements(app, shop, report)
    named = [f"store_id={shop.store_id}", f"region_id={shop.region_id}", f"group_id={group}"]
    for count in range(1, 4):
        assert statements(app, shop, "&".join([report, *named[:count]])) == plain + count


def test_a_page_of_the_export_costs_one_statement_for_each_kind(app: App, shop: Shop) -> None:
    """Who asks; which life of the data it is, and on PostgreSQL where; the last number; the changes; nine kinds."""
    path = "/v1/exports/changes?limit=1000"
    costs = 4 + 9 + (3 if app.database.engine.dialect.name == "postgresql" else 0)  # whose rows they are, twice
    tell(app, shop, 10)
    assert statements(app, shop, path) == costs
    tell(app, shop, 290)
    assert statements(app, shop, path) == costs
    page = app.request("GET", path, (shop, "admin")).json
    assert len(page["items"]) > 900
    assert len({item["kind"] for item in page["items"]}) == 9


def test_what_is_read_in_one_go_is_of_one_moment(app: App, shop: Shop) -> None:
    count = select(func.count()).select_from(Concern)
    with app.database.reading(shop.organization_id) as session:
        before = session.scalars(count).one()
        tell(app, shop, 1)
        assert session.scalars(count).one() == before
    with app.database.reading(shop.organization_id) as session:
        assert session.scalars(count).one() == before + 1
