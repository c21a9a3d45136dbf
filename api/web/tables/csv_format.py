"""Rows as CSV that is safe to open in a spreadsheet."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from flask import Response, current_app

from api.web.tables.formulas import defuse
from api.web.tables.table_file import TableFile

CSV: Final = "text/csv"
BYTE_ORDER_MARK: Final = "\ufeff"  # without it Excel does not read UTF-8


def csv_file(file: TableFile) -> Response:
    """Return all sheets as one table, under the columns of all."""
    names = [column.name for column in file.columns]
    return csv_response(file.name, names, (line for sheet in file.sheets for line in sheet.lines))


def csv_response(name: str, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Response:
    """Return the rows as a file to save under this name."""
    response = current_app.response_class(write_csv(columns, rows), mimetype=CSV)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


def write_csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Return the rows as CSV (RFC 4180) with a header; a missing or null value is an empty cell."""
    lines = io.StringIO(newline="")
    lines.write(BYTE_ORDER_MARK)
    writer = csv.writer(lines)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(row.get(column)) for column in columns])
    return lines.getvalue()


def _cell(value: Any) -> Any:
    """Return text without formulas, and times as in JSON; numbers are left as they are, also negative ones."""
    match value:
        case str():
            return defuse(value)
        case bool():
            return str(value).lower()
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value
