"""How often a store asked, and how many there were to ask."""

from marshmallow import fields, validate

from api.schemas.base import CostSchema, Instant, MoneySchema, Schema, Whole

MOST = 1_000_000


class NewCheckSchema(Schema):
    """Asked, all well: once, or so many times."""

    id = fields.UUID()
    store_id = fields.UUID()
    count = Whole(load_default=1, validate=validate.Range(min=1, max=500))


class CheckSchema(Schema):
    """Asked, all well."""

    id = fields.UUID()
    store_id = fields.UUID()
    count = fields.Integer()
    at = Instant()
    business_date = fields.Date()


class TellStoreDaySchema(Schema):
    """How many guests and receipts there were, and what they paid; null is what the store does not count."""

    covers = Whole(required=True, allow_none=True, validate=validate.Range(min=0, max=MOST))
    transactions = Whole(required=True, allow_none=True, validate=validate.Range(min=0, max=MOST))
    sales = fields.Nested(CostSchema, required=True, allow_none=True)


class StoreDaySchema(Schema):
    """What a store told of its business day; null is what it did not."""

    store_id = fields.UUID()
    business_date = fields.Date()
    covers = fields.Integer(allow_none=True)
    transactions = fields.Integer(allow_none=True)
    sales = fields.Nested(MoneySchema, allow_none=True)
