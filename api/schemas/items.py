"""Catalogue of dishes, products and articles."""

from marshmallow import fields

from api.schemas.base import Instant, PageQuery, Schema, Words
from models.db.text import MAX_NAME_LENGTH


class ItemQuery(PageQuery):
    """Filters of items: by the beginning of the name, without regard to case and accents."""

    name = Words(MAX_NAME_LENGTH, least=1)


class EditItemSchema(Schema):
    """Changes to an item."""

    name = Words(MAX_NAME_LENGTH, least=1)


class CatalogueItemSchema(Schema):
    """A dish, product or article that concerns are about. The slug never changes."""

    id = fields.UUID()
    version = fields.Integer()
    slug = fields.String()
    name = fields.String()
    created_at = Instant()
