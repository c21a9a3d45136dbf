"""Rows as an Excel workbook: numbers are numbers, days are dates, and no word is ever a formula."""

import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Final

from flask import Response, current_app
from xlsxwriter import Workbook
from xlsxwriter.worksheet import Worksheet

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

_MIN_COLUMN_WIDTH: Final = 10  # in digits, which a date fills
# A row is forgotten once it is written.
_WORKBOOK_OPTIONS: Final = {"constant_memory": True, "default_date_format": "yyyy-mm-dd"}


def xlsx_response(name: str, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Response:
    """The rows as a workbook to save under this name."""
    answer = current_app.response_class(write_xlsx(columns, rows), mimetype=XLSX)
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}.xlsx"'
    return answer


def write_xlsx(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> bytes:
    """One sheet: a header that stays in sight, and a line for each row; what a row does not have stays empty."""
    file = io.BytesIO()
    with Workbook(file, _WORKBOOK_OPTIONS) as workbook:
        sheet = workbook.add_worksheet()
        sheet.freeze_panes(1, 0)
        bold = workbook.add_format({"bold": True})
        for place, column in enumerate(columns):
            sheet.set_column(place, place, max(len(column), _MIN_COLUMN_WIDTH) + 2)
            sheet.write_string(0, place, column, bold)
        for line, row in enumerate(rows, start=1):
            for place, column in enumerate(columns):
                _write(sheet, line, place, row.get(column))
    return file.getvalue()


def _write(sheet: Worksheet, line: int, place: int, value: Any) -> None:
    """Each kind by its own name: `write` would take words for formulas and addresses."""
    match value:
        case None:
            pass
        case str():
            sheet.write_string(line, place, value)
        case date():
            sheet.write_datetime(line, place, value)
        case _:
            sheet.write_number(line, place, value)
