"""Guidance for a conversation: what to ask, what may be offered, and what helped others."""

from typing import Any

from marshmallow import fields, validate

from api.schemas.alerts import PreviousRecoverySchema
from api.schemas.base import MoneySchema, Schema, Slug, described
from api.schemas.reader_language import NameInLanguage, name_for_reader, reader_language
from models.concerns.ranges import TIMES_TOLD
from models.operations.guidance import Apology
from models.recovery.remedy import RemedyKind
from notifications.messages.opening import opening
from notifications.messages.translations import CATALOGUES

HELPED_DESCRIPTION = "How many customers with the same cause received it; 0 under ten."
LIFT_DESCRIPTION = "By how much their mood (1-5) was higher when they left, on average; null under ten."
QUESTION_DESCRIPTION = "One that was not just asked, and that this customer was not asked within a year; null for none."
OPENING_DESCRIPTION = (
    "What to say first to a customer who has told it before (`times_told` above 1): an apology, and what was tried. "
    "In the language of the reader; else null."
)
OFFERS_DESCRIPTION = "Words before what costs something, unless the price was the failure; then what helped most first."


class GuidanceQuery(Schema):
    """Subject of the conversation, and its customer. `question` was just asked; `times_told` is with this time."""

    store_id = fields.UUID()
    category = Slug()
    cause = Slug()
    question = Slug()
    times_told = fields.Integer(validate=validate.Range(min=TIMES_TOLD[0], max=TIMES_TOLD[-1]))
    mood = fields.Integer(validate=validate.Range(min=1, max=5))
    customer_id = fields.UUID()


class SuggestedQuestionSchema(Schema):
    """An open question."""

    slug = fields.String()
    text = NameInLanguage("question")


class OfferSchema(Schema):
    """A remedy that this person may give now, and how much without asking.

    `limit` and `left` are null for what costs nothing, and where nobody has set a limit. `asks_first`: whatever it
    costs, somebody has to approve it.
    """

    remedy = fields.String(metadata=described("The slug of the remedy."))
    name = NameInLanguage("remedy")
    kind = fields.Enum(
        RemedyKind, by_value=True, metadata=described("What kind of thing it is, such as an apology or a refund.")
    )
    limit = fields.Nested(MoneySchema, allow_none=True)
    left = fields.Nested(MoneySchema, allow_none=True)
    asks_first = fields.Boolean()
    n = fields.Integer(metadata={"description": HELPED_DESCRIPTION})
    mood_lift = fields.Float(allow_none=True, metadata={"description": LIFT_DESCRIPTION})


class MedianAndRangeSchema(Schema):
    """Median, smallest and largest value."""

    median = fields.Float()
    least = fields.Integer()
    most = fields.Integer()


class LessonSchema(Schema):
    """Outcomes of a remedy: `cost` in minor units of `currency`, null where it is free."""

    remedy = fields.String(metadata=described("The slug of the remedy."))
    n = fields.Integer(metadata=described("How many customers with the same cause received it."))
    cost = fields.Nested(
        MedianAndRangeSchema,
        allow_none=True,
        metadata=described(
            "What it cost, in minor units of `currency`; null where it is free, or its costs are too few."
        ),
    )
    currency = fields.String()
    mood_lift = fields.Nested(
        MedianAndRangeSchema, metadata=described("By how much their mood (1 to 5) was higher when they left.")
    )


class SameCauseSchema(Schema):
    """Outcomes of `n` concerns of the same cause, by remedies that were given often enough to show."""

    n = fields.Integer(
        metadata=described("How many concerns with the same cause were looked at, the newest 200 at most.")
    )
    lessons = fields.List(fields.Nested(LessonSchema))


class OpeningText(fields.String):
    """An opening in the language of the reader."""

    def _serialize(self, value: Apology | None, *_: Any, **__: Any) -> str | None:
        return None if value is None else opening(value, locale=reader_language(CATALOGUES), name=name_for_reader)


class GuidanceSchema(Schema):
    """Hints for a conversation, no rules."""

    opening = OpeningText(allow_none=True, metadata={"description": OPENING_DESCRIPTION})
    question = fields.Nested(SuggestedQuestionSchema, allow_none=True, metadata={"description": QUESTION_DESCRIPTION})
    words_first = fields.Boolean()
    offers = fields.List(fields.Nested(OfferSchema), metadata={"description": OFFERS_DESCRIPTION})
    same_cause = fields.Nested(SameCauseSchema, allow_none=True)
    tried_before = fields.Nested(PreviousRecoverySchema, allow_none=True)
