"""Checks: a customer was asked, and all was well."""

from marshmallow import fields, validate

from api.schemas.base import Instant, Schema, Whole, described


class NewCheckSchema(Schema):
    """One or several checks: a customer was asked, and all was well."""

    id = fields.UUID()
    store_id = fields.UUID(
        metadata=described("The id of the store; without it that of the shift, or where the person works.")
    )
    count = Whole(
        load_default=1,
        validate=validate.Range(min=1, max=500),
        metadata=described("How many customers were asked, and all was well."),
    )


class CheckSchema(Schema):
    """Checks of a store on a business day."""

    id = fields.UUID()
    store_id = fields.UUID()
    count = fields.Integer(metadata=described("How many customers were asked, and all was well."))
    at = Instant(metadata=described("When it was recorded, in UTC."))
    business_date = fields.Date()
