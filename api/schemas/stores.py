"""Stores, their places, and who needs a moment there."""

from marshmallow import fields, validate

from api.schemas.base import Instant, PageQuery, Schema, Whole
from api.schemas.staff import StaffSchema
from models.organizations.store import AboveLimit, StoreKind


class PlaceSchema(Schema):
    """Where in a store something can happen."""

    slug = fields.String()
    name = fields.String()


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
    """What is to be changed of a store."""

    above_limit = fields.Enum(AboveLimit, by_value=True)
    longest_pause_minutes = Whole(validate=validate.Range(min=1, max=60))


class StoreQuery(PageQuery):
    """Which stores."""

    region_id = fields.UUID()
    group_id = fields.UUID()


class PausedSchema(Schema):
    """A colleague who needs a moment, and how long."""

    staff = fields.Nested(StaffSchema)
    paused_until = Instant()


class PausesSchema(Schema):
    """Everybody who needs a moment; a handful at most, so it has no pages."""

    items = fields.List(fields.Nested(PausedSchema), required=True)
