"""Reports: aggregated figures, as JSON or CSV."""

from collections.abc import Iterator
from typing import Any

from flask import Response, g

from api.blueprint import Blueprint
from api.media import CSV, JSON, asked_for, csv_answer
from api.resource import Resource
from api.schemas.reports import NamedSchema, RecoveryReportQuery, RecoveryReportSchema
from models.access import Permission
from models.reports.groups import NAMES
from models.reports.recovery import recovery

blp = Blueprint("reports", __name__, "Reports: aggregated figures, as JSON or CSV")


@blp.route("/reports/recovery")
class ReportRecovery(Resource):
    needs = {"GET": Permission.REPORT_READ}

    @blp.arguments(RecoveryReportQuery, location="query")
    @blp.response(200, RecoveryReportSchema)
    @blp.alt_response(200, schema={"type": "string"}, content_type=CSV, success=True)
    @blp.refuses(406)
    def get(self, query: dict[str, Any]) -> Any:
        """Were people listened to, and did it help

        Counts and sums are exact at the moment of asking, medians and 90th percentiles within one per cent. With
        `Accept: text/csv` one line per row: the columns of the group, then the figures; a rate, a spread and the cost
        have a column for each of their parts.
        """
        form = asked_for(JSON, CSV)
        report = recovery(g.session, seen_by=g.actor, at=g.now, **query)
        return report if form == JSON else _as_csv(RecoveryReportSchema().dump(report))


def _as_csv(shown: dict[str, Any]) -> Response:
    for row in shown["rows"]:
        del row["control"]  # a picture of its own, and no column
    columns = [column for by in shown["group_by"] for column in _group_columns(by)]
    columns += [name for name, _ in _cells(shown["totals"])]  # in the totals stands every currency there is
    return csv_answer(f"recovery-{shown['from']}-{shown['to']}", columns, (dict(_cells(row)) for row in shown["rows"]))


def _group_columns(by: str) -> list[str]:
    return [f"{by}_{part}" for part in NamedSchema().fields] if by in NAMES else [by]


def _cells(row: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The row laid flat: `recovery_rate_numerator`, `store_slug`, `cost_EUR`."""
    for name, value in {**row.get("group", {}), **row}.items():
        if isinstance(value, list):
            yield from ((f"{name}_{money['currency']}", money["amount"]) for money in value)
        elif isinstance(value, dict):
            yield from ((f"{name}_{part}", inner) for part, inner in value.items())
        else:
            yield name, value
