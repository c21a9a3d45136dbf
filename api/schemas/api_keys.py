"""API keys of machines."""

from marshmallow import fields, validate

from api.schemas.base import CostSchema, Instant, MoneySchema, PersonSchema, Schema, ShownOnce, Whole, Words, described
from models.access import KeyScope
from models.policy_defaults import KEY_OVERLAP_HOURS, MAX_KEY_BUDGETS, MAX_KEY_OVERLAP_HOURS, MAX_STORES_OF_API_KEY


class NewKeyBudgetSchema(Schema):
    """What a key may give without approval in one currency: in a business day, and for one order."""

    per_day = fields.Nested(
        CostSchema, required=True, metadata=described("How much in one business day, of all remedies together.")
    )
    per_order = fields.Nested(CostSchema, required=True)


class KeyBudgetSchema(Schema):
    """What a key may give without approval in one currency."""

    per_day = fields.Nested(MoneySchema, metadata=described("How much in one business day, of all remedies together."))
    per_order = fields.Nested(MoneySchema)


class NewApiKeySchema(Schema):
    """A key for a machine; without `store_ids` it reaches all stores, without `expires_at` it never expires.

    Without `budgets` it may give 100.00 in a day and 25.00 for an order, in EUR, GBP and USD; in a currency without
    one it asks first.
    """

    id = fields.UUID()
    name = Words(
        200,
        least=1,
        required=True,
        metadata=described("What the key is for, such as the name of the system that uses it."),
    )
    scopes = fields.List(
        fields.Enum(KeyScope, by_value=True), required=True, validate=validate.Length(min=1, max=len(KeyScope))
    )
    store_ids = fields.List(
        fields.UUID(),
        allow_none=True,
        validate=validate.Length(min=1, max=MAX_STORES_OF_API_KEY),
        metadata=described("The ids of the stores it reaches; without them all."),
    )
    expires_at = Instant(allow_none=True, metadata=described("When it expires; without it never."))
    budgets = fields.List(
        fields.Nested(NewKeyBudgetSchema), allow_none=True, validate=validate.Length(max=MAX_KEY_BUDGETS)
    )


class RotateApiKeySchema(Schema):
    """For how many hours the former secret is still accepted; 0 ends it at once."""

    overlap_hours = Whole(load_default=KEY_OVERLAP_HOURS, validate=validate.Range(min=0, max=MAX_KEY_OVERLAP_HOURS))


class ApiKeySchema(Schema):
    """An API key. `store_ids` null: all stores; `created_by` null: the operator, on the command line."""

    id = fields.UUID()
    name = fields.String(metadata=described("What the key is for, such as the name of the system that uses it."))
    scopes = fields.List(fields.String(validate=validate.OneOf([scope.value for scope in KeyScope])))
    store_ids = fields.List(
        fields.UUID(), allow_none=True, metadata=described("The ids of the stores it reaches; null for all.")
    )
    budgets = fields.List(fields.Nested(KeyBudgetSchema))
    created_at = Instant()
    created_by = fields.Nested(
        PersonSchema, allow_none=True, metadata=described("Who made it; null for the operator, on the command line.")
    )
    expires_at = Instant(allow_none=True, metadata=described("When it expires, in UTC; null for never."))
    revoked_at = Instant(allow_none=True)
    last_used_at = Instant(
        attribute="seen_at", allow_none=True, metadata={"description": "When it was last used, to the minute."}
    )
    previous_until = Instant(
        allow_none=True, metadata={"description": "Until when the secret before the last rotation is accepted."}
    )
    token = ShownOnce()
