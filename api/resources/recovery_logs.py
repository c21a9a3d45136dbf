"""The daily recovery log of a store."""

from datetime import date

from flask import g

from api.blueprint import Blueprint
from api.resource import Resource
from api.schemas.reports import RecoveryLogSchema
from models.access import Permission
from models.reports.day import RecoveryLog, recovery_log
from models.store import Store

blp = Blueprint("recovery-logs", __name__, "The daily recovery log of a store")


@blp.route("/stores/<uuid:store_id>/recovery-logs/<date:business_date>")
class RecoveryLogByDate(Resource):
    needs = {"GET": Permission.LOG_READ}
    finds = {"store_id": Store}

    @blp.response(200, RecoveryLogSchema)
    def get(self, store: Store, business_date: date) -> RecoveryLog:
        """Read a store's business day: what needs somebody now, the figures, every concern with its timeline"""
        return recovery_log(g.session, store, business_date, seen_by=g.actor, at=g.now)
