"""Customers: profiles, the search by contact, the history."""

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from api.schemas.base import Instant, PageQuery, Schema, Words, any_of
from api.schemas.concerns import ConcernSchema
from api.schemas.recovery import RecoveryActionSchema


class EditCustomerSchema(Schema):
    """What can be said about a customer; null takes it away."""

    name = Words(200, allow_none=True)
    phone = Words(40, allow_none=True)
    email = fields.Email(validate=validate.Length(max=254), allow_none=True)
    loyalty_number = Words(60, allow_none=True)


class NewCustomerSchema(Schema):
    """A customer to be known again: at least one of the four."""

    document = any_of("name", "phone", "email", "loyalty_number")

    id = fields.UUID()
    store_id = fields.UUID()
    name = Words(200)
    phone = Words(40)
    email = fields.Email(validate=validate.Length(max=254))
    loyalty_number = Words(60)


class CustomerSchema(Schema):
    """A profile."""

    id = fields.UUID()
    version = fields.Integer()
    name = fields.String(allow_none=True)
    phone = fields.String(allow_none=True)
    email = fields.String(allow_none=True)
    loyalty_number = fields.String(allow_none=True)
    created_at = Instant()


class CustomerQuery(PageQuery):
    """Which customers."""

    name = Words(200, least=1)


class CustomerSearchSchema(Schema):
    """Exactly one way to reach the customer."""

    document = {"minProperties": 1, "maxProperties": 1}

    phone = Words(40, least=1)
    email = fields.Email(validate=validate.Length(max=254))
    loyalty_number = Words(60, least=1)

    @validates_schema
    def exactly_one(self, data: dict[str, Any], **_: Any) -> None:
        if len(data) != 1:
            raise ValidationError("Send exactly one of phone, email and loyalty_number.")


class CustomerMatchesSchema(Schema):
    """The profile found, or nothing."""

    items = fields.List(fields.Nested(CustomerSchema), required=True)


class CustomerConcernSchema(ConcernSchema):
    """A concern of the customer with what was done about it."""

    recovery_actions = fields.List(fields.Nested(RecoveryActionSchema), attribute="actions")


class HistorySchema(Schema):
    """Everything a colleague needs before saying hello: newest first."""

    customer = fields.Nested(CustomerSchema, required=True)
    items = fields.List(fields.Nested(CustomerConcernSchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)
