"""Feedback policy: how often one customer is asked."""

from marshmallow import validate

from api.schemas.base import Schema, Whole

MAX_DAYS_BETWEEN = 365


class NewFeedbackPolicySchema(Schema):
    """Minimum number of days between two feedback requests to one customer."""

    days_between = Whole(required=True, validate=validate.Range(min=0, max=MAX_DAYS_BETWEEN))


class FeedbackPolicySchema(NewFeedbackPolicySchema):
    """The policy as it is answered."""
