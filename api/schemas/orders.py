"""Orders that a till tells."""

from marshmallow import fields

from api.schemas.base import CostSchema, Instant, MoneySchema, Schema, Slug, SlugOf, Text


class ToldOrderSchema(Schema):
    """An order as a till tells it. What is left out stays as it was told. `opened` says which business day it is of."""

    store_id = fields.UUID(required=True)
    opened = Instant(required=True)
    place = Slug(allow_none=True)
    value = fields.Nested(CostSchema, allow_none=True)
    currency = Text(3, least=3, allow_none=True)
    closed = Instant(allow_none=True)


class RecordedOrderSchema(Schema):
    """An order as it was told last."""

    id = fields.UUID()
    store_id = fields.UUID()
    source = fields.String(attribute="source.name")
    reference = fields.String()
    business_date = fields.Date()
    place = SlugOf(allow_none=True)
    opened = Instant(attribute="opened_at")
    closed = Instant(attribute="closed_at", allow_none=True)
    value = fields.Nested(MoneySchema, allow_none=True)
