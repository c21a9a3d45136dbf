"""The signed-in person: preferences, shift, pause, devices."""

from typing import Any

from marshmallow import fields, post_load, validate

from api.schemas.alerts import NotificationSchema
from api.schemas.base import ClockTime, Flag, Instant, Schema, Whole, Words, described
from api.schemas.staff import StaffSchema
from models.alerts.notification import MUTABLE_KINDS
from models.organizations.names import MAX_TAG_LENGTH
from models.staff.device import AddressKind, Device, Platform

ADDRESS_KIND = validate.OneOf([kind.value for kind in AddressKind])


class PutShiftSchema(Schema):
    """Check-in at a store."""

    store_id = fields.UUID(required=True)
    lead = Flag(load_default=False)


class ShiftSchema(Schema):
    """A shift: where somebody is checked in, and when that ends by itself.

    `asked_at`: since when the person is asked whether they are still here; null while nothing is to be answered.
    """

    store_id = fields.UUID()
    lead = fields.Boolean()
    started_at = Instant()
    ends_at = Instant()
    asked_at = Instant(
        allow_none=True,
        metadata=described(
            "Since when the person is asked whether they are still here, in UTC; null while they are not."
        ),
    )
    paused_until = Instant(allow_none=True)


class PauseSchema(Schema):
    """Length of a pause; without `minutes` as long as the store allows."""

    minutes = Whole(validate=validate.Range(min=1, max=60))


class NewQuietHoursSchema(Schema):
    """Hours in which somebody off shift is not rung, in the time zone of the alert's store; may pass midnight."""

    since = ClockTime(
        data_key="from", attribute="from", required=True, metadata=described("When they begin, such as 22:00.")
    )
    until = ClockTime(
        required=True,
        metadata=described("When they end, such as 07:00; on the next day where that is not after `from`."),
    )


class QuietHoursSchema(NewQuietHoursSchema):
    """Quiet hours as they are answered."""


class EditMeSchema(Schema):
    """Changes to one's own preferences; null removes one."""

    quiet_hours = fields.Nested(NewQuietHoursSchema, allow_none=True)
    muted = fields.List(fields.String(validate=validate.OneOf(sorted(MUTABLE_KINDS))), validate=validate.Length(max=20))
    email = fields.Email(
        validate=validate.Length(max=254),
        allow_none=True,
        metadata=described("Where mails go, such as daily logs and codes for a new password; null for none."),
    )
    daily_logs = fields.List(fields.UUID(), validate=validate.Length(max=100))
    language = Words(
        MAX_TAG_LENGTH,
        allow_none=True,
        metadata=described(
            "The language to read: that of answers, pages, pushes and mails, such as pt or pt-BR (RFC 5646). Null for "
            "what Accept-Language and the `locale` of the phone say."
        ),
    )


class MeSchema(StaffSchema):
    """The signed-in person."""

    login = fields.String()
    email = fields.String(
        allow_none=True,
        metadata=described("Where mails go, such as daily logs and codes for a new password; null for none."),
    )
    second_factor_at = Instant(allow_none=True, metadata={"description": "Since when signing in needs a code as well."})
    quiet_hours = fields.Nested(QuietHoursSchema, allow_none=True)
    muted = fields.List(fields.String())
    daily_logs = fields.List(fields.UUID())
    language = fields.String(
        allow_none=True, metadata=described("The language that the person chose to read; null without a choice.")
    )
    shift = fields.Nested(ShiftSchema, allow_none=True)


class PutDeviceSchema(Schema):
    """A phone, and the address of its pushes."""

    platform = fields.Enum(Platform, by_value=True, required=True)
    address = Words(Device.MAX_ADDRESS_LENGTH, least=1, required=True)
    address_kind = fields.String(required=True, validate=ADDRESS_KIND)
    app_version = Words(60, allow_none=True)
    locale = Words(35, allow_none=True)

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {**data, "address_kind": AddressKind(data["address_kind"])}


class DeviceSchema(Schema):
    """A registered phone. Its address is not shown again."""

    id = fields.UUID()
    installation_id = fields.String()
    platform = fields.Enum(Platform, by_value=True)
    address_kind = fields.String(validate=ADDRESS_KIND)
    app_version = fields.String(allow_none=True)
    locale = fields.String(allow_none=True)
    registered_at = Instant()


class TestPushSchema(Schema):
    """The notification that was queued for the phone that asked."""

    notifications = fields.List(fields.Nested(NotificationSchema), required=True)
