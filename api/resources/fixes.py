"""'You said, we did': causes that were fixed, and the thanks for those who had raised them."""

from typing import Any

from flask import g

from api.schemas.base import PageQuery, page_of
from api.schemas.fixes import (
    FixCustomerSchema,
    FixQuery,
    FixSchema,
    FollowedFixSchema,
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


def _followed(fix: Fix) -> FixWithFigures:
    return fix_with_figures(g.session, fix, actor=g.actor)


@blp.route("/fixes")
class Fixes(Resource):
    permissions = {"GET": Permission.CONCERN_READ, "POST": Permission.CAUSE_FIX}

    @blp.arguments(FixQuery, location="query")
    @blp.response(200, page_of(FixSchema))
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """List what was fixed in one's stores and in all of them, newest first"""
        place = {name: query.pop(name) for name in ("limit", "cursor")}
        return paginate(Fix.select_visible(g.actor, **query), Fix.fixed_at, Fix.id, descending=True, **place)

    @blp.arguments(NewFixSchema)
    @blp.response(201, FollowedFixSchema)
    @idempotent(Fix, status=201, on_replay=lambda fix, _: _followed(fix))
    def post(self, data: dict[str, Any]) -> FixWithFigures:
        """Say that a cause is fixed, in one of one's stores

        Who looks after every store may leave `store_id` out: it is fixed everywhere.
        """
        return _followed(Fix.record(g.session, by=g.actor, at=g.now, **data))


@blp.route("/fixes/<uuid:fix_id>")
class FixById(Resource):
    permissions = {"GET": Permission.CONCERN_READ}
    path_models = {"fix_id": Fix}

    @blp.response(200, FollowedFixSchema)
    def get(self, fix: Fix) -> FixWithFigures:
        """Read a fix: how often it was raised before and since, and how many of those who may be told were told"""
        return _followed(fix)


@blp.route("/fixes/<uuid:fix_id>/customers")
class FixCustomers(Resource):
    permissions = {"GET": Permission.CUSTOMER_READ}
    path_models = {"fix_id": Fix}

    @blp.arguments(PageQuery, location="query")
    @blp.response(200, page_of(FixCustomerSchema))
    def get(self, query: dict[str, Any], fix: Fix) -> dict[str, Any]:
        """List who raised it and may be contacted, each once, who raised it last coming first"""
        raised = paginate(fix.raised_by(actor=g.actor), Concern.received_at, Concern.id, descending=True, **query)
        return {**raised, "items": fix.with_thanks(g.session, raised["items"], actor=g.actor)}


@blp.route("/fixes/<uuid:fix_id>/thank-yous")
class FixThankYous(Resource):
    permissions = {"POST": Permission.CUSTOMER_THANK}
    path_models = {"fix_id": Fix}

    @blp.arguments(ThankYousSchema)
    @blp.response(200, FollowedFixSchema)
    @idempotent(Fix, status=200, on_replay=lambda fix, _: _followed(fix))
    def post(self, data: dict[str, Any], fix: Fix) -> FixWithFigures:
        """Promise a thank-you to everybody on that list who has none yet, at most 200 at a time

        Call it again while `left` of the figures is not 0. Each is a follow-up with this `fix_id`.
        """
        for thank_you, event in fix.thank(g.session, by=g.actor, at=g.now, **data):
            announce_follow_up(g.session, thank_you, event)
        g.session.flush()
        return _followed(fix)
