"""Members of staff."""

from marshmallow import fields

from api.schemas.base import PageQuery, Schema
from models.access import Role


class StaffSchema(Schema):
    """A member of staff as colleagues see them."""

    id = fields.UUID()
    version = fields.Integer()
    name = fields.String()
    role = fields.Enum(Role, by_value=True)
    store_ids = fields.List(fields.UUID())
    region_ids = fields.List(fields.UUID())


class StaffQuery(PageQuery):
    """Filters of staff."""

    store_id = fields.UUID()
