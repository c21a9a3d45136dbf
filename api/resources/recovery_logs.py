"""Recovery log of a store's business day: read, noted, signed, amended."""

from datetime import date
from typing import Any

from flask import g

from api.pages.recovery_log import render_recovery_log
from api.pages.table_forms import answers_list
from api.schemas.recovery_logs import (
    LogAmendmentSchema,
    LogDaySchema,
    LogListQuery,
    LogNotesSchema,
    LogPageSchema,
    NewLogAmendmentSchema,
    RecoveryLogSchema,
)
from api.web.etags import etag_header
from api.web.idempotency import idempotent
from api.web.negotiation import HTML, JSON, negotiate
from api.web.pagination import paginate
from api.web.resource import Resource
from api.web.shared_blueprints import recovery_logs as blp
from api.web.tables.csv_format import CSV, csv_file
from api.web.tables.log_table import log_file
from api.web.tables.xlsx_format import XLSX, xlsx_file
from models.access import Permission
from models.daily_log.daily_log import DailyLog, DailyLogAmendment
from models.organizations.store import Store
from models.reports.daily_figures import daily_figures
from models.reports.daily_log import build_daily_log
from models.reports.log_list import LogDay, select_log_days

FILES = {CSV: csv_file, XLSX: xlsx_file}


def _daily_log(store: Store, business_date: date) -> DailyLog:
    (daily_log,) = DailyLog.for_days(g.session, store, business_date)
    return daily_log


@blp.route("/recovery-logs")
class RecoveryLogs(Resource):
    permissions = {"GET": Permission.LOG_READ}

    @blp.arguments(LogListQuery, location="query")
    @answers_list(blp, LogDaySchema, "Recovery logs", by_store=False)
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """List the business days on which there were concerns, the first one first

        With `signed=false` those that nobody has signed, today among them: what `unsigned_days` counts in
        `GET /v1/reports/recovery`.
        """
        page = {name: query.pop(name) for name in ("limit", "cursor")}
        stmt = select_log_days(g.actor, at=g.now, **query)
        order = (stmt.selected_columns["business_date"], stmt.selected_columns["store_id"])
        answer = paginate(stmt, *order, whole_rows=True, **page)
        return {**answer, "items": [LogDay.of(row) for row in answer["items"]]}


@blp.route("/stores/<uuid:store_id>/recovery-logs/<date:business_date>")
class RecoveryLogByDate(Resource):
    never_stored = True
    permissions = {"GET": Permission.LOG_READ, "PATCH": Permission.LOG_SIGN}
    path_models = {"store_id": Store}

    def changed(self, subjects: dict[str, Any]) -> DailyLog:
        return _daily_log(**subjects)

    @blp.response(200, RecoveryLogSchema, headers={"ETag": "ETag"})
    @blp.alt_response(200, schema={"type": "string"}, content_type=CSV, success=True)
    @blp.alt_response(200, schema={"type": "string", "format": "binary"}, content_type=XLSX, success=True)
    @blp.alt_response(200, schema={"type": "string"}, content_type=HTML, success=True)
    @blp.refuses(406)
    def get(self, store: Store, business_date: date) -> Any:
        """Read a store's business day: what needs somebody now, the figures, every concern with its timeline

        The ETag begins with the version of its `page`. With `Accept: text/csv` the answer has one line per concern,
        praise and voided concern, then one with the figures of the day; XLSX has the same, and a sheet that explains
        the columns. The timeline is in the store's own time. With `Accept: text/html` it is a page to print, in
        the language of `Accept-Language`.
        """
        form = negotiate(JSON, *FILES, HTML)
        log = build_daily_log(g.session, store, business_date, actor=g.actor, at=g.now)
        if form == JSON:
            return log, 200, etag_header(log.page)
        document = RecoveryLogSchema().dump(log)
        if form == HTML:
            return render_recovery_log(document)
        return FILES[form](log_file(store.slug, document))

    @blp.arguments(LogNotesSchema)
    @blp.response(200, LogPageSchema)
    def patch(self, data: dict[str, Any], store: Store, business_date: date) -> DailyLog:
        """Write the notes of a day, until it is signed

        409 `not-now` once it is signed; 422 for a day more than ten years ago or a month ahead.
        """
        daily_log = _daily_log(store, business_date)
        daily_log.write(g.session, store, at=g.now, **data)
        return daily_log


@blp.route("/stores/<uuid:store_id>/recovery-logs/<date:business_date>/sign-off")
class SignOffRecoveryLog(Resource):
    permissions = {"POST": Permission.LOG_SIGN}
    path_models = {"store_id": Store}

    @blp.response(200, LogPageSchema)
    @idempotent(Store, status=200, on_replay=lambda store, path: _daily_log(store, path["business_date"]))
    def post(self, store: Store, business_date: date) -> DailyLog:
        """Sign a day, from the time the store closes

        Its figures are stored as they are, and open concerns are handed over to the next day. 409 `not-now` before the
        day is over, and with the slugs of required notes that are `missing`; 409 `already-signed` with `signed_by`.
        """
        daily_log = _daily_log(store, business_date)
        daily_log.sign_off(g.session, store, count=daily_figures, by=g.actor, at=g.now)
        return daily_log


@blp.route("/stores/<uuid:store_id>/recovery-logs/<date:business_date>/amendments")
class LogAmendments(Resource):
    permissions = {"POST": Permission.LOG_SIGN}
    path_models = {"store_id": Store}

    @blp.arguments(NewLogAmendmentSchema)
    @blp.response(201, LogAmendmentSchema)
    @idempotent(DailyLogAmendment, status=201)
    def post(self, data: dict[str, Any], store: Store, business_date: date) -> DailyLogAmendment:
        """Add an amendment to a signed day, and say why

        What was signed stays unchanged. 409 `not-now` while the day is not signed.
        """
        daily_log = _daily_log(store, business_date)
        return daily_log.amend(
            g.session, id_=data["id"], reason=data["reason"], text=data["text"], by=g.actor, at=g.now
        )
