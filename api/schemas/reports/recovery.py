"""Report on recovery."""

from typing import Any

from marshmallow import fields, validate

from api.schemas.base import Instant, Schema, described
from api.schemas.reader_language import reader_language
from api.schemas.reports.base import BaseReportQuery, GroupSchema, category_filter, grouped_by
from api.schemas.reports.figures import (
    ASK_RATE_DESCRIPTION,
    CHECKS_DESCRIPTION,
    COVERS_DESCRIPTION,
    FOLLOW_UPS_DUE_DESCRIPTION,
    FOLLOW_UPS_KEPT_DESCRIPTION,
    RECLASSIFIED_DESCRIPTION,
    TRANSACTIONS_DESCRIPTION,
    VOIDED_DESCRIPTION,
    FiguresSchema,
    Keyed,
    Numbers,
    Ratio,
    ShareSchema,
    ask_rate_note,
)
from models.reports.grouping import RECOVERY_DIMENSIONS
from models.reports.recovery import CONCERNS_PER_1000, CONTROLLED_SHARES, CompareTo
from models.reports.stats.control_limits import TAIL_PROBABILITIES
from notifications.messages.figures_in_words import control_sentence
from notifications.messages.translations import CATALOGUES

VALUE_DESCRIPTION = "The figure of the store."
TARGET_DESCRIPTION = "The figure of all stores together."
LOW_DESCRIPTION = "A lower figure is hardly chance."
HIGH_DESCRIPTION = "A higher figure is hardly chance."
CONCERNS_PER_1000_DESCRIPTION = "Concerns per thousand receipts, on days whose receipts are known."


class RecoveryReportQuery(BaseReportQuery):
    """Business days, stores, category and groups, and the period to compare with."""

    group_by = grouped_by(*RECOVERY_DIMENSIONS)
    category = category_filter()
    compare_to = fields.Enum(
        CompareTo,
        by_value=True,
        metadata={"description": "The period before, of as many months or days, or the same days of the last year."},
    )


class _GroupedSchema(Schema):
    group = fields.Nested(GroupSchema)


class RecoveryTotalsSchema(FiguresSchema):
    """The figures, and how often customers were asked; null when concerns of one store and day are in several rows.

    `follow_ups_kept`: of those due, the ones kept in time. `ask_rate`: checks and concerns of the days that tell
    how many there were to ask, over their receipts, or their covers where they count no receipts. `voided`: taken back,
    and in no other figure. `reclassified`: praise that was logged as a concern. `quick_own_share`, `corrected_up_share`
    and `taken_back_share` are of all concerns that were logged with an unhappy mood, whatever became of them.
    """

    checks = fields.Integer(allow_none=True, metadata=described(CHECKS_DESCRIPTION))
    covers = fields.Integer(allow_none=True, metadata=described(COVERS_DESCRIPTION))
    transactions = fields.Integer(allow_none=True, metadata=described(TRANSACTIONS_DESCRIPTION))
    ask_rate = Numbers(ShareSchema, allow_none=True, metadata=described(ASK_RATE_DESCRIPTION))
    ask_rate_note = ask_rate_note()
    follow_ups_due = fields.Integer(allow_none=True, metadata=described(FOLLOW_UPS_DUE_DESCRIPTION))
    follow_ups_kept = fields.Integer(allow_none=True, metadata=described(FOLLOW_UPS_KEPT_DESCRIPTION))
    voided = fields.Integer(allow_none=True, metadata=described(VOIDED_DESCRIPTION))
    reclassified = fields.Integer(allow_none=True, metadata=described(RECLASSIFIED_DESCRIPTION))
    days_with_concerns = fields.Integer(
        allow_none=True, metadata=described("Business days, of each store, on which there was a concern.")
    )
    unsigned_days = fields.Integer(
        allow_none=True,
        metadata=described(
            "How many of the `days_with_concerns` nobody has signed off. A day that is not over yet counts too."
        ),
    )
    quick_own_share = Numbers(
        ShareSchema,
        allow_none=True,
        metadata=described(
            "Of the concerns that were logged with a mood of 1 or 2, the share that whoever logged them handled "
            "themselves and resolved within two minutes; those written up long afterwards are not counted as such. "
            "Far more of them than in other stores are a reason to ask."
        ),
    )
    corrected_up_share = Numbers(
        ShareSchema,
        allow_none=True,
        metadata=described(
            "Of the concerns that were logged with a mood of 1 or 2, the share whose mood before was later corrected "
            "up by two steps or more."
        ),
    )
    taken_back_share = Numbers(
        ShareSchema,
        allow_none=True,
        metadata=described(
            "Of the concerns that were logged with a mood of 1 or 2, the share that was voided or made praise later."
        ),
    )


class LimitsSchema(Schema):
    """Control limits: a value from `low` to `high` may be chance."""

    low = fields.Float(metadata=described(LOW_DESCRIPTION))
    high = fields.Float(metadata=described(HIGH_DESCRIPTION))


class ShareLimitsSchema(LimitsSchema):
    """Control limits of a share, for tables."""

    low = Ratio(metadata=described(LOW_DESCRIPTION))
    high = Ratio(metadata=described(HIGH_DESCRIPTION))


def limits_by_name(schema: type[LimitsSchema]) -> Keyed:
    """Return the field of the limits by how often chance stays within them."""
    return Keyed(
        parts={
            name: fields.Nested(schema, metadata=described(f"In {name} of 100 cases.")) for name in TAIL_PROBABILITIES
        },
        values=fields.Nested(LimitsSchema),
        metadata={
            "description": "The range that chance alone explains.",
            "example": {"95": {"low": 0.71, "high": 0.9}, "99.8": {"low": 0.64, "high": 0.94}},
        },
    )


class ControlSentence(fields.String):
    """A control point in one sentence, in the language of the reader."""

    _CHECK_ATTRIBUTE = False

    def _serialize(self, _value: Any, _attribute: str | None, point: Any, **_: Any) -> str | None:
        return control_sentence(point, locale=reader_language(CATALOGUES))


class ControlSchema(Schema):
    """A store's figure beside that of all stores (`target`); `outside` names the widest limits it exceeds, or null.

    The limits narrow with how much the store has to show: exact, of the binomial distribution for shares and of the
    Poisson distribution for counts.
    """

    value = fields.Float(metadata=described(VALUE_DESCRIPTION))
    target = fields.Float(metadata=described(TARGET_DESCRIPTION))
    limits = limits_by_name(LimitsSchema)
    outside = fields.String(
        allow_none=True,
        validate=validate.OneOf(list(TAIL_PROBABILITIES)),
        metadata=described("The limits that the value is outside of: 95 or 99.8; empty when chance may explain it."),
    )
    sentence = ControlSentence(
        allow_none=True,
        metadata={
            **described(
                "What differs, in one sentence in your language; empty when chance may explain it. It counts concerns, "
                "also where it speaks of guests or customers: who raised two counts twice."
            ),
            "example": "More unhappy guests than chance explains: 14 % against 9 %",
        },
    )


class ShareControlSchema(ControlSchema):
    """The control of a share, for tables."""

    value = Ratio(metadata=described(VALUE_DESCRIPTION))
    target = Ratio(metadata=described(TARGET_DESCRIPTION))
    limits = limits_by_name(ShareLimitsSchema)


class RecoveryRowSchema(RecoveryTotalsSchema, _GroupedSchema):
    """The figures of one group.

    By store alone `control` says of some shares and of `concerns_per_1000` (receipts, on days whose receipts are known)
    whether the store differs from all of them together by more than chance; null where it cannot be told.
    """

    control = Keyed(
        parts={
            **{name: fields.Nested(ShareControlSchema) for name in CONTROLLED_SHARES},
            CONCERNS_PER_1000: fields.Nested(ControlSchema, metadata=described(CONCERNS_PER_1000_DESCRIPTION)),
        },
        values=fields.Nested(ControlSchema, allow_none=True),
        allow_none=True,
        metadata=described("How this figure of the store compares with that of all stores together; by store alone."),
    )


class RecoveryReportSchema(Schema):
    """Figures by group, ordered by its labels, and of everything together (`totals`), each store once.

    `business_dates`: `store` says that a day is what it is in each store's own zone, from its own `day_starts_at`.
    """

    sometimes = frozenset({"compared"})  # not in the one of `compare_to`

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
