"""The manager's page of a recovery log: notes, sign-off, amendments; and what the days before left."""

from typing import Any

from marshmallow import fields, post_dump, validate

from api.schemas.base import Flag, Instant, PersonSchema, Schema, Words, WordsWithheld
from api.schemas.concerns import ConcernSchema
from api.schemas.follow_ups import FollowUpSchema
from api.schemas.redaction import reader
from models.access import Permission

SLUG = validate.Regexp("^[a-z0-9]+(-[a-z0-9]+)*$")
MOST_HEADINGS = 20
LONGEST_NOTE = 10_000


class HeadingSchema(Schema):
    """What managers are asked to note; where it is `required`, before they sign."""

    slug = fields.String(required=True, validate=[validate.Length(min=1, max=60), SLUG])
    name = Words(200, least=1, required=True)
    required = Flag(load_default=False)


class LogPolicySchema(Schema):
    """Under which headings notes are left. The note under `tomorrow` is what the next day's log begins with."""

    headings = fields.List(fields.Nested(HeadingSchema), required=True, validate=validate.Length(max=MOST_HEADINGS))


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
