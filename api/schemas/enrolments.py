"""Shared phones: the codes that enrol them, what they say of themselves, and who may use them."""

from typing import Any

from marshmallow import ValidationError, fields, post_load, validates_schema

from api.schemas.base import Instant, PersonSchema, Schema, ShownOnce, Words, described
from api.schemas.me import ADDRESS_KIND
from models.staff.device import AddressKind, Device, Platform
from models.staff.enrolment import Enrolment


class NewEnrolmentSchema(Schema):
    """A code for one phone, and how people call it: `bar`, `terrace 2`."""

    id = fields.UUID()
    name = Words(
        Enrolment.MAX_NAME_LENGTH,
        least=1,
        required=True,
        metadata=described("How people call the phone, such as `bar` or `terrace 2`."),
    )


class EnrolmentSchema(Schema):
    """A code that makes one phone a shared phone of the store."""

    id = fields.UUID()
    store_id = fields.UUID()
    name = fields.String(metadata=described("How people call the phone, such as `bar` or `terrace 2`."))
    created_at = Instant()
    created_by = fields.Nested(PersonSchema, metadata=described("Who made it."))
    expires_at = Instant()
    code = ShownOnce()


class RedeemEnrolmentSchema(Schema):
    """A code, and the phone that it is used on. `address` and `address_kind` come together.

    Without them the phone does not ring until it sends them.
    """

    code = Words(
        200,
        least=1,
        required=True,
        load_only=True,
        metadata=described("The code that `POST /v1/stores/{store_id}/enrolments` answers."),
    )
    installation_id = Words(Device.MAX_INSTALLATION_ID_LENGTH, least=1, required=True)
    platform = fields.Enum(Platform, by_value=True, required=True)
    address = Words(Device.MAX_ADDRESS_LENGTH, least=1)
    address_kind = fields.String(validate=ADDRESS_KIND)
    app_version = Words(60, allow_none=True)
    locale = Words(35, allow_none=True)

    @validates_schema
    def check_address(self, data: dict[str, Any], **_: Any) -> None:
        if ("address" in data) != ("address_kind" in data):
            missing = "address_kind" if "address" in data else "address"
            raise ValidationError("An address and its kind come together.", missing)

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {**data, "address_kind": AddressKind(data["address_kind"])} if "address_kind" in data else data


class SharedPhoneSchema(Schema):
    """A shared phone. Its address is not shown again."""

    id = fields.UUID()
    store_id = fields.UUID()
    name = fields.String(metadata=described("How people call the phone, such as `bar` or `terrace 2`."))
    installation_id = fields.String()
    platform = fields.Enum(Platform, by_value=True)
    address_kind = fields.String(validate=ADDRESS_KIND, allow_none=True)
    app_version = fields.String(allow_none=True)
    locale = fields.String(allow_none=True)
    registered_at = Instant()


class EnrolledPhoneSchema(SharedPhoneSchema):
    """A shared phone that was just enrolled."""

    secret = ShownOnce()


class PhoneUserSchema(PersonSchema):
    """Somebody who may sign in on this phone with their PIN."""

    signed_in = fields.Boolean(
        required=True, metadata={"description": "Whether they are signed in on this phone now, locked or not."}
    )


class PhoneUsersSchema(Schema):
    """All who may sign in on this phone, by name."""

    items = fields.List(fields.Nested(PhoneUserSchema), required=True)
