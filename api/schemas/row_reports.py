"""The reports beside that of recovery: what helps, why, of what, what was promised, who was asked, what rang."""

from typing import Any

from marshmallow import fields, validate

from api.schemas.base import Instant, MoneySchema, Schema
from api.schemas.reports import (
    GroupSchema,
    LiftSchema,
    NamedSchema,
    Numbers,
    ReportQuery,
    ShareSchema,
    SpreadSchema,
    grouped_by,
    of_category,
)
from models.recovery.follow_up import FollowUpKind
from models.reports.grouping import GroupBy

STORES_AND_TIME = (GroupBy.STORE, GroupBy.REGION, GroupBy.GROUP, GroupBy.DAY, GroupBy.WEEK, GroupBy.MONTH)
CONCERNS = (GroupBy.CATEGORY, GroupBy.CAUSE, GroupBy.CHANNEL, *STORES_AND_TIME)


class ByConcernQuery(ReportQuery):
    """Which business days, stores and category, and how to group beyond what the report is about."""

    group_by = grouped_by(*CONCERNS)
    category = of_category()


class CausesReportQuery(ReportQuery):
    """Which business days, stores and category, and how to group beyond category and cause."""

    group_by = grouped_by(GroupBy.CHANNEL, *STORES_AND_TIME)
    category = of_category()


class FollowUpsReportQuery(ReportQuery):
    """Which business days and stores, and how to group the promises due there."""

    group_by = grouped_by(GroupBy.KIND, *STORES_AND_TIME)


class ListeningReportQuery(ReportQuery):
    """Which business days and stores, and how to group them."""

    group_by = grouped_by(GroupBy.QUESTION, *STORES_AND_TIME)


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


class HelpedSchema(Schema):
    """What was given and not taken back: how many `times`, for how many `concerns`, and what became of those."""

    times = fields.Integer()
    concerns = fields.Integer()
    recovered_share = Numbers(ShareSchema)
    mood_lift = Numbers(LiftSchema)
    cost = fields.List(fields.Nested(MoneySchema))


class CausedSchema(Schema):
    """What became of concerns. `raised_since_fixed`: told after the cause had been fixed in their store."""

    concerns = fields.Integer()
    unhappy = fields.Integer()
    recovered_share = Numbers(ShareSchema)
    repeat_within_30_days = Numbers(ShareSchema)
    mood_lift = Numbers(LiftSchema)
    cost = fields.List(fields.Nested(MoneySchema))
    fixed_at = Instant(allow_none=True, metadata={"description": "The last time, in a store of these concerns."})
    raised_since_fixed = fields.Integer()


class ToldOfSchema(Schema):
    """The concerns that name an item, each once; `share` is of all concerns, whatever they name."""

    concerns = fields.Integer()
    unhappy = fields.Integer()
    share = Numbers(ShareSchema)


class PromisedSchema(Schema):
    """`due` are those `kept` in time, `broken` (of them, `kept_late`) and `open`; `kept_share` is of all `due`."""

    due = fields.Integer()
    kept = fields.Integer()
    kept_late = fields.Integer()
    broken = fields.Integer()
    open = fields.Integer()
    cancelled = fields.Integer()
    kept_share = Numbers(ShareSchema)


class ListenedSchema(Schema):
    """`checks` and `ask_rate` are null where concerns are told apart by question."""

    concerns = fields.Integer()
    checks = fields.Integer(allow_none=True)
    ask_rate = Numbers(ShareSchema, allow_none=True)
    read_back_share = Numbers(ShareSchema)
    question_asked_share = Numbers(ShareSchema)
    mood_lift = Numbers(LiftSchema)


class CalledSchema(Schema):
    """Calls for help. Of each that `rang` a phone is counted once, however often it was sent to.

    `minutes_to_show`: from the call to the first phone that says it was shown there.
    """

    alerts = fields.Integer()
    rang = fields.Integer()
    taken = fields.Integer()
    unanswered = fields.Integer()
    unanswered_share = Numbers(ShareSchema)
    phones_told = fields.Integer()
    phones_received = fields.Integer()
    phones_opened = fields.Integer()
    received_share = Numbers(ShareSchema)
    minutes_to_show = Numbers(SpreadSchema)


class _ReportSchema(Schema):
    """Figures by group, ordered by its labels, and of everything together (`totals`), as of `generated_at`."""

    from_date = fields.Date(data_key="from")
    to_date = fields.Date(data_key="to")
    group_by = fields.List(fields.String(validate=validate.OneOf([by.value for by in GroupBy])))
    business_dates = fields.String(validate=validate.Equal("store"))
    generated_at = Instant()
    relative_error = fields.Float()


def _report_of(name: str, figures: type[Schema]) -> Any:
    """The shape of a report of these figures."""
    group = {"group": fields.Nested(SubjectSchema), "__doc__": "The figures of one group."}
    row = type(f"{name}RowSchema", (figures,), group)
    members = {"rows": fields.List(fields.Nested(row)), "totals": fields.Nested(figures)}
    return type(f"{name}ReportSchema", (_ReportSchema,), members)


RemediesReportSchema = _report_of("Remedies", HelpedSchema)
CausesReportSchema = _report_of("Causes", CausedSchema)
ItemsReportSchema = _report_of("Items", ToldOfSchema)
FollowUpsReportSchema = _report_of("FollowUps", PromisedSchema)
ListeningReportSchema = _report_of("Listening", ListenedSchema)
AlertsReportSchema = _report_of("Alerts", CalledSchema)
