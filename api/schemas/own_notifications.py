"""What the signed-in person was notified of."""

from marshmallow import fields

from api.schemas.base import Instant, PageQuery, Schema, described
from models.alerts.notification import NotificationKind
from models.concerns.enums import Severity


class OwnNotificationSchema(Schema):
    """One thing that the person was notified of, on however many of their phones."""

    id = fields.UUID(metadata=described("Of the first notification. Receipts and links take that of any of them."))
    kind = fields.Enum(NotificationKind, by_value=True, metadata=described("What it is about, as in the push."))
    severity = fields.Enum(Severity, by_value=True, metadata=described("That of the alert, and else normal."))
    title = fields.String(metadata=described("What the push said, in the language of whoever asks."))
    body = fields.String(metadata=described("What the push said below its title."))
    queued_at = Instant(metadata=described("When the first notification was queued."))
    opened_at = Instant(
        allow_none=True, metadata=described("When it was first opened, on any of their phones; null while unread.")
    )
    withdrawn = fields.Boolean(metadata=described("Whether it is no longer true, so that phones show it no more."))
    concern_id = fields.UUID(allow_none=True, metadata=described("The concern it is about."))
    alert_id = fields.UUID(allow_none=True, metadata=described("The alert it is about."))
    recovery_action_id = fields.UUID(allow_none=True, metadata=described("The recovery action it is about."))
    follow_up_id = fields.UUID(allow_none=True, metadata=described("The follow-up it is about."))
    link = fields.String(
        allow_none=True,
        metadata=described("Path in the API of what to open; null, as the ids, for whoever may not see it any more."),
    )


class OwnNotificationsQuery(PageQuery):
    """Filters of what the person was notified of."""

    unread = fields.Boolean(
        metadata=described("True: only what is true and was opened on none of their phones. False: all other.")
    )
