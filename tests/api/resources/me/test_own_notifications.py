"""What I was notified of: each thing once, newest first, read on any phone, in my language, as far as I may see it."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from models.alerts.notification import Notification
from models.concerns.concern import Concern
from models.policy_defaults import NOTIFICATIONS_SHOWN_FOR
from models.staff.device import Device
from models.staff.staff import Staff
from tests.support.app import App
from tests.support.factories.concerns import move
from tests.support.factories.organizations import make_shop
from tests.support.factories.staff import add_sign_in, give_phone, give_shared_phone
from tests.support.rows import notifications
from tests.support.store_scenario import StoreScenario, store_scenario


@pytest.fixture
def scenario(app: App) -> Iterator[StoreScenario]:
    with store_scenario(app) as scenario:
        scenario.give_phones()
        yield scenario


def read(scenario: StoreScenario, login: str, path: str = "", **options: Any) -> Any:
    answer = scenario.app.request("GET", f"/v1/me/notifications{path}", (scenario.shop, login), **options)
    assert answer.status_code == 200, answer.text
    return answer.json


def titles(scenario: StoreScenario, login: str, **query: Any) -> list[str]:
    return [item["title"] for item in read(scenario, login, query_string=query)["items"]]


def open_on(scenario: StoreScenario, login: str, notification_id: str) -> None:
    receipt = {"notification_id": notification_id, "event": "opened", "at": scenario.app.clock().isoformat()}
    body = {"receipts": [receipt]}
    answer = scenario.app.request("POST", "/v1/notifications/receipts", (scenario.shop, login), json=body)
    assert answer.json == {"recorded": 1, "unknown": []}


def test_a_call_stands_there_once_with_what_to_open(scenario: StoreScenario) -> None:
    give_phone(scenario.app.back_office, scenario.shop, "lead", "second phone")
    concern = scenario.log(mood=1, place="table-12", category="waiting-time")
    scenario.let_pass(minutes=3)
    mine = [row for row in notifications(scenario.app) if row.staff_id == scenario.shop.staff["lead"]]
    assert len(mine) == 4  # two steps on two phones
    (item,) = read(scenario, "lead")["items"]
    assert item == {
        "id": str(mine[0].id),
        "kind": "ring",
        "severity": "severe",
        "title": "Very unhappy customer, table 12",
        "body": "Waiting time",
        "queued_at": "2026-03-03T12:00:00Z",
        "opened_at": None,
        "withdrawn": False,
        "concern_id": concern["id"],
        "alert_id": concern["alert"]["id"],
        "recovery_action_id": None,
        "follow_up_id": None,
        "link": f"/v1/concerns/{concern['id']}",
    }
    assert [read(scenario, "lead", f"/{row.id}") for row in mine] == [item] * 4


def test_it_is_read_when_any_phone_opened_it_and_withdrawn_when_it_is_no_longer_true(scenario: StoreScenario) -> None:
    give_phone(scenario.app.back_office, scenario.shop, "lead", "second phone")
    first = scenario.log(mood=2)
    scenario.app.clock.move(minutes=1)
    scenario.log(mood=1)
    assert titles(scenario, "lead", unread="true") == ["Very unhappy customer", "Unhappy customer"]
    last = [row for row in notifications(scenario.app) if row.staff_id == scenario.shop.staff["lead"]][-1]
    open_on(scenario, "lead", str(last.id))
    assert titles(scenario, "lead", unread="true") == ["Unhappy customer"]
    move(scenario.app, scenario.shop, first, "take", "colleague")
    scenario.let_pass(seconds=0)
    assert titles(scenario, "lead", unread="true") == []
    both = read(scenario, "lead", query_string={"unread": "false"})["items"]
    assert [(item["opened_at"] is not None, item["withdrawn"]) for item in both] == [(True, False), (False, True)]


def test_the_number_of_what_is_unread_is_that_of_the_list(scenario: StoreScenario) -> None:
    for mood in (1, 2, 2):
        scenario.log(mood=mood)
    open_on(scenario, "colleague", read(scenario, "colleague")["items"][1]["id"])
    with scenario.app.back_office.reading(scenario.shop.organization_id) as session:
        counted = {
            login: session.scalar(select(Notification.unread_of(staff_id, at=scenario.app.clock())))
            for login, staff_id in scenario.shop.staff.items()
        }
    assert counted == {login: len(titles(scenario, login, unread="true")) for login in scenario.shop.staff}
    assert (counted["colleague"], counted["lead"], counted["floor"]) == (2, 3, 0)


def test_what_a_shared_phone_showed_for_a_person_is_theirs_too(scenario: StoreScenario) -> None:
    bar = give_shared_phone(scenario.app.back_office, scenario.shop, "bar")
    with scenario.app.back_office.writing(scenario.shop.organization_id) as session:
        device = session.get_one(Device, (scenario.shop.organization_id, bar))
        for login in ("colleague", "lead"):
            add_sign_in(session, device, scenario.shop.staff[login], at=scenario.app.clock())
    scenario.log(mood=2)
    (shared,) = (row for row in notifications(scenario.app) if row.device_id == bar)
    assert len(read(scenario, "lead")["items"]) == 1
    assert read(scenario, "lead", f"/{shared.id}") == read(scenario, "lead")["items"][0]
    answer = scenario.app.request("GET", f"/v1/me/notifications/{shared.id}", (scenario.shop, "manager"))
    assert answer.status_code == 404


def test_it_is_told_in_the_language_of_whoever_reads(scenario: StoreScenario) -> None:
    scenario.log(mood=2)
    (item,) = read(scenario, "lead", headers={"Accept-Language": "pt-BR"})["items"]
    assert (item["title"], item["body"]) == ("Cliente insatisfeito", "Abra para ver do que se trata")


def test_of_a_concern_that_they_may_not_see_any_more_nothing_is_said(scenario: StoreScenario) -> None:
    concern = scenario.log(mood=2, place="table-12", category="waiting-time")
    with scenario.app.back_office.writing(scenario.shop.organization_id) as session:
        row = session.get_one(Concern, (scenario.shop.organization_id, UUID(concern["id"])))
        row.sensitive = True
    (item,) = read(scenario, "colleague")["items"]
    assert (item["title"], item["body"]) == ("Unhappy customer", "Open to see what it is about")
    assert {item[name] for name in ("concern_id", "alert_id", "link")} == {None}


def test_a_decision_can_be_read_again_with_its_amount(scenario: StoreScenario) -> None:
    concern = scenario.log(mood=3)
    body = {"remedy": "voucher", "cost": {"amount": 4000, "currency": "EUR"}}
    path, by = f"/v1/concerns/{concern['id']}/recovery-actions", scenario.shop
    action = scenario.app.request("POST", path, (by, "floor"), json=body).json
    scenario.let_pass(seconds=0)
    assert titles(scenario, "manager") == ["May a colleague give €40.00?"]
    scenario.app.request("POST", f"/v1/recovery-actions/{action['id']}/approve", (by, "manager"), json={})
    scenario.let_pass(seconds=0)
    (item,) = read(scenario, "floor")["items"]
    assert (item["title"], item["link"]) == ("Approved: €40.00", f"/v1/recovery-actions/{action['id']}")
    assert read(scenario, "manager")["items"][0]["withdrawn"]


def test_what_was_carried_over_says_the_number_of_that_morning(scenario: StoreScenario) -> None:
    concern = scenario.log(mood=3)
    scenario.log(mood=3)
    scenario.let_pass(hours=22)
    move(scenario.app, scenario.shop, concern, "resolve", "manager")
    (item,) = (item for item in read(scenario, "manager")["items"] if item["kind"] == "carried_over")
    assert item["title"] == "Still open from yesterday: 2"
    assert item["link"] == f"/v1/stores/{scenario.shop.store_id}/recovery-logs/2026-03-03"


def test_what_is_old_or_was_never_sent_is_not_shown(scenario: StoreScenario) -> None:
    scenario.log(mood=2)
    (item,) = read(scenario, "lead")["items"]
    scenario.app.clock.at += NOTIFICATIONS_SHOWN_FOR + timedelta(seconds=1)
    assert read(scenario, "lead")["items"] == []
    answer = scenario.app.request("GET", f"/v1/me/notifications/{item['id']}", (scenario.shop, "lead"))
    assert answer.status_code == 404


def test_nothing_of_another_organization_is_told(scenario: StoreScenario) -> None:
    scenario.log(mood=2)
    stranger = make_shop(scenario.app.back_office, "other")
    assert scenario.app.request("GET", "/v1/me/notifications", (stranger, "manager")).json["items"] == []
    for row in notifications(scenario.app):
        answer = scenario.app.request("GET", f"/v1/me/notifications/{row.id}", (stranger, "manager"))
        assert answer.status_code == 404
    with scenario.app.back_office.reading(stranger.organization_id) as session:
        assert session.scalars(select(Staff.id)).first() is not None
