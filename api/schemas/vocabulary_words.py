"""What the schemas of categories, causes, questions and remedies have in common."""

from typing import Any

from marshmallow import fields, validate

from api.schemas.base import Flag, PageQuery, Schema, Slug, Whole, Words
from models.organizations.store import StoreKind
from models.organizations.vocabulary_word import MAX_ICON_LENGTH
from models.policy_defaults import MAX_LANGUAGES

MAX_POSITION = 10_000
SLUG_DESCRIPTION = "In a change the new one; the slug before goes on meaning this word."
ICON_DESCRIPTION = (
    "The name of an icon that apps know, such as `clock` or `plate`; an open list, so show your own default for one "
    "that you do not know. Null for none."
)
NAMES_DESCRIPTION = "In further languages, by tag such as pt or pt-BR; null removes one."


class Names(fields.Dict):
    """Names of at most `most` characters by language tag; null removes one."""

    def __init__(self, most: int, **options: Any) -> None:
        values = Words(most, least=1, allow_none=True)
        super().__init__(
            keys=fields.String(),
            values=values,
            validate=validate.Length(max=MAX_LANGUAGES),
            metadata={"description": NAMES_DESCRIPTION},
            **options,
        )


class WordChangesSchema(Schema):
    """What may be said of every word. `retired`: apps do not offer it any more; it can be brought back."""

    slug = Slug(metadata={"description": SLUG_DESCRIPTION})
    position = Whole(validate=validate.Range(min=0, max=MAX_POSITION))
    icon = Words(MAX_ICON_LENGTH, least=1, allow_none=True, metadata={"description": ICON_DESCRIPTION})
    retired = Flag()


class StoreKindSchema(Schema):
    """The kind of store in which a word is offered; null for all."""

    store_kind = fields.Enum(StoreKind, by_value=True, allow_none=True)


class WordQuery(PageQuery):
    """Filters of words: with `store_id`, those that are offered in the kind of this store."""

    store_id = fields.UUID()


class WordSchema(Schema):
    """A word as answered. Apps hide a retired one; phones that were offline may still send it."""

    id = fields.UUID()
    slug = fields.String()
    names = fields.Dict(keys=fields.String(), values=fields.String())
    position = fields.Integer()
    icon = fields.String(allow_none=True, metadata={"description": ICON_DESCRIPTION})
    retired = fields.Boolean()
