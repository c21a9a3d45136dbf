"""A store that is out of business: what still rings, who hears of what comes later, and what is sent no more."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from uuid_utils.compat import uuid7

from models.alerts.notification import NotificationKind
from models.daily_log.day_end import DayEndSchedule
from models.organizations.store import Store
from models.staff.staff import Staff
from notifications.channels.base import DeliveryResult
from tests.support.factories.concerns import edit, log_concern, move
from tests.support.rows import notifications, only_alert, pending_messages, rows
from tests.support.sign_in import sign_in_again
from tests.support.store_scenario import StoreScenario
from tests.support.worker import work_until_idle

K = NotificationKind
DAY_END = datetime(2026, 3, 4, 4, 5, tzinfo=UTC)


def close(scenario: StoreScenario, step: str = "close") -> None:
    path = f"/v1/stores/{scenario.shop.store_id}/{step}"
    sign_in_again(scenario.app, scenario.shop)
    answer = scenario.app.request("POST", path, (scenario.shop, "admin"))
    assert answer.status_code == 200, answer.text


def informed(scenario: StoreScenario) -> dict[str, set[str]]:
    """Return who got what, by kind of notification."""
    kinds = {row.id: str(row.kind) for row in notifications(scenario.app)}
    by_kind: dict[str, set[str]] = {}
    for _, message in scenario.messages:
        by_kind.setdefault(kinds[message.notification_id], set()).add(message.recipient.address)
    return by_kind


@pytest.fixture
def closed(scenario: StoreScenario) -> StoreScenario:
    """The store has closed a minute ago."""
    close(scenario)
    scenario.app.clock.move(minutes=1)
    return scenario


def test_what_occurred_before_the_closing_rings_as_ever(closed: StoreScenario) -> None:
    at = (closed.app.clock() - timedelta(seconds=61)).isoformat()
    concern = closed.log(mood=2, occurred_at=at)
    closed.let_pass(minutes=6)
    assert concern["alert"]["state"] == "open"
    assert informed(closed) == {"ring": {"manager"}}  # nobody is on shift any more


def test_what_was_received_before_the_closing_goes_on_ringing(scenario: StoreScenario) -> None:
    ahead = (scenario.app.clock() + timedelta(minutes=4)).isoformat()  # the clock of the phone
    concern = scenario.log(mood=2, occurred_at=ahead)
    scenario.app.clock.move(minutes=1)
    close(scenario)
    move(scenario.app, scenario.shop, concern, "take")
    move(scenario.app, scenario.shop, concern, "release")
    assert only_alert(scenario.app).state == "open"


def test_what_occurs_after_the_closing_informs_the_region_and_rings_nobody(closed: StoreScenario) -> None:
    concern = closed.log(mood=1, category="waiting-time", place="table-12")
    closed.let_pass(minutes=30)
    assert (concern["alert"]["state"], concern["status"], concern["late"]) == ("late", "open", False)
    assert informed(closed) == {"closed_store": {"regional"}}
    ((_, message),) = closed.messages
    assert (message.kind, message.title) == ("inform", "From a store that is closed, table 12")
    assert message.body == "For your information · Waiting time"


@pytest.mark.parametrize(
    "fields",
    [
        {"mood": 5},
        {"mood": 2, "handling": "mine"},
        {"mood": 4, "category": "allergy"},
        {"mood": 1, "outcome": "recovered", "mood_after": 4},
        {"mood": 2, "kind": "request"},
    ],
)
def test_the_region_hears_once_of_whatever_comes_later(closed: StoreScenario, fields: dict[str, Any]) -> None:
    closed.log(**fields)
    closed.let_pass(minutes=30)
    assert informed(closed) == {"closed_store": {"regional"}}
    assert len(closed.messages) == 1


def test_praise_still_reaches_the_colleague_it_is_for(closed: StoreScenario) -> None:
    closed.log(mood=5, kind="praise", praised_id=str(closed.shop.staff["colleague"]))
    assert informed(closed) == {"closed_store": {"regional"}, "praise": {"colleague"}}


def test_what_a_customer_writes_at_a_table_is_kept(closed: StoreScenario) -> None:
    path = f"/v1/stores/{closed.shop.store_id}/standing-qrs"
    made = closed.app.request("POST", path, (closed.shop, "admin"), json={"place": "table-12"})
    form = {"id": str(uuid7()), "mood": "1", "their_words": "Nobody is here."}
    answer = closed.app.request("POST", "/q/" + made.json["link"].rsplit("/", 1)[1], data=form)
    assert answer.status_code == 303, answer.text
    work_until_idle(closed.worker)
    closed.let_pass(minutes=30)
    assert informed(closed) == {"closed_store": {"regional"}}
    path = f"/v1/concerns?store_id={closed.shop.store_id}"
    (concern,) = closed.app.request("GET", path, (closed.shop, "manager")).json["items"]
    assert (concern["source"], concern["their_words"]) == ("customer", "Nobody is here.")


def test_what_comes_later_stays_silent_whatever_happens_to_it(closed: StoreScenario) -> None:
    concern = closed.log(mood=2)
    edit(closed.app, closed.shop, concern, mood=1)
    for step in ("take", "release", "take", "resolve", "reopen"):
        move(closed.app, closed.shop, concern, step)
    closed.let_pass(minutes=30)
    assert only_alert(closed.app).state == "late"
    assert "ring" not in informed(closed)


def test_in_a_store_that_reopened_it_rings_again(closed: StoreScenario) -> None:
    close(closed, "reopen")
    closed.check_in("colleague")
    assert closed.log(mood=2)["alert"]["state"] == "open"
    assert informed(closed)["ring"] == {"colleague"}


def test_quiet_hours_of_a_regional_manager_count_and_opening_hours_do_not(closed: StoreScenario) -> None:
    with closed.app.back_office.writing(closed.shop.organization_id) as session:
        store = session.scalars(select(Store).where(Store.id == closed.shop.store_id)).one()
        store.set_hours({"weekly": [], "exceptions": []})
    closed.log()
    assert informed(closed) == {"closed_store": {"regional"}}
    closed.messages.clear()
    closed.set_preferences("regional", quiet_from=time(11), quiet_until=time(13))
    closed.log()
    assert closed.messages == []
    closed.set_preferences("regional", quiet_from=None, quiet_until=None, muted=["closed_store"])
    closed.log()
    assert closed.messages == []


def subscribe(scenario: StoreScenario) -> None:
    with scenario.app.back_office.writing(scenario.shop.organization_id) as session:
        manager = session.get_one(Staff, (scenario.shop.organization_id, scenario.shop.staff["manager"]))
        manager.set_preferences(email="manager@example.com", daily_logs=[scenario.shop.store_id])


def test_a_closed_store_sends_no_mail_and_no_push_of_its_days(scenario: StoreScenario) -> None:
    subscribe(scenario)
    work_until_idle(scenario.worker)
    log_concern(scenario.app, scenario.shop, mood=3)
    close(scenario)
    scenario.app.clock.at = DAY_END
    work_until_idle(scenario.worker)
    assert (informed(scenario), pending_messages(scenario.app)) == ({}, [])
    dates = {row.store_id: row.business_date for row in rows(scenario.app, DayEndSchedule)}
    assert dates == {scenario.shop.store_id: date(2026, 3, 4), scenario.shop.other_store_id: date(2026, 3, 4)}


def test_what_was_queued_before_the_closing_is_not_sent(scenario: StoreScenario) -> None:
    subscribe(scenario)
    work_until_idle(scenario.worker)
    log_concern(scenario.app, scenario.shop, mood=3)
    scenario.app.clock.at = DAY_END
    scenario.worker._day_end.run()
    assert {row.notification_kind for row in pending_messages(scenario.app)} == {K.DAILY_LOG, K.CARRIED_OVER}
    close(scenario)
    scenario.let_pass(hours=12)
    assert notifications(scenario.app) == []


def test_a_mail_that_waits_for_its_server_is_not_sent_after_the_closing(scenario: StoreScenario) -> None:
    subscribe(scenario)
    work_until_idle(scenario.worker)
    scenario.app.clock.at = DAY_END
    scenario.channel.answers["manager@example.com"] = DeliveryResult.later("away")
    work_until_idle(scenario.worker)
    assert informed(scenario) == {"daily_log": {"manager@example.com"}}
    close(scenario)
    scenario.messages.clear()
    scenario.let_pass(hours=12)
    assert scenario.messages == []
    (notification,) = notifications(scenario.app)
    assert (notification.state, notification.failure) == ("suppressed", "store-closed")


def test_a_closed_store_stays_in_reports(scenario: StoreScenario) -> None:
    log_concern(scenario.app, scenario.shop, mood=3)
    close(scenario)
    log_concern(scenario.app, scenario.shop, mood=3)
    query = {"from": "2026-03-01", "to": "2026-03-31", "group_by": "store"}
    answer = scenario.app.request("GET", "/v1/reports/recovery", (scenario.shop, "hq"), query_string=query)
    (row,) = answer.json["rows"]
    assert (row["group"]["store"]["slug"], row["concerns"]) == ("first", 2)
