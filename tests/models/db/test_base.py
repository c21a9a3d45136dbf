"""The object of a relationship and the column with its id say the same at every moment."""

from sqlalchemy import select
from uuid_utils.compat import uuid7

from models.alerts.alert import Alert
from models.concerns.concern import Concern
from models.concerns.event import ConcernEvent
from models.organizations.vocabulary import Category
from models.staff.shift import Shift
from models.staff.staff import Staff
from tests.support.app import App
from tests.support.factories.organizations import Shop


def test_assigning_an_object_copies_its_id_before_the_flush() -> None:
    food = Category(slug="food", name="Food")
    concern = Concern(mood=2, category=food)
    assert concern.category_id == food.id
    concern.category = None
    assert concern.category_id is None


def test_a_back_reference_copies_the_id_as_well() -> None:
    concern = Concern(mood=2, alert=None)
    concern.alert = Alert()
    assert concern.alert.concern_id == concern.id
    concern.events.add(event := ConcernEvent())
    assert event.concern_id == concern.id


def test_assigning_another_id_forgets_the_object_of_before() -> None:
    food = Category(slug="food", name="Food")
    concern = Concern(mood=2, category=food)
    concern.category_id = food.id
    assert concern.category is food
    concern.category_id = uuid7()
    assert concern.category is None  # nothing to load: the concern is not stored


def test_a_stored_row_loads_the_object_of_its_new_id(app: App, shop: Shop) -> None:
    floor, manager = ((shop.organization_id, shop.staff[login]) for login in ("floor", "manager"))
    with app.back_office.writing(shop.organization_id) as session:
        shift = session.scalars(select(Shift).where(Shift.staff_id == shop.staff["floor"])).one()
        assert shift.staff is session.get_one(Staff, floor)
        shift.staff_id = shop.staff["manager"]
        assert shift.staff is session.get_one(Staff, manager)
        session.flush()
        session.refresh(shift)
        assert shift.staff_id == shop.staff["manager"]
