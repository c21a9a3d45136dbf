"""Feedback policy: how often one customer is asked."""

from marshmallow import validate

from api.schemas.base import Schema, Whole

MAX_DAYS_BETWEEN = 365


class FeedbackPolicySchema(Schema):
    """How often one customer is asked: at most once in so many days."""

    days_between = Whole(required=True, validate=validate.Range(min=0, max=MAX_DAYS_BETWEEN))
