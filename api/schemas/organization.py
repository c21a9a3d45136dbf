"""Regions, stores, and what an organization named itself."""

from marshmallow import fields, validate

from api.schemas.base import PageQuery, Schema, Whole
from models.organizations.store import AboveLimit, StoreKind


class RegionSchema(Schema):
    """A part of the organization."""

    id = fields.UUID()
    version = fields.Integer()
    slug = fields.String()
    name = fields.String()


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


class StaffQuery(PageQuery):
    """Which people."""

    store_id = fields.UUID()


class CauseSchema(Schema):
    """Why it happened."""

    slug = fields.String()
    name = fields.String()


class CategorySchema(Schema):
    """A kind of concern, with its causes."""

    id = fields.UUID()
    version = fields.Integer()
    slug = fields.String()
    name = fields.String()
    urgent = fields.Boolean()
    causes = fields.List(fields.Nested(CauseSchema))
