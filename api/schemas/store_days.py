"""Figures of a store's day."""

from marshmallow import fields, validate

from api.schemas.base import CostSchema, MoneySchema, Schema, Whole

MAX_COUNT = 1_000_000


class PutStoreDaySchema(Schema):
    """Guests, receipts and sales of a day; null for what the store does not count."""

    covers = Whole(required=True, allow_none=True, validate=validate.Range(min=0, max=MAX_COUNT))
    transactions = Whole(required=True, allow_none=True, validate=validate.Range(min=0, max=MAX_COUNT))
    sales = fields.Nested(CostSchema, required=True, allow_none=True)


class StoreDaySchema(Schema):
    """Reported figures of a business day; null for what was not reported."""

    store_id = fields.UUID()
    business_date = fields.Date()
    covers = fields.Integer(allow_none=True)
    transactions = fields.Integer(allow_none=True)
    sales = fields.Nested(MoneySchema, allow_none=True)
