"""Figures of a store's day."""

from marshmallow import fields, validate

from api.schemas.base import CostSchema, MoneySchema, Schema, Whole

MOST = 1_000_000


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
