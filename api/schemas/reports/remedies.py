"""Report on remedies."""

from marshmallow import fields

from api.schemas.base import MoneySchema, Schema
from api.schemas.reports.base import report_schema
from api.schemas.reports.figures import LiftSchema, Numbers, ShareSchema


class RemedyFiguresSchema(Schema):
    """Actions given and not reversed: how many `times`, for how many `concerns`, and how those ended."""

    times = fields.Integer()
    concerns = fields.Integer()
    recovered_share = Numbers(ShareSchema)
    mood_lift = Numbers(LiftSchema)
    cost = fields.List(fields.Nested(MoneySchema))


RemediesReportSchema = report_schema("Remedies", RemedyFiguresSchema)
