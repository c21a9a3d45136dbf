"""Report on causes."""

from marshmallow import fields

from api.schemas.base import Instant, MoneySchema, Schema, described
from api.schemas.reports.base import STORES_AND_TIME, BaseReportQuery, category_filter, grouped_by, report_schema
from api.schemas.reports.figures import (
    COST_DESCRIPTION,
    MOOD_LIFT_DESCRIPTION,
    REPEAT_DESCRIPTION,
    LiftSchema,
    Numbers,
    ShareSchema,
)
from models.reports.grouping import GroupBy


class CausesReportQuery(BaseReportQuery):
    """Business days, stores and category, and groups beyond category and cause."""

    group_by = grouped_by(GroupBy.CHANNEL, *STORES_AND_TIME)
    category = category_filter()


class CauseFiguresSchema(Schema):
    """Figures by cause. `raised_since_fixed`: logged after the cause had been fixed in their store."""

    concerns = fields.Integer(metadata=described("Concerns with this cause. Praise and what was voided are left out."))
    unhappy = fields.Integer(metadata=described("Of them, those of customers with a mood of 1 or 2 of 5."))
    recovered_share = Numbers(
        ShareSchema,
        metadata=described("Of the concerns whose customer was recovered or lost, the share of those recovered."),
    )
    repeat_within_30_days = Numbers(ShareSchema, metadata=described(REPEAT_DESCRIPTION))
    mood_lift = Numbers(LiftSchema, metadata=described(MOOD_LIFT_DESCRIPTION))
    cost = fields.List(fields.Nested(MoneySchema), metadata=described(COST_DESCRIPTION))
    fixed_at = Instant(
        allow_none=True, metadata=described("When the cause was last fixed in a store of these concerns, in UTC.")
    )
    raised_since_fixed = fields.Integer(
        metadata=described("Concerns that were logged after the cause had been fixed in their store.")
    )


CausesReportSchema = report_schema("Causes", CauseFiguresSchema)
