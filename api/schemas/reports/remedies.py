"""Report on remedies."""

from marshmallow import fields

from api.schemas.base import MoneySchema, Schema, described
from api.schemas.reports.base import report_schema
from api.schemas.reports.figures import MOOD_LIFT_DESCRIPTION, LiftSchema, Numbers, ShareSchema


class RemedyFiguresSchema(Schema):
    """Actions given and not reversed: how many `times`, for how many `concerns`, and how those ended."""

    times = fields.Integer(metadata=described("How often it was given and not taken back."))
    concerns = fields.Integer(metadata=described("For how many concerns of these business days, each once."))
    recovered_share = Numbers(
        ShareSchema,
        metadata=described("Of their concerns whose customer was recovered or lost, the share of those recovered."),
    )
    mood_lift = Numbers(LiftSchema, metadata=described(MOOD_LIFT_DESCRIPTION))
    cost = fields.List(fields.Nested(MoneySchema), metadata=described("What it cost, by currency."))


RemediesReportSchema = report_schema("Remedies", RemedyFiguresSchema)
