"""Open questions, for all concerns or for a category."""

from marshmallow import fields

from api.schemas.base import PageQuery, Schema, Slug, SlugOf, Words


class EditQuestionSchema(Schema):
    """Changes to a question; with category null it is for all concerns."""

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
    """Filters of questions: by category, with those for all concerns among them."""

    category = Slug()
