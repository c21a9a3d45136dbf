"""Reports: aggregated figures, as JSON, CSV or XLSX."""

from collections.abc import Callable, Iterator
from datetime import date
from functools import wraps
from typing import Any

from flask import Response, g

from api.schemas.base import Schema
from api.schemas.reports.alerts import AlertsReportSchema
from api.schemas.reports.base import ByConcernQuery, NamedSchema
from api.schemas.reports.causes import CausesReportQuery, CausesReportSchema
from api.schemas.reports.follow_ups import FollowUpsReportQuery, FollowUpsReportSchema
from api.schemas.reports.items import ItemsReportSchema
from api.schemas.reports.listening import ListeningReportQuery, ListeningReportSchema
from api.schemas.reports.recovery import RecoveryReportQuery, RecoveryReportSchema
from api.schemas.reports.remedies import RemediesReportSchema
from api.web.blueprint import Blueprint
from api.web.csv_format import CSV, csv_response
from api.web.negotiation import JSON, negotiate
from api.web.resource import Resource
from api.web.xlsx_format import XLSX, xlsx_response
from models.access import Permission
from models.reports.alerts import alerts_report
from models.reports.causes import causes_report
from models.reports.engine import ReportQuery
from models.reports.filters import resolve_filters
from models.reports.follow_ups import follow_ups_report
from models.reports.grouping import NAME_COLUMNS, WORD_DIMENSIONS, GroupBy
from models.reports.items import items_report
from models.reports.listening import listening_report
from models.reports.merged_words import NOTHING_MERGED, find_merged_words
from models.reports.recovery import recovery_report
from models.reports.remedies import remedies_report

blp = Blueprint("reports", __name__, "Reports: aggregated figures, as JSON, CSV or XLSX")

TABLES = {CSV: csv_response, XLSX: xlsx_response}


def _report(name: str, query: type[Schema], schema: type[Schema]) -> Callable[..., Any]:
    """Decorate the method of a report: declare its query and its forms, and answer in the form the caller prefers."""

    def decorate(method: Callable[..., Any]) -> Any:
        @blp.arguments(query, location="query")
        @blp.response(200, schema)
        @blp.alt_response(200, schema={"type": "string"}, content_type=CSV, success=True)
        @blp.alt_response(200, schema={"type": "string", "format": "binary"}, content_type=XLSX, success=True)
        @blp.refuses(406)
        @wraps(method)
        def answer(resource: Resource, query_data: dict[str, Any]) -> Any:
            form = negotiate(JSON, *TABLES)
            g.session.force_custom_plans()
            report = method(resource, resolve_filters(g.session, query_data, actor=g.actor))
            return report if form == JSON else _as_table(form, name, schema().dump(report))

        return answer

    return decorate


@blp.route("/reports/recovery")
class ReportRecovery(Resource):
    permissions = {"GET": Permission.REPORT_READ}

    @_report("recovery", RecoveryReportQuery, RecoveryReportSchema)
    def get(self, query: dict[str, Any]) -> Any:
        """Report on recovery: whether customers were heard, and whether it helped

        Counts and sums are exact, medians and 90th percentiles within one per cent. With `Accept: text/csv` or XLSX
        there is one line per row: the columns of the group, then the figures; a rate, percentiles and the cost have a
        column for each of their parts.
        """
        compare_to = query.pop("compare_to", None)
        return recovery_report(g.session, _report_query(query), compare_to=compare_to)


@blp.route("/reports/remedies")
class ReportRemedies(Resource):
    permissions = {"GET": Permission.REPORT_READ}

    @_report("remedies", ByConcernQuery, RemediesReportSchema)
    def get(self, query: dict[str, Any]) -> Any:
        """Report on remedies: what helps

        By remedy: what was given and not reversed for the concerns of these days, and how they ended. A concern with
        two remedies is in both rows, and once in the totals.
        """
        return remedies_report(g.session, _report_query(query))


@blp.route("/reports/causes")
class ReportCauses(Resource):
    permissions = {"GET": Permission.REPORT_READ}

    @_report("causes", CausesReportQuery, CausesReportSchema)
    def get(self, query: dict[str, Any]) -> Any:
        """Report on causes: why customers are unhappy

        By category and cause: how the concerns ended, what they cost, and whether they went on after the fix.
        """
        return causes_report(g.session, _report_query(query, GroupBy.CATEGORY, GroupBy.CAUSE))


@blp.route("/reports/items")
class ReportItems(Resource):
    permissions = {"GET": Permission.REPORT_READ}

    @_report("items", ByConcernQuery, ItemsReportSchema)
    def get(self, query: dict[str, Any]) -> Any:
        """Report on items: what customers are unhappy about

        A concern that names two items is in both rows, and once in the totals.
        """
        return items_report(g.session, _report_query(query))


@blp.route("/reports/follow-ups")
class ReportFollowUps(Resource):
    permissions = {"GET": Permission.REPORT_READ}

    @_report("follow-ups", FollowUpsReportQuery, FollowUpsReportSchema)
    def get(self, query: dict[str, Any]) -> Any:
        """Report on follow-ups: whether promises are kept

        Over the follow-ups that are due on these days.
        """
        return follow_ups_report(g.session, _report_query(query))


@blp.route("/reports/listening")
class ReportListening(Resource):
    permissions = {"GET": Permission.REPORT_READ}

    @_report("listening", ListeningReportQuery, ListeningReportSchema)
    def get(self, query: dict[str, Any]) -> Any:
        """Report on listening: whether customers are asked and heard out

        Grouped by `question` there is a row per question that was asked, and a last one for concerns without.
        """
        return listening_report(g.session, _report_query(query))


@blp.route("/reports/alerts")
class ReportAlerts(Resource):
    permissions = {"GET": Permission.REPORT_READ}

    @_report("alerts", ByConcernQuery, AlertsReportSchema)
    def get(self, query: dict[str, Any]) -> Any:
        """Report on alerts: whether help comes when it is needed

        Over the alerts of the concerns of these days: how they ended, and how many phones received and opened them.
        """
        return alerts_report(g.session, _report_query(query))


def _report_query(query: dict[str, Any], *own_dimensions: GroupBy) -> ReportQuery:
    tells_words_apart = "category_id" in query or not WORD_DIMENSIONS.isdisjoint(
        (*own_dimensions, *query.get("group_by", ()))
    )
    merged_words = find_merged_words(g.session) if tells_words_apart else NOTHING_MERGED
    return ReportQuery(actor=g.actor, at=g.now, merged_words=merged_words, **query)


def _as_table(form: str, name: str, document: dict[str, Any]) -> Response:
    for row in document["rows"]:
        row.pop("control", None)  # control limits are in JSON only
    columns = [column for by in document["group_by"] for column in _group_columns(by)]
    columns += [column for column, _ in _cells(document["totals"])]  # the totals have every currency
    rows = (dict(_cells(row)) for row in document["rows"])
    return TABLES[form](f"{name}-{document['from']}-{document['to']}", columns, rows)


def _group_columns(by: str) -> list[str]:
    return [f"{by}_{part}" for part in NamedSchema().fields] if by in NAME_COLUMNS else [by]


def _cells(row: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the columns of a row: nested parts become `recovery_rate_numerator`, `store_slug`, `cost_EUR`."""
    group = row.pop("group", {})  # a dimension may be named like a figure
    for name, value in {**group, **row}.items():
        if isinstance(value, list):
            yield from ((f"{name}_{money['currency']}", money["amount"]) for money in value)
        elif isinstance(value, dict):
            yield from ((f"{name}_{part}", inner) for part, inner in value.items())
        elif name == GroupBy.DAY:
            yield name, date.fromisoformat(value)
        else:
            yield name, value
