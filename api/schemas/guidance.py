"""Guidance for a conversation: what to ask, what may be offered, and what helped others."""

from marshmallow import fields, validate

from api.schemas.alerts import PreviousRecoverySchema
from api.schemas.base import MoneySchema, Schema, Slug
from models.recovery.remedy import RemedyKind


class GuidanceQuery(Schema):
    """Subject of the conversation, and its customer."""

    store_id = fields.UUID()
    category = Slug()
    cause = Slug()
    mood = fields.Integer(validate=validate.Range(min=1, max=5))
    customer_id = fields.UUID()


class SuggestedQuestionSchema(Schema):
    """An open question."""

    slug = fields.String()
    text = fields.String()


class OfferSchema(Schema):
    """A remedy that this person may give now, and how much without asking.

    `limit` and `left` are null for what costs nothing, and where nobody has set a limit. `asks_first`: whatever it
    costs, somebody has to approve it.
    """

    remedy = fields.String()
    name = fields.String()
    kind = fields.Enum(RemedyKind, by_value=True)
    limit = fields.Nested(MoneySchema, allow_none=True)
    left = fields.Nested(MoneySchema, allow_none=True)
    asks_first = fields.Boolean()


class MedianAndRangeSchema(Schema):
    """Median, smallest and largest value."""

    median = fields.Float()
    least = fields.Integer()
    most = fields.Integer()


class LessonSchema(Schema):
    """Outcomes of a remedy: `cost` in minor units of `currency`, null where it is free."""

    remedy = fields.String()
    n = fields.Integer()
    cost = fields.Nested(MedianAndRangeSchema, allow_none=True)
    currency = fields.String()
    mood_lift = fields.Nested(MedianAndRangeSchema)


class SameCauseSchema(Schema):
    """Outcomes of `n` concerns of the same cause, by remedies that were given often enough to show."""

    n = fields.Integer()
    lessons = fields.List(fields.Nested(LessonSchema))


class GuidanceSchema(Schema):
    """Hints for a conversation, no rules."""

    question = fields.Nested(SuggestedQuestionSchema, allow_none=True)
    words_first = fields.Boolean()
    offers = fields.List(fields.Nested(OfferSchema))
    same_cause = fields.Nested(SameCauseSchema, allow_none=True)
    tried_before = fields.Nested(PreviousRecoverySchema, allow_none=True)
