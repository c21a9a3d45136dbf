"""The time a phone reports: kept within bounds, moved to the bound and flagged beyond it, never refused."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from uuid_utils.compat import uuid7

from models.access import GRANTS, Actor, Role
from models.concerns.concern import Concern
from tests.support.app import App
from tests.support.clock import NOON
from tests.support.factories.organizations import Shop, make_store

STORE = make_store("first", uuid7())  # in Lisbon, whose day starts at 04:00
FLOOR = Actor(uuid7(), GRANTS[Role.FLOOR], None, staff_id=uuid7())
TODAY, YESTERDAY = date(2026, 3, 3), date(2026, 3, 2)
SECOND = timedelta(seconds=1)


def log(occurred_at: datetime | None, *, at: datetime = NOON) -> Concern:
    return Concern.log(by=FLOOR, store=STORE, mood=2, at=at, occurred_at=occurred_at).concern


BELIEVED = [  # how long before it was received; late; the business date
    (timedelta(0), False, TODAY),
    (timedelta(minutes=15), False, TODAY),
    (timedelta(minutes=15, seconds=1), True, TODAY),
    (timedelta(hours=8), True, TODAY),  # 04:00
    (timedelta(hours=8, seconds=1), True, YESTERDAY),
    (timedelta(days=30), True, date(2026, 2, 1)),
    (timedelta(minutes=-5), False, TODAY),
]


@pytest.mark.parametrize(("ago", "late", "business_date"), BELIEVED)
def test_a_time_within_reason_is_kept(ago: timedelta, late: Any, business_date: date) -> None:
    concern = log(NOON - ago)
    assert (concern.occurred_at, concern.received_at) == (NOON - ago, NOON)
    assert (concern.late, concern.time_adjusted, concern.business_date) == (late, False, business_date)


OLDEST, FURTHEST = NOON - timedelta(days=30), NOON + timedelta(minutes=5)
BEYOND = [  # reported, recorded, late, business date
    (OLDEST - SECOND, OLDEST, True, date(2026, 2, 1)),
    (datetime(1970, 1, 1, tzinfo=UTC), OLDEST, True, date(2026, 2, 1)),
    (datetime.min.replace(tzinfo=UTC), OLDEST, True, date(2026, 2, 1)),
    (FURTHEST + SECOND, FURTHEST, False, TODAY),
    (datetime.max.replace(tzinfo=UTC), FURTHEST, False, TODAY),
]


@pytest.mark.parametrize(("told", "kept", "late", "business_date"), BEYOND)
def test_a_time_beyond_reason_is_moved_to_the_bound_and_flagged(
    told: datetime, kept: datetime, late: Any, business_date: date
) -> None:
    concern = log(told)
    assert (concern.occurred_at, concern.received_at, concern.time_adjusted) == (kept, NOON, True)
    assert (concern.late, concern.business_date) == (late, business_date)


def test_without_a_time_it_happened_now() -> None:
    concern = log(None)
    assert (concern.occurred_at, concern.late, concern.time_adjusted) == (NOON, False, False)


def test_what_happened_before_the_morning_and_was_logged_after_it_belongs_to_yesterday() -> None:
    morning = datetime(2026, 3, 3, 4, tzinfo=UTC)
    assert log(morning - SECOND, at=morning + SECOND).business_date == YESTERDAY
    # A clock a minute ahead of ours is believed too, across the morning.
    assert log(morning, at=morning - timedelta(minutes=1)).business_date == TODAY


@pytest.mark.parametrize(
    ("told", "kept", "alert"),
    [
        ("1970-01-01T00:00:00Z", "2026-02-01T12:00:00Z", "late"),
        ("2026-03-03T12:05:01Z", "2026-03-03T12:05:00Z", "open"),
        ("9999-12-31T23:59:59Z", "2026-03-03T12:05:00Z", "open"),
    ],
)
def test_a_phone_with_a_broken_clock_is_never_refused(app: App, shop: Shop, told: str, kept: str, alert: str) -> None:
    answer = app.request("POST", "/v1/concerns", (shop, "floor"), json={"mood": 2, "occurred_at": told})
    assert answer.status_code == 201
    times = {name: answer.json[name] for name in ("occurred_at", "received_at", "time_adjusted")}
    assert times == {"occurred_at": kept, "received_at": "2026-03-03T12:00:00Z", "time_adjusted": True}
    assert answer.json["alert"]["state"] == alert


def test_what_is_logged_late_informs_and_does_not_ring(app: App, shop: Shop) -> None:
    body = {"mood": 1, "occurred_at": "2026-03-03T03:59:59Z"}
    concern = app.request("POST", "/v1/concerns", (shop, "floor"), json=body).json
    assert (concern["late"], concern["time_adjusted"], concern["business_date"]) == (True, False, "2026-03-02")
    assert concern["alert"]["state"] == "late"
