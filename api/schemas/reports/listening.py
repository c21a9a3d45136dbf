"""Report on listening."""

from marshmallow import fields

from api.schemas.base import Schema, described
from api.schemas.reports.base import STORES_AND_TIME, BaseReportQuery, grouped_by, report_schema
from api.schemas.reports.figures import (
    ASK_RATE_DESCRIPTION,
    CHECKS_DESCRIPTION,
    MOOD_LIFT_DESCRIPTION,
    LiftSchema,
    Numbers,
    ShareSchema,
    ask_rate_note,
)
from models.reports.grouping import GroupBy


class ListeningReportQuery(BaseReportQuery):
    """Business days, stores, and groups."""

    group_by = grouped_by(GroupBy.QUESTION, *STORES_AND_TIME)


class ListeningFiguresSchema(Schema):
    """Figures of listening. `checks` and `ask_rate` are null when concerns are grouped by question."""

    concerns = fields.Integer(
        metadata=described(
            "Concerns that were logged for these business days. Praise and what was voided are left out."
        )
    )
    checks = fields.Integer(allow_none=True, metadata=described(CHECKS_DESCRIPTION))
    ask_rate = Numbers(ShareSchema, allow_none=True, metadata=described(ASK_RATE_DESCRIPTION))
    ask_rate_note = ask_rate_note()
    read_back_share = Numbers(
        ShareSchema, metadata=described("Of all concerns, the share whose words were read back to the customer.")
    )
    question_asked_share = Numbers(
        ShareSchema, metadata=described("Of all concerns, the share in which an open question was asked.")
    )
    mood_lift = Numbers(LiftSchema, metadata=described(MOOD_LIFT_DESCRIPTION))


ListeningReportSchema = report_schema("Listening", ListeningFiguresSchema)
