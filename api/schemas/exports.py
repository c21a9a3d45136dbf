"""Export of the change feed: an allow-list of fields per kind of object.

No field holds text that somebody typed about a concern, or names a person: no words, notes, items, people or contacts.
"""

from typing import Any

from marshmallow import fields, post_dump, post_load, validate

from api.schemas.base import Instant, MoneySchema, PageQuery, Schema, SlugOf, described
from api.schemas.redaction import reader
from api.schemas.stores import EarlierTermsSchema
from models.access import Permission
from models.alerts.enums import AlertState, Reason
from models.concerns.concern import Concern
from models.concerns.enums import Channel, Handling, Kind, Outcome, Severity, Source, Status
from models.db.change_feed import ChangeOp
from models.organizations.store import StoreKind
from models.organizations.store_group import GroupKind
from models.recovery.action import ActionStatus, Settlement
from models.recovery.follow_up import FollowUpKind, FollowUpStatus
from models.recovery.remedy import RemedyKind
from models.reports.change_export import KINDS

MAX_EXPORT_PAGE_SIZE = 1000


class RegionExport(Schema):
    slug = fields.String()
    name = fields.String()


class StoreExport(Schema):
    region_id = fields.UUID()
    slug = fields.String()
    name = fields.String()
    kind = fields.Enum(StoreKind, by_value=True)
    time_zone = fields.String()
    country = fields.String()
    currency = fields.String()
    day_starts_at = fields.Time()
    terms_from = fields.Date(allow_none=True)
    earlier_terms = fields.List(fields.Nested(EarlierTermsSchema), attribute="terms_history.earlier")
    closed_at = Instant(allow_none=True)


class StoreGroupExport(Schema):
    slug = fields.String()
    name = fields.String()
    kind = fields.Enum(GroupKind, by_value=True)
    store_ids = fields.List(fields.UUID())


class CauseExport(Schema):
    slug = fields.String()
    name = fields.String()
    retired = fields.Boolean()
    merged_into = SlugOf(allow_none=True)


class CategoryExport(Schema):
    slug = fields.String()
    name = fields.String()
    urgent = fields.Boolean()
    retired = fields.Boolean()
    merged_into = SlugOf(allow_none=True)
    causes = fields.List(fields.Nested(CauseExport))


class QuestionExport(Schema):
    slug = fields.String()
    text = fields.String()
    category = SlugOf(allow_none=True)
    retired = fields.Boolean()


class RemedyExport(Schema):
    slug = fields.String()
    name = fields.String()
    kind = fields.Enum(RemedyKind, by_value=True)
    retired = fields.Boolean()


class ConcernExport(Schema):
    kind = fields.Enum(Kind, by_value=True)
    status = fields.Enum(Status, by_value=True)
    handling = fields.Enum(Handling, by_value=True)
    source = fields.Enum(Source, by_value=True)
    channel = fields.Enum(Channel, by_value=True)
    mood = fields.Integer()
    mood_after = fields.Integer(allow_none=True)
    outcome = fields.Enum(Outcome, by_value=True, allow_none=True)
    rating = fields.Integer(allow_none=True)
    rating_suspect = fields.Boolean()
    category = SlugOf(allow_none=True)
    cause = SlugOf(allow_none=True)
    place = SlugOf(allow_none=True)
    question = SlugOf(allow_none=True)
    read_back = fields.Boolean()
    times_told = fields.Integer(allow_none=True)
    sensitive = fields.Boolean()
    order_value = fields.Nested(MoneySchema, allow_none=True)
    occurred_at = Instant()
    received_at = Instant()
    late = fields.Boolean()
    time_adjusted = fields.Boolean()
    business_date = fields.Date()
    taken_at = Instant(allow_none=True)
    resolved_at = Instant(allow_none=True)
    seconds_to_take = fields.Integer(allow_none=True)
    seconds_to_resolve = fields.Integer(allow_none=True)
    seconds_since_previous = fields.Integer(allow_none=True)
    reopened_count = fields.Integer()
    reclassified = fields.Boolean()
    on_the_spot = fields.Method("is_on_the_spot")

    def is_on_the_spot(self, concern: Concern) -> bool:
        """Return the flag as reports count it; the person is not exported."""
        same_person = concern.reported_by_id is not None and concern.reported_by_id == concern.resolved_by_id
        return same_person and concern.status is Status.RESOLVED and concern.reopened_count == 0


class RecoveryActionExport(Schema):
    concern_id = fields.UUID()
    remedy = SlugOf()
    status = fields.Enum(ActionStatus, by_value=True)
    reverses_id = fields.UUID(allow_none=True)
    cost = fields.Nested(MoneySchema, allow_none=True)
    asked = fields.Nested(MoneySchema, attribute="requested_cost", allow_none=True)
    beyond = fields.Boolean(attribute="over_limit")
    business_date = fields.Date()
    settlement = fields.Enum(Settlement, by_value=True)
    decided_at = Instant(allow_none=True)
    acted_at = Instant()
    recorded_at = Instant()


class FollowUpExport(Schema):
    concern_id = fields.UUID()
    kind = fields.Enum(FollowUpKind, by_value=True)
    status = fields.Enum(FollowUpStatus, by_value=True)
    due_at = Instant()
    business_date = fields.Date()
    promised_at = Instant()
    kept_at = Instant(allow_none=True)
    broken_at = Instant(allow_none=True)


class FeedbackRequestExport(Schema):
    """A customer who was asked how it was in the end, and what they answered, without their words."""

    concern_id = fields.UUID()
    business_date = fields.Date()
    asked_at = Instant()
    expires_at = Instant()
    answered_at = Instant(allow_none=True)
    rating = fields.Integer(allow_none=True)
    recommend = fields.Integer(allow_none=True)
    suspect = fields.Boolean()


class AlertExport(Schema):
    concern_id = fields.UUID()
    severity = fields.Enum(Severity, by_value=True)
    reason = fields.Enum(Reason, by_value=True)
    rule = fields.String()
    state = fields.Enum(AlertState, by_value=True)
    raised_at = Instant()
    taken_at = Instant(allow_none=True)
    unanswered_at = Instant(allow_none=True)
    closed_at = Instant(allow_none=True)


class StoreDayExport(Schema):
    """Figures of a day; sales only for readers with DAY_FIGURES."""

    business_date = fields.Date()
    covers = fields.Integer(allow_none=True)
    transactions = fields.Integer(allow_none=True)
    sales = fields.Nested(MoneySchema, allow_none=True)

    @post_dump
    def withhold_sales(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return data if reader().may(Permission.DAY_FIGURES) else {**data, "sales": None}


OBJECTS: dict[str, Schema] = {
    "region": RegionExport(),
    "store": StoreExport(),
    "store_group": StoreGroupExport(),
    "category": CategoryExport(),
    "question": QuestionExport(),
    "remedy": RemedyExport(),
    "concern": ConcernExport(),
    "alert": AlertExport(),
    "recovery_action": RecoveryActionExport(),
    "follow_up": FollowUpExport(),
    "feedback_request": FeedbackRequestExport(),
    "store_day": StoreDayExport(),
}


class ExportQuery(PageQuery):
    """Cursor and number of changes. A limit above 1,000 is reduced to 1,000."""

    limit = fields.Integer(load_default=500, validate=validate.Range(min=1))

    @post_load
    def cap_limit(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {"limit": min(data["limit"], MAX_EXPORT_PAGE_SIZE), "cursor": data.get("cursor")}


class _ObjectField(fields.Dict):
    """Field that dumps an object by the schema of its kind."""

    def _serialize(self, value: Any, _attr: str | None, obj: Any, **_: Any) -> dict[str, Any] | None:
        dumped: dict[str, Any] | None = None if value is None else OBJECTS[obj.kind].dump(value)
        return dumped


class ChangeSchema(Schema):
    """A changed object as it is now. `delete`: it does not exist any more, or not for this reader."""

    seq = fields.Integer(required=True)
    kind = fields.String(
        required=True, validate=validate.OneOf(sorted(KINDS)), metadata=described("What kind of object has changed.")
    )
    op = fields.Enum(ChangeOp, by_value=True, required=True)
    id = fields.UUID(required=True, metadata=described("The id of the object."))
    store_id = fields.UUID(
        required=True, allow_none=True, metadata=described("The id of its store; null for what belongs to no store.")
    )
    version = fields.Integer(
        required=True,
        metadata=described("The version of the object as it is now, or that of its last change where it is deleted."),
    )
    at = Instant(required=True, metadata=described("When the change was committed, in UTC."))
    object = _ObjectField(
        required=True, allow_none=True, metadata={"description": "Its fields; docs/bi.md lists them by kind."}
    )


class ChangePageSchema(Schema):
    """A page of changes. `next_cursor` is always there: after the end of the stream, come back with it later."""

    items = fields.List(
        fields.Nested(ChangeSchema),
        required=True,
        metadata=described("The changed objects in the order of their last changes, each once in a page."),
    )
    next_cursor = fields.String(
        required=True,
        metadata=described(
            "Where the changes after these begin: send it as `cursor`, later if this is the end of the stream."
        ),
    )
    end_of_stream = fields.Boolean(required=True)
