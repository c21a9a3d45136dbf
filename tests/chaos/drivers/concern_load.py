"""Load of a chaos run or bench: concerns at a steady pace, each of which rings a phone."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar
from uuid import UUID

from sqlalchemy import exists, func, select

from models.access import GRANTS, Actor, Role
from models.alerts.alert import RINGING_STATES, Alert
from models.alerts.notification import Notification, NotificationState
from models.db.base import system_clock
from models.db.session import ALL_TENANTS, Database
from models.operations.log_concern import log_concern
from models.outbox.message import OutboxMessage
from models.staff.device import AddressKind
from notifications.decide.announce import announce
from tests.chaos.drivers.chaos_run import sleep_until
from tests.support.factories.organizations import Shop, make_shop
from tests.support.factories.staff import give_phone

MAX_THREADS = 64  # requests under way at the same time, at most
T = TypeVar("T")


def open_shop(database: Database) -> Shop:
    """Make a shop whose manager has a phone registered at Firebase."""
    shop = make_shop(database, at=database.clock())
    give_phone(database, shop, "manager", "phone-1", kind=AddressKind.FCM_TOKEN, at=database.clock())
    return shop


def log_unhappy(database: Database, shop: Shop) -> UUID:
    """Log a concern as POST /v1/concerns does; return its id."""
    by = Actor(shop.organization_id, GRANTS[Role.FLOOR], None, staff_id=shop.staff["floor"])
    with database.writing(shop.organization_id) as session:
        data = {"mood": 2, "store_id": shop.store_id}
        events = log_concern(session, data, by=by, at=system_clock())
        for event in events:
            announce(session, event)
        return events[0].concern.id


def at_a_steady_pace(
    call: Callable[[int, float], T], *, per_second: float, ended: Callable[[int], bool], hands: int = MAX_THREADS
) -> list[T]:
    """Begin a call at each moment of a schedule, finished earlier calls or not; return the results in order.

    A call gets its number and the moment it was due (monotonic, in seconds): to measure from there counts the time it
    had to wait for those before it.
    """
    with ThreadPoolExecutor(hands) as pool:
        begun, number, under_way = time.monotonic(), 0, []
        while not ended(number):
            due = begun + number / per_second
            sleep_until(due)
            under_way.append(pool.submit(call, number, due))
            number += 1
        return [future.result() for future in under_way]


def wait_until_sent(database: Database, patience: float) -> float:
    """Wait until the outbox is done; return the seconds that took. Raises TimeoutError after `patience` seconds."""
    begun = time.monotonic()
    undone = select(func.count()).where(OutboxMessage.done_at.is_(None))
    while time.monotonic() < begun + patience:
        with database.reading(ALL_TENANTS) as session:
            left = session.scalars(undone).one()
        if not left:
            return time.monotonic() - begun
        time.sleep(0.1)
    raise TimeoutError(f"{left} tasks of the outbox were left after {patience} s")


def not_rung(database: Database) -> int:
    """Count the ringing alerts of which the push service has accepted no notification."""
    rung = exists().where(Notification.alert_id == Alert.id, Notification.state == NotificationState.ACCEPTED)
    with database.reading(ALL_TENANTS) as session:
        return session.scalars(
            select(func.count()).select_from(Alert).where(Alert.state.in_(RINGING_STATES), ~rung)
        ).one()
