"""Phones, as those see them who manage a store."""

from marshmallow import fields

from api.schemas.base import Instant, PageQuery, PersonSchema, Schema, described
from models.staff.device import Platform


class PhoneQuery(PageQuery):
    """Filters of phones."""

    store_id = fields.UUID(metadata={"description": "The shared phones of this store, and the phones of its people."})


class PhoneSchema(Schema):
    """A phone: personal with its `person`, or shared with its `store_id` and `name`. Its address is never shown."""

    id = fields.UUID()
    person = fields.Nested(PersonSchema, attribute="staff", allow_none=True)
    store_id = fields.UUID(
        allow_none=True, metadata=described("The id of the store of a shared phone; null for a personal one.")
    )
    name = fields.String(
        allow_none=True, metadata=described("How people call a shared phone, such as `bar`; null for a personal one.")
    )
    platform = fields.Enum(Platform, by_value=True)
    app_version = fields.String(allow_none=True)
    registered_at = Instant()
    last_seen_at = Instant(attribute="seen_at", metadata={"description": "When it was last used, to the minute."})
    retired_at = Instant(allow_none=True, metadata={"description": "Since when it is not rung any more."})
    retired_reason = fields.String(allow_none=True)
    needs_manager = fields.Boolean(
        metadata={"description": "Whether so many wrong PINs were tried on it that it asks for a manager's password."}
    )
