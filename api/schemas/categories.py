"""Categories of concerns and their causes."""

from marshmallow import fields, validate

from api.schemas.base import ClientId, Flag, Schema, Slug, SlugOf, Words, described
from api.schemas.reader_language import InReadersOrder
from api.schemas.vocabulary_words import Names, StoreKindSchema, WordChangesSchema, WordSchema
from models.policy_defaults import MAX_CAUSES


class EditCauseSchema(WordChangesSchema):
    """A cause to create or change: named by its id, or by a slug that it has or had."""

    id = ClientId("cause", metadata=described("The id of the cause to change, or of a new one."))
    name = Words(60, least=1)
    names = Names(60)


class NewCauseSchema(EditCauseSchema):
    """A cause of a new category."""

    slug = Slug(required=True)
    name = Words(60, least=1, required=True)


class EditCategorySchema(WordChangesSchema, StoreKindSchema):
    """Changes to a category. The causes that are named are created or changed, the others stay."""

    name = Words(60, least=1)
    names = Names(60)
    urgent = Flag()
    about_money = Flag()
    causes = fields.List(fields.Nested(EditCauseSchema), validate=validate.Length(max=MAX_CAUSES))


class NewCategorySchema(EditCategorySchema):
    """A category of the organization's own, with its causes."""

    id = fields.UUID()
    slug = Slug(required=True)
    name = Words(60, least=1, required=True)
    causes = fields.List(fields.Nested(NewCauseSchema), validate=validate.Length(max=MAX_CAUSES))


class CauseSchema(WordSchema):
    """A cause within a category."""

    name = fields.String()
    merged_into = SlugOf(allow_none=True)


class CategorySchema(WordSchema, StoreKindSchema):
    """A kind of concern, with its causes. One that was merged is retired and reads as `merged_into`."""

    version = fields.Integer()
    name = fields.String()
    urgent = fields.Boolean()
    about_money = fields.Boolean()
    merged_into = SlugOf(allow_none=True)
    causes = InReadersOrder(fields.Nested(CauseSchema))


class MergeCategorySchema(Schema):
    """The category that the one of the path becomes."""

    into = fields.UUID(required=True, metadata=described("The id of the category that stays."))


class MergeCauseSchema(Schema):
    """The cause that the one of the path becomes; it may be of another category."""

    into = fields.UUID(
        required=True, metadata=described("The id of the cause that stays; it may be of another category.")
    )
