"""Feedback policy: how often one customer is asked."""

from typing import Any

from flask import g

from api.schemas.feedback_policy import FeedbackPolicySchema, NewFeedbackPolicySchema
from api.web.resource import Resource
from api.web.shared_blueprints import feedback as blp
from models.access import Permission
from models.recovery.feedback_request import FeedbackPolicy


@blp.route("/feedback-policy")
class FeedbackPolicyOfOrganization(Resource):
    permissions = {"GET": Permission.POLICY_READ, "PUT": Permission.POLICY_WRITE}

    @blp.response(200, FeedbackPolicySchema, headers={"ETag": "ETag"})
    def get(self) -> FeedbackPolicy:
        """Read how often one customer is asked

        30 days until the organization sets another number.
        """
        return FeedbackPolicy.current(g.session)

    @blp.arguments(NewFeedbackPolicySchema)
    @blp.response(200, FeedbackPolicySchema, headers={"ETag": "ETag"})
    def put(self, data: dict[str, Any]) -> FeedbackPolicy:
        """Set how often one customer is asked: at most once in so many days

        0 for no such limit. It holds from the next feedback request on.
        """
        return FeedbackPolicy.set_to(g.session, **data)
