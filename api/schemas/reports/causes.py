"""Report on causes."""

from marshmallow import fields

from api.schemas.base import Instant, MoneySchema, Schema
from api.schemas.reports.base import STORES_AND_TIME, BaseReportQuery, category_filter, grouped_by, report_schema
from api.schemas.reports.figures import LiftSchema, Numbers, ShareSchema
from models.reports.grouping import GroupBy


class CausesReportQuery(BaseReportQuery):
    """Business days, stores and category, and groups beyond category and cause."""

    group_by = grouped_by(GroupBy.CHANNEL, *STORES_AND_TIME)
    category = category_filter()


class CauseFiguresSchema(Schema):
    """Figures by cause. `raised_since_fixed`: logged after the cause had been fixed in their store."""

    concerns = fields.Integer()
    unhappy = fields.Integer()
    recovered_share = Numbers(ShareSchema)
    repeat_within_30_days = Numbers(ShareSchema)
    mood_lift = Numbers(LiftSchema)
    cost = fields.List(fields.Nested(MoneySchema))
    fixed_at = Instant(allow_none=True, metadata={"description": "The last time, in a store of these concerns."})
    raised_since_fixed = fields.Integer()


CausesReportSchema = report_schema("Causes", CauseFiguresSchema)
