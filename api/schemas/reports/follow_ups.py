"""Report on follow-ups."""

from marshmallow import fields

from api.schemas.base import Schema, described
from api.schemas.reports.base import STORES_AND_TIME, BaseReportQuery, grouped_by, report_schema
from api.schemas.reports.figures import Numbers, ShareSchema
from models.reports.grouping import GroupBy


class FollowUpsReportQuery(BaseReportQuery):
    """Business days on which follow-ups are due, stores, and groups."""

    group_by = grouped_by(GroupBy.KIND, *STORES_AND_TIME)


class FollowUpFiguresSchema(Schema):
    """`due` are those `kept` in time, `broken` (of them, `kept_late`) and `open`; `kept_share` is of all `due`."""

    due = fields.Integer(metadata=described("Promises to customers that were due on these days."))
    kept = fields.Integer(metadata=described("Of them, those kept in time."))
    kept_late = fields.Integer(metadata=described("Of the broken ones, those kept afterwards."))
    broken = fields.Integer(metadata=described("Of those due, the ones that were not kept in time."))
    open = fields.Integer(metadata=described("Of those due, the ones whose time has not come yet."))
    cancelled = fields.Integer(
        metadata=described("Promises that were cancelled before they were broken; they do not count as due.")
    )
    kept_share = Numbers(ShareSchema, metadata=described("Of all that were due, the share kept in time."))


FollowUpsReportSchema = report_schema("FollowUps", FollowUpFiguresSchema)
