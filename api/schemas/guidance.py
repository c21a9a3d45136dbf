"""What to ask, what may be offered, and what helped others."""

from marshmallow import fields, validate

from api.schemas.alerts import TriedSchema
from api.schemas.base import MoneySchema, Schema, Slug
from models.recovery.remedy import RemedyKind


class GuidanceQuery(Schema):
    """About what, and for whom."""

    store_id = fields.UUID()
    category = Slug()
    cause = Slug()
    mood = fields.Integer(validate=validate.Range(min=1, max=5))
    customer_id = fields.UUID()


class AskSchema(Schema):
    """An open question."""

    slug = fields.String()
    text = fields.String()


class OfferSchema(Schema):
    """What this person may give now; without a limit both are null."""

    remedy = fields.String()
    name = fields.String()
    kind = fields.Enum(RemedyKind, by_value=True)
    limit = fields.Nested(MoneySchema, allow_none=True)
    left = fields.Nested(MoneySchema, allow_none=True)


class MiddleAndEndsSchema(Schema):
    """The middle and both ends."""

    median = fields.Float()
    least = fields.Integer()
    most = fields.Integer()


class LessonSchema(Schema):
    """What became of those who received it: `cost` in minor units of `currency`, null where it is free."""

    remedy = fields.String()
    n = fields.Integer()
    cost = fields.Nested(MiddleAndEndsSchema, allow_none=True)
    currency = fields.String()
    mood_lift = fields.Nested(MiddleAndEndsSchema)


class SameCauseSchema(Schema):
    """Of how many people with the same cause, and what was tried often enough to tell."""

    n = fields.Integer()
    lessons = fields.List(fields.Nested(LessonSchema))


class GuidanceSchema(Schema):
    """Hints for the conversation; never a rule."""

    question = fields.Nested(AskSchema, allow_none=True)
    words_first = fields.Boolean()
    offers = fields.List(fields.Nested(OfferSchema))
    same_cause = fields.Nested(SameCauseSchema, allow_none=True)
    tried_before = fields.Nested(TriedSchema, allow_none=True)
