"""Figures that reports and recovery logs share: rates, percentiles, outcomes of concerns."""

from collections.abc import Mapping
from typing import Any

from marshmallow import fields, missing, validate

from api.schemas.base import MoneySchema, Schema, described
from api.schemas.reader_language import reader_language
from notifications.messages.figures_in_words import ask_rate_sentence
from notifications.messages.translations import CATALOGUES

NOT_COUNTED = (None, missing)  # also by what older signed figures lack

COST_DESCRIPTION = "What was given for these concerns and not taken back, by currency."

MOOD_LIFT_DESCRIPTION = "How the mood (1 to 5) changed, over resolved concerns whose mood afterwards is known."
REPEAT_DESCRIPTION = (
    "Of the concerns whose customer is known, the share whose customer had another one in the 30 days before. Concerns "
    "of nobody known are left out."
)
CHECKS_DESCRIPTION = "How often staff asked a customer whether all was well, and it was."
COVERS_DESCRIPTION = "Customers served, as the stores reported them; days without a report are left out."
TRANSACTIONS_DESCRIPTION = "Receipts, as the stores reported them; days without a report are left out."
ASK_RATE_DESCRIPTION = (
    "Of the receipts, or the covers where a store counts no receipts, the share with a check or a concern. Days that "
    "report neither are left out. Above 100 %, see the note."
)
ASK_RATE_NOTE_DESCRIPTION = (
    "What it means where the ask rate is above 100 %: receipts or covers are missing, or checks were tapped that "
    "nobody made. Empty otherwise."
)
FOLLOW_UPS_DUE_DESCRIPTION = "Promises to customers that were due on these days."
FOLLOW_UPS_KEPT_DESCRIPTION = "Of the promises due, those kept in time. Open and overdue ones count as missed."
VOIDED_DESCRIPTION = "Concerns and praise that were logged by mistake and taken back; in no other figure."
RECLASSIFIED_DESCRIPTION = "Praise that was logged as a concern, and corrected since."
FEEDBACK_ASKED_DESCRIPTION = (
    "How often customers were asked how it was in the end, by a link or its QR code. It counts for the business day of "
    "the concern, however late it was, as do the answers."
)
FEEDBACK_ANSWERED_DESCRIPTION = "How many of these customers answered. Answers that may be by staff are left out."
FEEDBACK_SUSPECT_DESCRIPTION = (
    "Answers that may be by staff: from the sign-in or phone that made the link, or at once from the same browser. "
    "They are in no rating."
)
RESPONSE_RATE_DESCRIPTION = "Of the customers who were asked, the share who answered. Some may still answer."
RATING_DESCRIPTION = "What customers said of how it was in the end, 1 to 5."
RECOMMEND_DESCRIPTION = "How likely customers said they are to recommend the store, 0 to 10."


UNHAPPY_SHARE_DESCRIPTION = (
    "Of all concerns, the share of unhappy guests: those with a mood of 1 or 2 of 5. Who raised two counts twice."
)
TAKEN_IN_TIME_DESCRIPTION = "Concerns that were first taken before the call for help had gone unanswered."
TAKEN_AFTER_UNANSWERED_DESCRIPTION = "Concerns that were first taken once the call for help had gone unanswered."


class Ratio(fields.Float):
    """A share of 1, which tables show in per cent."""


class Keyed(fields.Dict):
    """Dict with known keys. `parts`: the field of each, for tables; as JSON all are alike."""

    def __init__(self, parts: Mapping[str, fields.Field[Any]], **options: Any) -> None:
        self.parts = parts
        super().__init__(keys=fields.String(validate=validate.OneOf(list(parts))), **options)


class Minutes(fields.Float):
    """A duration in minutes."""


class Numbers(fields.Nested):
    """Nested schema of plain numbers, read without marshmallow's per-field work: a report holds thousands.

    The value is an object, or a dict where the figures of a signed log were stored.
    """

    def _serialize(self, value: Any, *_: Any, **__: Any) -> dict[str, Any] | None:
        get = dict.__getitem__ if isinstance(value, dict) else getattr
        return None if value is None else {name: get(value, name) for name in self.schema.dump_fields}


class ShareSchema(Schema):
    """A rate with its numerator and denominator. `value` has four decimals; it is null for a denominator under 10."""

    value = Ratio(allow_none=True, metadata=described("The share; empty when it would be one of fewer than ten."))
    numerator = fields.Integer(metadata=described("How many of them."))
    denominator = fields.Integer(metadata=described("Of how many."))


class SpreadSchema(Schema):
    """Percentiles in minutes, by linear interpolation (PERCENTILE_CONT), within `relative_error`.

    They are rounded: to three significant digits in reports, to a decimal in the figures of a recovery log.
    """

    median = Minutes(allow_none=True, metadata=described("Median, in minutes: half of them took no longer."))
    p90 = Minutes(allow_none=True, metadata=described("In minutes: nine of ten took no longer."))
    n = fields.Integer(metadata=described("The number of durations behind it."))


class LiftSchema(Schema):
    """Mean of mood afterwards minus mood before, to two decimals, over resolved concerns where both are known."""

    mean = fields.Float(allow_none=True, metadata=described("The mean, in steps; below 0: the mood went down."))
    n = fields.Integer(metadata=described("The number of concerns behind it."))


class RatingSchema(Schema):
    """What customers answered to 'how was it in the end', from 1 (very unhappy) to 5 (delighted).

    The mean of `n` answers, and how many gave each rating. Answers that may be by staff (`suspect`) are left out.
    """

    mean = fields.Float(allow_none=True, metadata=described("The mean rating, 1 to 5; empty without answers."))
    n = fields.Integer(metadata=described("How many answers it is the mean of."))
    of_1 = fields.Integer(metadata=described("How many gave a 1: very unhappy."))
    of_2 = fields.Integer(metadata=described("How many gave a 2."))
    of_3 = fields.Integer(metadata=described("How many gave a 3."))
    of_4 = fields.Integer(metadata=described("How many gave a 4."))
    of_5 = fields.Integer(metadata=described("How many gave a 5: delighted."))


class RecommendationSchema(Schema):
    """How likely customers are to recommend the store, 0 to 10, of the `n` who said so; it is optional in the form."""

    mean = fields.Float(allow_none=True, metadata=described("The mean, 0 to 10; empty without answers."))
    n = fields.Integer(metadata=described("How many said how likely it is."))
    promoters = fields.Integer(metadata=described("How many said 9 or 10."))
    passives = fields.Integer(metadata=described("How many said 7 or 8."))
    detractors = fields.Integer(metadata=described("How many said 0 to 6."))
    score = fields.Integer(
        allow_none=True,
        metadata=described(
            "Net Promoter Score, -100 to 100: the percentage of promoters minus that of detractors. Empty for fewer "
            "than ten answers."
        ),
    )


class AskRateNote(fields.String):
    """What the ask rate of the same figures means if it is above one, in the reader's language; else null."""

    _CHECK_ATTRIBUTE = False

    def _serialize(self, _value: Any, _attribute: str | None, figures: Any, **_: Any) -> str | None:
        share = self.get_value(figures, "ask_rate")
        rate = None if share in NOT_COUNTED else self.get_value(share, "value")
        return None if rate in NOT_COUNTED or rate <= 1 else ask_rate_sentence(locale=reader_language(CATALOGUES))


def ask_rate_note() -> AskRateNote:
    """Return the field beside `ask_rate`."""
    return AskRateNote(allow_none=True, metadata=described(ASK_RATE_NOTE_DESCRIPTION))


class FiguresSchema(Schema):
    """Figures over concerns, without praise.

    `taken`: somebody ever took it; it is `taken_in_time`, `taken_after_unanswered`, and those for which nothing rang
    (whoever logged it handled it, or it was logged too late). `open`: not resolved now, taken or not. `on_the_spot`:
    resolved by the reporter and never reopened. `late`: logged more than 15 minutes after it happened, and left out of
    both `minutes_*`.
    """

    concerns = fields.Integer(
        metadata=described(
            "Concerns and requests that were logged for these business days. Praise and what was voided are left out."
        )
    )
    unhappy = fields.Integer(
        metadata=described("Concerns of customers with a mood of 1 or 2, of 1 (very unhappy) to 5 (delighted).")
    )
    unhappy_share = Numbers(ShareSchema, metadata=described(UNHAPPY_SHARE_DESCRIPTION))
    taken = fields.Integer(
        metadata=described(
            "Concerns that a member of staff took at any time: in time, after the call had gone unanswered, and those "
            "for which no phone had to ring."
        )
    )
    taken_in_time = fields.Integer(metadata=described(TAKEN_IN_TIME_DESCRIPTION))
    taken_after_unanswered = fields.Integer(metadata=described(TAKEN_AFTER_UNANSWERED_DESCRIPTION))
    resolved = fields.Integer(metadata=described("Concerns that are resolved now."))
    recovered = fields.Integer(metadata=described("Resolved concerns whose customer left content."))
    lost = fields.Integer(metadata=described("Resolved concerns whose customer left unhappy."))
    open = fields.Integer(metadata=described("Concerns that are not resolved now, taken or not."))
    on_the_spot = fields.Integer(
        metadata=described("Concerns that were resolved by whoever logged them, and never reopened.")
    )
    late = fields.Integer(
        metadata=described(
            "Concerns that were logged more than 15 minutes after they happened. They are in no `minutes_...`."
        )
    )
    reopened = fields.Integer(metadata=described("Concerns that were reopened at least once."))
    unanswered_alerts = fields.Integer(
        metadata=described("Calls for help that nobody answered in time, whoever came later.")
    )
    praise = fields.Integer(metadata=described("Praise that was logged; in no other figure."))
    feedback_asked = fields.Integer(metadata=described(FEEDBACK_ASKED_DESCRIPTION))
    feedback_answered = fields.Integer(metadata=described(FEEDBACK_ANSWERED_DESCRIPTION))
    feedback_suspect = fields.Integer(metadata=described(FEEDBACK_SUSPECT_DESCRIPTION))
    response_rate = Numbers(ShareSchema, metadata=described(RESPONSE_RATE_DESCRIPTION))
    rating = Numbers(RatingSchema, metadata=described(RATING_DESCRIPTION))
    recommend = Numbers(RecommendationSchema, metadata=described(RECOMMEND_DESCRIPTION))
    repeat_within_30_days = Numbers(ShareSchema, metadata=described(REPEAT_DESCRIPTION))
    recovery_rate = Numbers(
        ShareSchema,
        metadata=described("Of the concerns whose customer was recovered or lost, the share of those recovered."),
    )
    taken_share = Numbers(ShareSchema, metadata=described("Of all concerns, the share that somebody took."))
    unused_trust = Numbers(
        ShareSchema,
        metadata={"description": ("Of the customers who were lost, the share who were given nothing but words.")},
    )
    minutes_to_take = Numbers(
        SpreadSchema,
        metadata=described("From when a concern was logged until somebody took it. Concerns logged late are left out."),
    )
    minutes_to_resolve = Numbers(
        SpreadSchema,
        metadata=described("From when a concern was logged until it was resolved. Concerns logged late are left out."),
    )
    mood_lift = Numbers(LiftSchema, metadata=described(MOOD_LIFT_DESCRIPTION))
    cost = fields.List(fields.Nested(MoneySchema), metadata=described(COST_DESCRIPTION))
    cost_per_recovered = fields.List(
        fields.Nested(MoneySchema),
        metadata=described(
            "In each currency, the cost over the customers recovered in stores that had this currency that day. "
            "Without a currency in which nobody was recovered."
        ),
    )
