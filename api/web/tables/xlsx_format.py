"""Tables as an Excel workbook, with numbers and dates as such, and text never as a formula."""

import io
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final

from flask import Response, current_app
from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from api.web.tables.columns import Cell, Kind, Line
from api.web.tables.formulas import defuse
from api.web.tables.table_file import LINE, Sheet, TableFile, written

XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
LEGEND: Final = "Legend"
TOTAL: Final = "total"

_MIN_COLUMN_WIDTH: Final = 10  # in digits; a date needs that many
_LEGEND_WIDTH: Final = 110
_OPTIONS: Final = {"constant_memory": True}  # a row leaves the memory once it is written
_WHOLE, _DECIMAL = "#,##0", "#,##0.0##"
_FORMATS: Final = {
    Kind.RATIO: "0.0%",
    Kind.DATE: "yyyy-mm-dd",
    Kind.INSTANT: "yyyy-mm-dd hh:mm:ss",
}


def xlsx_file(file: TableFile) -> Response:
    """Return the sheets, and a last one that says what they cover and what each column means."""
    response = current_app.response_class(write_xlsx(file), mimetype=XLSX)
    response.headers["Content-Disposition"] = f'attachment; filename="{file.name}.xlsx"'
    return response


def write_xlsx(file: TableFile) -> bytes:
    """Return a workbook with frozen headers; a missing or null value is an empty cell."""
    content = io.BytesIO()
    with Workbook(content, _OPTIONS) as workbook:
        writer = _Writer(workbook)
        for sheet in file.sheets:
            writer.write_sheet(sheet)
        writer.write_legend(file)
    return content.getvalue()


class _Writer:
    """Writes sheets into a workbook, with one format object for all cells that look alike."""

    def __init__(self, workbook: Workbook) -> None:
        self._workbook = workbook
        self._formats: dict[tuple[str, bool], Format] = {}

    def write_sheet(self, sheet: Sheet) -> None:
        columns = [column for column in sheet.columns if not column.for_machines]
        worksheet = self._add(sheet.title, [column.name for column in columns])
        for number, line in enumerate(sheet.lines, start=1):
            for index, column in enumerate(columns):
                self._write(worksheet, number, index, line.get(column.name), column.kind, bold=_is_total(line))

    def write_legend(self, file: TableFile) -> None:
        worksheet = self._add(LEGEND, ["column", "meaning"])
        worksheet.set_column(1, 1, _LEGEND_WIDTH)
        for number, entry in enumerate(_legend(file), start=1):
            for index, text in enumerate(entry):
                worksheet.write_string(number, index, defuse(text))

    def _add(self, title: str, header: list[str]) -> Worksheet:
        worksheet = self._workbook.add_worksheet(title)
        worksheet.freeze_panes(1, 0)
        worksheet.set_landscape()
        worksheet.repeat_rows(0)
        for index, name in enumerate(header):
            worksheet.set_column(index, index, max(len(name), _MIN_COLUMN_WIDTH) + 2)
            worksheet.write_string(0, index, name, self._format("", bold=True))
        return worksheet

    def _write(self, sheet: Worksheet, line: int, index: int, value: Cell, kind: Kind, *, bold: bool) -> None:
        """Write a cell by the type of its value: xlsxwriter's `write` would turn text into formulas and links."""
        match value:
            case None:
                pass
            case str():
                sheet.write_string(line, index, defuse(value), self._format("", bold=bold))
            case bool():
                sheet.write_boolean(line, index, value)
            case datetime():
                at = value.astimezone(UTC).replace(tzinfo=None)
                sheet.write_datetime(line, index, at, self._format(_FORMATS[Kind.INSTANT], bold=bold))
            case date():
                sheet.write_datetime(line, index, value, self._format(_FORMATS[Kind.DATE], bold=bold))
            case _:
                sheet.write_number(line, index, value, self._format(_number_format(value, kind), bold=bold))

    def _format(self, number_format: str, *, bold: bool) -> Format:
        key = (number_format, bold)
        if key not in self._formats:
            options = {"bold": bold} | ({"num_format": number_format} if number_format else {})
            self._formats[key] = self._workbook.add_format(options)
        return self._formats[key]


def _number_format(value: float | Decimal, kind: Kind) -> str:
    if isinstance(value, Decimal):
        decimals = -int(value.as_tuple().exponent)
        return f"{_WHOLE}.{'0' * decimals}" if decimals else _WHOLE
    if kind in _FORMATS:
        return _FORMATS[kind]
    return _DECIMAL if isinstance(value, float) else _WHOLE


def _is_total(line: Line) -> bool:
    return line.get(LINE) == TOTAL


def _legend(file: TableFile) -> Iterator[tuple[str, str]]:
    yield file.title, ""
    yield from ((name, written(value)) for name, value in file.about.items())
    yield "", ""
    yield from ((column.name, column.description) for column in file.columns if not column.for_machines)
