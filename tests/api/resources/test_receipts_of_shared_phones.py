"""Receipts of a shared phone: it sends them with its secret, and they count for everybody whom the push was for."""

from collections.abc import Iterator
from uuid import UUID

import pytest

from models.alerts.notification import Notification
from tests.support.app import App
from tests.support.factories.organizations import Shop
from tests.support.factories.shared_phones import SharedPhone, enrol
from tests.support.factories.staff import sign_in_on
from tests.support.rows import only_alert, rows
from tests.support.store_scenario import StoreScenario, store_scenario

AT = "2026-03-03T12:00:05Z"


@pytest.fixture
def scenario(app: App) -> Iterator[StoreScenario]:
    with store_scenario(app) as scenario:
        yield scenario


@pytest.fixture
def bar(scenario: StoreScenario) -> SharedPhone:
    """A shared phone for two who are on shift; a push to them is on it, for what `floor` has logged."""
    phone = enrol(scenario.app, scenario.shop)
    for login in ("colleague", "lead"):
        sign_in_on(scenario.app.back_office, scenario.shop, login, phone.id, at=scenario.app.clock())
    return phone


def ring(scenario: StoreScenario) -> Notification:
    scenario.log("floor", mood=2)
    (notification,) = rows(scenario.app, Notification)
    return notification


def receipts(*ids: UUID, event: str = "opened") -> dict[str, object]:
    return {"receipts": [{"notification_id": str(id_), "event": event, "at": AT} for id_ in ids]}


def send(app: App, shop: Shop, login: str, *ids: UUID) -> tuple[int, list[str]]:
    answer = app.request("POST", "/v1/notifications/receipts", (shop, login), json=receipts(*ids))
    assert answer.status_code == 200, answer.text
    return answer.json["recorded"], answer.json["unknown"]


def test_the_phone_reports_with_its_secret_and_it_counts_for_all(scenario: StoreScenario, bar: SharedPhone) -> None:
    notification = ring(scenario)
    answer = bar.ask("POST", "/v1/notifications/receipts", json=receipts(notification.id))
    assert answer.json == {"recorded": 1, "unknown": []}
    path = f"/v1/alerts/{only_alert(scenario.app).id}"
    shown = scenario.app.request("GET", path, (scenario.shop, "floor")).json
    assert shown["summary"] == "on 1 phone, opened on bar"


def test_a_person_on_the_phone_reports_what_was_for_them(scenario: StoreScenario, bar: SharedPhone) -> None:
    notification = ring(scenario)
    assert send(scenario.app, scenario.shop, "lead", notification.id) == (1, [])


def test_what_was_for_others_or_on_another_phone_is_unknown(scenario: StoreScenario, bar: SharedPhone) -> None:
    notification = ring(scenario)
    unknown = (0, [str(notification.id)])
    assert send(scenario.app, scenario.shop, "manager", notification.id) == unknown
    sign_in_on(scenario.app.back_office, scenario.shop, "manager", bar.id, at=scenario.app.clock())
    assert send(scenario.app, scenario.shop, "manager", notification.id) == unknown
    other = enrol(scenario.app, scenario.shop, "terrace phone", name="terrace")
    answer = other.ask("POST", "/v1/notifications/receipts", json=receipts(notification.id))
    assert answer.json == {"recorded": 0, "unknown": [str(notification.id)]}
    sign_in_on(scenario.app.back_office, scenario.shop, "lead", other.id, at=scenario.app.clock())
    assert send(scenario.app, scenario.shop, "lead", notification.id) == unknown


def test_the_phone_does_not_report_what_a_personal_phone_got(scenario: StoreScenario, bar: SharedPhone) -> None:
    scenario.give_phones("manager")
    scenario.log("floor", mood=1)
    scenario.let_pass(minutes=6)
    (personal,) = (row for row in rows(scenario.app, Notification) if row.staff_id is not None)
    answer = bar.ask("POST", "/v1/notifications/receipts", json=receipts(personal.id))
    assert answer.json == {"recorded": 0, "unknown": [str(personal.id)]}
