"""Checks: a customer was asked, and all was well."""

from marshmallow import fields, validate

from api.schemas.base import Instant, Schema, Whole


class NewCheckSchema(Schema):
    """One or several checks: a customer was asked, and all was well."""

    id = fields.UUID()
    store_id = fields.UUID()
    count = Whole(load_default=1, validate=validate.Range(min=1, max=500))


class CheckSchema(Schema):
    """Checks of a store on a business day."""

    id = fields.UUID()
    store_id = fields.UUID()
    count = fields.Integer()
    at = Instant()
    business_date = fields.Date()
