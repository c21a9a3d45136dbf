"""Alerts, their notifications, and receipts from phones."""

from marshmallow import fields, validate

from api.schemas.base import Instant, PageQuery, PersonSchema, Schema, WordsWithheld
from models.alert import AlertState, Reason, Severity
from models.notification import NotificationState, ReceiptEvent


class AlertSchema(WordsWithheld):
    """A call for help."""

    withheld = ("taken_by", "summary")

    id = fields.UUID()
    version = fields.Integer()
    concern_id = fields.UUID()
    store_id = fields.UUID()
    severity = fields.Enum(Severity, by_value=True)
    reason = fields.Enum(Reason, by_value=True)
    state = fields.Enum(AlertState, by_value=True)
    summary = fields.String(allow_none=True)
    raised_at = Instant()
    next_step_at = Instant(allow_none=True)
    taken_by = fields.Nested(PersonSchema, allow_none=True)
    taken_at = Instant(allow_none=True)
    unanswered_at = Instant(allow_none=True)
    closed_at = Instant(allow_none=True)


class AlertQuery(PageQuery):
    """Which alerts."""

    store_id = fields.UUID()
    state = fields.Enum(AlertState, by_value=True)


class NotificationSchema(WordsWithheld):
    """One alert on one phone."""

    withheld = ("staff",)

    id = fields.UUID()
    staff = fields.Nested(PersonSchema, allow_none=True)
    device_id = fields.UUID()
    step = fields.Integer()
    state = fields.Enum(NotificationState, by_value=True)
    queued_at = Instant()
    expires_at = Instant()
    accepted_at = Instant(allow_none=True)
    received_at = Instant(allow_none=True)
    shown_at = Instant(allow_none=True)
    opened_at = Instant(allow_none=True)
    withdrawn_at = Instant(allow_none=True)
    failure = fields.String(allow_none=True)


class ReceiptSchema(Schema):
    """What a phone did with a notification, and when by its own clock."""

    notification_id = fields.UUID(required=True)
    event = fields.Enum(ReceiptEvent, by_value=True, required=True)
    at = Instant(required=True)


class ReceiptsSchema(Schema):
    """Receipts as they gathered on the phone."""

    receipts = fields.List(fields.Nested(ReceiptSchema), required=True, validate=validate.Length(min=1, max=200))


class ReceiptsAnswerSchema(Schema):
    """How many were taken in, and which notifications are not this person's."""

    recorded = fields.Integer(required=True)
    unknown = fields.List(fields.UUID(), required=True)
