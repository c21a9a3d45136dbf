"""Tables and workbooks opened in LibreOffice, as somebody at head office would: `make office`."""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from api.web.tables.xlsx_format import XLSX
from models.concerns.enums import Outcome
from models.organizations.store import Store
from tests.support.app import App
from tests.support.databases import only_on_sqlite
from tests.support.factories.concerns import add_concern, give_in_two_currencies, log_concern
from tests.support.factories.full_organization import make_full_organization
from tests.support.factories.organizations import Shop
from tests.support.reports import MARCH, recovery_report

CSV = "text/csv"
# Comma, double quote, UTF-8; numbers and dates are detected, and formulas are evaluated: the worst for us.
IMPORTED = {
    CSV: ["--infilter=Text - txt - csv (StarCalc):44,34,76,1,,1033,false,true,false,false,false,-1,true"],
    XLSX: [],
}
ENDING = {CSV: "csv", XLSX: "xlsx"}
FORMULAS = [
    '=HYPERLINK("https://example.com"; "mine")',
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(1;2)",
    "\t=1+1",
    "=cmd|' /C calc'!A0",
    "\uff1d1+1",
    " =1+1",
    "\u200b=1+1",
    "a;=1+1",
]
# Of the first line of a list, what is of one kind. CSV has moments as JSON does, in UTC, which are text here.
LIST_COLUMNS = {
    "/v1/concerns": {"business_date": "date", "occurred_at": "moment", "received_at": "moment", "mood": "float"},
    "/v1/recovery-actions": {"acted_at": "moment", "recorded_at": "moment", "store_name": "string"},
    "/v1/follow-ups": {"business_date": "date", "due_at": "moment", "promised_at": "moment"},
    "/v1/feedback": {"business_date": "date", "asked_at": "moment"},
    "/v1/recovery-logs?from=2025-01-01": {"business_date": "date", "closes_at": "moment", "concerns": "float"},
    "/v1/fixes": {"fixed_at": "moment", "what": "string"},
    "/v1/items": {"created_at": "moment", "name": "string"},
}
MOMENT = {CSV: "string", XLSX: "date"}
OFFICE, TABLE, TEXT = (f"{{urn:oasis:names:tc:opendocument:xmlns:{name}:1.0}}" for name in ("office", "table", "text"))


@dataclass(frozen=True)
class Cell:
    """What LibreOffice made of it: `kind` is float, date, string..., and a formula is one it would work out."""

    kind: str | None
    value: str
    formula: str | None
    shown: str


def opened(content: bytes, form: str, folder: Path) -> list[dict[str, Cell]]:
    """The lines of the first sheet, by the names in its header."""
    source = folder / f"table.{ENDING[form]}"
    source.write_bytes(content)
    profile = f"-env:UserInstallation=file://{folder}/profile"
    command = ["soffice", profile, "--headless", *IMPORTED[form], "--convert-to", "fods", "--outdir", folder, source]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    tree = ET.parse(folder / "table.fods")  # noqa: S314 what LibreOffice wrote a moment ago
    sheet = next(tree.iter(f"{TABLE}table"))  # the legend comes after it
    header, *lines = [_cells(row) for row in sheet.iter(f"{TABLE}table-row")]
    names = [cell.value for cell in header if cell.value]
    rows = [dict(zip(names, line, strict=False)) for line in lines]
    return [line for line in rows if any(cell.value for cell in line.values())]


def _cells(row: ET.Element) -> list[Cell]:
    cells = []
    for cell in row.iter(f"{TABLE}table-cell"):
        kind = cell.get(f"{OFFICE}value-type")
        words = "\n".join("".join(line.itertext()) for line in cell.iter(f"{TEXT}p"))
        value = cell.get(f"{OFFICE}date-value") or cell.get(f"{OFFICE}value") or words
        made = Cell(kind, value, cell.get(f"{TABLE}formula"), words)
        cells += [made] * min(int(cell.get(f"{TABLE}number-columns-repeated", 1)), 200)
    return cells


@pytest.mark.parametrize("form", [CSV, XLSX])
def test_a_report_opens_with_numbers_as_numbers_and_days_as_dates(
    app: App, shop: Shop, tmp_path: Path, form: str
) -> None:
    for number in range(10):
        outcome = Outcome.LOST if number < 4 else Outcome.RECOVERED
        add_concern(app, shop, mood=number % 3 + 1, category="food", cost=250, outcome=outcome)
    content = recovery_report(app, shop, accept=form, group_by="day,category").data
    line, total = opened(content, form, tmp_path)
    expected: dict[str, Any] = {
        "line": ("string", "group"),
        "from": ("date", "2026-03-01"),
        "day": ("date", "2026-03-03"),
        "concerns": ("float", "10"),
        "unhappy": ("float", "7"),
        "recovery_rate_value": ("percentage" if form == XLSX else "float", "0.6"),
        "cost": ("float", "25"),
        "cost_currency": ("string", "EUR"),
        "category_name": ("string", "Food"),
    }
    assert {name: (line[name].kind, line[name].value) for name in expected} == expected
    assert (total["line"].value, total["concerns"].value, total["day"].value) == ("total", "10", "")
    assert not any(cell.formula for cell in line.values())


@only_on_sqlite
@pytest.mark.parametrize("form", [CSV, XLSX])
@pytest.mark.parametrize("path", ["/v1/concerns", "/v1/recovery-actions", "/v1/reports/recovery"])
def test_amounts_of_two_currencies_open_as_numbers_in_major_units_with_the_currency_beside(
    app: App, shop: Shop, tmp_path: Path, path: str, form: str
) -> None:
    give_in_two_currencies(app, shop)
    query = MARCH if "reports" in path else {}
    answer = app.request("GET", path, (shop, "manager"), query_string=query, headers={"Accept": form})
    lines = [line for line in opened(answer.data, form, tmp_path) if line["cost"].value]
    assert {(line["cost_currency"].value, line["cost"].kind, float(line["cost"].value)) for line in lines} == {
        ("EUR", "float", 12.5),
        ("JPY", "float", 1250),
    }
    assert {line["cost_currency"].kind for line in lines} == {"string"}
    if form == XLSX:
        assert {line["cost"].shown for line in lines} == {"12.50", "1,250"}


@only_on_sqlite
@pytest.mark.parametrize("path", LIST_COLUMNS)
@pytest.mark.parametrize("form", [CSV, XLSX])
def test_a_list_opens_with_numbers_as_numbers_and_days_as_dates(app: App, tmp_path: Path, form: str, path: str) -> None:
    shop = make_full_organization(app, "acme").shop
    answer = app.request("GET", path, (shop, "manager"), headers={"Accept": form})
    line, *_ = opened(answer.data, form, tmp_path)
    kinds = {name: MOMENT[form] if kind == "moment" else kind for name, kind in LIST_COLUMNS[path].items()}
    assert {name: line[name].kind for name in kinds} == kinds
    formulas = {cell.formula for cell in line.values() if cell.formula}
    assert formulas <= {"of:=TRUE()", "of:=FALSE()"}  # how LibreOffice writes down a yes or no


@pytest.mark.parametrize("form", [CSV, XLSX])
def test_the_name_of_a_store_is_never_a_formula(app: App, shop: Shop, tmp_path: Path, form: str) -> None:
    names = dict(zip(("first", "second"), FORMULAS, strict=False))
    for slug, name in names.items():
        add_concern(app, shop, store=slug)
        with app.back_office.writing(shop.organization_id) as session:
            Store.by_slug(session, slug).name = name
    lines = opened(recovery_report(app, shop, accept=form, group_by="store").data, form, tmp_path)
    *lines, _total = lines
    assert {line["store_name"].value.replace("'", "") for line in lines} == {n.replace("'", "") for n in names.values()}
    assert {(line["store_name"].kind, line["store_name"].formula) for line in lines} == {("string", None)}


def test_what_a_customer_said_is_never_a_formula(app: App, shop: Shop, tmp_path: Path) -> None:
    for words in FORMULAS:
        log_concern(app, shop, mood=2, their_words=words, stake=words)
    day = f"/v1/stores/{shop.store_id}/recovery-logs/2026-03-03"
    table = app.request("GET", day, (shop, "manager"), headers={"Accept": CSV})
    lines = [line for line in opened(table.data, CSV, tmp_path) if line["line"].value == "concern"]
    assert len(lines) == len(FORMULAS)
    assert not [cell for line in lines for cell in line.values() if cell.formula]
    assert sorted(line["their_words"].value.replace("'", "").strip() for line in lines) == sorted(
        words.replace("'", "").strip() for words in FORMULAS
    )
    assert {line["mood"].kind for line in lines} == {"float"}
