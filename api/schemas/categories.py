"""Categories of concerns and their causes."""

from marshmallow import fields

from api.schemas.base import Schema


class CauseSchema(Schema):
    """A cause within a category."""

    slug = fields.String()
    name = fields.String()


class CategorySchema(Schema):
    """A kind of concern, with its causes."""

    id = fields.UUID()
    version = fields.Integer()
    slug = fields.String()
    name = fields.String()
    urgent = fields.Boolean()
    causes = fields.List(fields.Nested(CauseSchema))
