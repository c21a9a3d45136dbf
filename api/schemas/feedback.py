"""What customers say themselves: the links and codes they do it by, and what they answered."""

from typing import Any

from marshmallow import fields, post_dump, validate

from api.links import public_url
from api.schemas.base import Instant, PersonSchema, Schema, Slug, SlugOf, Whole, Words, WordsWithheld
from api.schemas.redaction import reader
from models.access import Permission

A_YEAR = 365


class PublicLink(fields.String):
    """The address of a public page, made from the token it is kept by."""

    def __init__(self, page: str, **options: Any) -> None:
        super().__init__(attribute="token", **options)
        self.page = page

    def _serialize(self, value: str, *_: Any, **__: Any) -> str:
        return public_url(self.page, value)


class NewFeedbackRequestSchema(Schema):
    """A link for the customer of a concern."""

    id = fields.UUID()


class FeedbackRequestSchema(WordsWithheld):
    """One link, and what the customer answered: `rating` 1-5, `recommend` 0-10."""

    withheld = ("link", "words", "asked_by")

    id = fields.UUID()
    version = fields.Integer()
    concern_id = fields.UUID()
    store_id = fields.UUID()
    link = PublicLink("f", allow_none=True)
    asked_at = Instant()
    asked_by = fields.Nested(PersonSchema, allow_none=True)
    expires_at = Instant()
    answered_at = Instant(allow_none=True)
    rating = fields.Integer(allow_none=True)
    recommend = fields.Integer(allow_none=True)
    words = fields.String(allow_none=True)

    @post_dump
    def withhold(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """As elsewhere; but a till that may ask customers prints the link, although it reads no words."""
        shown = super().withhold(data)
        return {**shown, "link": data["link"]} if reader().may(Permission.CONCERN_RESOLVE) else shown


class FeedbackPolicySchema(Schema):
    """How often one customer is asked: at most once in so many days."""

    days_between = Whole(required=True, validate=validate.Range(min=0, max=A_YEAR))


class NewStandingQrSchema(Schema):
    """A code for a place of the store, or for its receipts where none is named."""

    id = fields.UUID()
    place = Slug(allow_none=True)


class StandingQrSchema(Schema):
    """A code to print. On a receipt its link may carry the order: `?order=4711`."""

    id = fields.UUID()
    version = fields.Integer()
    store_id = fields.UUID()
    place = SlugOf(allow_none=True)
    link = PublicLink("q")
    made_at = Instant()


class AnswerFormSchema(Schema):
    """What a customer sends by the page behind a link."""

    rating = fields.Integer(required=True, validate=validate.Range(min=1, max=5))
    recommend = fields.Integer(allow_none=True, validate=validate.Range(min=0, max=10))
    words = Words(2000)


class TellFormSchema(Schema):
    """What a customer sends by the page behind a standing code."""

    id = fields.UUID(required=True)
    mood = fields.Integer(required=True, validate=validate.Range(min=1, max=5))
    their_words = Words(4000)
    wanted = Words(1000)
    order = Words(100)
