"""Recovery actions."""

from marshmallow import fields

from api.schemas.base import (
    CostSchema,
    Instant,
    MoneySchema,
    PageQuery,
    PersonSchema,
    Schema,
    Slug,
    SlugOf,
    Words,
    WordsWithheld,
)
from models.recovery import ActionStatus


class NewRecoveryActionSchema(Schema):
    """One thing done to put it right."""

    id = fields.UUID()
    remedy = Slug(required=True)
    cost = fields.Nested(CostSchema, allow_none=True)
    note = Words(1000, allow_none=True)
    acted_at = Instant()


class ReverseSchema(Schema):
    """Why an action is taken back."""

    note = Words(1000, allow_none=True)


class RecoveryActionSchema(WordsWithheld):
    """One thing done. A reversing entry names what it takes back and carries its cost with a minus."""

    withheld = ("note", "acted_by")

    id = fields.UUID()
    version = fields.Integer()
    concern_id = fields.UUID()
    customer_id = fields.UUID(allow_none=True)
    remedy = SlugOf()
    status = fields.Enum(ActionStatus, by_value=True)
    reverses_id = fields.UUID(allow_none=True)
    cost = fields.Nested(MoneySchema, allow_none=True)
    note = fields.String(allow_none=True)
    acted_at = Instant()
    recorded_at = Instant()
    acted_by = fields.Nested(PersonSchema, allow_none=True)


class RecoveryActionQuery(PageQuery):
    """Which actions."""

    status = fields.Enum(ActionStatus, by_value=True)
    store_id = fields.UUID()
