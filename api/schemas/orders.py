"""Orders that a till tells."""

from marshmallow import fields

from api.schemas.base import CostSchema, Instant, MoneySchema, Schema, Slug, SlugOf, Text, described


class ToldOrderSchema(Schema):
    """An order as a till tells it. What is left out stays as it was told. `opened` says which business day it is of."""

    store_id = fields.UUID(required=True)
    opened = Instant(required=True)
    place = Slug(
        allow_none=True,
        metadata=described("The slug of the place, such as the table; what is left out stays as it was."),
    )
    value = fields.Nested(CostSchema, allow_none=True)
    currency = Text(3, least=3, allow_none=True)
    closed = Instant(allow_none=True)


class RecordedOrderSchema(Schema):
    """An order as it was told last."""

    id = fields.UUID()
    store_id = fields.UUID()
    source = fields.String(attribute="source.name", metadata=described("The system that sends it, as in the address."))
    reference = fields.String(metadata=described("The number of the order in that system, as in the address."))
    business_date = fields.Date()
    place = SlugOf(allow_none=True)
    opened = Instant(attribute="opened_at")
    closed = Instant(attribute="closed_at", allow_none=True)
    value = fields.Nested(MoneySchema, allow_none=True)
