"""Checks: a customer was asked, and all was well."""

from typing import Any

from flask import g

from api.schemas.checks import CheckSchema, NewCheckSchema
from api.web.idempotency import idempotent
from api.web.resource import Resource
from api.web.shared_blueprints import listening as blp
from models.access import Permission
from models.concerns.check import WellbeingCheck


@blp.route("/checks")
class Checks(Resource):
    permissions = {"POST": Permission.CONCERN_LOG}

    @blp.arguments(NewCheckSchema)
    @blp.response(201, CheckSchema)
    @idempotent(WellbeingCheck, status=201)
    def post(self, data: dict[str, Any]) -> WellbeingCheck:
        """Record a check: a customer was asked and all was well; the store comes from the shift

        A store records at most six an hour for each of its places, as if it had twenty at least: 409 `too-many`.
        """
        return WellbeingCheck.record(g.session, by=g.actor, at=g.now, **data)
