"""Recovery logs: a business day with its figures and concerns, notes, sign-off, amendments."""

from typing import Any

from marshmallow import fields, post_dump

from api.schemas.base import Instant, PersonSchema, Schema, Words, WordsWithheld
from api.schemas.concerns import ConcernEventSchema, ConcernSchema
from api.schemas.follow_ups import FollowUpSchema
from api.schemas.log_policy import HeadingSchema
from api.schemas.recovery_actions import RecoveryActionSchema
from api.schemas.redaction import reader
from api.schemas.reports.base import NamedSchema
from api.schemas.reports.figures import FiguresSchema, Numbers, ShareSchema
from models.access import Permission

LONGEST_NOTE = 10_000


class LogNotesSchema(Schema):
    """Notes by the slugs of their headings, as a merge patch: what is left out stays, null takes one away."""

    notes = fields.Dict(keys=fields.String(), values=Words(LONGEST_NOTE, allow_none=True), required=True)


class NewLogAmendmentSchema(Schema):
    """What has to be added to a day that is signed, and why."""

    id = fields.UUID()
    reason = Words(500, least=1, required=True)
    text = Words(LONGEST_NOTE, least=1, required=True)


class LogAmendmentSchema(Schema):
    """What was added to a day after it was signed."""

    id = fields.UUID()
    at = Instant()
    by = fields.Nested(PersonSchema)
    reason = fields.String()
    text = fields.String()


class _QuotesAnyConcern(WordsWithheld):
    """A manager's text may quote any concern of the day: whoever may not read all of them reads none of it."""

    quoting: tuple[str, ...] = ()

    @post_dump
    def withhold_quotes(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        if reader().may(Permission.CONCERN_SENSITIVE):
            return data
        return {name: None if name in self.quoting else value for name, value in data.items()}


class LogStoreSchema(NamedSchema):
    """Whose day it is."""

    time_zone = fields.String()


class LogFiguresSchema(FiguresSchema):
    """The figures of the day, over everything that belongs to it, whatever the reader may see of it.

    `follow_ups_kept`: of those due that day, the ones kept in time; what is open or overdue counts as missed.
    `ask_rate`: `checks` and `concerns` over `transactions`, or `covers` where the store counts no receipts.
    """

    follow_ups_due = fields.Integer()
    follow_ups_kept = fields.Integer()
    checks = fields.Integer()
    covers = fields.Integer(allow_none=True)
    transactions = fields.Integer(allow_none=True)
    ask_rate = Numbers(ShareSchema)


class LogPageSchema(_QuotesAnyConcern):
    """What managers add to a day. `notes` and `amendments` are null for those who may not read sensitive concerns.

    `version` is 0 until something is written. `signed_figures` are the figures as they were signed.
    """

    withheld = ("signed_by",)
    quoting = ("notes", "amendments")

    version = fields.Integer()
    store_id = fields.UUID()
    business_date = fields.Date()
    notes = fields.Dict(keys=fields.String(), values=fields.String(), allow_none=True)
    signed_at = Instant(allow_none=True)
    signed_by = fields.Nested(PersonSchema, allow_none=True)
    signed_figures = fields.Nested("LogFiguresSchema", allow_none=True)
    amendments = fields.List(fields.Nested(LogAmendmentSchema), allow_none=True)


class _ListAddress(fields.String):
    """Where the list of what is counted begins, as an address below that of the API."""

    _CHECK_ATTRIBUTE = False

    def __init__(self, path: str, filter_: str) -> None:
        super().__init__(metadata={"description": f"`GET {path}` with its filters: the list of these."})
        self.path, self.filter = path, filter_

    def _serialize(self, _value: Any, _attr: str | None, obj: Any, **_: Any) -> str:
        return f"{self.path}?store_id={obj.store_id}&{self.filter}={obj.before}"


class StillOpenSchema(Schema):
    """How many concerns of all earlier days are not resolved, and where to find them."""

    count = fields.Integer()
    list = _ListAddress("/v1/concerns", "open_before")


class StillOwedSchema(Schema):
    """How many promises that were due on earlier days are owed, and where to find them."""

    count = fields.Integer()
    list = _ListAddress("/v1/follow-ups", "owed_before")


class CarriedOverSchema(_QuotesAnyConcern):
    """What the day before left: handed over or open still, owed still, and the note for today; at most 50 of each.

    The newest come first. `still_open` and `still_owed` count all there is, older days as well.
    """

    quoting = ("note",)

    note = fields.String(allow_none=True)
    concerns = fields.List(fields.Nested(ConcernSchema))
    follow_ups = fields.List(fields.Nested(FollowUpSchema))
    still_open = fields.Nested(StillOpenSchema)
    still_owed = fields.Nested(StillOwedSchema)


class LogConcernSchema(ConcernSchema):
    """A concern with what was done and every step of it."""

    recovery_actions = fields.List(fields.Nested(RecoveryActionSchema), attribute="actions")
    timeline = fields.List(fields.Nested(ConcernEventSchema))


class NeedsYouNowSchema(Schema):
    """What needs a person before anything else."""

    unanswered_alerts = fields.List(fields.Nested(ConcernSchema))
    open_concerns = fields.List(fields.Nested(ConcernSchema))
    follow_ups = fields.List(fields.Nested(FollowUpSchema))
    pending_approvals = fields.List(fields.Nested(RecoveryActionSchema))
    promised_not_paid = fields.List(fields.Nested(RecoveryActionSchema))


class RecoveryLogSchema(Schema):
    """One business day of one store, from `opens_at` to just before `closes_at`.

    `after_sign_off`: the ids of what was told, or went on, after the day was signed; not in `page.signed_figures`.
    `headings` are what notes are asked for.
    """

    store = fields.Nested(LogStoreSchema)
    business_date = fields.Date()
    opens_at = Instant()
    closes_at = Instant()
    generated_at = Instant()
    carried_over = fields.Nested(CarriedOverSchema)
    needs_you_now = fields.Nested(NeedsYouNowSchema)
    figures = fields.Nested(LogFiguresSchema)
    concerns = fields.List(fields.Nested(LogConcernSchema))
    praise = fields.List(fields.Nested(ConcernSchema))
    late_entries = fields.List(fields.UUID())
    after_sign_off = fields.List(fields.UUID())
    headings = fields.List(fields.Nested(HeadingSchema))
    page = fields.Nested(LogPageSchema)
