"""Report on alerts."""

from marshmallow import fields

from api.schemas.base import Schema, described
from api.schemas.reports.base import report_schema
from api.schemas.reports.figures import Numbers, ShareSchema, SpreadSchema


class AlertFiguresSchema(Schema):
    """Figures of alerts. A phone counts once per alert that `rang`, however often it was notified.

    `taken` is `taken_in_time` and `taken_after_unanswered`.
    `minutes_to_show`: from the alert to the first receipt that it was shown on a phone.
    """

    alerts = fields.Integer(metadata=described("Calls for help, for the concerns of these days."))
    rang = fields.Integer(
        metadata=described("Calls that rang phones. For concerns that were logged too late nothing rings.")
    )
    taken = fields.Integer(metadata=described("Of the calls that rang, those whose concern somebody took at any time."))
    taken_in_time = fields.Integer(
        metadata=described("Of the calls that rang, those whose concern was taken before the call had gone unanswered.")
    )
    taken_after_unanswered = fields.Integer(
        metadata=described("Of the calls that rang, those whose concern was first taken once it had gone unanswered.")
    )
    unanswered = fields.Integer(metadata=described("Of the calls that rang, those that nobody answered in time."))
    unanswered_share = Numbers(
        ShareSchema, metadata=described("Of the calls that rang, the share that nobody answered in time.")
    )
    phones_told = fields.Integer(
        metadata=described("Phones that a call was sent to, and the push service accepted it; each once per call.")
    )
    phones_received = fields.Integer(metadata=described("Phones that said they had received or shown the call."))
    phones_opened = fields.Integer(metadata=described("Phones on which a person opened the call."))
    received_share = Numbers(ShareSchema, metadata=described("Of the phones told, the share that received the call."))
    minutes_to_show = Numbers(
        SpreadSchema, metadata=described("Time from a call to the first phone that said it had shown it.")
    )


AlertsReportSchema = report_schema("Alerts", AlertFiguresSchema)
