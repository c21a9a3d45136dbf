"""Feedback requests: links by which customers say how it was in the end."""

from typing import Any

from flask import Response, g

from api.links import SVG, public_url, qr_response
from api.pages.table_forms import answers_list
from api.schemas.base import PageQuery, page_of
from api.schemas.feedback_requests import (
    FeedbackQuery,
    FeedbackRequestSchema,
    FeedbackSchema,
    NewFeedbackRequestSchema,
)
from api.web.idempotency import idempotent
from api.web.includes import page_of_feedback_requests
from api.web.origin import origin_of_request
from api.web.pagination import paginate
from api.web.resource import Resource
from api.web.shared_blueprints import feedback as blp
from models.access import Permission
from models.concerns.concern import Concern
from models.recovery.feedback_request import FeedbackRequest
from notifications.decide.announce import announce


@blp.route("/concerns/<uuid:concern_id>/feedback-requests")
class ConcernFeedbackRequests(Resource):
    never_stored = True
    permissions = {"GET": Permission.CONCERN_READ, "POST": Permission.CONCERN_RESOLVE}
    path_models = {"concern_id": Concern}

    @blp.arguments(PageQuery, location="query")
    @blp.response(200, page_of(FeedbackRequestSchema))
    def get(self, query: dict[str, Any], concern: Concern) -> dict[str, Any]:
        """List the feedback requests of a concern, and what the customer answered

        Head office reads the answers without the words.
        """
        return page_of_feedback_requests(concern, **query)

    @blp.arguments(NewFeedbackRequestSchema)
    @blp.response(201, FeedbackRequestSchema)
    @idempotent(FeedbackRequest, status=201)
    def post(self, data: dict[str, Any], concern: Concern) -> FeedbackRequest:
        """Make a link by which the customer says how it was in the end

        The concern has to be resolved, and a customer is asked at most once in the organization's number of days (409
        `asked-already`). A rating of 1 or 2 reopens the concern and rings the managers.
        """
        request, event = FeedbackRequest.create(
            g.session, concern, id_=data["id"], by=g.actor, at=g.now, origin=origin_of_request()
        )
        announce(g.session, event)
        return request


@blp.route("/feedback")
class Feedback(Resource):
    never_stored = True
    permissions = {"GET": Permission.CONCERN_READ}

    @blp.arguments(FeedbackQuery, location="query")
    @answers_list(blp, FeedbackSchema, "Feedback")
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """List what customers answered, the newest first

        Of the concerns the reader may see, without voided ones. The figures are in `GET /v1/reports/recovery`.
        """
        page = {name: query.pop(name) for name in ("limit", "cursor")}
        answers = FeedbackRequest.select_answers(g.actor, **query)
        return paginate(answers, FeedbackRequest.answered_at, FeedbackRequest.id, descending=True, **page)


@blp.route("/feedback-requests/<uuid:feedback_request_id>/qr")
class FeedbackRequestQr(Resource):
    never_stored = True
    permissions = {"GET": Permission.CONCERN_WORDS}
    path_models = {"feedback_request_id": FeedbackRequest}

    @blp.response(200, {"type": "string"}, content_type=SVG)
    def get(self, feedback_request: FeedbackRequest) -> Response:
        """Show the link as a QR code

        An SVG image, for a customer to scan from the phone of whoever asks them.
        """
        return qr_response(public_url("f", feedback_request.token))
