"""Reports: aggregated figures, as JSON, CSV, XLSX or a page to print."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import g

from api.pages.table_forms import FILES, answers_tables
from api.schemas.base import Schema
from api.schemas.reports.alerts import AlertsReportSchema
from api.schemas.reports.base import ByConcernQuery
from api.schemas.reports.causes import CausesReportQuery, CausesReportSchema
from api.schemas.reports.follow_ups import FollowUpsReportQuery, FollowUpsReportSchema
from api.schemas.reports.items import ItemsReportSchema
from api.schemas.reports.listening import ListeningReportQuery, ListeningReportSchema
from api.schemas.reports.recovery import RecoveryReportQuery, RecoveryReportSchema
from api.schemas.reports.remedies import RemediesReportSchema
from api.web.blueprint import Blueprint
from api.web.negotiation import JSON, negotiate
from api.web.resource import Resource
from api.web.tables.report_table import report_file
from models.access import Permission
from models.reports.alerts import alerts_report
from models.reports.causes import causes_report
from models.reports.engine import ReportQuery
from models.reports.filters import resolve_filters
from models.reports.follow_ups import follow_ups_report
from models.reports.grouping import WORD_DIMENSIONS, GroupBy
from models.reports.items import items_report
from models.reports.listening import listening_report
from models.reports.merged_words import NOTHING_MERGED, find_merged_words
from models.reports.recovery import recovery_report
from models.reports.remedies import remedies_report

blp = Blueprint("reports", __name__, "Reports: aggregated figures, as JSON, CSV, XLSX or a page to print")


def _report(name: str, query_schema: type[Schema], schema: type[Schema]) -> Callable[..., Any]:
    """Decorate the method of a report: declare its query and its forms, and answer in the form the caller prefers."""

    def decorate(method: Callable[..., Any]) -> Any:
        @blp.arguments(query_schema, location="query")
        @answers_tables(blp, schema)
        @wraps(method)
        def answer(resource: Resource, query_data: dict[str, Any]) -> Any:
            form = negotiate(JSON, *FILES)
            g.session.force_custom_plans()
            query, filters = resolve_filters(g.session, query_data, actor=g.actor)
            report = method(resource, query)
            if form == JSON:
                return report
            described = schema()
            return FILES[form](report_file(name, described, described.dump(report), filters))

        return answer

    return decorate


@blp.route("/reports/recovery")
class ReportRecovery(Resource):
    permissions = {"GET": Permission.REPORT_READ}

    @_report("recovery", RecoveryReportQuery, RecoveryReportSchema)
    def get(self, query: dict[str, Any]) -> Any:
        """Report on recovery: whether customers were heard, and whether it helped

        Counts and sums are exact, medians and 90th percentiles within one per cent. As CSV, XLSX or HTML there is one
        line per row and one for the total, money is in major units with its currency beside it, and the figures of
        `compare_to` and the control limits are columns beside the figures.
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
    report_query = ReportQuery(actor=g.actor, at=g.now, merged_words=merged_words, **query)
    report_query.check_clock()
    return report_query.over(g.session, report_query.from_date, report_query.to_date)
