"""Rows as an Excel workbook, with numbers and dates as such, and text never as a formula."""

import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Final

from flask import Response, current_app
from xlsxwriter import Workbook
from xlsxwriter.worksheet import Worksheet

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

_MIN_COLUMN_WIDTH: Final = 10  # in digits; a date needs that many
# With constant_memory a row leaves the memory once it is written.
_WORKBOOK_OPTIONS: Final = {"constant_memory": True, "default_date_format": "yyyy-mm-dd"}


def xlsx_response(name: str, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Response:
    """Return the rows as a workbook to save under this name."""
    response = current_app.response_class(write_xlsx(columns, rows), mimetype=XLSX)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.xlsx"'
    return response


def write_xlsx(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Return a workbook of one sheet with a frozen header; a missing or null value is an empty cell."""
    file = io.BytesIO()
    with Workbook(file, _WORKBOOK_OPTIONS) as workbook:
        sheet = workbook.add_worksheet()
        sheet.freeze_panes(1, 0)
        bold = workbook.add_format({"bold": True})
        for index, column in enumerate(columns):
            sheet.set_column(index, index, max(len(column), _MIN_COLUMN_WIDTH) + 2)
            sheet.write_string(0, index, column, bold)
        for line, row in enumerate(rows, start=1):
            for index, column in enumerate(columns):
                _write(sheet, line, index, row.get(column))
    return file.getvalue()


def _write(sheet: Worksheet, line: int, index: int, value: Any) -> None:
    """Write a cell by the type of its value: xlsxwriter's `write` would turn text into formulas and links."""
    match value:
        case None:
            pass
        case str():
            sheet.write_string(line, index, value)
        case date():
            sheet.write_datetime(line, index, value)
        case _:
            sheet.write_number(line, index, value)
