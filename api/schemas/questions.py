"""Open questions: what to ask, about everything or about one category."""

from marshmallow import fields

from api.schemas.base import PageQuery, Schema, Slug, SlugOf, Words


class EditQuestionSchema(Schema):
    """What is to be changed; without a category it is asked about everything."""

    text = Words(300, least=1)
    category = Slug(allow_none=True)


class NewQuestionSchema(EditQuestionSchema):
    """A question of the organization's own."""

    slug = Words(60, least=1, required=True)
    text = Words(300, least=1, required=True)


class QuestionSchema(Schema):
    """An open question to ask."""

    id = fields.UUID()
    version = fields.Integer()
    slug = fields.String()
    text = fields.String()
    category = SlugOf(allow_none=True)


class QuestionQuery(PageQuery):
    """Which questions: of a category, those about everything among them."""

    category = Slug()
