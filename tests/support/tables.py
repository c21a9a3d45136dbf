"""Tables read back: CSV, XLSX and pages as their readers get them, and what the JSON says they have to hold."""

import csv
import io
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any

from python_calamine import CalamineWorkbook

CSV, HTML = "text/csv", "text/html"
# The lists that are tables too, and their titles.
LISTS = {
    "/v1/concerns": "Concerns",
    "/v1/recovery-actions": "Recovery actions",
    "/v1/follow-ups": "Follow-ups",
    "/v1/feedback": "Feedback",
    "/v1/recovery-logs?from=2025-01-01": "Recovery logs",
    "/v1/fixes": "Fixes",
    "/v1/items": "Items",
}
Line = dict[str, str]


def read_csv(text: str) -> list[Line]:
    """Return the lines by their columns, without the byte order mark, which has to be there."""
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


def read_xlsx(content: bytes) -> dict[str, list[Line]]:
    """Return the lines of each sheet by their columns."""
    workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
    sheets = {}
    for name in workbook.sheet_names:
        header, *rows = workbook.get_sheet_by_name(name).to_python(skip_empty_area=False)
        sheets[name] = [dict(zip(map(str, header), map(_written, row), strict=True)) for row in rows]
    return sheets


def read_page(text: str) -> tuple[list[Line], dict[str, str]]:
    """Return the lines of all tables of a page, turned or not, and its legend."""
    page = _Page()
    page.feed(text)
    if '<html lang="en"' in text:
        for value, printed in page.printed:
            assert _is_printed(value, printed), (value, printed)
    return page.lines, page.legend


def _is_printed(value: str, printed: str) -> bool:
    """Whether an English text shows this number, rounded as a page rounds; other values are taken as they are."""
    try:
        number = Decimal(value)
    except ArithmeticError:
        return True
    shown = printed.strip().replace(",", "")
    is_share = shown.endswith("%")
    return abs(Decimal(shown.removesuffix("%")) / (100 if is_share else 1) - number) <= Decimal("0.0005")


class _Page(HTMLParser):
    """Collects tables, whose header cells name their column and whose cells hold their value in <data>."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[Line] = []
        self.legend: dict[str, str] = {}
        self._rows: list[tuple[list[str], list[str]]] = []
        self._turned = False
        self._entry = ""
        self._words = False
        self.printed: list[tuple[str, str]] = []  # values, and the texts that show them
        self._value: str | None = None

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        named = dict(attributes)
        if tag == "table":
            self._rows, self._turned = [], named["class"] == "turned"
        elif tag == "tr":
            self._rows.append(([], []))
        elif tag == "th" and "data-column" in named:
            self._rows[-1][0].append(str(named["data-column"]))
        elif tag == "data":
            self._value = named["value"] or ""
            self._rows[-1][1].append(self._value)
        elif tag == "dt":
            self._entry = named.get("data-column") or ""
        self._words = tag == "dd"

    def handle_endtag(self, tag: str) -> None:
        if tag == "data":
            self._value = None
        if tag == "table" and self._turned:
            lines = zip(*(cells for _, cells in self._rows), strict=True)
            names = [name for (name,), _ in self._rows]
            self.lines += [dict(zip(names, line, strict=True)) for line in lines]
        elif tag == "table":
            (names, _), *rows = self._rows
            self.lines += [dict(zip(names, cells, strict=True)) for _, cells in rows]

    def handle_data(self, data: str) -> None:
        if self._value is not None and data.strip():
            self.printed.append((self._value, data))
        if self._words and self._entry:
            self.legend[self._entry], self._words = data, False


def _written(cell: Any) -> str:
    match cell:
        case bool():
            return str(cell).lower()
        case datetime():
            return cell.isoformat() + "Z"
        case date():
            return str(cell)
    return str(cell)


def flat(row: Mapping[str, Any], currency: str | None = None, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the cells that a row of the JSON answer makes in the line of a currency (of two decimals)."""
    for member, value in row.items():
        name = f"{path}{member}".replace(".", "_")
        if isinstance(value, list):
            amounts = [money["amount"] for money in value if money["currency"] == currency]
            yield name, Decimal(amounts[0]) / 100 if amounts else None
            yield f"{name}_currency", currency if amounts else None
        elif isinstance(value, dict):
            yield from flat(value, currency, f"{name}_")
        else:
            yield name, value


def same(cell: str, value: Any) -> bool:
    """Whether a cell holds this value: nothing for null, and numbers whatever their decimals."""
    if value is None:
        return cell == ""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return cell == (str(value).lower() if isinstance(value, bool) else str(value))
    return cell != "" and abs(float(cell) - float(value)) < 1e-9
