"""Signing in, and what a person sees of themselves."""

from typing import Any

from marshmallow import fields, post_load, validate

from api.schemas.alerts import NotificationSchema
from api.schemas.base import ClockTime, Flag, Instant, Schema, Whole, Words
from models.access import Role
from models.alerts.notification import MUTABLE_KINDS
from models.staff.device import AddressKind, Device, Platform

OF_A_PHONE = validate.OneOf([kind.value for kind in AddressKind])


class SignInSchema(Schema):
    """Which organization, who, and the secret."""

    organization = Words(60, least=1, required=True)
    login = Words(60, least=1, required=True)
    password = Words(200, least=1, required=True, load_only=True)


class StaffSchema(Schema):
    """A member of staff as colleagues see them."""

    id = fields.UUID()
    version = fields.Integer()
    name = fields.String()
    role = fields.Enum(Role, by_value=True)
    store_ids = fields.List(fields.UUID())
    region_ids = fields.List(fields.UUID())


class SessionSchema(Schema):
    """A token, given out once."""

    token = fields.String(required=True)
    expires_at = Instant(required=True)
    staff = fields.Nested(StaffSchema, required=True)


class PutShiftSchema(Schema):
    """Checking in on the floor of a store."""

    store_id = fields.UUID(required=True)
    lead = Flag(load_default=False)


class ShiftSchema(Schema):
    """Where somebody is checked in."""

    store_id = fields.UUID()
    lead = fields.Boolean()
    started_at = Instant()
    paused_until = Instant(allow_none=True)


class PausedSchema(Schema):
    """A colleague who needs a moment, and how long."""

    staff = fields.Nested(StaffSchema)
    paused_until = Instant()


class PausesSchema(Schema):
    """Everybody who needs a moment; a handful at most, so it has no pages."""

    items = fields.List(fields.Nested(PausedSchema), required=True)


class PauseSchema(Schema):
    """How long one's phones stay silent: without minutes as long as the store allows."""

    minutes = Whole(validate=validate.Range(min=1, max=60))


class QuietHoursSchema(Schema):
    """When somebody who is not on shift is not rung, in the zone of the store that calls; may go past midnight."""

    since = ClockTime(data_key="from", attribute="from", required=True)
    until = ClockTime(required=True)


class EditMeSchema(Schema):
    """What a person wants for themselves; null takes it away."""

    quiet_hours = fields.Nested(QuietHoursSchema, allow_none=True)
    muted = fields.List(fields.String(validate=validate.OneOf(sorted(MUTABLE_KINDS))), validate=validate.Length(max=20))
    email = fields.Email(validate=validate.Length(max=254), allow_none=True)
    daily_logs = fields.List(fields.UUID(), validate=validate.Length(max=100))


class MeSchema(StaffSchema):
    """The signed-in person."""

    login = fields.String()
    email = fields.String(allow_none=True)
    quiet_hours = fields.Nested(QuietHoursSchema, allow_none=True)
    muted = fields.List(fields.String())
    daily_logs = fields.List(fields.UUID())
    shift = fields.Nested(ShiftSchema, allow_none=True)


class PutDeviceSchema(Schema):
    """A phone and how pushes reach it."""

    platform = fields.Enum(Platform, by_value=True, required=True)
    address = Words(Device.MAX_ADDRESS_LENGTH, least=1, required=True)
    address_kind = fields.String(required=True, validate=OF_A_PHONE)
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
    address_kind = fields.String(validate=OF_A_PHONE)
    app_version = fields.String(allow_none=True)
    locale = fields.String(allow_none=True)
    registered_at = Instant()


class TestPushSchema(Schema):
    """The notifications on their way to one's own phones."""

    notifications = fields.List(fields.Nested(NotificationSchema), required=True)
