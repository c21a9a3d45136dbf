"""Reports as XLSX, read back by another library."""

import csv
import io
from datetime import date
from typing import Any
from zipfile import ZipFile

from python_calamine import CalamineWorkbook

from api.web.xlsx_format import XLSX
from models.organizations.store import Store
from tests.support.app import App
from tests.support.factories.concerns import add_concern
from tests.support.factories.organizations import Shop
from tests.support.reports import recovery_report

SHEET = "xl/worksheets/sheet1.xml"
NAME = '=HYPERLINK("https://example.com", "mine")'


def sheet(app: App, shop: Shop, **query: Any) -> tuple[list[Any], list[list[Any]]]:
    """The header and the rows of the one sheet."""
    answer = recovery_report(app, shop, accept=XLSX, **query)
    assert (answer.status_code, answer.mimetype) == (200, XLSX)
    assert answer.headers["Content-Disposition"] == 'attachment; filename="recovery-2026-03-01-2026-03-31.xlsx"'
    workbook = CalamineWorkbook.from_filelike(io.BytesIO(answer.data))
    (name,) = workbook.sheet_names
    header, *rows = workbook.get_sheet_by_name(name).to_python()
    return header, rows


def test_a_workbook_has_the_cells_of_the_csv_with_numbers_as_numbers_and_days_as_dates(app: App, shop: Shop) -> None:
    for mood in (1, 2, 3):
        add_concern(app, shop, mood=mood, category="food", cost=250)
    add_concern(app, shop, store="second")
    header, rows = sheet(app, shop, group_by="day,category")
    as_csv = recovery_report(app, shop, accept="text/csv", group_by="day,category")
    lines = list(csv.DictReader(io.StringIO(as_csv.text, newline="")))
    assert header == list(lines[0])
    food = dict(zip(header, rows[0], strict=True))
    assert food["day"] == date(2026, 3, 3)
    assert type(food["day"]) is date
    assert (food["concerns"], food["cost_EUR"], food["category_slug"]) == (3.0, 750.0, "food")
    assert [[_plain(str(cell)) for cell in row] for row in rows] == [[*map(_plain, line.values())] for line in lines]


def test_a_name_that_begins_like_a_formula_is_a_word(app: App, shop: Shop) -> None:
    add_concern(app, shop)
    with app.back_office.writing(shop.organization_id) as session:
        session.get_one(Store, (shop.organization_id, shop.store_id)).name = NAME
    header, ((*row,),) = sheet(app, shop, group_by="store")
    assert row[header.index("store_name")] == NAME


def test_a_workbook_of_nothing_is_a_header(app: App, shop: Shop) -> None:
    header, rows = sheet(app, shop, group_by="store,week")
    assert header[:4] == ["store_id", "store_slug", "store_name", "week"]
    assert rows == []


def test_the_header_stays_in_sight(app: App, shop: Shop) -> None:
    answer = recovery_report(app, shop, accept=XLSX)
    with ZipFile(io.BytesIO(answer.data)) as file:
        assert b'<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>' in file.read(SHEET)


def _plain(text: str) -> str:
    """A number as a workbook keeps it, which knows no whole ones."""
    try:
        return str(float(text))
    except ValueError:
        return text
