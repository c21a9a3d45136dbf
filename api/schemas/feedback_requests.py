"""Feedback requests, and the form behind their links."""

from typing import Any

from marshmallow import fields, post_dump, validate

from api.schemas.base import (
    DaysPageQuery,
    Instant,
    PersonSchema,
    RedactedSchema,
    Schema,
    Words,
    described,
)
from api.schemas.public_link import PublicLink
from api.schemas.redaction import reader
from models.access import Permission

SUSPECT_DESCRIPTION = (
    "The answer came from the sign-in or phone that made the link, or within 30 seconds from the same browser at the "
    "same address. It is heard, but left out of the rating figures."
)


class NewFeedbackRequestSchema(Schema):
    """A new feedback request."""

    id = fields.UUID()


class FeedbackRequestSchema(RedactedSchema):
    """A feedback request and its answer: `rating` 1-5, `recommend` 0-10."""

    withheld = ("link", "words", "asked_by")

    id = fields.UUID()
    version = fields.Integer()
    concern_id = fields.UUID()
    store_id = fields.UUID()
    link = PublicLink(
        "f",
        allow_none=True,
        metadata=described("The address of the form, for the customer; null for whoever may not ask customers."),
    )
    asked_at = Instant(metadata=described("When the link was made, in UTC."))
    asked_by = fields.Nested(PersonSchema, allow_none=True)
    expires_at = Instant()
    answered_at = Instant(allow_none=True)
    rating = fields.Integer(allow_none=True)
    recommend = fields.Integer(allow_none=True)
    words = fields.String(allow_none=True)
    suspect = fields.Boolean(metadata={"description": SUSPECT_DESCRIPTION})

    @post_dump
    def withhold(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Withhold as elsewhere, but show the link to a till that may ask customers: it prints the link."""
        redacted = super().withhold(data)
        return {**redacted, "link": data["link"]} if reader().may(Permission.CONCERN_RESOLVE) else redacted


class FeedbackQuery(DaysPageQuery):
    """Filters of what customers answered. `from` and `to` (both included) are business days of their concerns."""

    store_id = fields.UUID()
    max_rating = fields.Integer(
        validate=validate.Range(min=1, max=5), metadata=described("This rating and lower ones: 2 for the unhappy.")
    )
    suspect = fields.Boolean(metadata=described("Those that may be by staff, or the others."))


class FeedbackSchema(RedactedSchema):
    """What a customer answered, about one concern. Head office reads it without the words; nobody by who asked."""

    withheld = ("words",)

    id = fields.UUID()
    version = fields.Integer()
    concern_id = fields.UUID()
    store_id = fields.UUID()
    business_date = fields.Date(
        metadata=described("The business day of the concern, for which reports count it, however late the answer is.")
    )
    asked_at = Instant(metadata=described("When the link was made, in UTC."))
    answered_at = Instant(metadata=described("When the customer answered, in UTC; empty if they have not."))
    rating = fields.Integer(metadata=described("How it was in the end, from 1 (very unhappy) to 5 (delighted)."))
    recommend = fields.Integer(
        allow_none=True, metadata=described("How likely they are to recommend the store, 0 to 10; empty if not said.")
    )
    words = fields.String(allow_none=True, metadata=described("What they wrote; empty for head office."))
    suspect = fields.Boolean(metadata=described(SUSPECT_DESCRIPTION))


class AnswerFormSchema(Schema):
    """The form behind a feedback link."""

    rating = fields.Integer(required=True, validate=validate.Range(min=1, max=5))
    recommend = fields.Integer(allow_none=True, validate=validate.Range(min=0, max=10))
    words = Words(2000)
