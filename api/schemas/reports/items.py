"""Report on items."""

from marshmallow import fields

from api.schemas.base import Schema
from api.schemas.reports.base import report_schema
from api.schemas.reports.figures import Numbers, ShareSchema


class ItemFiguresSchema(Schema):
    """Concerns that name an item, each once; `share` is of all concerns."""

    concerns = fields.Integer()
    unhappy = fields.Integer()
    share = Numbers(ShareSchema)


ItemsReportSchema = report_schema("Items", ItemFiguresSchema)
