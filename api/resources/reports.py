"""Reports: aggregated figures, as JSON, CSV or XLSX."""

from collections.abc import Callable, Iterator
from datetime import date
from functools import wraps
from typing import Any

from flask import Response, g

from api.schemas.base import Schema
from api.schemas.reports import NamedSchema, RecoveryReportQuery, RecoveryReportSchema
from api.schemas.row_reports import (
    AlertsReportSchema,
    ByConcernQuery,
    CausesReportQuery,
    CausesReportSchema,
    FollowUpsReportQuery,
    FollowUpsReportSchema,
    ItemsReportSchema,
    ListeningReportQuery,
    ListeningReportSchema,
    RemediesReportSchema,
)
from api.web.blueprint import Blueprint
from api.web.negotiation import CSV, JSON, csv_response, negotiate
from api.web.resource import Resource
from api.web.xlsx_format import XLSX, xlsx_response
from models.access import Permission
from models.reports.alerts import alerts_report
from models.reports.causes import causes_report
from models.reports.engine import ReportQuery
from models.reports.filters import check_filters
from models.reports.follow_ups import follow_ups_report
from models.reports.grouping import NAME_COLUMNS, GroupBy
from models.reports.items import items_report
from models.reports.listening import listening_report
from models.reports.recovery import recovery_report
from models.reports.remedies import remedies_report

blp = Blueprint("reports", __name__, "Reports: aggregated figures, as JSON, CSV or XLSX")

TABLES = {CSV: csv_response, XLSX: xlsx_response}


def _given(name: str, query: type[Schema], schema: type[Schema]) -> Callable[..., Any]:
    """What all reports are: a question, and an answer in the form that the caller prefers."""

    def decorate(method: Callable[..., Any]) -> Any:
        @blp.arguments(query, location="query")
        @blp.response(200, schema)
        @blp.alt_response(200, schema={"type": "string"}, content_type=CSV, success=True)
        @blp.alt_response(200, schema={"type": "string", "format": "binary"}, content_type=XLSX, success=True)
        @blp.refuses(406)
        @wraps(method)
        def answer(resource: Resource, asked: dict[str, Any]) -> Any:
            form = negotiate(JSON, *TABLES)
            g.session.force_custom_plans()
            check_filters(g.session, asked, actor=g.actor)
            report = method(resource, asked)
            return report if form == JSON else _as_table(form, name, schema().dump(report))

        return answer

    return decorate


@blp.route("/reports/recovery")
class ReportRecovery(Resource):
    permissions = {"GET": Permission.REPORT_READ}

    @_given("recovery", RecoveryReportQuery, RecoveryReportSchema)
    def get(self, query: dict[str, Any]) -> Any:
        """Were people listened to, and did it help

        Counts and sums are exact at the moment of asking, medians and 90th percentiles within one per cent. With
        `Accept: text/csv`, or that of XLSX, one line per row: the columns of the group, then the figures; a rate, a
        spread and the cost have a column for each of their parts.
        """
        compare_to = query.pop("compare_to", None)
        return recovery_report(g.session, _asked(query), compare_to=compare_to)


@blp.route("/reports/remedies")
class ReportRemedies(Resource):
    permissions = {"GET": Permission.REPORT_READ}

    @_given("remedies", ByConcernQuery, RemediesReportSchema)
    def get(self, query: dict[str, Any]) -> Any:
        """What helps

        By remedy: what was given and not taken back for the concerns of these days, and what became of them. A concern
        that received two remedies stands in both rows, and once in the totals.
        """
        return remedies_report(g.session, _asked(query))


@blp.route("/reports/causes")
class ReportCauses(Resource):
    permissions = {"GET": Permission.REPORT_READ}

    @_given("causes", CausesReportQuery, CausesReportSchema)
    def get(self, query: dict[str, Any]) -> Any:
        """Why people are unhappy

        By category and cause: what became of the concerns, what it cost, and whether it went on after it was fixed.
        """
        return causes_report(g.session, _asked(query))


@blp.route("/reports/items")
class ReportItems(Resource):
    permissions = {"GET": Permission.REPORT_READ}

    @_given("items", ByConcernQuery, ItemsReportSchema)
    def get(self, query: dict[str, Any]) -> Any:
        """What people are unhappy about

        By item. A concern that names two stands in both rows, and once in the totals.
        """
        return items_report(g.session, _asked(query))


@blp.route("/reports/follow-ups")
class ReportFollowUps(Resource):
    permissions = {"GET": Permission.REPORT_READ}

    @_given("follow-ups", FollowUpsReportQuery, FollowUpsReportSchema)
    def get(self, query: dict[str, Any]) -> Any:
        """Whether promises are kept

        Of the promises that are due on these days.
        """
        return follow_ups_report(g.session, _asked(query))


@blp.route("/reports/listening")
class ReportListening(Resource):
    permissions = {"GET": Permission.REPORT_READ}

    @_given("listening", ListeningReportQuery, ListeningReportSchema)
    def get(self, query: dict[str, Any]) -> Any:
        """Whether people are asked, and heard out

        Grouped by `question`, one row for each that was asked, and a last one for concerns without.
        """
        return listening_report(g.session, _asked(query))


@blp.route("/reports/alerts")
class ReportAlerts(Resource):
    permissions = {"GET": Permission.REPORT_READ}

    @_given("alerts", ByConcernQuery, AlertsReportSchema)
    def get(self, query: dict[str, Any]) -> Any:
        """Whether calling for help works

        Over the alerts of the concerns of these days: what became of them, and what phones made of them.
        """
        return alerts_report(g.session, _asked(query))


def _asked(query: dict[str, Any]) -> ReportQuery:
    return ReportQuery(actor=g.actor, at=g.now, **query)


def _as_table(form: str, name: str, shown: dict[str, Any]) -> Response:
    for row in shown["rows"]:
        row.pop("control", None)  # a picture of its own, and no column
    columns = [column for by in shown["group_by"] for column in _group_columns(by)]
    columns += [column for column, _ in _cells(shown["totals"])]  # in the totals stands every currency there is
    rows = (dict(_cells(row)) for row in shown["rows"])
    return TABLES[form](f"{name}-{shown['from']}-{shown['to']}", columns, rows)


def _group_columns(by: str) -> list[str]:
    return [f"{by}_{part}" for part in NamedSchema().fields] if by in NAME_COLUMNS else [by]


def _cells(row: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The row laid flat: `recovery_rate_numerator`, `store_slug`, `cost_EUR`."""
    group = row.pop("group", {})  # one of its members may be called the same
    for name, value in {**group, **row}.items():
        if isinstance(value, list):
            yield from ((f"{name}_{money['currency']}", money["amount"]) for money in value)
        elif isinstance(value, dict):
            yield from ((f"{name}_{part}", inner) for part, inner in value.items())
        elif name == GroupBy.DAY:
            yield name, date.fromisoformat(value)
        else:
            yield name, value
