"""Who works in the store of a concern: by belonging to it, by its region, or by the shift they are on."""

import pytest
from sqlalchemy import select

from models.access import GRANTS, Actor, Role
from models.concerns.concern import Concern
from models.concerns.handover import is_in_store_of, works_in_store_of
from models.organizations.store import Store
from models.staff.shift import Shift
from models.staff.staff import Staff
from tests.support.app import App
from tests.support.clock import NOON
from tests.support.factories.organizations import Shop


@pytest.mark.parametrize("shift_store", [None, "first", "second"])
def test_who_works_in_a_store_is_the_same_in_python_and_in_sql(app: App, shop: Shop, shift_store: str | None) -> None:
    with app.database.writing(shop.organization_id) as session:
        stores = {store.slug: store for store in session.scalars(select(Store))}
        floor = Actor(shop.organization_id, GRANTS[Role.FLOOR], None, staff_id=shop.staff["floor"])
        concerns = [Concern.log(by=floor, store=store, mood=2, at=NOON).concern for store in stores.values()]
        session.add_all(concerns)
        session.flush()
        shift = Shift(store_id=stores[shift_store].id) if shift_store else None
        for staff in session.scalars(select(Staff)):
            in_sql = set(session.scalars(select(Concern.id).where(is_in_store_of(staff, shift))))
            in_python = {concern.id for concern in concerns if works_in_store_of(concern, staff, shift)}
            assert in_sql == in_python, staff.login
