"""When a store is open."""

from typing import Any

from marshmallow import fields, validate

from api.schemas.base import ClockTime, Schema, Words
from models.organizations.opening_hours import WEEKDAYS


class DateAsStored(fields.Date):
    """A civil date that is kept as it is written."""

    def _deserialize(self, *arguments: Any, **keywords: Any) -> str:
        return str(super()._deserialize(*arguments, **keywords))

    def _serialize(self, value: str, *_: Any, **__: Any) -> str:
        return value


class PeriodSchema(Schema):
    """One opening. It closes on the next day where that time does not come after; 00:00 to 00:00 is all day."""

    opens_at = ClockTime(required=True)
    closes_at = ClockTime(required=True)


class WeeklyPeriodSchema(PeriodSchema):
    """An opening of every week."""

    weekday = fields.String(required=True, validate=validate.OneOf(WEEKDAYS))


class DifferentDaySchema(Schema):
    """A holiday or another exception: what opens on that date instead. Without periods it is closed."""

    date = DateAsStored(required=True)
    name = Words(100, allow_none=True)
    periods = fields.List(fields.Nested(PeriodSchema), required=True, validate=validate.Length(max=10))


class HoursSchema(Schema):
    """In the store's own time zone. `weekly` null: always open, but for the exceptions."""

    weekly = fields.List(
        fields.Nested(WeeklyPeriodSchema), required=True, allow_none=True, validate=validate.Length(max=70)
    )
    exceptions = fields.List(fields.Nested(DifferentDaySchema), load_default=list, validate=validate.Length(max=400))
