"""The recovery report over HTTP: who sees what, how it is grouped, JSON and CSV."""

import pytest

from api.web.tables.xlsx_format import XLSX
from models.concerns.enums import Kind, Outcome
from tests.support.app import App
from tests.support.assertions import assert_invalid_value
from tests.support.factories.concerns import add_concern
from tests.support.factories.organizations import Shop, make_shop
from tests.support.reports import MARCH, recovery_report
from tests.support.tables import read_csv


def test_a_rate_of_fewer_than_ten_has_no_value(app: App, shop: Shop) -> None:
    for _ in range(9):
        add_concern(app, shop, outcome=Outcome.RECOVERED)
    add_concern(app, shop, outcome=Outcome.UNKNOWN)
    totals = recovery_report(app, shop).json["totals"]
    assert totals["recovery_rate"] == {"value": None, "numerator": 9, "denominator": 9}
    assert totals["taken_share"] == {"value": 1.0, "numerator": 10, "denominator": 10}
    add_concern(app, shop, outcome=Outcome.LOST)
    assert recovery_report(app, shop).json["totals"]["recovery_rate"] == {
        "value": 0.9,
        "numerator": 9,
        "denominator": 10,
    }


def test_an_empty_report_has_zeros_and_nulls(app: App, shop: Shop) -> None:
    answer = recovery_report(app, shop, group_by="store").json
    assert answer["rows"] == []
    assert answer["totals"] == {
        **dict.fromkeys(
            ("concerns", "unhappy", "taken", "resolved", "recovered", "lost", "open", "on_the_spot", "late", "praise"),
            0,
        ),
        **dict.fromkeys(("checks", "covers", "transactions", "follow_ups_due", "follow_ups_kept"), 0),
        **dict.fromkeys(("voided", "reclassified", "days_with_concerns", "unsigned_days"), 0),
        **dict.fromkeys(("feedback_asked", "feedback_answered", "feedback_suspect"), 0),
        "response_rate": {"value": None, "numerator": 0, "denominator": 0},
        "rating": {"mean": None, "n": 0, "of_1": 0, "of_2": 0, "of_3": 0, "of_4": 0, "of_5": 0},
        "recommend": {"mean": None, "n": 0, "promoters": 0, "passives": 0, "detractors": 0, "score": None},
        **dict.fromkeys(("taken_in_time", "taken_after_unanswered"), 0),
        "ask_rate_note": None,
        "unhappy_share": {"value": None, "numerator": 0, "denominator": 0},
        "quick_own_share": {"value": None, "numerator": 0, "denominator": 0},
        "corrected_up_share": {"value": None, "numerator": 0, "denominator": 0},
        "taken_back_share": {"value": None, "numerator": 0, "denominator": 0},
        "reopened": 0,
        "unanswered_alerts": 0,
        "ask_rate": {"value": None, "numerator": 0, "denominator": 0},
        "repeat_within_30_days": {"value": None, "numerator": 0, "denominator": 0},
        "cost_per_recovered": [],
        "recovery_rate": {"value": None, "numerator": 0, "denominator": 0},
        "taken_share": {"value": None, "numerator": 0, "denominator": 0},
        "unused_trust": {"value": None, "numerator": 0, "denominator": 0},
        "minutes_to_take": {"median": None, "p90": None, "n": 0},
        "minutes_to_resolve": {"median": None, "p90": None, "n": 0},
        "mood_lift": {"mean": None, "n": 0},
        "cost": [],
    }


def test_every_reply_says_what_it_covers(app: App, shop: Shop) -> None:
    answer = recovery_report(app, shop, group_by="region,month").json
    assert {name: value for name, value in answer.items() if name not in ("rows", "totals")} == {
        **MARCH,
        "group_by": ["region", "month"],
        "business_dates": "store",
        "clock": "wall",
        "generated_at": "2026-03-03T12:00:00Z",
        "relative_error": 0.01,
        "compared": None,
    }


def test_rows_stand_in_the_order_of_their_labels_and_what_has_none_comes_last(app: App, shop: Shop) -> None:
    for category in (None, "waiting-time", "allergy"):
        for store in ("second", "first"):
            add_concern(app, shop, store=store, category=category)
    rows = recovery_report(app, shop, group_by="category,store").json["rows"]
    named = [((row["group"]["category"] or {}).get("slug"), row["group"]["store"]["name"]) for row in rows]
    assert named == [
        ("allergy", "First"),
        ("allergy", "Second"),
        ("waiting-time", "First"),
        ("waiting-time", "Second"),
        (None, "First"),
        (None, "Second"),
    ]


def test_praise_is_no_concern_and_a_sensitive_one_is(app: App, shop: Shop) -> None:
    add_concern(app, shop, kind=Kind.PRAISE)
    add_concern(app, shop, sensitive=True, cost=70)
    totals = recovery_report(app, shop).json["totals"]
    assert (totals["concerns"], totals["cost"]) == (1, [{"amount": 70, "currency": "EUR"}])


def test_everybody_sees_the_figures_of_the_stores_within_reach(app: App, shop: Shop) -> None:
    add_concern(app, shop)
    add_concern(app, shop, store="second")
    both = ["first", "second"]
    reach = {"manager": ["first"], "regional": ["first"], "hq": both, "admin": both, "reports-key": both}
    for login, stores in reach.items():
        answer = recovery_report(app, shop, login, group_by="store").json
        assert [row["group"]["store"]["slug"] for row in answer["rows"]] == stores, login
        assert answer["totals"]["concerns"] == len(stores), login
        elsewhere = recovery_report(app, shop, login, store_id=shop.other_store_id)
        if "second" in stores:
            assert elsewhere.json["totals"]["concerns"] == 1, login
        else:
            assert_invalid_value(elsewhere, "query", "/store_id")


def test_the_floor_has_its_log_and_no_report(app: App, shop: Shop) -> None:
    answer = recovery_report(app, shop, "floor")
    assert (answer.status_code, answer.json["code"]) == (403, "forbidden")
    assert app.request("GET", "/v1/reports/recovery", query_string=MARCH).status_code == 401


def test_nothing_of_another_organization_is_counted(app: App, shop: Shop) -> None:
    add_concern(app, shop)
    stranger = make_shop(app.back_office, "stranger")
    assert recovery_report(app, stranger, group_by="store").json["rows"] == []
    for name, id_ in (("store_id", shop.store_id), ("region_id", shop.region_id)):
        assert_invalid_value(recovery_report(app, stranger, **{name: id_}), "query", f"/{name}")


def test_csv_has_a_line_for_each_row_with_every_figure_in_a_column_of_its_own(app: App, shop: Shop) -> None:
    add_concern(app, shop, category="food", outcome=Outcome.RECOVERED, mood=4, mood_after=1, cost=250)
    add_concern(app, shop, store="second")
    answer = recovery_report(app, shop, accept="text/csv", group_by="category,day")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="recovery-2026-03-01-2026-03-31.csv"'
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.text.endswith("\r\n")
    food, nothing, total = read_csv(answer.text)
    groups = ["category_id", "category_slug", "category_name", "day"]
    assert list(food)[:9] == ["line", "from", "to", "filters", *groups, "concerns"]
    assert (food["category_slug"], food["day"]) == ("food", "2026-03-03")
    assert food["recovery_rate_value"] == ""
    assert (food["recovery_rate_numerator"], food["recovery_rate_denominator"]) == ("1", "1")
    assert float(food["minutes_to_resolve_median"]) == pytest.approx(10, rel=0.01)
    assert food["minutes_to_resolve_n"] == "1"
    assert (food["mood_lift_mean"], food["cost"], food["cost_currency"]) == ("-3.0", "2.50", "EUR")
    assert (nothing["category_slug"], nothing["concerns"], nothing["cost"]) == ("", "1", "")
    assert (total["line"], total["category_slug"], total["concerns"]) == ("total", "", "2")


def test_the_caller_chooses_the_form(app: App, shop: Shop) -> None:
    for accept, given in {
        "*/*": "application/json",
        "text/csv": "text/csv",
        "text/csv; charset=utf-8": "text/csv",
        "image/png, text/csv;q=0.5": "text/csv",
        "application/json;q=0.2, text/csv": "text/csv",
        "text/html,application/xhtml+xml,*/*;q=0.8": "text/html",
    }.items():
        assert recovery_report(app, shop, accept=accept).mimetype == given, accept


def test_a_form_that_nobody_gives_is_406(app: App, shop: Shop) -> None:
    for accept in ("application/xml", "text/csv;q=0"):
        answer = recovery_report(app, shop, accept=accept)
        assert (answer.status_code, answer.json["code"]) == (406, "not-acceptable"), accept
        assert answer.mimetype == "application/problem+json"


SENSELESS: list[tuple[dict[str, str | None], str]] = [
    ({"from": None}, "/from"),
    ({"to": "2026-02-28"}, "/to"),
    ({"to": "2029-03-05"}, "/to"),  # the 1,101st day
    ({"to": "tomorrow"}, "/to"),
    ({"from": "0001-01-01"}, "/from"),
    ({"to": "9999-12-31"}, "/to"),
    ({"group_by": "item"}, "/group_by"),
    ({"group_by": "day,day"}, "/group_by"),
    ({"group_by": "day,week,month"}, "/group_by"),
    ({"store_id": "first"}, "/store_id"),
    ({"remedy": "voucher"}, "/remedy"),
]


def test_a_question_that_makes_no_sense_is_422_and_says_which_part(app: App, shop: Shop) -> None:
    for query, pointer in SENSELESS:
        params = {name: value for name, value in {**MARCH, **query}.items() if value is not None}
        answer = app.request("GET", "/v1/reports/recovery", (shop, "hq"), query_string=params)
        assert answer.status_code == 422, query
        assert [(error["in"], error["pointer"]) for error in answer.json["errors"]] == [("query", pointer)], query


def test_eleven_hundred_days_are_not_too_many(app: App, shop: Shop) -> None:
    add_concern(app, shop)
    for group_by in ("week", "day", "month"):
        answer = recovery_report(app, shop, to="2029-03-04", group_by=group_by)
        assert answer.status_code == 200, answer.text
        assert len(answer.json["rows"]) == 1


def test_the_document_shows_all_forms(app: App, shop: Shop) -> None:
    paths = app.request("GET", "/openapi.json").json["paths"]
    responses = paths["/v1/reports/recovery"]["get"]["responses"]
    assert set(responses["200"]["content"]) == {"application/json", "text/csv", "text/html", XLSX}
    assert responses["406"] == {"$ref": "#/components/responses/not-acceptable"}
