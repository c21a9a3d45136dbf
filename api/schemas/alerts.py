"""Alerts, their notifications, and receipts from phones."""

from datetime import datetime
from typing import Any

from marshmallow import fields, validate

from api.schemas.base import Include, Instant, PageQuery, PersonSchema, RedactedSchema, Schema, Several, described
from api.schemas.customer_names import ConcernNamesSchema
from api.schemas.reader_language import NameInLanguage, SummaryInLanguage
from models.alerts.alert import SkipReason
from models.alerts.enums import AlertState, Reason
from models.alerts.notification import NotificationKind, NotificationState, ReceiptEvent
from models.concerns.enums import Outcome, Severity


class AlertSchema(ConcernNamesSchema, RedactedSchema):
    """An alert: a call for help with a concern."""

    withheld = ("taken_by", "summary")

    id = fields.UUID()
    version = fields.Integer()
    concern_id = fields.UUID()
    store_id = fields.UUID()
    category_name = NameInLanguage("category", path="concern.category")
    severity = fields.Enum(
        Severity,
        by_value=True,
        metadata=described("How severe it is, which decides whom the steps of the escalation ring."),
    )
    reason = fields.Enum(
        Reason,
        by_value=True,
        metadata=described("Why it rings: the condition of its rule that says most, or `feedback` by no rule."),
    )
    state = fields.Enum(
        AlertState,
        by_value=True,
        metadata=described(
            "Whether it still calls (open, unanswered), somebody has taken it, or it is over; `late`: it rang nobody."
        ),
    )
    summary = SummaryInLanguage()
    raised_at = Instant()
    next_step_at = Instant(allow_none=True)
    taken_by = fields.Nested(PersonSchema, allow_none=True)
    taken_at = Instant(
        allow_none=True, metadata=described("When its taker took it, in UTC; null again once they have released it.")
    )
    unanswered_at = Instant(allow_none=True)
    closed_at = Instant(allow_none=True, metadata=described("When it was resolved or cancelled, in UTC; null before."))


class InstantAsStored(Instant):
    """Instant that is stored as text in a JSON column."""

    def _serialize(self, value: str, *arguments: Any, **keywords: Any) -> str | None:
        return super()._serialize(datetime.fromisoformat(value), *arguments, **keywords)


class EscalationStepSchema(Schema):
    """A step of the escalation: how many phones it rang, or why none.

    `left_out`: how many more it would have rung. One step rings at most 100 phones: one of everybody on shift first.
    """

    step = fields.Integer(metadata=described("The number of the step from 0 on, counted over the rounds."))
    at = InstantAsStored(metadata=described("When the step began, in UTC."))
    phones = fields.Integer(metadata=described("How many phones it rang."))
    left_out = fields.Integer(dump_default=0)
    why = fields.String(allow_none=True, validate=validate.OneOf([*map(str, SkipReason), None]))


class PreviousRecoverySchema(Schema):
    """The previous concern of the same customer: what was tried, and how it ended."""

    concern_id = fields.UUID(metadata=described("The id of that concern."))
    business_date = fields.Date()
    category = fields.String(allow_none=True)
    outcome = fields.Enum(Outcome, by_value=True, allow_none=True)
    mood_after = fields.Integer(allow_none=True)
    remedies = fields.List(fields.String(), metadata=described("The slugs of the remedies that were given, in order."))


class AlertReadSchema(AlertSchema):
    """An alert with its escalation, and what was tried the last time for this customer."""

    rule = fields.String()
    steps = fields.List(
        fields.Nested(EscalationStepSchema),
        attribute="step_log",
        metadata=described("What each step of the escalation did so far, in order."),
    )
    reminded_at = Instant(allow_none=True)
    previous = fields.Nested(PreviousRecoverySchema, allow_none=True)

    def get_attribute(self, obj: Any, attr: str, default: Any) -> Any:
        """Read what was tried from the answer and every other field from its alert."""
        return super().get_attribute(obj if attr == "previous" else obj.alert, attr, default)


class AlertQuery(PageQuery):
    """Filters of alerts."""

    include = Include("customer")
    store_id = fields.UUID()
    state = Several(fields.Enum(AlertState, by_value=True))


class NotifiedDeviceSchema(Schema):
    """A phone that was notified. A shared one has a `name`."""

    id = fields.UUID(metadata=described("The id of the phone."))
    name = fields.String(
        allow_none=True, metadata=described("How people call the phone, such as `bar`; null for a personal one.")
    )


class NotificationSchema(RedactedSchema):
    """A notification to one phone, or to a mailbox where `device_id` is null.

    On a shared phone `staff` is null, and `recipients` are those it is for.
    """

    withheld = ("staff", "recipients", "device")

    id = fields.UUID()
    staff = fields.Nested(
        PersonSchema,
        allow_none=True,
        metadata=described("Who is notified; null on a shared phone, and for readers of figures only."),
    )
    recipients = fields.List(fields.Nested(PersonSchema), allow_none=True)
    kind = fields.Enum(
        NotificationKind,
        by_value=True,
        metadata=described("What it is about, such as a ring, a reminder or a request for approval."),
    )
    device_id = fields.UUID(allow_none=True, metadata=described("The id of the phone; null for a mail."))
    device = fields.Nested(
        NotifiedDeviceSchema,
        allow_none=True,
        metadata=described("The phone; null for a mail, and for readers of figures only."),
    )
    step = fields.Integer(
        allow_none=True,
        metadata=described(
            "The number of the step of the escalation, counted over the rounds; null for what is no ring."
        ),
    )
    state = fields.Enum(
        NotificationState,
        by_value=True,
        metadata=described(
            "How far its delivery is, as far as it can be known: `accepted` means that the push service or mail "
            "server has it."
        ),
    )
    queued_at = Instant()
    expires_at = Instant(metadata=described("Until when it is delivered, in UTC: later it would be of no use."))
    accepted_at = Instant(allow_none=True)
    received_at = Instant(
        allow_none=True, metadata=described("When the phone had received it, in UTC, by its receipt; null without one.")
    )
    shown_at = Instant(allow_none=True)
    opened_at = Instant(allow_none=True)
    withdrawn_at = Instant(allow_none=True)
    failure = fields.String(allow_none=True)


class ReceiptSchema(Schema):
    """A receipt: what a phone did with a notification, and when by its own clock."""

    notification_id = fields.UUID(required=True)
    event = fields.Enum(ReceiptEvent, by_value=True, required=True)
    at = Instant(required=True, metadata=described("When that was, by the clock of the phone."))


class ReceiptsSchema(Schema):
    """Receipts that a phone has collected."""

    receipts = fields.List(fields.Nested(ReceiptSchema), required=True, validate=validate.Length(min=1, max=200))


class ReceiptsAnswerSchema(Schema):
    """Number of recorded receipts, and the notifications that are not this person's."""

    recorded = fields.Integer(required=True)
    unknown = fields.List(fields.UUID(), required=True)
