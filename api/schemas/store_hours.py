"""Opening hours of a store."""

from typing import Any

from marshmallow import fields, validate

from api.schemas.base import ClockTime, Schema, Words
from models.organizations.opening_hours import WEEKDAYS


class DateAsStored(fields.Date):
    """Civil date that is stored as text in a JSON column."""

    def _deserialize(self, *arguments: Any, **keywords: Any) -> str:
        return str(super()._deserialize(*arguments, **keywords))

    def _serialize(self, value: str, *_: Any, **__: Any) -> str:
        return value


class PeriodSchema(Schema):
    """An opening. It closes on the next day when `closes_at` is not after `opens_at`; 00:00 to 00:00 is all day."""

    opens_at = ClockTime(required=True)
    closes_at = ClockTime(required=True)


class WeeklyPeriodSchema(PeriodSchema):
    """A weekly opening."""

    weekday = fields.String(required=True, validate=validate.OneOf(WEEKDAYS))


class ExceptionalDaySchema(Schema):
    """A holiday or another exception: the openings of that date instead. Without periods the store is closed."""

    date = DateAsStored(required=True)
    name = Words(100, allow_none=True)
    periods = fields.List(fields.Nested(PeriodSchema), required=True, validate=validate.Length(max=10))


class HoursSchema(Schema):
    """Opening hours in the store's time zone. `weekly` null: always open, except on the exceptions."""

    weekly = fields.List(
        fields.Nested(WeeklyPeriodSchema), required=True, allow_none=True, validate=validate.Length(max=70)
    )
    exceptions = fields.List(fields.Nested(ExceptionalDaySchema), load_default=list, validate=validate.Length(max=400))
