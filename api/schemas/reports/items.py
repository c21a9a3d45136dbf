"""Report on items."""

from marshmallow import fields

from api.schemas.base import Schema, described
from api.schemas.reports.base import report_schema
from api.schemas.reports.figures import Numbers, ShareSchema


class ItemFiguresSchema(Schema):
    """Concerns that name an item, each once; `share` is of all concerns."""

    items = fields.Integer(metadata=described("Different items in the row: one, or all that are unconfirmed together."))
    concerns = fields.Integer(metadata=described("Concerns that name the item, each once."))
    unhappy = fields.Integer(metadata=described("Of them, those of customers with a mood of 1 or 2 of 5."))
    share = Numbers(ShareSchema, metadata=described("Of all concerns, the share that names the item."))


ItemsReportSchema = report_schema("Items", ItemFiguresSchema)
