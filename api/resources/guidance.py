"""Guidance for a conversation: what to ask, what may be offered, and what helped others with the same cause."""

from typing import Any

from flask import g

from api.schemas.guidance import GuidanceQuery, GuidanceSchema
from api.web.blueprint import Blueprint
from api.web.resource import Resource
from models.access import Permission
from models.operations.guidance import guidance_for_conversation
from models.operations.log_concern import default_store

blp = Blueprint("guidance", __name__, "What to ask, what may be offered, and what helped others")


@blp.route("/guidance")
class Guidance(Resource):
    permissions = {"GET": Permission.CONCERN_READ}

    @blp.arguments(GuidanceQuery, location="query")
    @blp.response(200, GuidanceSchema)
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """Get guidance: what to ask next, what this person may give now, and what helped others with the same cause

        Without `store_id` the store comes from the shift; without a shift nothing is offered. Outcomes of others are
        shown from ten of them on.
        """
        store = default_store(g.session, query.pop("store_id", None), by=g.actor, at=g.now)
        return guidance_for_conversation(g.session, store, query, by=g.actor, at=g.now)
