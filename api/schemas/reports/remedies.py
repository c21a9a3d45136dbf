"""Report on remedies."""

from marshmallow import fields

from api.schemas.base import MoneySchema, Schema
from api.schemas.reports.base import report_schema
from api.schemas.reports.figures import LiftSchema, Numbers, ShareSchema


class HelpedSchema(Schema):
    """What was given and not taken back: how many `times`, for how many `concerns`, and what became of those."""

    times = fields.Integer()
    concerns = fields.Integer()
    recovered_share = Numbers(ShareSchema)
    mood_lift = Numbers(LiftSchema)
    cost = fields.List(fields.Nested(MoneySchema))


RemediesReportSchema = report_schema("Remedies", HelpedSchema)
