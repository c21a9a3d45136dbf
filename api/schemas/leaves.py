"""Leaving, and what is handed over."""

from marshmallow import fields

from api.schemas.base import Instant, Schema
from api.schemas.staff import ManagedStaffSchema


class LeaveStaffSchema(Schema):
    """When somebody leaves, at once unless `at` is in the future, and the colleague who gets what they have open."""

    at = Instant(allow_none=True)
    hand_over_to = fields.UUID(allow_none=True)


class LeaveSchema(Schema):
    """The person, and the ids of the concerns they had taken and of the follow-ups they owned, which others have now.

    Both are empty for a leave that is planned, and null in the answer to a repeat of the request.
    """

    staff = fields.Nested(ManagedStaffSchema, required=True)
    concerns = fields.List(fields.UUID(), required=True, allow_none=True)
    follow_ups = fields.List(fields.UUID(), required=True, allow_none=True)
