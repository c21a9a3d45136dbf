"""Regions."""

from marshmallow import fields

from api.schemas.base import Schema, Slug, Words


class RegionSchema(Schema):
    """A region of the organization."""

    id = fields.UUID()
    version = fields.Integer()
    slug = fields.String()
    name = fields.String()


class EditRegionSchema(Schema):
    """Changes to a region. Its slug stays."""

    name = Words(200, least=1)


class NewRegionSchema(Schema):
    """A region of the organization's own."""

    id = fields.UUID()
    slug = Slug(required=True)
    name = Words(200, least=1, required=True)
