"""What to ask, what may be offered, and what helped others with the same cause."""

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
    @blp.refuses(404)
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """What to ask next, what this person may give now, and what helped others with the same cause

        The store comes from the shift when absent; without one nothing is offered. Of others nothing is told before
        there are ten of them.
        """
        store = default_store(g.session, query.pop("store_id", None), by=g.actor)
        return guidance_for_conversation(g.session, store, query, by=g.actor, at=g.now)
