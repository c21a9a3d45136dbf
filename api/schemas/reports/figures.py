"""Figures that reports and recovery logs share: rates, percentiles, outcomes of concerns."""

from typing import Any

from marshmallow import fields

from api.schemas.base import MoneySchema, Schema


class Numbers(fields.Nested):
    """Nested schema of plain numbers, read without marshmallow's per-field work: a report holds thousands.

    The value is an object, or a dict where the figures of a signed log were stored.
    """

    def _serialize(self, value: Any, *_: Any, **__: Any) -> dict[str, Any] | None:
        get = dict.__getitem__ if isinstance(value, dict) else getattr
        return None if value is None else {name: get(value, name) for name in self.schema.dump_fields}


class ShareSchema(Schema):
    """A rate with its numerator and denominator; `value` is null when the denominator is under 10."""

    value = fields.Float(allow_none=True)
    numerator = fields.Integer()
    denominator = fields.Integer()


class SpreadSchema(Schema):
    """Percentiles in minutes, by linear interpolation (PERCENTILE_CONT), within `relative_error`."""

    median = fields.Float(allow_none=True)
    p90 = fields.Float(allow_none=True)
    n = fields.Integer()


class LiftSchema(Schema):
    """Mean of mood afterwards minus mood before, over resolved concerns whose mood afterwards is known."""

    mean = fields.Float(allow_none=True)
    n = fields.Integer()


class FiguresSchema(Schema):
    """Figures over concerns, without praise.

    `taken`: somebody ever took it. `open`: not resolved now, taken or not. `on_the_spot`: resolved by the reporter and
    never reopened. `late`: logged more than 15 minutes after it happened, and left out of both `minutes_*`.
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
