"""Concerns: what can be told, what is answered, which to list."""

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from api.schemas.base import (
    CostSchema,
    Flag,
    Instant,
    MoneySchema,
    PageQuery,
    PersonSchema,
    Schema,
    Slug,
    SlugOf,
    Whole,
    Words,
    WordsWithheld,
    any_of,
)
from api.schemas.guidance import GuidanceSchema
from api.schemas.recovery_actions import NewRecoveryActionSchema
from models.alerts.enums import AlertState
from models.concerns.enums import Channel, Handling, Kind, Outcome, Source, Status
from models.concerns.event import ConcernStep

MOOD = validate.Range(min=1, max=5)
ENDED = "What the customer said of how it ended, 1-5; null again once it is put right anew."


class ItemSchema(Schema):
    """A dish or product, by slug or by name; a new one enters the catalogue."""

    document = any_of("slug", "name")

    slug = Words(60, least=1, allow_none=True, load_default=None)
    name = Words(200, least=1, allow_none=True, load_default=None)
    quantity = Whole(load_default=1, validate=validate.Range(min=1, max=10_000))

    @validates_schema
    def named(self, data: dict[str, Any], **_: Any) -> None:
        if not (data.get("slug") or data.get("name")):
            raise ValidationError("An item needs a slug or a name.")


class OrderSchema(Schema):
    """The order it is about."""

    reference = Words(100, least=1, required=True)
    value = fields.Nested(CostSchema, allow_none=True, load_default=None)


class ItemShownSchema(WordsWithheld):
    """A dish or product, as the catalogue has it. Its name is what somebody typed, and its slug made of that."""

    withheld = ("slug", "name")

    slug = fields.String(allow_none=True)
    name = fields.String(allow_none=True)
    quantity = fields.Integer()


class OrderShownSchema(WordsWithheld):
    """The order it is about, as answered. Its reference is what somebody typed."""

    withheld = ("reference",)

    reference = fields.String(allow_none=True)
    value = fields.Nested(MoneySchema, allow_none=True)


class ConcernCustomerSchema(Schema):
    """Who it is: at least one of the four, as far as they told."""

    document = any_of("name", "phone", "email", "loyalty_number")

    name = Words(200)
    phone = Words(40)
    email = fields.Email(validate=validate.Length(max=254))
    loyalty_number = Words(60)


class _DescriptionSchema(Schema):
    """What staff describe, then or later; null takes it away."""

    their_words = Words(4000, allow_none=True)
    our_reading = Words(4000, allow_none=True)
    stake = Words(1000, allow_none=True)
    wanted = Words(1000, allow_none=True)
    category = Slug(allow_none=True)
    cause = Slug(allow_none=True)
    place = Slug(allow_none=True)
    question = Slug(allow_none=True)
    read_back = Flag()
    times_told = Whole(allow_none=True, validate=validate.Range(min=1, max=100))
    items = fields.List(fields.Nested(ItemSchema), validate=validate.Length(max=50))
    order = fields.Nested(OrderSchema, allow_none=True)
    sensitive = Flag()
    customer_id = fields.UUID(allow_none=True)
    praised_id = fields.UUID(allow_none=True)
    linked_id = fields.UUID(allow_none=True)


class NewConcernSchema(_DescriptionSchema):
    """A concern, as far as it is known. Only the mood is required."""

    mood = Whole(required=True, validate=MOOD)
    id = fields.UUID()
    store_id = fields.UUID()
    kind = fields.Enum(Kind, by_value=True)
    handling = fields.Enum(Handling, by_value=True)
    channel = fields.Enum(Channel, by_value=True)
    occurred_at = Instant()
    customer = fields.Nested(ConcernCustomerSchema)
    recovery_actions = fields.List(fields.Nested(NewRecoveryActionSchema), validate=validate.Length(max=20))
    outcome = fields.Enum(Outcome, by_value=True)
    mood_after = Whole(validate=MOOD)


class EditConcernSchema(_DescriptionSchema):
    """What is to be completed or corrected."""

    mood = Whole(validate=MOOD)


class ResolveSchema(Schema):
    """How it ended for the customer."""

    outcome = fields.Enum(Outcome, by_value=True, required=True)
    mood_after = Whole(required=True, allow_none=True, validate=MOOD)
    note = Words(1000, allow_none=True)


class HandOverSchema(Schema):
    """Which colleague is asked to go."""

    staff_id = fields.UUID(required=True)


class AlertSummarySchema(WordsWithheld):
    """What became of the call for help, in one honest line."""

    withheld = ("summary",)

    id = fields.UUID()
    state = fields.Enum(AlertState, by_value=True)
    summary = fields.String(allow_none=True)


class ConcernSchema(WordsWithheld):
    """A concern. Words and names are null for those who see figures only."""

    withheld = ("their_words", "our_reading", "stake", "wanted", "praised", "reported_by", "taken_by")

    id = fields.UUID()
    version = fields.Integer()
    store_id = fields.UUID()
    kind = fields.Enum(Kind, by_value=True)
    status = fields.Enum(Status, by_value=True)
    handling = fields.Enum(Handling, by_value=True)
    source = fields.Enum(Source, by_value=True)
    mood = fields.Integer()
    mood_after = fields.Integer(allow_none=True)
    outcome = fields.Enum(Outcome, by_value=True, allow_none=True)
    their_words = fields.String(allow_none=True)
    our_reading = fields.String(allow_none=True)
    stake = fields.String(allow_none=True)
    wanted = fields.String(allow_none=True)
    category = SlugOf(allow_none=True)
    cause = SlugOf(allow_none=True)
    place = SlugOf(allow_none=True)
    question = SlugOf(allow_none=True)
    read_back = fields.Boolean()
    times_told = fields.Integer(allow_none=True)
    items = fields.List(fields.Nested(ItemShownSchema))
    order = fields.Nested(OrderShownSchema, allow_none=True)
    channel = fields.Enum(Channel, by_value=True)
    sensitive = fields.Boolean()
    missing = fields.List(fields.String())
    customer_id = fields.UUID(allow_none=True)
    praised = fields.Nested(PersonSchema, allow_none=True)
    linked_id = fields.UUID(allow_none=True)
    reported_by = fields.Nested(PersonSchema, allow_none=True)
    taken_by = fields.Nested(PersonSchema, allow_none=True)
    occurred_at = Instant()
    received_at = Instant()
    late = fields.Boolean()
    time_adjusted = fields.Boolean()
    business_date = fields.Date()
    taken_at = Instant(allow_none=True)
    resolved_at = Instant(allow_none=True)
    reopened_count = fields.Integer()
    rating = fields.Integer(allow_none=True, metadata={"description": ENDED})
    alert = fields.Nested(AlertSummarySchema, allow_none=True)


class LoggedConcernSchema(ConcernSchema):
    """A concern as its logging is answered: with hints for the conversation, null where there is nothing to do.

    A repeat has none: where many phones repeat at once, what costs time is what they repeat for.
    """

    guidance = fields.Nested(GuidanceSchema, allow_none=True, required=True)

    def get_attribute(self, obj: Any, attr: str, default: Any) -> Any:
        """Read the guidance from the answer and every other field from its concern."""
        return super().get_attribute(obj if attr == "guidance" else obj.concern, attr, default)


class ConcernQuery(PageQuery):
    """Which concerns."""

    store_id = fields.UUID()
    status = fields.Enum(Status, by_value=True)
    kind = fields.Enum(Kind, by_value=True)
    unhappy = fields.Boolean()
    category = Slug()
    customer_id = fields.UUID()
    business_date = fields.Date()
    open_before = fields.Date(
        metadata={"description": "Not resolved, and of a business day before this one; without praise."}
    )
    received_after = Instant()
    received_before = Instant()
    taken_by = fields.UUID()


class ConcernEventSchema(WordsWithheld):
    """One step of a concern. For `edited`, `details` holds before and after of each field."""

    withheld = ("by", "details")

    id = fields.UUID()
    number = fields.Integer()
    step = fields.Enum(ConcernStep, by_value=True)
    at = Instant()
    by = fields.Nested(PersonSchema, allow_none=True)
    device_id = fields.UUID(allow_none=True)
    details = fields.Dict(allow_none=True)
