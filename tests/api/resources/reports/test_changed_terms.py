"""Reports of a month in which a store changes its currency and its zone, beside a recount of the rows."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from models.reports.rollups.tables import RollupCause, RollupDay, RollupMonth
from tests.support.app import App
from tests.support.factories.organizations import Shop
from tests.support.oracle.raw_rows import business_date_of, read_raw_rows
from tests.support.oracle.recounted_organization import RecountedOrganization
from tests.support.reports import recovery_report
from tests.support.rows import rows
from tests.support.sign_in import sign_in_again

CHANGED_ON = date(2026, 3, 12)  # a Thursday; what is changed holds from Friday on
COLD = {"category": "food", "cause": "cold"}
SLOW = {"category": "waiting-time", "cause": "kitchen"}


class ChangingStore:
    """The first store of an organization: it counts in euros and later in dollars."""

    def __init__(self, app: App) -> None:
        self.organization = RecountedOrganization(app)
        self.app, self.shop = app, self.organization.shop

    def ask(self, method: str, path: str, body: dict[str, Any], by: str = "manager", **options: Any) -> Any:
        answer = self.app.request(method, f"/v1{path}", (self.shop, by), json=body, **options)
        assert answer.status_code < 300, answer.text
        return answer.json

    def log(self, **fields: Any) -> dict[str, Any]:
        body = {"mood": 2, "store_id": str(self.shop.store_id), **fields}
        concern: dict[str, Any] = self.ask("POST", "/concerns", body)
        return concern

    def act(self, concern: dict[str, Any], amount: int, currency: str) -> dict[str, Any]:
        body = {"remedy": "voucher", "cost": {"amount": amount, "currency": currency}}
        action: dict[str, Any] = self.ask("POST", f"/concerns/{concern['id']}/recovery-actions", body)
        return action

    def change(self, **terms: Any) -> None:
        path = f"/stores/{self.shop.store_id}"
        self.ask("PATCH", path, terms, "admin", headers={"If-Match": "*"})

    def go_to(self, day: date, hour: int, minute: int = 0) -> None:
        self.app.clock.at = datetime(day.year, day.month, day.day, hour, minute, tzinfo=self.app.clock.at.tzinfo)

    def live_through_march(self) -> None:
        """Log concerns before and after the change, and act on each of them before it, after it, or both."""
        before = []
        for day in (date(2026, 3, 5), date(2026, 3, 11)):
            self.go_to(day, 12)
            for fields in (COLD, SLOW, {}):
                before.append(self.log(**fields))
                self.act(before[-1], 250, "EUR")
        taken_back = self.act(before[0], 999, "EUR")
        self.go_to(CHANGED_ON, 12)
        sign_in_again(self.app, self.shop)
        self.change(currency="USD", time_zone="America/New_York")
        before.append(self.log(**COLD))
        self.act(before[-1], 70, "EUR")
        # In Lisbon the 13th would have begun; with the move to New York the 12th goes on until 08:00 UTC.
        self.go_to(CHANGED_ON + timedelta(days=1), 7, 30)
        before.append(self.log(**SLOW))
        self.act(before[-1], 30, "EUR")
        after = []
        for day in (date(2026, 3, 13), date(2026, 3, 20)):
            self.go_to(day, 16)
            for fields in (COLD, SLOW, {}):
                after.append(self.log(**fields))
                self.act(after[-1], 400, "USD")
        late = self.log(**COLD, occurred_at="2026-03-12T20:00:00Z")
        for concern in (*before[::2], late):
            self.act(concern, 15, "USD")
        self.ask("POST", f"/recovery-actions/{taken_back['id']}/reverse", {"note": "Twice."})
        for concern in (before[0], after[0]):
            self.ask("POST", f"/concerns/{concern['id']}/resolve", {"outcome": "recovered", "mood_after": 4})


@pytest.fixture
def store(app: App) -> ChangingStore:
    store = ChangingStore(app)
    store.live_through_march()
    sign_in_again(app, store.shop, "hq", "admin")
    return store


def test_reports_of_a_month_with_two_currencies_are_a_recount_while_it_is_dirty(store: ChangingStore) -> None:
    assert store.organization.count_dirty() > 0
    assert store.organization.differences() == []


def test_they_are_a_recount_once_it_is_clean_and_when_a_day_changes_again(store: ChangingStore) -> None:
    store.organization.refresh_all()
    assert store.organization.count_dirty() == 0
    assert store.organization.differences() == []
    store.act(store.log(**COLD), 5, "USD")
    assert store.organization.count_dirty() > 0
    assert store.organization.differences() == []


def test_each_day_and_cause_has_its_costs_in_the_currency_of_the_action(app: App, store: ChangingStore) -> None:
    for refresh in (lambda: None, store.organization.refresh_all):
        refresh()
        days = {row["group"]["day"]: row["cost"] for row in report(app, store.shop, "day")}
        assert days == {
            "2026-03-05": [money(750, "EUR"), money(30, "USD")],
            "2026-03-11": [money(750, "EUR"), money(15, "USD")],
            "2026-03-12": [money(100, "EUR"), money(30, "USD")],
            "2026-03-13": [money(1200, "USD")],
            "2026-03-20": [money(1200, "USD")],
        }
        causes = {
            row["group"]["cause"]["slug"]: row["cost"]
            for row in report(app, store.shop, "cause")
            if row["group"]["cause"]
        }
        assert causes == {
            "cold": [money(570, "EUR"), money(845, "USD")],
            "kitchen": [money(530, "EUR"), money(815, "USD")],
        }
        (month,) = report(app, store.shop, "month")
        assert month["cost"] == [money(1600, "EUR"), money(2475, "USD")]
        assert month["concerns"] == 15


def test_a_rollup_counts_in_the_currency_that_its_first_day_has(app: App, store: ChangingStore) -> None:
    store.organization.refresh_all()
    counted = {row.business_date: row.currency for row in rows(app, RollupDay) if row.concerns}
    assert counted == {date(2026, 3, day): "EUR" if day <= CHANGED_ON.day else "USD" for day in (5, 11, 12, 13, 20)}
    for rollup in (RollupMonth, RollupCause):
        assert {row.currency for row in rows(app, rollup) if row.concerns} == {"EUR"}
        assert sum(row.concerns for row in rows(app, rollup)) == 15


def test_the_recount_dates_concerns_by_what_held(app: App, store: ChangingStore) -> None:
    with app.database.reading(store.shop.organization_id) as session:
        raw = read_raw_rows(session, store.organization.stores)
    assert {business_date_of(raw, concern, "occurred_at") == concern["business_date"] for concern in raw.concerns} == {
        True
    }


def report(app: App, shop: Shop, group_by: str) -> list[dict[str, Any]]:
    answer: list[dict[str, Any]] = recovery_report(app, shop, group_by=group_by).json["rows"]
    return answer


def money(amount: int, currency: str) -> dict[str, Any]:
    return {"amount": amount, "currency": currency}
