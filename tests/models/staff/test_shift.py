"""Shifts: nobody is on shift in a store that is out of business, however close the two moments are."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from models.access import Actor
from models.db.session import ScopedSession
from models.errors import InvalidState
from models.operations.change_store import close_store
from models.organizations.store import Store
from models.staff.shift import Shift
from tests.support.app import App
from tests.support.databases import only_on_postgresql
from tests.support.factories.organizations import Shop
from tests.support.rows import rows
from tests.support.threads import TIMEOUT, wait_for_blocked_transaction


def check_in(session: ScopedSession, shop: Shop, app: App) -> None:
    store = session.get_one(Store, (shop.organization_id, shop.store_id))
    Shift.check_in(session, staff_id=shop.staff["colleague"], store=store, lead=False, at=app.clock())


def close(session: ScopedSession, shop: Shop, app: App) -> None:
    store = session.get_one(Store, (shop.organization_id, shop.store_id))
    close_store(session, store, by=Actor.unauthenticated(shop.organization_id), at=app.clock())


def test_a_closing_ends_each_shift_once(app: App, shop: Shop) -> None:
    begun = app.clock()
    with app.back_office.writing(shop.organization_id) as session:
        Shift.check_out(session, staff_id=shop.staff["floor"], at=begun)
        check_in(session, shop, app)
    app.clock.move(hours=1)
    with app.back_office.writing(shop.organization_id) as session:
        close(session, shop, app)
    ended = {shift.staff_id: shift.ended_at for shift in rows(app, Shift)}
    assert ended == {shop.staff["floor"]: begun, shop.staff["colleague"]: begun + timedelta(hours=1)}


@only_on_postgresql
def test_a_closing_waits_for_a_check_in_and_ends_its_shift(app: App, shop: Shop) -> None:
    def close_now() -> None:
        with app.back_office.writing(shop.organization_id) as session:
            close(session, shop, app)

    with ThreadPoolExecutor(1) as pool:
        with app.back_office.writing(shop.organization_id) as session:
            check_in(session, shop, app)
            closing = pool.submit(close_now)
            wait_for_blocked_transaction(app)
        closing.result(TIMEOUT)
    assert all(shift.ended_at == app.clock() for shift in rows(app, Shift))
    assert len(rows(app, Shift)) == 2


@only_on_postgresql
def test_a_check_in_waits_for_a_closing_and_is_refused(app: App, shop: Shop) -> None:
    def check_in_now() -> None:
        with app.back_office.writing(shop.organization_id) as session:
            check_in(session, shop, app)

    with ThreadPoolExecutor(1) as pool:
        with app.back_office.writing(shop.organization_id) as session:
            close(session, shop, app)
            session.flush()
            checking_in = pool.submit(check_in_now)
            wait_for_blocked_transaction(app)
        with pytest.raises(InvalidState):
            checking_in.result(TIMEOUT)
    assert [shift.staff_id for shift in rows(app, Shift)] == [shop.staff["floor"]]
