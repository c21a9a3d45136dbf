"""Reports and the daily recovery log: which figures to ask for, and how they are answered."""

from typing import Any

from marshmallow import ValidationError, fields, post_load, validate, validates_schema
from webargs.fields import DelimitedList

from api.schemas.base import BusinessDate, Instant, MoneySchema, Schema, Words
from api.schemas.concerns import ConcernEventSchema, ConcernSchema
from api.schemas.follow_ups import FollowUpSchema
from api.schemas.recovery_actions import RecoveryActionSchema
from api.schemas.recovery_logs import CarriedOverSchema, HeadingSchema, LogPageSchema
from models.concerns.enums import Channel
from models.reports.grouping import RECOVERY_DIMENSIONS, GroupBy
from models.reports.recovery import CompareTo
from models.reports.stats.control_limits import TAIL_PROBABILITIES

MOST_DAYS = 1_100


def grouped_by(*choices: GroupBy) -> DelimitedList:
    """Up to two of these."""
    return DelimitedList(
        fields.String(validate=validate.OneOf([by.value for by in choices])),
        load_default=list,
        validate=validate.Length(max=2),
        metadata={"description": "Up to two, separated by a comma.", "uniqueItems": True},
    )


class ReportQuery(Schema):
    """Which business days (both included), which stores, and how to group them (`group_by`, of each report its own)."""

    from_date = BusinessDate(required=True, data_key="from")
    to_date = BusinessDate(required=True, data_key="to")
    region_id = fields.UUID()
    group_id = fields.UUID()
    store_id = fields.UUID()

    @validates_schema
    def in_order(self, data: dict[str, Any], **_: Any) -> None:
        days = (data["to_date"] - data["from_date"]).days + 1
        if days < 1:
            raise ValidationError("`to` is before `from`.", field_name="to")
        if days > MOST_DAYS:
            raise ValidationError(f"A report covers at most {MOST_DAYS} days.", field_name="to")

    @validates_schema
    def twice(self, data: dict[str, Any], **_: Any) -> None:
        if len(set(data["group_by"])) < len(data["group_by"]):
            raise ValidationError("The same twice.", field_name="group_by")

    @post_load
    def grouped(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {**data, "group_by": [GroupBy(by) for by in data["group_by"]]}


def of_category() -> Words:
    """A filter that fits what is told apart by category."""
    return Words(60, metadata={"description": "The slug of a category."})


class RecoveryReportQuery(ReportQuery):
    """Which business days, stores and category, and how to group them."""

    group_by = grouped_by(*RECOVERY_DIMENSIONS)
    category = of_category()
    compare_to = fields.Enum(
        CompareTo,
        by_value=True,
        metadata={"description": "The period before, of as many months or days, or the same days of the last year."},
    )


class Numbers(fields.Nested):
    """A shape of plain numbers, told as they are, for a report holds thousands. A signed log keeps them as told."""

    def _serialize(self, value: Any, *_: Any, **__: Any) -> dict[str, Any] | None:
        read = dict.__getitem__ if isinstance(value, dict) else getattr
        return None if value is None else {name: read(value, name) for name in self.schema.dump_fields}


class ShareSchema(Schema):
    """A rate with what it was made from; its value is null where the denominator is under 10."""

    value = fields.Float(allow_none=True)
    numerator = fields.Integer()
    denominator = fields.Integer()


class SpreadSchema(Schema):
    """Minutes, by linear interpolation between the neighbouring ranks (PERCENTILE_CONT), within `relative_error`."""

    median = fields.Float(allow_none=True)
    p90 = fields.Float(allow_none=True)
    n = fields.Integer()


class LiftSchema(Schema):
    """Mood afterwards less mood before, on average over those resolved whose mood afterwards is known."""

    mean = fields.Float(allow_none=True)
    n = fields.Integer()


class FiguresSchema(Schema):
    """What became of a number of concerns; praise is not among them.

    `taken`: somebody ever took it. `open`: not resolved now, taken or not. `on_the_spot`: resolved by the one who
    reported it, never reopened. `late`: told more than 15 minutes after it happened, left out of both `minutes_*`.
    """

    concerns = fields.Integer()
    unhappy = fields.Integer()
    taken = fields.Integer()
    resolved = fields.Integer()
    recovered = fields.Integer()
    lost = fields.Integer()
    open = fields.Integer()
    on_the_spot = fields.Integer()
    late = fields.Integer()
    reopened = fields.Integer()
    unanswered_alerts = fields.Integer()
    praise = fields.Integer()
    repeat_within_30_days = Numbers(
        ShareSchema, metadata={"description": "Of all concerns, how many followed another one of the same customer."}
    )
    recovery_rate = Numbers(ShareSchema)
    taken_share = Numbers(ShareSchema)
    unused_trust = Numbers(
        ShareSchema, metadata={"description": "Of the customers who were lost, how many were given nothing but words."}
    )
    minutes_to_take = Numbers(SpreadSchema)
    minutes_to_resolve = Numbers(SpreadSchema)
    mood_lift = Numbers(LiftSchema)
    cost = fields.List(fields.Nested(MoneySchema))
    cost_per_recovered = fields.List(
        fields.Nested(MoneySchema), metadata={"description": "`cost` over `recovered`; empty where nobody was."}
    )


class NamedSchema(Schema):
    """A store, region, group, category or cause."""

    id = fields.UUID()
    slug = fields.String()
    name = fields.String()


class GroupSchema(Schema):
    """What the row is about: a member for each of `group_by`; null for concerns without one, or for stores in none."""

    store = fields.Nested(NamedSchema)
    region = fields.Nested(NamedSchema)
    group = fields.Nested(NamedSchema, allow_none=True)
    category = fields.Nested(NamedSchema, allow_none=True)
    cause = fields.Nested(NamedSchema, allow_none=True)
    channel = fields.String(validate=validate.OneOf([channel.value for channel in Channel]))
    day = fields.String(metadata={"format": "date", "example": "2026-03-02"})
    week = fields.String(metadata={"description": "ISO 8601, Monday to Sunday.", "example": "2026-W10"})
    month = fields.String(metadata={"example": "2026-03"})


class _GroupedSchema(Schema):
    group = fields.Nested(GroupSchema)


class RecoveryTotalsSchema(FiguresSchema):
    """The figures, and whether people were asked; that is null where concerns of one store and day are told apart.

    `follow_ups_kept`: of those due, the ones kept in time. `ask_rate`: checks and concerns of the days that tell
    how many there were to ask, over their receipts, or their covers where they count no receipts.
    """

    checks = fields.Integer(allow_none=True)
    covers = fields.Integer(allow_none=True)
    transactions = fields.Integer(allow_none=True)
    ask_rate = Numbers(ShareSchema, allow_none=True)
    follow_ups_due = fields.Integer(allow_none=True)
    follow_ups_kept = fields.Integer(allow_none=True)


class LimitsSchema(Schema):
    """What lies from `low` to `high` may well be chance."""

    low = fields.Float()
    high = fields.Float()


class ControlSchema(Schema):
    """A figure of a store beside that of all (`target`); `outside` names the widest limits it lies outside of, or null.

    The limits narrow with how much the store has to show: exact, of the binomial distribution for shares and of the
    Poisson distribution for counts.
    """

    value = fields.Float()
    target = fields.Float()
    limits = fields.Dict(
        keys=fields.String(validate=validate.OneOf(list(TAIL_PROBABILITIES))),
        values=fields.Nested(LimitsSchema),
        metadata={"example": {"95": {"low": 0.71, "high": 0.9}, "99.8": {"low": 0.64, "high": 0.94}}},
    )
    outside = fields.String(allow_none=True, validate=validate.OneOf(list(TAIL_PROBABILITIES)))


class RecoveryRowSchema(RecoveryTotalsSchema, _GroupedSchema):
    """The figures of one group.

    By store alone `control` says of `recovery_rate`, `taken_share` and `concerns_per_1000` (transactions) whether the
    store differs from all of them together by more than chance; null where it cannot be told, and otherwise.
    """

    control = fields.Dict(keys=fields.String(), values=fields.Nested(ControlSchema, allow_none=True), allow_none=True)


class RecoveryReportSchema(Schema):
    """Figures by group, ordered by its labels, and of everything together (`totals`), each store once.

    `business_dates`: `store` says that a day is what it is in each store's own zone, from its own `day_starts_at`.
    """

    from_date = fields.Date(data_key="from")
    to_date = fields.Date(data_key="to")
    group_by = fields.List(fields.String(validate=validate.OneOf([by.value for by in RECOVERY_DIMENSIONS])))
    business_dates = fields.String(validate=validate.Equal("store"))
    clock = fields.String(validate=validate.Equal("wall"))
    generated_at = Instant()
    relative_error = fields.Float()
    rows = fields.List(fields.Nested(RecoveryRowSchema))
    totals = fields.Nested(RecoveryTotalsSchema)
    compared = fields.Nested(
        lambda: RecoveryReportSchema(exclude=("compared",)),
        allow_none=True,
        metadata={"description": "The same for the period of `compare_to`, in JSON only."},
    )


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
