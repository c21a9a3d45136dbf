"""Reports as CSV, XLSX and pages: the figures of the JSON, explained, and safe to open."""

import io
import json
import re
from datetime import timedelta
from typing import Any
from zipfile import ZipFile

import pytest
from sqlalchemy import update
from werkzeug.test import TestResponse

from api.web.tables.columns import difference
from api.web.tables.formulas import defuse
from api.web.tables.xlsx_format import XLSX
from config import ROOT
from models.concerns.enums import Outcome
from models.organizations.store import Store
from models.recovery.action import RecoveryAction
from tests.support.app import App
from tests.support.clock import NOON
from tests.support.factories.concerns import add_concern, log_concern
from tests.support.factories.organizations import Shop
from tests.support.reports import MARCH, recovery_report
from tests.support.tables import CSV, HTML, Line, flat, read_csv, read_page, read_xlsx, same

QUERIES: dict[str, list[dict[str, str]]] = {
    "recovery": [
        {"group_by": "store", "compare_to": "previous"},
        {"group_by": "region,day", "compare_to": "previous"},
    ],
    "remedies": [{}],
    "causes": [{"group_by": "day"}],
    "items": [{}],
    "follow-ups": [{"group_by": "kind"}],
    "listening": [{"group_by": "question"}],
    "alerts": [{"group_by": "store"}],
}


def report(app: App, shop: Shop, name: str, query: dict[str, str], form: str) -> TestResponse:
    params = {**MARCH, **query}
    answer = app.request("GET", f"/v1/reports/{name}", (shop, "hq"), query_string=params, headers={"Accept": form})
    assert (answer.status_code, answer.mimetype) == (200, form), answer.text
    return answer


@pytest.fixture
def busy(app: App, shop: Shop) -> Shop:
    """Two stores, with concerns, remedies, an item and two currencies, also in the month before."""
    for number in range(12):
        add_concern(app, shop, category="food", mood=1, outcome=Outcome.RECOVERED if number % 3 else Outcome.LOST)
    add_concern(app, shop, store="second", outcome=Outcome.RECOVERED, mood=1, mood_after=4, cost=125)
    with app.back_office.writing(shop.organization_id) as session:
        session.execute(update(RecoveryAction).values(cost_currency="RSD"))
        session.execute(update(Store).where(Store.slug == "second").values(currency="RSD"))
    for days in (0, 4, 20):
        add_concern(app, shop, cost=250, outcome=Outcome.RECOVERED, occurred_at=NOON - timedelta(days=days))
    item = {"items": [{"name": "Soup"}], "recovery_actions": [{"remedy": "apology"}]}
    log_concern(app, shop, mood=1, **item)
    return shop


def expected_lines(document: dict[str, Any]) -> list[dict[str, Any]]:
    """What the groups of the JSON and its total have to be in a table, one line for each currency."""
    lines = []
    rows = [(row["group"], row) for row in document["rows"]] if document["group_by"] else []
    for group, row in [*rows, ({}, document["totals"])]:
        figures = {name: value for name, value in row.items() if name not in ("group", "control")}
        if row.get("control"):
            figures["control"] = {name: point for name, point in row["control"].items() if point}
        keys = {"line": "group" if group else "total", **{k: v for k, v in document.items() if k in ("from", "to")}}
        keys |= {
            f"{by}_name" if isinstance(label, dict) else by: label["name"] if isinstance(label, dict) else label
            for by, label in group.items()
            if label is not None
        }
        currencies = sorted({m["currency"] for v in row.values() if isinstance(v, list) for m in v}) or [None]
        lines.append({**keys, **dict(flat(figures, currencies[0]))})
        for currency in currencies[1:]:
            money = {name: value for name, value in figures.items() if isinstance(value, list)}
            lines.append({**keys, **dict(flat(money, currency))})
    return lines


def assert_holds(lines: list[Line], expected: list[dict[str, Any]]) -> None:
    """Each expected line is there, in order; others are groups of which only the earlier period has something."""
    lines = [line for line in lines if line.get("concerns") != "" or not line.get("concerns_earlier")]
    assert len(lines) == len(expected)
    for line, wanted in zip(lines, expected, strict=True):
        wrong = {name: (line.get(name), value) for name, value in wanted.items() if not same(line.get(name, ""), value)}
        assert not wrong


def test_every_report_has_the_same_figures_in_json_csv_xlsx_and_html_and_each_is_explained(
    app: App, busy: Shop
) -> None:
    for name, queries in QUERIES.items():
        for query in queries:
            document = report(app, busy, name, query, "application/json").json
            expected = expected_lines(document)
            csv_lines = read_csv(report(app, busy, name, query, CSV).text)
            assert_holds(csv_lines, expected)
            sheets = read_xlsx(report(app, busy, name, query, XLSX).data)
            title = name.replace("-", " ").capitalize()
            assert list(sheets) == [title, "Legend"]
            assert_holds(sheets[title], expected)
            lines, page_legend = read_page(report(app, busy, name, query, HTML).text)
            about = {"from": MARCH["from"], "to": MARCH["to"]}
            assert_holds([{**line, **about} for line in lines], expected)
            legend = {line["column"]: line["meaning"] for line in sheets["Legend"][-len(page_legend) :]}
            assert legend == page_legend
            assert set(legend) == set(sheets[title][0])
            assert all(len(meaning) > 10 for meaning in legend.values()), legend
            machines = set(csv_lines[0]) - set(legend)
            assert all(column.endswith(("_id", "_slug")) for column in machines)


def test_every_figure_is_explained_in_the_document() -> None:
    schemas = json.loads((ROOT / "openapi.json").read_text(encoding="utf-8"))["components"]["schemas"]
    of_figures = [name for name in schemas if name.endswith(("Figures", "Totals")) and name != "FixWithFigures"]
    assert {"RecoveryTotals", "LogFigures", "AlertFigures", "ItemFigures"} <= {*of_figures}
    for name in (*of_figures, "Share", "Spread", "Lift", "Rating", "Recommendation", "Control", "Limits"):
        without = [member for member, field in schemas[name]["properties"].items() if not field.get("description")]
        assert not without, name


def test_the_earlier_period_and_the_change_stand_beside_each_figure(app: App, busy: Shop) -> None:
    query = {"group_by": "store", "compare_to": "previous"}
    document = report(app, busy, "recovery", query, "application/json").json
    before = {row["group"]["store"]["name"]: row for row in document["compared"]["rows"]}
    first, second, total = (
        line for line in read_csv(report(app, busy, "recovery", query, CSV).text) if line["concerns"]
    )
    for line, now, then in (
        (first, document["rows"][0], before["First"]),
        (total, document["totals"], document["compared"]["totals"]),
    ):
        assert (line["earlier_from"], line["earlier_to"]) == ("2026-02-01", "2026-02-28")
        values, earlier = dict(flat(now, "EUR")), dict(flat(then, "EUR"))
        for name in ("concerns", "unhappy", "recovery_rate_numerator", "minutes_to_take_median", "cost"):
            assert same(line[f"{name}_earlier"], earlier[name])
            assert same(line[f"{name}_change"], difference(values[name], earlier[name]))
    assert (second["concerns_earlier"], second["concerns_change"]) == ("", "")
    assert first["cost_currency"] == "EUR"
    by_day = read_csv(report(app, busy, "recovery", {**query, "group_by": "day"}, CSV).text)
    beside = {line["day"]: (line["day_earlier"], line["concerns"], line["concerns_earlier"]) for line in by_day}
    assert beside["2026-03-27"] == ("2026-02-27", "", "1")


def test_a_control_limit_of_a_share_is_printed_in_per_cent_and_explained(app: App, busy: Shop) -> None:
    page = report(app, busy, "recovery", {"group_by": "store"}, HTML).text
    limit = "control_recovery_rate_limits_95_low"
    (row,) = re.findall(rf'data-column="{limit}">[^<]*</th>(.*?)</tr>', page)
    printed = {value: text for value, text in re.findall(r'<data value="([^"]*)">([^<]*)</data>', row) if value}
    assert printed == {value: f"{float(value):.1%}".replace(".0%", "%") for value in printed} != {}
    _, legend = read_page(page)
    assert "In 95 of 100 cases" in legend[limit]
    assert "receipts" in legend["control_concerns_per_1000_value"]


def test_money_is_in_major_units_with_its_currency_beside_it_and_counts_once(app: App, busy: Shop) -> None:
    lines = read_csv(report(app, busy, "recovery", {}, CSV).text)
    assert [(line["line"], line["cost"], line["cost_currency"]) for line in lines] == [
        ("total", "2.50", "EUR"),
        ("total", "1.25", "RSD"),
    ]
    assert lines[1]["concerns"] == ""
    content = report(app, busy, "recovery", {}, XLSX).data
    with ZipFile(io.BytesIO(content)) as file:
        styles, sheet = file.read("xl/styles.xml").decode(), file.read("xl/worksheets/sheet1.xml").decode()
    assert 'formatCode="#,##0.00"' in styles
    assert 'formatCode="0.0%"' in styles
    assert 'topLeftCell="A2" activePane="bottomLeft" state="frozen"' in sheet


def test_a_table_says_what_it_covers(app: App, busy: Shop) -> None:
    query = {"store_id": str(busy.store_id), "category": "food"}
    lines = read_csv(report(app, busy, "recovery", query, CSV).text)
    assert {line["filters"] for line in lines} == {"store: First, category: Food"}
    page = report(app, busy, "recovery", query, HTML)
    for word in ("Recovery report", "Mar 1, 2026", "store: First, category: Food"):
        assert word in page.text
    assert "default-src 'none'; style-src 'sha256-" in page.headers["Content-Security-Policy"]
    assert str(busy.store_id) not in page.text
    legend = read_xlsx(report(app, busy, "recovery", query, XLSX).data)["Legend"]
    assert {"column": "filters", "meaning": "store: First, category: Food"} in legend


@pytest.mark.parametrize(
    "text",
    [
        *("=1", "+1", "-1", "@a", "\t=1", "\r=1", "\n=1", "\uff1d1", "\uff0b1", "\uff0d1", "\uff20a", " =1", "\xa0=1"),
        *("\u200b=1", "\ufeff=1", "\u2003 \x01=1", "\x7f=1", "\u2060+1", "\u3000\uff1d1"),
    ],
)
def test_text_that_begins_a_formula_unseen_or_in_full_width_is_defused(text: str) -> None:
    assert defuse(text).startswith("'")
    assert defuse(text).replace("'", "") == text


def test_a_formula_after_another_separator_is_defused_and_other_text_stays() -> None:
    assert defuse("a;=1") == "a;'=1"
    assert defuse("a; \uff1d1\n+2;b") == "a;' \uff1d1\n'+2;b"
    for text in ("Table 4-5", "1 + 1 = 2", "a;b", "", "Zoë", "100 %"):
        assert defuse(text) == text


def test_a_name_that_a_spreadsheet_would_run_is_defused_in_every_table(app: App, shop: Shop) -> None:
    add_concern(app, shop)
    name = '\uff1dHYPERLINK("x"), a;=b'
    with app.back_office.writing(shop.organization_id) as session:
        session.get_one(Store, (shop.organization_id, shop.store_id)).name = name
    harmless = f"'{name}".replace(";=", ";'=")
    (line, _) = read_csv(recovery_report(app, shop, accept=CSV, group_by="store").text)
    assert line["store_name"] == harmless
    assert (
        read_xlsx(recovery_report(app, shop, accept=XLSX, group_by="store").data)["Recovery"][0]["store_name"]
        == harmless
    )
    assert recovery_report(app, shop, group_by="store").json["rows"][0]["group"]["store"]["name"] == name


def test_small_signs_and_signs_on_any_new_line_are_defused() -> None:
    assert [defuse(f"{sign}1") for sign in "\ufe62\ufe63\u2212"] == [f"'{sign}1" for sign in "\ufe62\ufe63\u2212"]
    assert [defuse(f"a{line}=1") for line in "\u0085\u2028\u2029\x0b"] == [f"a{n}'=1" for n in "\u0085\u2028\u2029\x0b"]
