"""A report as a table: a line per group, then the total, with the earlier period and the control limits beside them."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime
from itertools import zip_longest
from typing import Any, Final

from marshmallow import fields

from api.schemas.base import Schema
from api.web.tables.columns import COMPARABLE, EARLIER, Column, Kind, columns_of, lines_of
from api.web.tables.table_file import LINE, About, Sheet, TableFile, key_column, written
from models.reports.grouping import TIME_DIMENSIONS, GroupBy
from models.reports.periods import labels_of

Row = dict[str, Any]
Key = tuple[Any, ...]

_LINE_MEANS: Final = (
    "`group`: one row of the report; `total`: everything together. Where a row has several currencies, each further "
    "one has a line of its own, in which only the money is filled in."
)
_ABOUT: Final = {
    "from": "The first business day of the report.",
    "to": "The last business day of the report.",
    "earlier_from": "The first business day of the earlier period.",
    "earlier_to": "The last business day of the earlier period.",
    "filters": "What the report is limited to, by name; empty when it covers everything its reader may see.",
}


def report_file(name: str, schema: Schema, report: Mapping[str, Any], filters: Mapping[str, str]) -> TableFile:
    """Return the file of a report, given as its schema dumped it."""
    about = _about(report, filters)
    columns = [key_column(LINE, _LINE_MEANS, choices=("group", "total"))]
    columns += [key_column(part, _ABOUT[part], Kind.TEXT if part == "filters" else Kind.DATE) for part in about]
    columns += _columns(schema, report)
    rows = ({**about, **row} for row in _rows(report))
    title = name.replace("-", " ").capitalize()
    sheet = Sheet(title, columns, lines_of(columns, rows))
    covered: dict[str, About] = {
        part.replace("_", " "): {**filters} if part == "filters" else date.fromisoformat(text)
        for part, text in about.items()
    }
    covered |= {"grouped by": [*report["group_by"]], "as of": datetime.fromisoformat(report["generated_at"])}
    return TableFile(f"{name}-{report['from']}-{report['to']}", f"{title} report", covered, [sheet])


def _about(report: Mapping[str, Any], filters: Mapping[str, str]) -> dict[str, str]:
    about = {"from": report["from"], "to": report["to"]}
    if compared := report.get("compared"):
        about |= {"earlier_from": compared["from"], "earlier_to": compared["to"]}
    return {**about, "filters": written({**filters})}


def _columns(schema: Schema, report: Mapping[str, Any]) -> Iterator[Column]:
    """Yield the columns of the groups, of the figures with those of the earlier period, and of the control limits."""
    row_schema, totals_schema = _nested(schema.dump_fields["rows"]), _nested(schema.dump_fields["totals"])
    group_schema = _nested(row_schema.dump_fields["group"])
    compared = report.get("compared") is not None
    for by in report["group_by"]:
        for column in columns_of(group_schema, by, is_key=True):
            in_group = replace(column, path=("group", *column.path))
            yield in_group
            if compared and by in TIME_DIMENSIONS:
                yield in_group.earlier()
    for column in columns_of(totals_schema):
        yield column
        if compared and column.kind in COMPARABLE:
            yield from (column.earlier(), column.change())
    if report["group_by"] == [GroupBy.STORE] and "control" in row_schema.dump_fields:
        yield from columns_of(row_schema, "control")


def _rows(report: Mapping[str, Any]) -> Iterator[Row]:
    """Yield the rows and the total. A group of which only the earlier period has something comes after the others."""
    compared, group_by = report.get("compared"), report["group_by"]
    earlier = _earlier_rows(report, compared) if compared else {}
    for row in report["rows"] if group_by else ():
        yield {**row, LINE: "group", EARLIER: earlier.pop(_key(row["group"], group_by), None)}
    for row in earlier.values() if group_by else ():
        yield {"group": row["group_now"], LINE: "group", EARLIER: row}
    yield {**report["totals"], LINE: "total", EARLIER: compared and compared["totals"]}


def _earlier_rows(report: Mapping[str, Any], compared: Mapping[str, Any]) -> dict[Key, Row]:
    """Return the rows of the earlier period by the groups of this one: the second day is beside the second day.

    A day, week or month that this period is too short for has no label in it.
    """
    group_by = report["group_by"]
    labels_now = {
        by: dict(zip_longest(_labels(by, compared), _labels(by, report))) for by in group_by if by in TIME_DIMENSIONS
    }
    rows: dict[Key, Row] = {}
    for row in compared["rows"]:
        group = {by: labels_now[by][label] if by in labels_now else label for by, label in row["group"].items()}
        key = _key(group, group_by)
        rows[_key(row["group"], group_by) if key in rows else key] = {**row, "group_now": group}
    return rows


def _labels(by: str, report: Mapping[str, Any]) -> list[str]:
    return labels_of(by, date.fromisoformat(report["from"]), date.fromisoformat(report["to"]))


def _key(group: Mapping[str, Any], group_by: list[str]) -> Key:
    labels = (group[by] for by in group_by)
    return tuple(label["id"] if isinstance(label, dict) else label for label in labels)


def _nested(field: Any) -> Schema:
    inner = field.inner if isinstance(field, fields.List) else field
    nested: Schema = inner.schema
    return nested
