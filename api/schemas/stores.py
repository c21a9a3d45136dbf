"""Stores, their places, and who needs a moment there."""

import re
from datetime import time
from typing import Any

from marshmallow import fields, validate

from api.schemas.base import (
    CostSchema,
    Flag,
    Instant,
    MoneySchema,
    PageQuery,
    Schema,
    Slug,
    Text,
    Whole,
    Words,
    described,
)
from api.schemas.places import PlaceSchema
from api.schemas.reader_language import InReadersOrder
from api.schemas.staff import StaffSchema
from api.schemas.store_hours import NewHoursSchema
from models.organizations.store import AboveLimit, StoreKind
from models.policy_defaults import MAX_PLACES, MAX_STORE_LIMITS

TIME_OF_DAY = "^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$"


class DayStart(fields.Time):
    """Time of day at which a business day begins, such as 04:00 or, as stores are shown, 04:00:00."""

    def __init__(self, **options: Any) -> None:
        super().__init__(metadata={"pattern": TIME_OF_DAY}, **options)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> time:
        if not isinstance(value, str) or not re.fullmatch(TIME_OF_DAY, value):
            raise self.make_error("invalid", input=value, obj_type=self.OBJ_TYPE)
        return time.fromisoformat(value)


class EarlierTermsSchema(Schema):
    """Time zone, day start and currency that a store had on the business dates before `until`."""

    until = fields.Date(metadata=described("The business date from which they no longer hold."))
    time_zone = fields.String(attribute="terms.time_zone")
    day_starts_at = fields.Time(attribute="terms.day_starts_at")
    currency = fields.String(attribute="terms.currency")


class NewStoreLimitsSchema(Schema):
    """Limits of a store in one currency: at once, in a business day, and where nobody could approve.

    What is more than `per_action` needs the approval of somebody else, whatever the role of the giver. `per_day` counts
    all that is given in the store; the regional managers are told when it is passed; null: without end. For so much as
    `after_hours` in a day the store acts first, and a manager reviews it.
    """

    per_action = fields.Nested(CostSchema, required=True)
    per_day = fields.Nested(
        CostSchema,
        required=True,
        allow_none=True,
        metadata=described("How much in one business day, by everybody together; null: without end."),
    )
    after_hours = fields.Nested(CostSchema, required=True)


class StoreLimitsSchema(Schema):
    """Limits of a store in one currency. Null `per_day`: without end."""

    per_action = fields.Nested(MoneySchema)
    per_day = fields.Nested(
        MoneySchema,
        allow_none=True,
        metadata=described("How much in one business day, by everybody together; null: without end."),
    )
    after_hours = fields.Nested(MoneySchema)


class StoreSchema(Schema):
    """A shop or restaurant, with its places.

    `time_zone`, `day_starts_at` and `currency` hold from the business date `terms_from` on, which may be still to come;
    null: from the first day. Before that the `earlier_terms` held, oldest first. `closed_at`: since when it is out of
    business. Without `limits` in its currency everything that costs something asks first.
    """

    id = fields.UUID()
    version = fields.Integer()
    region_id = fields.UUID()
    slug = fields.String()
    name = fields.String()
    kind = fields.Enum(StoreKind, by_value=True, metadata=described("Whether it is a restaurant or a shop (`retail`)."))
    time_zone = fields.String()
    country = fields.String()
    currency = fields.String()
    day_starts_at = fields.Time()
    terms_from = fields.Date(allow_none=True)
    earlier_terms = fields.List(fields.Nested(EarlierTermsSchema), attribute="terms_history.earlier")
    closed_at = Instant(
        allow_none=True, metadata=described("Since when it is out of business, in UTC; null while it is in business.")
    )
    above_limit = fields.Enum(AboveLimit, by_value=True)
    limits = fields.List(
        fields.Nested(StoreLimitsSchema),
        metadata=described("What may be given there at once and in a day before somebody has to approve, by currency."),
    )
    longest_pause_minutes = fields.Integer()
    shifts_end_daily = fields.Boolean()
    places = InReadersOrder(
        fields.Nested(PlaceSchema), metadata=described("Its places, such as tables, without retired ones.")
    )


class EditStoreSchema(Schema):
    """Changes to a store. Those of `time_zone`, `day_starts_at` and `currency` hold from the next business date on.

    `country` is that of the phone numbers which are given from now on. `limits` replaces all that were set; in a
    currency without any, those of the product hold. `shifts_end_daily`: whether shifts end with the
    business day; only a store that never shuts may turn that off. It holds for shifts that begin from now on.
    """

    name = Words(200, least=1)
    region_id = fields.UUID()
    kind = fields.Enum(StoreKind, by_value=True, metadata=described("Whether it is a restaurant or a shop (`retail`)."))
    time_zone = Words(60, least=1)
    country = Text(2, least=2)
    currency = Text(3, least=3)
    day_starts_at = DayStart()
    above_limit = fields.Enum(AboveLimit, by_value=True)
    limits = fields.List(
        fields.Nested(NewStoreLimitsSchema),
        validate=validate.Length(max=MAX_STORE_LIMITS),
        metadata=described(
            "What may be given there at once and in a day before somebody has to approve, by currency; they "
            "replace those before."
        ),
    )
    longest_pause_minutes = Whole(validate=validate.Range(min=1, max=60))
    shifts_end_daily = Flag()


class NewStoreSchema(EditStoreSchema):
    """A new store. `hours` says when it is open; `places` are the names of its tables, aisles or the like."""

    id = fields.UUID()
    region_id = fields.UUID(required=True)
    slug = Slug(required=True)
    name = Words(200, least=1, required=True)
    kind = fields.Enum(
        StoreKind, by_value=True, required=True, metadata=described("Whether it is a restaurant or a shop (`retail`).")
    )
    time_zone = Words(60, least=1, required=True)
    country = Text(2, least=2, required=True)
    currency = Text(3, least=3, required=True)
    hours = fields.Nested(NewHoursSchema, required=True)
    places = fields.List(
        Words(60, least=1),
        validate=validate.Length(max=MAX_PLACES),
        metadata=described("The names of its places, such as tables or aisles, in their order."),
    )


class StoreQuery(PageQuery):
    """Filters of stores."""

    region_id = fields.UUID()
    group_id = fields.UUID()


class PausedSchema(Schema):
    """A colleague who pauses, and until when."""

    staff = fields.Nested(StaffSchema, metadata=described("Who pauses."))
    paused_until = Instant()


class PausesSchema(Schema):
    """All colleagues of a store who pause. They are few, so that the list has no pages."""

    items = fields.List(fields.Nested(PausedSchema), required=True)
