"""What customers say, added up: in the report, in the log of the day and in the export; suspect answers apart."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from tests.support.app import App
from tests.support.assertions import assert_invalid_value
from tests.support.clock import NOON
from tests.support.export_reader import follow
from tests.support.factories.daily_log import log_path, read_log
from tests.support.factories.feedback import answer_feedback, feedback_path, request_feedback, resolved_concern
from tests.support.factories.organizations import Shop
from tests.support.reports import refresh_all_rollups
from tests.support.tables import read_csv

ANSWERS = ({"rating": "5", "recommend": "10"}, {"rating": "4", "recommend": "7"}, {"rating": "5"}, {"rating": "2"})
NAMES = ("feedback_asked", "feedback_answered", "feedback_suspect", "response_rate", "rating", "recommend")
EXPECTED = {
    "feedback_asked": 6,
    "feedback_answered": 4,
    "feedback_suspect": 1,
    "response_rate": {"value": None, "numerator": 4, "denominator": 6},
    "rating": {"mean": 4.0, "n": 4, "of_1": 0, "of_2": 1, "of_3": 0, "of_4": 1, "of_5": 2},
    "recommend": {"mean": 8.5, "n": 2, "promoters": 1, "passives": 1, "detractors": 0, "score": None},
}


@pytest.fixture
def answered(app: App, shop: Shop) -> Shop:
    """Six customers were asked: four answered, one answer may be by staff, one has not answered."""
    for answers in ANSWERS:
        path = feedback_path(app, shop, resolved_concern(app, shop, category="food"))
        app.clock.move(days=1)  # an answer counts for the day of the concern
        assert answer_feedback(app, path, **answers, words="Nice people.").status_code == 200
        app.clock.move(days=-1)
    link = request_feedback(app, shop, resolved_concern(app, shop), headers={"User-Agent": "the app"}).json["link"]
    path = link.partition(app.flask.config["PUBLIC_URL"])[2]
    assert answer_feedback(app, path, browser="the app", rating="5", recommend="10").status_code == 200
    feedback_path(app, shop, resolved_concern(app, shop))
    return shop


def feedback_of(figures: dict[str, Any]) -> dict[str, Any]:
    return {name: figures[name] for name in NAMES}


def test_what_customers_say_is_added_up_in_the_report_and_the_log(app: App, answered: Shop) -> None:
    query = {"from": str(NOON.date()), "to": str(NOON.date())}
    for rebuilt in (False, True):
        for by in ("", "store", "day", "category"):
            path = "/v1/reports/recovery"
            report = app.request("GET", path, (answered, "hq"), query_string={**query, "group_by": by}).json
            assert feedback_of(report["totals"]) == EXPECTED, (by, rebuilt)
        assert [row["feedback_answered"] for row in report["rows"]] == [4, 0]
        assert rebuilt or list(refresh_all_rollups(app.back_office))
    assert feedback_of(read_log(app, answered)["figures"]) == EXPECTED
    answer = app.request("GET", log_path(answered), (answered, "manager"), headers={"Accept": "text/csv"})
    lines = [line for line in read_csv(answer.text) if line["line"] not in ("day", "signed")]
    assert sorted(line["rating"] for line in lines) == ["", "2", "4", "5", "5", "5"]
    assert sorted(Counter(line["rating_suspect"] for line in lines).values()) == [1, 5]
    page = app.request("GET", log_path(answered), (answered, "manager"), headers={"Accept": "text/html"}).text
    assert "4/6 (+1?)" in page
    assert "4 (4)" in page


def test_what_customers_say_is_listed_by_store_and_date_for_those_who_see_the_concern(app: App, answered: Shop) -> None:
    hidden = resolved_concern(app, answered, sensitive=True)
    assert answer_feedback(app, feedback_path(app, answered, hidden), rating="1").status_code == 200

    def ratings(by: str, **query: Any) -> list[int]:
        answer = app.request("GET", "/v1/feedback", (answered, by), query_string=query)
        assert answer.status_code == 200, answer.text
        words = {row["words"] for row in answer.json["items"] if row["rating"] not in (1, 5)}
        assert words <= ({None} if by == "hq" else {"Nice people."})
        return sorted(row["rating"] for row in answer.json["items"])

    today, tomorrow = str(NOON.date()), str(NOON.date() + timedelta(days=1))
    for by in ("colleague", "hq", "key"):
        assert ratings(by) == [2, 4, 5, 5, 5], by
    for by in ("floor", "manager", "admin"):  # whoever reported what is sensitive reads it too
        assert ratings(by) == [1, 2, 4, 5, 5, 5], by
    assert ratings("elsewhere") == []
    assert ratings("hq", **{"from": today, "to": today, "store_id": answered.store_id, "suspect": "false"}) == [
        2,
        4,
        5,
        5,
    ]
    assert ratings("hq", max_rating=4) == [2, 4]
    assert ratings("hq", store_id=answered.other_store_id) == ratings("hq", **{"from": tomorrow}) == []
    swapped = app.request("GET", "/v1/feedback", (answered, "hq"), query_string={"from": tomorrow, "to": today})
    assert_invalid_value(swapped, "query", "/to")


def test_what_customers_say_is_exported_without_their_words(app: App, answered: Shop) -> None:
    items, _ = follow(app, answered)
    rows = [item["object"] for item in items if item["kind"] == "feedback_request"]
    assert [(row["rating"], row["recommend"], row["suspect"]) for row in rows if row["answered_at"]] == [
        *((5, 10, False), (4, 7, False), (5, None, False), (2, None, False), (5, 10, True)),
    ]
    assert len(rows) == 6
    assert {row["business_date"] for row in rows} == {str(NOON.date())}
    assert "Nice people." not in str(items)
