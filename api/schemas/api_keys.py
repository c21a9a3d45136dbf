"""API keys of machines."""

from marshmallow import fields, validate

from api.schemas.base import Instant, PersonSchema, Schema, ShownOnce, Whole, Words
from models.access import KeyScope
from models.policy_defaults import KEY_OVERLAP_HOURS, MAX_KEY_OVERLAP_HOURS, MAX_STORES_OF_API_KEY


class NewApiKeySchema(Schema):
    """A key for a machine; without `store_ids` it reaches all stores, without `expires_at` it never expires."""

    id = fields.UUID()
    name = Words(200, least=1, required=True)
    scopes = fields.List(
        fields.Enum(KeyScope, by_value=True), required=True, validate=validate.Length(min=1, max=len(KeyScope))
    )
    store_ids = fields.List(fields.UUID(), allow_none=True, validate=validate.Length(min=1, max=MAX_STORES_OF_API_KEY))
    expires_at = Instant(allow_none=True)


class RotateApiKeySchema(Schema):
    """For how many hours the former secret is still accepted; 0 ends it at once."""

    overlap_hours = Whole(load_default=KEY_OVERLAP_HOURS, validate=validate.Range(min=0, max=MAX_KEY_OVERLAP_HOURS))


class ApiKeySchema(Schema):
    """An API key. `store_ids` null: all stores; `created_by` null: the operator, on the command line."""

    id = fields.UUID()
    name = fields.String()
    scopes = fields.List(fields.String(validate=validate.OneOf([scope.value for scope in KeyScope])))
    store_ids = fields.List(fields.UUID(), allow_none=True)
    created_at = Instant()
    created_by = fields.Nested(PersonSchema, allow_none=True)
    expires_at = Instant(allow_none=True)
    revoked_at = Instant(allow_none=True)
    last_used_at = Instant(
        attribute="seen_at", allow_none=True, metadata={"description": "When it was last used, to the minute."}
    )
    previous_until = Instant(
        allow_none=True, metadata={"description": "Until when the secret before the last rotation is accepted."}
    )
    token = ShownOnce()
