"""Report on alerts."""

from marshmallow import fields

from api.schemas.base import Schema
from api.schemas.reports.base import report_schema
from api.schemas.reports.figures import Numbers, ShareSchema, SpreadSchema


class CalledSchema(Schema):
    """Calls for help. Of each that `rang` a phone is counted once, however often it was sent to.

    `minutes_to_show`: from the call to the first phone that says it was shown there.
    """

    alerts = fields.Integer()
    rang = fields.Integer()
    taken = fields.Integer()
    unanswered = fields.Integer()
    unanswered_share = Numbers(ShareSchema)
    phones_told = fields.Integer()
    phones_received = fields.Integer()
    phones_opened = fields.Integer()
    received_share = Numbers(ShareSchema)
    minutes_to_show = Numbers(SpreadSchema)


AlertsReportSchema = report_schema("Alerts", CalledSchema)
