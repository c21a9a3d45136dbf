"""Stores, their places, and who needs a moment there."""

from marshmallow import fields, validate

from api.schemas.base import Instant, PageQuery, Schema, Whole
from api.schemas.places import PlaceSchema
from api.schemas.staff import StaffSchema
from models.organizations.store import AboveLimit, StoreKind


class StoreSchema(Schema):
    """A shop or restaurant, with its places."""

    id = fields.UUID()
    version = fields.Integer()
    region_id = fields.UUID()
    slug = fields.String()
    name = fields.String()
    kind = fields.Enum(StoreKind, by_value=True)
    time_zone = fields.String()
    country = fields.String()
    currency = fields.String()
    day_starts_at = fields.Time()
    above_limit = fields.Enum(AboveLimit, by_value=True)
    longest_pause_minutes = fields.Integer()
    places = fields.List(fields.Nested(PlaceSchema))


class EditStoreSchema(Schema):
    """Changes to a store's settings."""

    above_limit = fields.Enum(AboveLimit, by_value=True)
    longest_pause_minutes = Whole(validate=validate.Range(min=1, max=60))


class StoreQuery(PageQuery):
    """Filters of stores."""

    region_id = fields.UUID()
    group_id = fields.UUID()


class PausedSchema(Schema):
    """A colleague who pauses, and until when."""

    staff = fields.Nested(StaffSchema)
    paused_until = Instant()


class PausesSchema(Schema):
    """All colleagues of a store who pause. They are few, so that the list has no pages."""

    items = fields.List(fields.Nested(PausedSchema), required=True)
