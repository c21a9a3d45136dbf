"""Two stores over the nights in which clocks change and over a holiday: who rings, minute by minute, by hand.

The restaurant is open 18:00-02:00 every day, the shop 09:00-13:00 and 15:00-19:00 from Monday to Saturday; each is on
its own clock. Who is on shift rings at every minute, and so it is those at home that the tables are about.
Only on SQLite: hours are computed in Python, and test_default_policy.py covers the recipients on both databases.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import update

from models.alerts.alert import Alert
from models.alerts.escalation_policy import RecipientGroup, policy_step
from models.alerts.notification import NotificationKind
from models.organizations.opening_hours import WEEKDAYS, Hours, is_open
from models.organizations.store import Store
from models.staff.shift import Shift
from notifications.decide.recipients import recipients_of
from tests.support.databases import only_on_sqlite
from tests.support.factories.organizations import set_escalation_steps
from tests.support.rows import only_alert
from tests.support.store_scenario import MessagesBySecond, StoreScenario

LISBON, NEW_YORK = "Europe/Lisbon", "America/New_York"
RESTAURANT: Hours = {
    "weekly": [{"weekday": day, "opens_at": "18:00", "closes_at": "02:00"} for day in WEEKDAYS],
    "exceptions": [
        {"date": "2026-12-24", "name": "Christmas Eve", "periods": [{"opens_at": "12:00", "closes_at": "16:00"}]},
        {"date": "2026-12-25", "name": "Christmas", "periods": []},
    ],
}
SHOP: Hours = {
    "weekly": [
        {"weekday": day, "opens_at": opens, "closes_at": closes}
        for day in WEEKDAYS[:6]
        for opens, closes in (("09:00", "13:00"), ("15:00", "19:00"))
    ],
    "exceptions": [{"date": "2026-12-25", "name": "Christmas", "periods": []}],
}


@dataclass(frozen=True)
class Night:
    """From when to when, and in which spans of it the managers ring for what is not severe; all in UTC."""

    hours: Hours
    zone: str
    begins: str
    ends: str
    rings: list[tuple[str, str]]

    def minutes(self, every: int = 1) -> list[datetime]:
        """Its minutes, or some of them; those around a change always."""
        begins, ends = at(self.begins), at(self.ends)
        all_ = [begins + timedelta(minutes=n) for n in range(int((ends - begins) / timedelta(minutes=1)))]
        edges = {at(edge) + timedelta(minutes=n) for span in self.rings for edge in span for n in (-1, 0)}
        return [minute for n, minute in enumerate(all_) if n % every == 0 or minute in edges]

    def rings_at(self, minute: datetime) -> bool:
        return any(at(start) <= minute < at(end) for start, end in self.rings)


NIGHTS = {
    # 18:00 in Lisbon is 18:00 UTC; at 01:00 UTC the clocks go from 01:00 to 02:00, which is when it closes: 7 hours.
    "restaurant, Lisbon, clocks go forward": Night(
        RESTAURANT, LISBON, "2026-03-28 12:00", "2026-03-29 20:00",
        [("2026-03-28 18:00", "2026-03-29 01:00"), ("2026-03-29 17:00", "2026-03-29 20:00")],
    ),
    # 18:00 is 17:00 UTC; at 01:00 UTC they go from 02:00 back to 01:00, and the second 02:00 is the one: 9 hours.
    "restaurant, Lisbon, clocks go back": Night(
        RESTAURANT, LISBON, "2026-10-24 12:00", "2026-10-25 20:00",
        [("2026-10-24 17:00", "2026-10-25 02:00"), ("2026-10-25 18:00", "2026-10-25 20:00")],
    ),
    # 18:00 is 23:00 UTC; at 07:00 UTC 02:00 becomes 03:00: a closing time that is skipped is the moment of the jump.
    "restaurant, New York, clocks go forward": Night(
        RESTAURANT, NEW_YORK, "2026-03-07 12:00", "2026-03-08 23:00",
        [("2026-03-07 23:00", "2026-03-08 07:00"), ("2026-03-08 22:00", "2026-03-08 23:00")],
    ),
    # 18:00 is 22:00 UTC; at 06:00 UTC 02:00 becomes 01:00, and it closes at the 02:00 after that: 9 hours.
    "restaurant, New York, clocks go back": Night(
        RESTAURANT, NEW_YORK, "2026-10-31 12:00", "2026-11-01 23:30",
        [("2026-10-31 22:00", "2026-11-01 07:00"), ("2026-11-01 23:00", "2026-11-01 23:30")],
    ),
    # Saturday in winter time with a lunch break, a closed Sunday, Monday in summer time: an hour earlier in UTC.
    "shop, Lisbon, clocks go forward": Night(
        SHOP, LISBON, "2026-03-28 06:00", "2026-03-30 20:00",
        [("2026-03-28 09:00", "2026-03-28 13:00"), ("2026-03-28 15:00", "2026-03-28 19:00"),
         ("2026-03-30 08:00", "2026-03-30 12:00"), ("2026-03-30 14:00", "2026-03-30 18:00")],
    ),
    "shop, New York, clocks go back": Night(
        SHOP, NEW_YORK, "2026-10-31 06:00", "2026-11-03 00:00",
        [("2026-10-31 13:00", "2026-10-31 17:00"), ("2026-10-31 19:00", "2026-10-31 23:00"),
         ("2026-11-02 14:00", "2026-11-02 18:00"), ("2026-11-02 20:00", "2026-11-03 00:00")],
    ),
    # The 23rd goes on until 02:00 on the 24th, which has hours of its own; on the 25th it stays closed, the night too.
    "restaurant, Lisbon, Christmas": Night(
        RESTAURANT, LISBON, "2026-12-23 12:00", "2026-12-26 20:00",
        [("2026-12-23 18:00", "2026-12-24 02:00"), ("2026-12-24 12:00", "2026-12-24 16:00"),
         ("2026-12-26 18:00", "2026-12-26 20:00")],
    ),
    "shop, New York, Christmas": Night(
        SHOP, NEW_YORK, "2026-12-24 12:00", "2026-12-26 19:00",
        [("2026-12-24 14:00", "2026-12-24 18:00"), ("2026-12-24 20:00", "2026-12-25 00:00"),
         ("2026-12-26 14:00", "2026-12-26 18:00")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("night", NIGHTS.values(), ids=NIGHTS)
def test_the_store_is_open_in_these_minutes_and_no_others(night: Night) -> None:
    zone = ZoneInfo(night.zone)
    assert [minute for minute in night.minutes() if is_open(night.hours, minute, zone) != night.rings_at(minute)] == []


def stay_on_shift(scenario: StoreScenario) -> None:
    """Let the shifts go on through all of these nights."""
    with scenario.app.back_office.writing(scenario.shop.organization_id) as session:
        session.execute(update(Shift).values(ends_at=at("2027-01-01 00:00")))


@only_on_sqlite
@pytest.mark.parametrize("night", NIGHTS.values(), ids=NIGHTS)
@pytest.mark.parametrize("mood", [2, 1], ids=["unhappy", "severe"])
def test_who_would_ring_in_that_minute(scenario: StoreScenario, night: Night, mood: int) -> None:
    """Asked around each change and every half an hour. What is severe rings a manager at any time."""
    everybody = [policy_step(0, *RecipientGroup)]
    set_escalation_steps(scenario.app.back_office, scenario.shop, everybody)
    set_hours(scenario, night.hours, night.zone)
    scenario.log(mood=mood)
    stay_on_shift(scenario)
    wrong = {}
    with scenario.app.back_office.reading(scenario.shop.organization_id) as session:
        alert = session.get_one(Alert, (scenario.shop.organization_id, only_alert(scenario.app).id))
        for minute in night.minutes(every=30):
            rung = {phone.address for phone in recipients_of(session, alert, step=0, at=minute).people_by_phone}
            at_home = {"manager", "regional"} if night.rings_at(minute) else {"manager"} if mood == 1 else set()
            if rung != {"colleague", "lead"} | at_home:
                wrong[minute] = rung
    assert wrong == {}


# The till logs a concern in the restaurant in Lisbon, and nobody is on shift: who rings after how many seconds, and who
# hears by push that nobody came. It closes at 01:00 UTC in spring, and at 02:00 UTC in autumn.
CALLS: list[tuple[str, int, MessagesBySecond, MessagesBySecond]] = [
    ("2026-03-29 00:40", 1, {0: {"manager"}, 600: {"regional"}}, {}),
    ("2026-03-29 00:45", 1, {0: {"manager"}, 600: {"regional"}}, {}),
    ("2026-03-29 00:50", 1, {0: {"manager"}}, {}),
    ("2026-03-29 00:59", 2, {0: {"manager"}}, {}),
    ("2026-03-29 01:00", 2, {}, {}),
    ("2026-03-29 01:00", 1, {0: {"manager"}}, {}),
    ("2026-03-29 16:55", 2, {}, {1200: {"manager", "regional"}}),
    ("2026-03-29 17:00", 2, {0: {"manager"}}, {1200: {"manager", "regional"}}),
    ("2026-10-25 01:30", 2, {0: {"manager"}}, {1200: {"manager", "regional"}}),
    ("2026-10-25 01:49", 1, {0: {"manager"}, 600: {"regional"}}, {}),
    ("2026-10-25 02:00", 2, {}, {}),
    ("2026-12-24 15:55", 1, {0: {"manager"}}, {}),
    ("2026-12-25 19:00", 2, {}, {}),
    ("2026-12-25 19:00", 1, {0: {"manager"}}, {}),
]


@only_on_sqlite
@pytest.mark.parametrize(("when", "mood", "rings", "unanswered"), CALLS, ids=[f"{c[0]} mood {c[1]}" for c in CALLS])
def test_who_rings_when_for_a_call_at_that_minute(
    scenario: StoreScenario, when: str, mood: int, rings: MessagesBySecond, unanswered: MessagesBySecond
) -> None:
    set_hours(scenario, RESTAURANT, LISBON)
    scenario.check_out("floor", "colleague", "lead")
    scenario.app.clock.at = scenario.began_at = at(when)
    scenario.log("key", mood=mood)
    scenario.let_pass(minutes=21)
    assert (scenario.addresses_by_second(), scenario.addresses_by_second(NotificationKind.UNANSWERED)) == (
        rings,
        unanswered,
    )


def set_hours(scenario: StoreScenario, hours: Hours, zone: str) -> None:
    with scenario.app.back_office.writing(scenario.shop.organization_id) as session:
        store = session.get_one(Store, (scenario.shop.organization_id, scenario.shop.store_id))
        store.hours, store.time_zone = hours, zone


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
