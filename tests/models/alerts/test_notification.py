"""What a person was notified of: counted once, on however many phones it is."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select

from models.alerts.notification import Notification, NotificationKind
from models.policy_defaults import MAX_UNREAD, NOTIFICATIONS_SHOWN_FOR
from models.staff.device import Device
from models.staff.staff import Staff
from tests.support.app import App
from tests.support.factories.staff import give_phone, give_shared_phone
from tests.support.rows import rows
from tests.support.store_scenario import StoreScenario, store_scenario


@pytest.fixture
def scenario(app: App) -> Iterator[StoreScenario]:
    with store_scenario(app) as scenario:
        yield scenario


def unread(scenario: StoreScenario, login: str) -> int | None:
    with scenario.app.back_office.reading(scenario.shop.organization_id) as session:
        return session.scalar(
            select(Notification.unread_of(scenario.shop.staff[login], at=scenario.app.clock()))
            .select_from(Staff)
            .limit(1)
        )


def open_on(scenario: StoreScenario, phone: str) -> None:
    """The phone with this address says that its person opened what is on it."""
    with scenario.app.back_office.writing(scenario.shop.organization_id) as session:
        for notification in session.scalars(
            select(Notification).join(Notification.device).where(Device.address == phone)
        ):
            notification.opened_at = scenario.app.clock()


def test_one_call_on_two_phones_and_over_two_steps_is_one_and_read_on_either(scenario: StoreScenario) -> None:
    give_phone(scenario.app.back_office, scenario.shop, "lead", "second")
    scenario.give_phones("lead")
    scenario.log(mood=2)
    scenario.let_pass(minutes=3)
    assert len({row.step for row in rows(scenario.app, Notification)}) == 2
    scenario.log(mood=2)
    assert unread(scenario, "lead") == 2
    open_on(scenario, "second")
    assert unread(scenario, "lead") == 0


def test_what_a_shared_phone_shows_counts_for_each_whom_it_is_for(scenario: StoreScenario) -> None:
    bar = give_shared_phone(scenario.app.back_office, scenario.shop, "bar")
    with scenario.app.back_office.writing(scenario.shop.organization_id) as session:
        device = session.get_one(Device, (scenario.shop.organization_id, bar))
        people = [
            session.get_one(Staff, (device.organization_id, scenario.shop.staff[login])) for login in ("lead", "floor")
        ]
        at = scenario.app.clock()
        session.add(Notification.to_phone(device, people, queued_at=at, expires_at=at))
    assert [unread(scenario, login) for login in ("lead", "floor", "colleague")] == [1, 1, 0]


def test_the_count_ends_at_its_bound_and_forgets_what_is_old(scenario: StoreScenario) -> None:
    phone = give_phone(scenario.app.back_office, scenario.shop, "lead", "lead")
    with scenario.app.back_office.writing(scenario.shop.organization_id) as session:
        device, at = session.get_one(Device, (scenario.shop.organization_id, phone)), scenario.app.clock()
        session.add_all(
            Notification.to_phone(device, [], kind=NotificationKind.TEST, queued_at=at, expires_at=at)
            for _ in range(MAX_UNREAD + 1)
        )
    assert unread(scenario, "lead") == MAX_UNREAD
    scenario.app.clock.at += NOTIFICATIONS_SHOWN_FOR + timedelta(seconds=1)
    assert unread(scenario, "lead") == 0
