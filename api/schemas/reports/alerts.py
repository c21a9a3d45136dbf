"""Report on alerts."""

from marshmallow import fields

from api.schemas.base import Schema
from api.schemas.reports.base import report_schema
from api.schemas.reports.figures import Numbers, ShareSchema, SpreadSchema


class AlertFiguresSchema(Schema):
    """Figures of alerts. A phone counts once per alert that `rang`, however often it was notified.

    `minutes_to_show`: from the alert to the first receipt that it was shown on a phone.
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


AlertsReportSchema = report_schema("Alerts", AlertFiguresSchema)
