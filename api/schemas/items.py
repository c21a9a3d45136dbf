"""Catalogue of dishes, products and articles."""

from marshmallow import fields

from api.schemas.base import Flag, Instant, PageQuery, Schema, Words, described
from models.db.text import MAX_NAME_LENGTH


class ItemQuery(PageQuery):
    """Filters of items: by their name, without regard to case and accents."""

    name = Words(MAX_NAME_LENGTH, least=1, metadata=described("The beginning of the name."))
    q = Words(MAX_NAME_LENGTH, least=1, metadata=described("Any part of the name, as somebody types it."))
    confirmed = fields.Boolean(metadata=described("Those whose name a manager has confirmed, or the others."))


class EditItemSchema(Schema):
    """Changes to an item. A new name is a confirmed one."""

    name = Words(
        MAX_NAME_LENGTH,
        least=1,
        metadata=described("The name of the dish, product or article; a new one is confirmed by that."),
    )
    confirmed = Flag(metadata=described("That the name is that of an item, and head office may read it."))


class CatalogueItemSchema(Schema):
    """A dish, product or article that concerns are about. The slug never changes."""

    id = fields.UUID()
    version = fields.Integer()
    slug = fields.String(metadata=described("The short name, which never changes."))
    name = fields.String(metadata=described("The name of the dish, product or article."))
    confirmed = fields.Boolean(metadata=described("A manager has confirmed the name. Head office reads no other name."))
    created_at = Instant(metadata=described("When it was first named, in UTC."))
