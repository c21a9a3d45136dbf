"""Regions."""

from marshmallow import fields

from api.schemas.base import Schema


class RegionSchema(Schema):
    """A region of the organization."""

    id = fields.UUID()
    version = fields.Integer()
    slug = fields.String()
    name = fields.String()
