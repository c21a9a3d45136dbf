"""Feedback: asking customers how it was in the end, and codes by which they tell us while they are there."""

from typing import Any

from flask import Response, g

from api.links import SVG, public_url, qr_response
from api.schemas.base import PageQuery, page_of
from api.schemas.feedback import (
    FeedbackPolicySchema,
    FeedbackRequestSchema,
    NewFeedbackRequestSchema,
    NewStandingQrSchema,
    StandingQrSchema,
)
from api.web.blueprint import Blueprint
from api.web.idempotency import idempotent
from api.web.pagination import paginate
from api.web.resource import Resource
from models.access import Permission
from models.concerns.concern import Concern
from models.organizations.store import Store
from models.recovery.feedback_request import FeedbackPolicy, FeedbackRequest
from models.recovery.qr_code import QrCode
from notifications.decide.announce import announce

blp = Blueprint("feedback", __name__, "What customers say themselves: links after a recovery, standing QR codes")


@blp.route("/concerns/<uuid:concern_id>/feedback-requests")
class ConcernFeedbackRequests(Resource):
    permissions = {"GET": Permission.CONCERN_READ, "POST": Permission.CONCERN_RESOLVE}
    path_models = {"concern_id": Concern}

    @blp.arguments(PageQuery, location="query")
    @blp.response(200, page_of(FeedbackRequestSchema))
    def get(self, query: dict[str, Any], concern: Concern) -> dict[str, Any]:
        """List how a customer was asked, and what they answered"""
        requests = FeedbackRequest.select_visible(g.actor, concern_id=concern.id)
        return paginate(requests, FeedbackRequest.asked_at, FeedbackRequest.id, **query)

    @blp.arguments(NewFeedbackRequestSchema)
    @blp.response(201, FeedbackRequestSchema)
    @idempotent(FeedbackRequest, status=201)
    def post(self, data: dict[str, Any], concern: Concern) -> FeedbackRequest:
        """Make a link by which the customer says how it was in the end

        Once the concern is resolved, and at most one for a customer in the organization's number of days (409
        `asked-already`). A rating of 1 or 2 opens the concern again and rings the managers.
        """
        request, event = FeedbackRequest.create(g.session, concern, id_=data["id"], by=g.actor, at=g.now)
        announce(g.session, event)
        return request


@blp.route("/feedback-requests/<uuid:feedback_request_id>/qr")
class FeedbackRequestQr(Resource):
    permissions = {"GET": Permission.CONCERN_WORDS}
    path_models = {"feedback_request_id": FeedbackRequest}

    @blp.response(200, {"type": "string"}, content_type=SVG)
    def get(self, feedback_request: FeedbackRequest) -> Response:
        """Show the link as a QR code"""
        return qr_response(public_url("f", feedback_request.token))


@blp.route("/feedback-policy")
class FeedbackPolicyOfOrganization(Resource):
    permissions = {"GET": Permission.POLICY_READ, "PUT": Permission.POLICY_WRITE}

    @blp.response(200, FeedbackPolicySchema)
    def get(self) -> FeedbackPolicy:
        """Read how often one customer is asked"""
        return FeedbackPolicy.current(g.session)

    @blp.arguments(FeedbackPolicySchema)
    @blp.response(200, FeedbackPolicySchema)
    def put(self, data: dict[str, Any]) -> FeedbackPolicy:
        """Say how often one customer is asked: at most once in so many days"""
        return FeedbackPolicy.set_to(g.session, **data)


@blp.route("/stores/<uuid:store_id>/standing-qrs")
class StoreStandingQrs(Resource):
    permissions = {"GET": Permission.STORE_READ, "POST": Permission.STORE_WRITE}
    path_models = {"store_id": Store}

    @blp.arguments(PageQuery, location="query")
    @blp.response(200, page_of(StandingQrSchema))
    def get(self, query: dict[str, Any], store: Store) -> dict[str, Any]:
        """List the codes of a store that are valid"""
        return paginate(QrCode.select_visible(g.actor, store_id=store.id), QrCode.made_at, QrCode.id, **query)

    @blp.arguments(NewStandingQrSchema)
    @blp.response(201, StandingQrSchema)
    @idempotent(QrCode, status=201)
    def post(self, data: dict[str, Any], store: Store) -> QrCode:
        """Make a code to print, for a place or for receipts

        What a customer tells by it is a concern with `source: customer`, and rings like one.
        """
        return QrCode.create(g.session, store, id_=data["id"], place=data.get("place"), by=g.actor, at=g.now)


@blp.route("/standing-qrs/<uuid:standing_qr_id>")
class StandingQrById(Resource):
    permissions = {"DELETE": Permission.STORE_WRITE}
    path_models = {"standing_qr_id": QrCode}

    @blp.response(204)
    def delete(self, standing_qr: QrCode) -> None:
        """Withdraw a code: nobody can tell anything by it from now on"""
        standing_qr.withdraw(at=g.now)


@blp.route("/standing-qrs/<uuid:standing_qr_id>/qr")
class StandingQrImage(Resource):
    permissions = {"GET": Permission.STORE_READ}
    path_models = {"standing_qr_id": QrCode}

    @blp.response(200, {"type": "string"}, content_type=SVG)
    def get(self, standing_qr: QrCode) -> Response:
        """Show a code, to print it"""
        return qr_response(public_url("q", standing_qr.token))
