"""What all reports have in common: their query, their groups, their frame."""

from typing import Any

from marshmallow import ValidationError, fields, post_load, validate, validates_schema
from webargs.fields import DelimitedList

from api.schemas.base import BusinessDate, Instant, Schema, Words
from models.concerns.enums import Channel
from models.recovery.follow_up import FollowUpKind
from models.reports.grouping import GroupBy

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


STORES_AND_TIME = (GroupBy.STORE, GroupBy.REGION, GroupBy.GROUP, GroupBy.DAY, GroupBy.WEEK, GroupBy.MONTH)


CONCERNS = (GroupBy.CATEGORY, GroupBy.CAUSE, GroupBy.CHANNEL, *STORES_AND_TIME)


class ByConcernQuery(ReportQuery):
    """Which business days, stores and category, and how to group beyond what the report is about."""

    group_by = grouped_by(*CONCERNS)
    category = of_category()


class MaybeNamedSchema(NamedSchema):
    """An item; slug and name are null for who does not read the catalogue, or not what is hidden there."""

    slug = fields.String(allow_none=True)
    name = fields.String(allow_none=True)


class SubjectSchema(GroupSchema):
    """What the row is about: a member for each of the report's `group_by`; null for concerns without it."""

    remedy = fields.Nested(NamedSchema)
    item = fields.Nested(MaybeNamedSchema)
    question = fields.Nested(NamedSchema, allow_none=True)
    kind = fields.String(validate=validate.OneOf([kind.value for kind in FollowUpKind]))


class _ReportSchema(Schema):
    """Figures by group, ordered by its labels, and of everything together (`totals`), as of `generated_at`."""

    from_date = fields.Date(data_key="from")
    to_date = fields.Date(data_key="to")
    group_by = fields.List(fields.String(validate=validate.OneOf([by.value for by in GroupBy])))
    business_dates = fields.String(validate=validate.Equal("store"))
    generated_at = Instant()
    relative_error = fields.Float()


def report_schema(name: str, figures: type[Schema]) -> Any:
    """The shape of a report of these figures."""
    group = {"group": fields.Nested(SubjectSchema), "__doc__": "The figures of one group."}
    row = type(f"{name}RowSchema", (figures,), group)
    members = {"rows": fields.List(fields.Nested(row)), "totals": fields.Nested(figures)}
    return type(f"{name}ReportSchema", (_ReportSchema,), members)
