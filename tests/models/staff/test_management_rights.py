"""Management rights: whom each role may hire, change, let go and invite."""

from itertools import product

import pytest
from sqlalchemy import select

from models.access import GRANTS, KEY_GRANTS, Actor, KeyScope, Role
from models.staff.management_rights import manageable_by, manageable_roles, may_manage
from models.staff.staff import Staff, StaffRegion, StaffStore
from tests.support.app import App
from tests.support.factories.organizations import Shop

R = Role
WHERE = ("inside", "outside", "both", "nowhere", "inside and a region")
# Who manages whom, where those whom they manage belong. An actor of one store sees whoever belongs there as well.
OWN_STORES_ONLY = {(Role.FLOOR, "inside")}
EVERYBODY = set(product(Role, WHERE))
MANAGED: dict[str, set[tuple[Role, str]]] = {
    "floor": set(),
    "manager": OWN_STORES_ONLY,
    "regional": OWN_STORES_ONLY,
    "head_office": set(),
    "admin": EVERYBODY,
    "key": set(product((Role.FLOOR, Role.MANAGER), WHERE)),
    "key of one store": {(Role.FLOOR, "inside"), (Role.MANAGER, "inside")},
    "key without staff:write": set(),
}


def actor(shop: Shop, name: str) -> Actor:
    here = frozenset({shop.store_id})
    if name.startswith("key"):
        scope = KeyScope.CONCERNS_WRITE if "without" in name else KeyScope.STAFF_WRITE
        stores = here if "of one store" in name else None
        return Actor(shop.organization_id, KEY_GRANTS[scope], stores, api_key_id=shop.store_id)
    role = Role(name)
    stores = None if role in (Role.ADMIN, Role.HEAD_OFFICE) else here
    return Actor(shop.organization_id, GRANTS[role], stores, staff_id=shop.staff["floor"], role=role)


@pytest.mark.parametrize("name", MANAGED)
def test_who_manages_whom(app: App, shop: Shop, name: str) -> None:
    """In Python and in SQL, for every role in every place."""
    by, expected = actor(shop, name), MANAGED[name]
    with app.back_office.writing(shop.organization_id) as session:
        people = {}
        for role, where in product(Role, WHERE):
            staff = Staff(login=f"{role}-{WHERE.index(where)}", name="Somebody", role=role)
            if where.startswith("inside") or where == "both":
                staff.store_links.append(StaffStore(store_id=shop.store_id))
            if where in ("outside", "both"):
                staff.store_links.append(StaffStore(store_id=shop.other_store_id))
            if where.endswith("region"):
                staff.region_links.append(StaffRegion(region_id=shop.region_id))
            session.add(staff)
            people[staff.id] = role, where
        session.flush()
        managed = {
            people[staff.id] for staff in session.scalars(select(Staff)) if staff.id in people and may_manage(by, staff)
        }
        in_sql = session.scalars(select(Staff.id).where(*manageable_by(by), Staff.id.in_(list(people))))
        assert managed == {people[id_] for id_ in in_sql} == expected


def test_nobody_gives_a_role_beyond_the_own(shop: Shop) -> None:
    assert {name: manageable_roles(actor(shop, name)) for name in MANAGED} == {
        "floor": frozenset(),
        "manager": {R.FLOOR},
        "regional": {R.FLOOR},
        "head_office": frozenset(),
        "admin": set(Role),
        "key": {R.FLOOR, R.MANAGER},
        "key of one store": {R.FLOOR, R.MANAGER},
        "key without staff:write": frozenset(),
    }
