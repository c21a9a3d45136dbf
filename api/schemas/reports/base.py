"""Base of all reports: query, groups, frame."""

from typing import Any

from marshmallow import ValidationError, fields, post_load, validate, validates_schema

from api.schemas.base import BusinessDate, Instant, Schema, Several, Words, described
from api.schemas.reader_language import NameInLanguage, reader_language
from models.concerns.enums import Channel
from models.policy_defaults import MAX_REPORT_DAYS
from models.recovery.follow_up import FollowUpKind
from models.reports.grouping import CLOCK_DIMENSIONS, TIME_DIMENSIONS, WEEKDAY_NAMES, GroupBy
from notifications.messages.figures_in_words import unconfirmed_items
from notifications.messages.translations import CATALOGUES

GROUPED_BY = (
    "Up to two, separated by a comma or given one by one. `hour` and `weekday` go with no other time, and are told of "
    "the whole calendar months that are over: all other days of the period are in the row where they are null. A "
    "period without such a month is refused."
)


def grouped_by(*choices: GroupBy) -> Several:
    """Return the query field `group_by`: up to two of these dimensions."""
    return Several(
        fields.String(validate=validate.OneOf([by.value for by in choices])),
        least=0,
        most=2,
        load_default=list,
        metadata={"description": GROUPED_BY},
    )


class BaseReportQuery(Schema):
    """Business days (both included) and stores of a report. Each report adds its own `group_by`."""

    from_date = BusinessDate(required=True, data_key="from")
    to_date = BusinessDate(required=True, data_key="to")
    region_id = fields.UUID()
    group_id = fields.UUID()
    store_id = fields.UUID()

    @validates_schema
    def check_days(self, data: dict[str, Any], **_: Any) -> None:
        days = (data["to_date"] - data["from_date"]).days + 1
        if days < 1:
            raise ValidationError("`to` is before `from`.", field_name="to")
        if days > MAX_REPORT_DAYS:
            raise ValidationError(f"A report covers at most {MAX_REPORT_DAYS} days.", field_name="to")

    @validates_schema
    def check_clock(self, data: dict[str, Any], **_: Any) -> None:
        """Refuse what would be one person's: hours of one day."""
        dimensions = {GroupBy(by) for by in data["group_by"]}
        clock = dimensions & CLOCK_DIMENSIONS
        if not clock:
            return
        if len(clock) > 1 or dimensions & TIME_DIMENSIONS:
            raise ValidationError("By hour or by weekday, and by no other time.", field_name="group_by")

    @post_load
    def parse_group_by(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {**data, "group_by": [GroupBy(by) for by in data["group_by"]]}


def category_filter() -> Words:
    """Return the query field `category`, for reports over concerns."""
    return Words(60, metadata={"description": "The slug of a category."})


class NamedSchema(Schema):
    """A store, region or group."""

    id = fields.UUID(metadata=described("The id."))
    slug = fields.String(metadata=described("The short name, which may change."))
    name = fields.String(metadata=described("The name."))


class NamedWordSchema(NamedSchema):
    """A category, cause, remedy or question."""

    name = NameInLanguage("word")


WITHHELD = (
    "those in which fewer than three different people of a store were on shift in one of the months, and all days that "
    "are in no whole month that is over, together."
)


class GroupSchema(Schema):
    """The group of a row: a member for each of `group_by`; null for concerns or stores without one."""

    sometimes = frozenset(by.value for by in GroupBy)

    store = fields.Nested(NamedSchema, metadata=described("The store."))
    region = fields.Nested(NamedSchema, metadata=described("The region of the stores."))
    group = fields.Nested(
        NamedSchema,
        allow_none=True,
        metadata=described("The group of stores; empty for stores in none. A store may be in several."),
    )
    category = fields.Nested(
        NamedWordSchema,
        allow_none=True,
        metadata=described("The category of the concerns; empty for those without one."),
    )
    cause = fields.Nested(
        NamedWordSchema, allow_none=True, metadata=described("The cause of the concerns; empty for those without one.")
    )
    channel = fields.String(
        validate=validate.OneOf([channel.value for channel in Channel]),
        metadata=described("Where the customer told of the concern."),
    )
    day = fields.String(
        metadata={"description": "The business day of the store.", "format": "date", "example": "2026-03-02"}
    )
    week = fields.String(
        metadata={"description": "The week of the business days, Monday to Sunday (ISO 8601).", "example": "2026-W10"}
    )
    month = fields.String(metadata={"description": "The month of the business days.", "example": "2026-03"})
    weekday = fields.String(
        allow_none=True,
        validate=validate.OneOf(WEEKDAY_NAMES),
        metadata=described("The weekday of the business days; empty: " + WITHHELD),
    )
    hour = fields.String(
        allow_none=True,
        metadata={
            "description": "The hour of the day in the store, such as 19 for 19:00 to 20:00; empty: " + WITHHELD,
            "example": "19",
        },
    )


STORES_AND_TIME = (
    GroupBy.STORE,
    GroupBy.REGION,
    GroupBy.GROUP,
    GroupBy.DAY,
    GroupBy.WEEK,
    GroupBy.MONTH,
    GroupBy.WEEKDAY,
    GroupBy.HOUR,
)
CONCERNS = (GroupBy.CATEGORY, GroupBy.CAUSE, GroupBy.CHANNEL, *STORES_AND_TIME)


class ByConcernQuery(BaseReportQuery):
    """Business days, stores and category of a report over concerns, and further groups."""

    group_by = grouped_by(*CONCERNS)
    category = category_filter()


class ReadableItemSchema(NamedSchema):
    """An item, or all together that this reader may not name: then it is 'unconfirmed', without id."""

    id = fields.UUID(allow_none=True, metadata=described("The id; empty for the unconfirmed ones together."))
    slug = fields.String(
        allow_none=True,
        metadata=described(
            "The short name, which never changes. For head office it is empty where it was made from a name that "
            "nobody has confirmed."
        ),
    )
    name = fields.String(
        metadata=described(
            "The name. For head office, what a manager has not confirmed is 'unconfirmed', in the reader's language, "
            "all such items together."
        )
    )


class ItemLabel(fields.Nested):
    """Field for the label of an item; None is that of all together whose names the reader may not read."""

    def _serialize(self, value: Any, *arguments: Any, **keywords: Any) -> Any:
        if value is not None:
            return super()._serialize(value, *arguments, **keywords)
        return {"id": None, "slug": None, "name": unconfirmed_items(locale=reader_language(CATALOGUES))}


class SubjectSchema(GroupSchema):
    """The group of a row, with the dimensions that only one report has; null for concerns without it."""

    remedy = fields.Nested(NamedWordSchema, metadata=described("What was given."))
    item = ItemLabel(ReadableItemSchema, metadata=described("The dish, product or article."))
    question = fields.Nested(
        NamedWordSchema,
        allow_none=True,
        metadata=described("The open question that was asked; empty for concerns without one."),
    )
    kind = fields.String(
        validate=validate.OneOf([kind.value for kind in FollowUpKind]), metadata=described("The kind of promise.")
    )


class _ReportSchema(Schema):
    """Figures by group, ordered by the groups' labels, and over everything (`totals`), as of `generated_at`."""

    from_date = fields.Date(data_key="from")
    to_date = fields.Date(data_key="to")
    group_by = fields.List(fields.String(validate=validate.OneOf([by.value for by in GroupBy])))
    business_dates = fields.String(validate=validate.Equal("store"))
    generated_at = Instant()
    relative_error = fields.Float()


def report_schema(name: str, figures: type[Schema]) -> Any:
    """Return the schema of a report of these figures."""
    group = {"group": fields.Nested(SubjectSchema), "__doc__": "The figures of one group."}
    row = type(f"{name}RowSchema", (figures,), group)
    members = {"rows": fields.List(fields.Nested(row)), "totals": fields.Nested(figures)}
    return type(f"{name}ReportSchema", (_ReportSchema,), members)
