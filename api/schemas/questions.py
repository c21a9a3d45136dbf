"""Open questions, for all concerns or for a category."""

from marshmallow import fields

from api.schemas.base import Flag, Slug, SlugOf, Words, described
from api.schemas.vocabulary_words import Names, StoreKindSchema, WordChangesSchema, WordQuery, WordSchema

FROM_THE_BEGINNING = "It asks for the whole story: not suggested to a customer who has told it before."


class EditQuestionSchema(WordChangesSchema, StoreKindSchema):
    """Changes to a question; with category null it is for all concerns."""

    text = Words(300, least=1, metadata=described("The question, in the first of the organization's languages."))
    names = Names(300)
    category = Slug(allow_none=True, metadata=described("The slug of the category it is for; null for all concerns."))
    from_the_beginning = Flag(metadata={"description": FROM_THE_BEGINNING})


class NewQuestionSchema(EditQuestionSchema):
    """A question of the organization's own."""

    id = fields.UUID()
    slug = Slug(required=True)
    text = Words(
        300, least=1, required=True, metadata=described("The question, in the first of the organization's languages.")
    )


class QuestionSchema(WordSchema, StoreKindSchema):
    """An open question to ask; `names` has its text in further languages."""

    version = fields.Integer()
    text = fields.String(metadata=described("The question, in the first of the organization's languages."))
    category = SlugOf(allow_none=True, metadata=described("The slug of the category it is for; null for all concerns."))
    from_the_beginning = fields.Boolean(metadata={"description": FROM_THE_BEGINNING})


class QuestionQuery(WordQuery):
    """Filters of questions: by category, with those for all concerns among them, and by the kind of a store."""

    category = Slug()
