"""Report on listening."""

from marshmallow import fields

from api.schemas.base import Schema
from api.schemas.reports.base import STORES_AND_TIME, BaseReportQuery, grouped_by, report_schema
from api.schemas.reports.figures import LiftSchema, Numbers, ShareSchema
from models.reports.grouping import GroupBy


class ListeningReportQuery(BaseReportQuery):
    """Business days, stores, and groups."""

    group_by = grouped_by(GroupBy.QUESTION, *STORES_AND_TIME)


class ListeningFiguresSchema(Schema):
    """Figures of listening. `checks` and `ask_rate` are null when concerns are grouped by question."""

    concerns = fields.Integer()
    checks = fields.Integer(allow_none=True)
    ask_rate = Numbers(ShareSchema, allow_none=True)
    read_back_share = Numbers(ShareSchema)
    question_asked_share = Numbers(ShareSchema)
    mood_lift = Numbers(LiftSchema)


ListeningReportSchema = report_schema("Listening", ListeningFiguresSchema)
