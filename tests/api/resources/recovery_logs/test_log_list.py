"""The list of daily logs: the days nobody has signed, for those whose stores they are of, as reports count them."""

from datetime import timedelta
from typing import Any

from models.policy_defaults import MAX_REPORT_DAYS
from tests.support.app import App
from tests.support.assertions import assert_invalid_value, assert_problem
from tests.support.clock import NOON
from tests.support.factories.daily_log import log_concern_id, sign_off
from tests.support.factories.organizations import Shop
from tests.support.sign_in import sign_in_again

DAY = NOON.date()


def listed(app: App, shop: Shop, by: str = "manager", **query: Any) -> list[dict[str, Any]]:
    answer = app.request("GET", "/v1/recovery-logs", (shop, by), query_string=query)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json["items"]
    return items


def days(items: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(item["store"]["slug"], item["business_date"]) for item in items]


def test_days_that_nobody_has_signed_are_listed_as_the_report_counts_them(app: App, shop: Shop) -> None:
    first, second, third = (str(DAY + timedelta(days=number)) for number in range(3))
    log_concern_id(app, shop, sensitive=True)
    log_concern_id(app, shop, mood=4)
    app.clock.move(days=1)
    log_concern_id(app, shop, "elsewhere", store_id=str(shop.other_store_id))
    log_concern_id(app, shop, kind="praise", mood=5)
    app.clock.move(days=1)
    log_concern_id(app, shop)
    assert sign_off(app, shop, first).status_code == 200
    sign_in_again(app, shop, "hq")
    assert days(listed(app, shop, "hq")) == [("first", first), ("second", second), ("first", third)]
    assert days(listed(app, shop, "hq", signed="true")) == [("first", first)]
    assert days(listed(app, shop, "hq", signed="false")) == [("second", second), ("first", third)]
    assert days(listed(app, shop, "floor", signed="false")) == [("first", third)]
    assert days(listed(app, shop, "hq", to=second)) == [("first", first), ("second", second)]
    later = str(DAY + timedelta(days=100))
    assert days(listed(app, shop, "hq", to=later)) == [], "what is longer ago than 92 days before the last day"
    backwards = app.request("GET", f"/v1/recovery-logs?from={third}&to={first}", (shop, "hq"))
    assert_problem(backwards, 422, "invalid")
    assert days(listed(app, shop, "hq", **{"from": second, "to": second})) == [("second", second)]
    assert days(listed(app, shop, "hq", store_id=shop.store_id, signed="false")) == [("first", third)]
    signed, open_ = listed(app, shop)
    assert (signed["concerns"], signed["unhappy"], signed["signed_at"]) == (2, 1, "2026-03-05T12:00:00Z")
    assert (open_["closes_at"], open_["signed_at"]) == ("2026-03-06T04:00:00Z", None)
    query = {"from": first, "to": third, "group_by": "store"}
    rows = app.request("GET", "/v1/reports/recovery", (shop, "hq"), query_string=query).json["rows"]
    assert [(row["days_with_concerns"], row["unsigned_days"]) for row in rows] == [(2, 1), (1, 1)]


def test_a_page_of_days_reads_no_more_than_a_report_does(app: App, shop: Shop) -> None:
    log_concern_id(app, shop)
    first, last = DAY, DAY + timedelta(days=MAX_REPORT_DAYS - 1)
    assert len(listed(app, shop, **{"from": str(first), "to": str(last)})) == 1
    longer = {"from": str(first), "to": str(last + timedelta(days=1))}
    answer = app.request("GET", "/v1/recovery-logs", (shop, "manager"), query_string=longer)
    assert_invalid_value(answer, "query", "/to")
    since = {"from": str(DAY - timedelta(days=MAX_REPORT_DAYS))}
    answer = app.request("GET", "/v1/recovery-logs", (shop, "manager"), query_string=since)
    assert_invalid_value(answer, "query", "/to")
    assert len(listed(app, shop, **since, to=str(DAY - timedelta(days=1)))) == 0
    assert len(listed(app, shop, **{"from": str(DAY - timedelta(days=MAX_REPORT_DAYS - 2))})) == 1
