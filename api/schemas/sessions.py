"""Signing in, and what a person sees of themselves."""

from typing import Any

from marshmallow import fields, post_load, validate

from api.schemas.base import Flag, Instant, Schema, Words
from models.access import Role
from models.device import OF_PHONES, AddressKind, Device, Platform

OF_A_PHONE = validate.OneOf([kind.value for kind in OF_PHONES])


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


class MeSchema(StaffSchema):
    """The signed-in person."""

    login = fields.String()
    shift = fields.Nested(ShiftSchema, allow_none=True)


class PutDeviceSchema(Schema):
    """A phone and how pushes reach it."""

    platform = fields.Enum(Platform, by_value=True, required=True)
    address = Words(Device.LONGEST_ADDRESS, least=1, required=True)
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
