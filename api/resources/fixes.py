"""Fixes of causes, and thank-yous for the customers who had raised them ("you said, we did")."""

from typing import Any

from flask import g

from api.pages.table_forms import answers_list
from api.schemas.base import PageQuery, page_of
from api.schemas.fixes import (
    FixCustomerSchema,
    FixQuery,
    FixSchema,
    FixWithFiguresSchema,
    NewFixSchema,
    ThankYousSchema,
)
from api.web.blueprint import Blueprint
from api.web.idempotency import idempotent
from api.web.pagination import paginate
from api.web.resource import Resource
from models.access import Permission
from models.concerns.concern import Concern
from models.recovery.fix import Fix
from models.reports.fixes import FixWithFigures, fix_with_figures
from notifications.decide.follow_ups import announce_follow_up

blp = Blueprint("fixes", __name__, "You said, we did: causes that were fixed, and thanks for those who had raised them")


def _with_figures(fix: Fix) -> FixWithFigures:
    return fix_with_figures(g.session, fix, actor=g.actor)


@blp.route("/fixes")
class Fixes(Resource):
    permissions = {"GET": Permission.CONCERN_READ, "POST": Permission.CAUSE_FIX}

    @blp.arguments(FixQuery, location="query")
    @answers_list(blp, FixSchema, "Fixes")
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """List fixes in the stores within reach and in the whole organization, newest first

        With `Accept: text/csv`, XLSX or HTML it is a table.
        """
        page = {name: query.pop(name) for name in ("limit", "cursor")}
        return paginate(Fix.select_visible(g.actor, **query), Fix.fixed_at, Fix.id, descending=True, **page)

    @blp.arguments(NewFixSchema)
    @blp.response(201, FixWithFiguresSchema)
    @idempotent(Fix, status=201, on_replay=lambda fix, _: _with_figures(fix))
    def post(self, data: dict[str, Any]) -> FixWithFigures:
        """Record that a cause is fixed in a store

        Those who look after all stores may leave `store_id` out: then it is fixed everywhere.
        """
        return _with_figures(Fix.record(g.session, by=g.actor, at=g.now, **data))


@blp.route("/fixes/<uuid:fix_id>")
class FixById(Resource):
    permissions = {"GET": Permission.CONCERN_READ}
    path_models = {"fix_id": Fix}

    @blp.response(200, FixWithFiguresSchema)
    def get(self, fix: Fix) -> FixWithFigures:
        """Read a fix: how often its cause was raised before and since, and how many customers were thanked

        The figures count what the person may see.
        """
        return _with_figures(fix)


@blp.route("/fixes/<uuid:fix_id>/customers")
class FixCustomers(Resource):
    permissions = {"GET": Permission.CUSTOMER_READ}
    path_models = {"fix_id": Fix}

    @blp.arguments(PageQuery, location="query")
    @blp.response(200, page_of(FixCustomerSchema))
    def get(self, query: dict[str, Any], fix: Fix) -> dict[str, Any]:
        """List the customers who raised the cause and may be contacted, the latest first, each once

        Each with the newest concern, and with the thank-you if one was promised.
        """
        page = paginate(fix.raised_by(actor=g.actor), Concern.received_at, Concern.id, descending=True, **query)
        return {**page, "items": fix.with_thanks(g.session, page["items"], actor=g.actor)}


@blp.route("/fixes/<uuid:fix_id>/thank-yous")
class FixThankYous(Resource):
    permissions = {"POST": Permission.CUSTOMER_THANK}
    path_models = {"fix_id": Fix}

    @blp.arguments(ThankYousSchema)
    @blp.response(200, FixWithFiguresSchema)
    @idempotent(Fix, status=200, on_replay=lambda fix, _: _with_figures(fix))
    def post(self, data: dict[str, Any], fix: Fix) -> FixWithFigures:
        """Promise a thank-you to each of these customers who has none yet, at most 200 at a time

        Repeat it while `left` of the figures is not 0. Each thank-you is a follow-up with this `fix_id`.
        """
        for thank_you, event in fix.thank(g.session, by=g.actor, at=g.now, **data):
            announce_follow_up(g.session, thank_you, event)
        g.session.flush()
        return _with_figures(fix)
