"""Opening hours of a store."""

from typing import Any

from marshmallow import ValidationError, fields, post_load, validate, validates_schema

from api.schemas.base import ClockTime, Flag, Schema, Words, at_least, described
from models.organizations.opening_hours import MAX_WEEKLY_PERIODS, WEEKDAYS, Hours


class DateAsStored(fields.Date):
    """Civil date that is stored as text in a JSON column."""

    def _deserialize(self, *arguments: Any, **keywords: Any) -> str:
        return str(super()._deserialize(*arguments, **keywords))

    def _serialize(self, value: str, *_: Any, **__: Any) -> str:
        return value


class Always(fields.Boolean):
    """Field that answers whether hours have no week, which means that the store is always open."""

    _CHECK_ATTRIBUTE = False

    def _serialize(self, _value: Any, _attr: str | None, obj: Any, **_: Any) -> bool:
        return obj["weekly"] is None


class NewPeriodSchema(Schema):
    """An opening. It closes on the next day when `closes_at` is not after `opens_at`; 00:00 to 00:00 is all day."""

    opens_at = ClockTime(
        required=True, metadata=described("When it opens, such as 11:30, in the time zone of the store.")
    )
    closes_at = ClockTime(
        required=True,
        metadata=described("When it closes, such as 22:00; on the next day where that is not after `opens_at`."),
    )


class NewWeeklyPeriodSchema(NewPeriodSchema):
    """A weekly opening."""

    weekday = fields.String(required=True, validate=validate.OneOf(WEEKDAYS))


class NewExceptionalDaySchema(Schema):
    """A holiday or another exception: the openings of that date instead. Without periods the store is closed."""

    date = DateAsStored(required=True)
    name = Words(
        100,
        allow_none=True,
        dump_default=None,
        metadata=described("What day it is, such as the name of a holiday; null for none."),
    )
    periods = fields.List(fields.Nested(NewPeriodSchema), required=True, validate=validate.Length(max=10))


class NewHoursSchema(Schema):
    """Opening hours in the store's time zone. Either the openings of a week are given as `weekly`, or `always` is true.

    `exceptions` are dates with other hours, such as holidays.
    """

    document = at_least(1)

    weekly = fields.List(
        fields.Nested(NewWeeklyPeriodSchema), allow_none=True, validate=validate.Length(max=MAX_WEEKLY_PERIODS)
    )
    always = Flag()
    exceptions = fields.List(
        fields.Nested(NewExceptionalDaySchema), load_default=list, validate=validate.Length(max=400)
    )

    @validates_schema
    def require_either(self, data: dict[str, Any], **_: Any) -> None:
        """Raise ValidationError unless the week or `always` is given, and not both."""
        if (data.get("weekly") is None) is not self._is_always(data):
            raise ValidationError("Give the openings of a week, or say that always is true.", "weekly")

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> Hours:
        return {"weekly": data.get("weekly"), "exceptions": data["exceptions"]}

    def _is_always(self, data: dict[str, Any]) -> bool:
        return data.get("always", False) is True


class PutHoursSchema(NewHoursSchema):
    """Opening hours in the store's time zone, as in NewHours; `weekly` null says always as well."""

    def _is_always(self, data: dict[str, Any]) -> bool:
        return data.get("always", "weekly" in data and data["weekly"] is None) is True


class PeriodSchema(NewPeriodSchema):
    """Times between which a store is open, as they are answered."""


class WeeklyPeriodSchema(NewWeeklyPeriodSchema):
    """Times of a weekday between which a store is open, as they are answered."""


class ExceptionalDaySchema(NewExceptionalDaySchema):
    """A date with other openings, as it is answered."""

    periods = fields.List(fields.Nested(PeriodSchema))


class HoursSchema(Schema):
    """Opening hours in the store's time zone. With `always`, `weekly` is null: open but for the exceptions."""

    weekly = fields.List(fields.Nested(WeeklyPeriodSchema), required=True, allow_none=True)
    always = Always()
    exceptions = fields.List(fields.Nested(ExceptionalDaySchema))
