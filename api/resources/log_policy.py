"""Policy of recovery logs: the headings of their notes."""

from typing import Any

from flask import g

from api.schemas.log_policy import LogPolicySchema, NewLogPolicySchema
from api.web.resource import Resource
from api.web.shared_blueprints import recovery_logs as blp
from models.access import Permission
from models.daily_log.daily_log import DailyLogPolicy


@blp.route("/log-policy")
class LogPolicyOfOrganization(Resource):
    permissions = {"GET": Permission.POLICY_READ, "PUT": Permission.POLICY_WRITE}

    @blp.response(200, LogPolicySchema, headers={"ETag": "ETag"})
    def get(self) -> DailyLogPolicy:
        """Read the headings under which managers leave notes

        Required ones have to be written before a day is signed.
        """
        return DailyLogPolicy.current(g.session)

    @blp.arguments(NewLogPolicySchema)
    @blp.response(200, LogPolicySchema, headers={"ETag": "ETag"})
    def put(self, data: dict[str, Any]) -> DailyLogPolicy:
        """Set the headings under which managers leave notes, and which notes are required for the sign-off

        They replace those before. Notes that were written under others stay.
        """
        return DailyLogPolicy.set_to(g.session, **data)
