"""Report on follow-ups."""

from marshmallow import fields

from api.schemas.base import Schema
from api.schemas.reports.base import STORES_AND_TIME, BaseReportQuery, grouped_by, report_schema
from api.schemas.reports.figures import Numbers, ShareSchema
from models.reports.grouping import GroupBy


class FollowUpsReportQuery(BaseReportQuery):
    """Business days on which follow-ups are due, stores, and groups."""

    group_by = grouped_by(GroupBy.KIND, *STORES_AND_TIME)


class FollowUpFiguresSchema(Schema):
    """`due` are those `kept` in time, `broken` (of them, `kept_late`) and `open`; `kept_share` is of all `due`."""

    due = fields.Integer()
    kept = fields.Integer()
    kept_late = fields.Integer()
    broken = fields.Integer()
    open = fields.Integer()
    cancelled = fields.Integer()
    kept_share = Numbers(ShareSchema)


FollowUpsReportSchema = report_schema("FollowUps", FollowUpFiguresSchema)
