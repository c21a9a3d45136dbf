"""Staff: who sees whom, and at most one shift at a time."""

from functools import partial
from typing import Any

import pytest
from sqlalchemy import select

from models.access import GRANTS, Actor, Role
from models.db.session import ScopedSession
from models.errors import Conflict, Invalid
from models.organizations.store import Store
from models.staff.shift import Shift
from models.staff.staff import Staff
from tests.support.app import App
from tests.support.clock import NOON
from tests.support.factories.organizations import Shop
from tests.support.rows import rows
from tests.support.threads import at_once


def test_a_login_is_used_once(app: App, shop: Shop) -> None:
    with pytest.raises(Conflict) as refused, app.back_office.writing(shop.organization_id) as session:
        Staff.hire(session, login="floor", name="Another", role=Role.ADMIN, password_hash="-")
    assert (refused.value.code, refused.value.pointer) == ("already-exists", "/login")


@pytest.mark.parametrize("role", [Role.FLOOR, Role.MANAGER, Role.REGIONAL])
def test_who_would_reach_no_store_is_not_hired(app: App, shop: Shop, role: Role) -> None:
    with pytest.raises(Invalid), app.back_office.writing(shop.organization_id) as session:
        Staff.hire(session, login="lost", name="Lost", role=role, password_hash="-")


def test_colleagues_are_those_of_ones_stores_and_those_responsible(app: App, shop: Shop) -> None:
    here = {"floor", "colleague", "manager", "regional"}
    reach: dict[str, tuple[Role, Any, set[str]]] = {
        "floor": (Role.FLOOR, frozenset({shop.store_id}), here),
        "regional": (Role.REGIONAL, frozenset({shop.store_id}), here),
        "elsewhere": (Role.FLOOR, frozenset({shop.other_store_id}), {"elsewhere"}),
        "hq": (Role.HEAD_OFFICE, None, {*here, "hq", "admin", "elsewhere"}),
    }
    with app.back_office.writing(shop.organization_id) as session:
        session.get_one(Staff, (shop.organization_id, shop.staff["admin"])).left_at = NOON
    for login, (role, stores, seen) in reach.items():
        actor = Actor(shop.organization_id, GRANTS[role], stores, staff_id=shop.staff[login])
        with app.database.reading(shop.organization_id) as session:
            assert set(session.scalars(select(Staff.login).where(*Staff.visible_to(actor)))) == seen | (
                {"admin"} if stores is None else set()
            )
            logins = {staff.login for staff in session.scalars(Staff.select_visible(actor, at=NOON))}
            assert logins == seen - {"admin"}  # who has left is not listed


def check_in(app: App, shop: Shop, store_id: Any, *, lead: bool = False, at: Any = NOON) -> Shift:
    with app.database.writing(shop.organization_id) as session:
        store = session.get_one(Store, (shop.organization_id, store_id))
        return Shift.check_in(session, staff_id=shop.staff["manager"], store=store, lead=lead, at=at)


def open_shifts(app: App, shop: Shop) -> list[Shift]:
    return [shift for shift in rows(app, Shift) if shift.staff_id == shop.staff["manager"] and not shift.ended_at]


def test_checking_in_where_one_is_keeps_the_shift(app: App, shop: Shop) -> None:
    first = check_in(app, shop, shop.store_id)
    again = check_in(app, shop, shop.store_id, lead=True, at=app.clock.move(hours=1))
    assert (again.id, again.started_at, again.lead) == (first.id, NOON, True)


def test_checking_in_elsewhere_ends_the_shift_one_had(app: App, shop: Shop) -> None:
    first = check_in(app, shop, shop.store_id)
    later = app.clock.move(hours=1)
    second = check_in(app, shop, shop.other_store_id, at=later)
    assert [shift.id for shift in open_shifts(app, shop)] == [second.id]
    ended = {shift.id: shift.ended_at for shift in rows(app, Shift)}
    assert ended[first.id] == later


def test_checking_out_ends_it_and_twice_is_harmless(app: App, shop: Shop) -> None:
    check_in(app, shop, shop.store_id)
    for _ in range(2):
        with app.database.writing(shop.organization_id) as session:
            Shift.check_out(session, staff_id=shop.staff["manager"], at=app.clock.move(minutes=1))
    assert open_shifts(app, shop) == []
    with app.database.reading(shop.organization_id) as session:
        assert Shift.current(session, shop.staff["manager"], at=app.clock()) is None
        assert Shift.current(session, None, at=app.clock()) is None


def test_checking_in_many_times_at_once_opens_one_shift(app: App, shop: Shop) -> None:
    body = {"store_id": str(shop.store_id)}
    put = partial(app.request, "PUT", "/v1/me/shift", (shop, "manager"), json=body)
    answers = at_once([put] * 6)
    assert {answer.status_code for answer in answers} == {200}, [answer.text for answer in answers]
    assert len(open_shifts(app, shop)) == 1


def test_who_signs_in_still_works_here(app: App, shop: Shop) -> None:
    def signs_in(session: ScopedSession) -> str | None:
        staff = Staff.find_for_sign_in(session, "floor", at=NOON)
        return staff.login if staff else None

    with app.database.writing(shop.organization_id) as session:
        assert signs_in(session) == "floor"
        session.get_one(Staff, (shop.organization_id, shop.staff["floor"])).left_at = NOON
        session.flush()
        assert signs_in(session) is None
