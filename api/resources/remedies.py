"""Remedies: kinds of recovery action, and how much of each a role may give without approval."""

from typing import Any

from flask import g

from api.schemas.base import page_of
from api.schemas.reader_language import order_for_reader
from api.schemas.remedies import EditRemedySchema, NewRemedySchema, RemedySchema
from api.schemas.vocabulary_words import WordQuery
from api.web.blueprint import Blueprint
from api.web.idempotency import idempotent
from api.web.pagination import paginate_sorted
from api.web.resource import Resource
from models.access import Permission
from models.organizations.store import Store
from models.recovery.remedy import Remedy

blp = Blueprint("remedies", __name__, "Kinds of recovery action, and how much of each anybody may give")


@blp.route("/remedies")
class Remedies(Resource):
    permissions = {"GET": Permission.VOCABULARY_READ, "POST": Permission.VOCABULARY_WRITE}

    @blp.arguments(WordQuery, location="query")
    @blp.response(200, page_of(RemedySchema))
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """List the remedies, the kinds of recovery action, also the retired ones

        They are in order by position, then by their name in the language of the reader.
        """
        kind = Store.kind_within_reach(g.session, query.pop("store_id", None), actor=g.actor)
        remedies = g.session.scalars(Remedy.select_visible(store_kind=kind))
        return paginate_sorted(remedies, order_for_reader, **query)

    @blp.arguments(NewRemedySchema)
    @blp.response(201, RemedySchema)
    @idempotent(Remedy, status=201)
    def post(self, data: dict[str, Any]) -> Remedy:
        """Add a remedy

        Without `limits` it has the usual ones. 409 `already-exists` for a slug that a remedy has or had.
        """
        return Remedy.create(g.session, at=g.now, **data)


@blp.route("/remedies/<uuid:remedy_id>")
class RemedyById(Resource):
    permissions = {"GET": Permission.VOCABULARY_READ, "PATCH": Permission.VOCABULARY_WRITE}
    path_models = {"remedy_id": Remedy}

    @blp.response(200, RemedySchema)
    def get(self, remedy: Remedy) -> Remedy:
        """Read a remedy

        A retired one is read as well.
        """
        return remedy

    @blp.arguments(EditRemedySchema)
    @blp.response(200, RemedySchema)
    def patch(self, data: dict[str, Any], remedy: Remedy) -> Remedy:
        """Change a remedy for the actions from now on; retire it, or bring it back

        New limits apply from the next action on, and count what was given earlier today.
        """
        remedy.edit(g.session, at=g.now, **data)
        return remedy
