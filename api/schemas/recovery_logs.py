"""Recovery logs: a business day with its figures and concerns, notes, sign-off, amendments."""

from typing import Any

from marshmallow import fields, post_dump

from api.schemas.base import (
    BusinessDate,
    DaysPageQuery,
    Instant,
    MoneySchema,
    PersonSchema,
    RedactedSchema,
    Schema,
    Words,
    described,
)
from api.schemas.checks import CheckSchema
from api.schemas.concerns import ConcernEventSchema, ConcernSchema
from api.schemas.follow_ups import FollowUpSchema
from api.schemas.log_policy import HeadingSchema
from api.schemas.recovery_actions import RecoveryActionSchema
from api.schemas.redaction import reader
from api.schemas.reports.base import NamedSchema
from api.schemas.reports.figures import (
    ASK_RATE_DESCRIPTION,
    CHECKS_DESCRIPTION,
    COVERS_DESCRIPTION,
    FEEDBACK_ANSWERED_DESCRIPTION,
    FEEDBACK_ASKED_DESCRIPTION,
    FEEDBACK_SUSPECT_DESCRIPTION,
    FOLLOW_UPS_DUE_DESCRIPTION,
    FOLLOW_UPS_KEPT_DESCRIPTION,
    RATING_DESCRIPTION,
    RECLASSIFIED_DESCRIPTION,
    RECOMMEND_DESCRIPTION,
    RESPONSE_RATE_DESCRIPTION,
    TAKEN_AFTER_UNANSWERED_DESCRIPTION,
    TAKEN_IN_TIME_DESCRIPTION,
    TRANSACTIONS_DESCRIPTION,
    UNHAPPY_SHARE_DESCRIPTION,
    VOIDED_DESCRIPTION,
    FiguresSchema,
    Numbers,
    RatingSchema,
    RecommendationSchema,
    ShareSchema,
    ask_rate_note,
)
from models.access import Permission
from models.concerns.enums import Kind, Severity
from models.policy_defaults import MAX_REPORT_DAYS

MAX_NOTE_LENGTH = 10_000


class LogNotesSchema(Schema):
    """Notes by the slugs of their headings, as a merge patch: absent ones stay, null removes one."""

    notes = fields.Dict(
        keys=fields.String(),
        values=Words(MAX_NOTE_LENGTH, allow_none=True),
        required=True,
        metadata=described("Notes by the slugs of their headings; others stay, null removes one."),
    )


class NewLogAmendmentSchema(Schema):
    """An amendment to a signed day, and its reason."""

    id = fields.UUID()
    reason = Words(500, least=1, required=True, metadata=described("Why something is added to a signed day."))
    text = Words(MAX_NOTE_LENGTH, least=1, required=True, metadata=described("What is added."))


class LogAmendmentSchema(Schema):
    """An amendment, written after the sign-off."""

    id = fields.UUID()
    at = Instant(metadata=described("When it was written, in UTC."))
    by = fields.Nested(PersonSchema, metadata=described("Who wrote it."))
    reason = fields.String(metadata=described("Why it was added to a signed day."))
    text = fields.String(metadata=described("What was added."))


class _QuotingSchema(RedactedSchema):
    """Base class of schemas with managers' text, which may quote any concern of the day.

    The fields of `quoting` are withheld from readers who may not read sensitive concerns.
    """

    quoting: tuple[str, ...] = ()

    @post_dump
    def withhold_quotes(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        if reader().may(Permission.CONCERN_SENSITIVE):
            return data
        return {name: None if name in self.quoting else value for name, value in data.items()}


class LogStoreSchema(NamedSchema):
    """The store of a log."""

    time_zone = fields.String()


class LogListQuery(DaysPageQuery):
    """Filters of daily logs: store, business days (both included), and whether they are signed."""

    store_id = fields.UUID()
    from_date = BusinessDate(
        data_key="from",
        metadata=described("The first day; without it, 92 days before the last one, or before now."),
    )
    to_date = BusinessDate(
        data_key="to",
        metadata=described(f"The last day, or today. A list covers at most {MAX_REPORT_DAYS} days."),
    )
    signed = fields.Boolean(metadata=described("Those that are signed off, or those that are not."))


class LogDaySchema(Schema):
    """One business day of one store on which there were concerns. The log itself is at its store and day."""

    store = fields.Nested(NamedSchema, metadata=described("The store."))
    business_date = fields.Date(metadata=described("The business day of the store."))
    closes_at = Instant(metadata=described("When the store closes on that day, in UTC: from then on it can be signed."))
    concerns = fields.Integer(
        metadata=described("Concerns and requests of the day. Praise and what was voided are left out.")
    )
    unhappy = fields.Integer(
        metadata=described("Concerns of customers with a mood of 1 or 2, of 1 (very unhappy) to 5 (delighted).")
    )
    signed_at = Instant(
        allow_none=True, metadata=described("When it was signed off, in UTC; empty where nobody has signed.")
    )


class LogFiguresSchema(FiguresSchema):
    """Figures over all concerns of the day, whatever the reader may see of them.

    `follow_ups_kept`: of those due that day, the ones kept in time; what is open or overdue counts as missed.
    `ask_rate`: `checks` and `concerns` over `transactions`, or `covers` where the store counts no receipts.
    `voided`: taken back, and in no other figure. `reclassified`: praise that was logged as a concern.
    """

    follow_ups_due = fields.Integer(metadata=described(FOLLOW_UPS_DUE_DESCRIPTION))
    follow_ups_kept = fields.Integer(metadata=described(FOLLOW_UPS_KEPT_DESCRIPTION))
    checks = fields.Integer(metadata=described(CHECKS_DESCRIPTION))
    covers = fields.Integer(allow_none=True, metadata=described(COVERS_DESCRIPTION))
    transactions = fields.Integer(allow_none=True, metadata=described(TRANSACTIONS_DESCRIPTION))
    ask_rate = Numbers(ShareSchema, metadata=described(ASK_RATE_DESCRIPTION))
    ask_rate_note = ask_rate_note()
    # Older signed figures know neither.
    voided = fields.Integer(dump_default=0, metadata=described(VOIDED_DESCRIPTION))
    reclassified = fields.Integer(dump_default=0, metadata=described(RECLASSIFIED_DESCRIPTION))
    # Nor these, which were not counted at all.
    unhappy_share = Numbers(
        ShareSchema, allow_none=True, dump_default=None, metadata=described(UNHAPPY_SHARE_DESCRIPTION)
    )
    taken_in_time = fields.Integer(allow_none=True, dump_default=None, metadata=described(TAKEN_IN_TIME_DESCRIPTION))
    taken_after_unanswered = fields.Integer(
        allow_none=True, dump_default=None, metadata=described(TAKEN_AFTER_UNANSWERED_DESCRIPTION)
    )
    feedback_asked = fields.Integer(allow_none=True, dump_default=None, metadata=described(FEEDBACK_ASKED_DESCRIPTION))
    feedback_answered = fields.Integer(
        allow_none=True, dump_default=None, metadata=described(FEEDBACK_ANSWERED_DESCRIPTION)
    )
    feedback_suspect = fields.Integer(
        allow_none=True, dump_default=None, metadata=described(FEEDBACK_SUSPECT_DESCRIPTION)
    )
    response_rate = Numbers(
        ShareSchema, allow_none=True, dump_default=None, metadata=described(RESPONSE_RATE_DESCRIPTION)
    )
    rating = Numbers(RatingSchema, allow_none=True, dump_default=None, metadata=described(RATING_DESCRIPTION))
    recommend = Numbers(
        RecommendationSchema, allow_none=True, dump_default=None, metadata=described(RECOMMEND_DESCRIPTION)
    )


class LogPageSchema(_QuotingSchema):
    """Page of a day, written by managers. `notes` and `amendments` are null for readers without sensitive concerns.

    `version` is 0 until something is written. `signed_figures` are the figures as they were signed.
    """

    withheld = ("signed_by",)
    quoting = ("notes", "amendments")

    version = fields.Integer(
        metadata=described(
            "Grows with every change; 0 until something is written. `If-Match` names the version that was read."
        )
    )
    store_id = fields.UUID()
    business_date = fields.Date()
    notes = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        allow_none=True,
        metadata=described("Notes by the slugs of their headings; null for whoever may not read sensitive concerns."),
    )
    signed_at = Instant(allow_none=True)
    signed_by = fields.Nested(PersonSchema, allow_none=True)
    signed_figures = fields.Nested(
        "LogFiguresSchema", allow_none=True, metadata=described("The figures as they were signed; null before.")
    )
    amendments = fields.List(fields.Nested(LogAmendmentSchema), allow_none=True)


class _ListAddress(fields.String):
    """Field that answers the path and query of the list behind a count."""

    _CHECK_ATTRIBUTE = False

    def __init__(self, path: str, filter_: str) -> None:
        super().__init__(metadata={"description": f"`GET {path}` with its filters: the list of these."})
        self.path, self.filter = path, filter_

    def _serialize(self, _value: Any, _attr: str | None, obj: Any, **_: Any) -> str:
        return f"{self.path}?store_id={obj.store_id}&{self.filter}={obj.before}"


class StillOpenSchema(Schema):
    """Number of unresolved concerns of all earlier days, and the list of them."""

    count = fields.Integer(metadata=described("How many concerns of all earlier days are not resolved."))
    list = _ListAddress("/v1/concerns", "open_before")


class StillOwedSchema(Schema):
    """Number of follow-ups due on earlier days and not kept, and the list of them."""

    count = fields.Integer(metadata=described("How many follow-ups were due on earlier days and are not kept."))
    list = _ListAddress("/v1/follow-ups", "owed_before")


class QuotedConcernSchema(ConcernSchema):
    """A concern as a log shows it: without the customer's name, and without what was typed and could not stand.

    Its `missing` says in which fields that was.
    """

    class Meta(ConcernSchema.Meta):
        exclude = ("as_typed", "customer_name")


class CarriedOverSchema(_QuotingSchema):
    """Left over from the day before: open concerns, follow-ups not kept, and the note for today; at most 50 of each.

    The newest come first. `still_open` and `still_owed` count those of all earlier days.
    """

    quoting = ("note",)

    note = fields.String(
        allow_none=True,
        metadata=described(
            "The note that the day before left for this one; null for none, and for whoever may not read "
            "sensitive concerns."
        ),
    )
    concerns = fields.List(
        fields.Nested(QuotedConcernSchema),
        metadata=described("The concerns of the day before that were or are still open, newest first, 50 at most."),
    )
    follow_ups = fields.List(
        fields.Nested(FollowUpSchema),
        metadata=described("The follow-ups that were due on the day before and are not kept, 50 at most."),
    )
    still_open = fields.Nested(StillOpenSchema)
    still_owed = fields.Nested(StillOwedSchema)


class LogConcernSchema(QuotedConcernSchema):
    """A concern of the day with its timeline."""

    timeline = fields.List(fields.Nested(ConcernEventSchema))


class VoidedConcernSchema(RedactedSchema):
    """A concern that was logged by mistake: when it was voided, by whom and why, without what was said.

    `cost`: what a till paid for it all the same, until that is told to be back.
    """

    withheld = ("by", "reason")

    id = fields.UUID(attribute="concern.id")
    kind = fields.Enum(
        Kind,
        by_value=True,
        attribute="concern.kind",
        metadata=described("What it was logged as: a concern, a request or praise."),
    )
    occurred_at = Instant(attribute="concern.occurred_at")
    received_at = Instant(attribute="concern.received_at")
    at = Instant(attribute="event.at", metadata=described("When it was voided, in UTC."))
    by = fields.Nested(
        PersonSchema,
        allow_none=True,
        attribute="event.by",
        metadata=described("Who voided it; null for readers of figures only."),
    )
    reason = fields.String(
        allow_none=True,
        attribute="event.details.reason",
        metadata=described("Why it was voided; null for readers of figures only."),
    )
    cost = fields.List(
        fields.Nested(MoneySchema),
        metadata=described("What a till paid for it all the same and is not back yet, by currency."),
    )


class OwedFollowUpSchema(FollowUpSchema):
    """A follow-up that needs somebody, with the severity of its concern."""

    severity = fields.Enum(Severity, by_value=True, attribute="concern.severity")


class UnsettledActionSchema(RecoveryActionSchema):
    """A recovery action that needs somebody, with the severity of its concern."""

    severity = fields.Enum(Severity, by_value=True, attribute="concern.severity")


class NeedsYouNowSchema(Schema):
    """Lists of what needs somebody before anything else. In each the severe come first, then what waits longest."""

    unanswered_alerts = fields.List(
        fields.Nested(QuotedConcernSchema),
        metadata=described("Concerns whose call for help nobody answered in time and nobody has taken since."),
    )
    open_concerns = fields.List(fields.Nested(QuotedConcernSchema))
    follow_ups = fields.List(
        fields.Nested(OwedFollowUpSchema), metadata=described("Follow-ups of the day that are due or broken.")
    )
    pending_approvals = fields.List(fields.Nested(UnsettledActionSchema))
    promised_not_paid = fields.List(fields.Nested(UnsettledActionSchema))
    to_review = fields.List(fields.Nested(UnsettledActionSchema))


class RecoveryLogSchema(Schema):
    """One business day of one store, from `opens_at` to just before `closes_at`.

    `after_sign_off`: the ids of concerns logged, changed or voided after the sign-off; not in `page.signed_figures`.
    `headings`: the headings of notes. `odd_checks`: taps for 20 or more at once, which count in `figures` all the same.
    """

    store = fields.Nested(LogStoreSchema, metadata=described("The store, with the time zone that held on this day."))
    business_date = fields.Date()
    opens_at = Instant(metadata=described("When the business day begins, in UTC."))
    closes_at = Instant(metadata=described("When the business day ends, in UTC."))
    generated_at = Instant()
    carried_over = fields.Nested(CarriedOverSchema)
    needs_you_now = fields.Nested(NeedsYouNowSchema)
    figures = fields.Nested(LogFiguresSchema)
    odd_checks = fields.List(fields.Nested(CheckSchema))
    concerns = fields.List(
        fields.Nested(LogConcernSchema),
        metadata=described("The concerns and requests of the day, with their timelines."),
    )
    praise = fields.List(fields.Nested(QuotedConcernSchema), metadata=described("The praise of the day."))
    voided = fields.List(
        fields.Nested(VoidedConcernSchema), metadata=described("What was logged for the day by mistake.")
    )
    late_entries = fields.List(fields.UUID())
    after_sign_off = fields.List(fields.UUID())
    headings = fields.List(fields.Nested(HeadingSchema))
    page = fields.Nested(LogPageSchema)
