"""Concerns: new ones, changes, answers, filters, timeline."""

from typing import Any

from marshmallow import ValidationError, fields, post_dump, validate, validates_schema

from api.schemas.base import (
    CostSchema,
    DaysPageQuery,
    Flag,
    Include,
    Instant,
    MoneySchema,
    OneSlug,
    PersonSchema,
    RedactedSchema,
    Schema,
    Several,
    Slug,
    SlugOf,
    Text,
    Whole,
    Words,
    at_least,
    described,
)
from api.schemas.customer_names import CustomerNameField
from api.schemas.guidance import GuidanceSchema
from api.schemas.reader_language import NameInLanguage, SummaryInLanguage
from api.schemas.recovery_actions import NewRecoveryActionSchema, RecoveryActionSchema
from api.schemas.redaction import reader
from models.access import Permission
from models.alerts.enums import AlertState
from models.concerns.enums import Channel, Handling, Kind, Outcome, Severity, Source, Status
from models.concerns.event import ConcernStep
from models.concerns.ranges import MOODS, QUANTITIES, TIMES_TOLD
from models.customers.consent import ConsentSource
from models.customers.contacts import MAX_EMAIL_LENGTH, MAX_EXTENSION_LENGTH, MAX_PHONE_LENGTH

MOOD = validate.Range(min=MOODS[0], max=MOODS[-1])
EXACT_IN_JSON = validate.Range(min=1 - 2**53, max=2**53 - 1)  # larger numbers are changed on their way by some clients
AS_TYPED_DESCRIPTION = "What was sent and could not stand, by the field it was sent in; null once it is corrected."
SEVERITY_DESCRIPTION = "That of its alert. What rang nobody is severe where it is urgent or the mood is 1."
CONFIRMED_DESCRIPTION = "Somebody made sure that it is this customer, or the profile was made with the concern."
BY_PERSON_DESCRIPTION = "The id of the person. 403 for whoever may not read names."
SEARCH_DESCRIPTION = (
    "Words in any order, whatever capitals and accents, each of which stands in what was said or, for whoever may read "
    "customers, in their name, once the match is sure. It takes `store_id`, and at most 92 days: without `from` and "
    "`to` the last ones. 403 for whoever may not read words."
)
CHANGED_SINCE_DESCRIPTION = (
    "The `feed_cursor` of an earlier answer: only concerns that changed after it, or whose alert did. 410 where too "
    "much has changed since, or the data was replaced: read the list anew without it."
)
SORT_DESCRIPTION = "`severity`, the severe first and then the longest wait, takes `status=open`, `taken` or both."
RATING_DESCRIPTION = "What the customer said of how it ended, 1-5; null again once it is put right anew."


class NewItemSchema(Schema):
    """A dish or product, by slug or by name. A new name is added to the catalogue."""

    slug = Words(
        60,
        load_default=None,
        metadata=described("The slug of an item of the catalogue; or leave it out and send the name."),
    )
    name = Words(
        200,
        load_default=None,
        metadata=described("The name of the item, where its slug is not known: a new name is added to the catalogue."),
    )
    quantity = Whole(load_default=1, validate=EXACT_IN_JSON)


class ItemSchema(NewItemSchema):
    """A dish or product, by slug or by name. A new name is added to the catalogue."""

    document = at_least(1)

    slug = Words(
        60,
        least=1,
        allow_none=True,
        load_default=None,
        metadata=described("The slug of an item of the catalogue; or leave it out and send the name."),
    )
    name = Words(
        200,
        least=1,
        allow_none=True,
        load_default=None,
        metadata=described("The name of the item, where its slug is not known: a new name is added to the catalogue."),
    )
    quantity = Whole(load_default=1, validate=validate.Range(min=QUANTITIES[0], max=QUANTITIES[-1]))

    @validates_schema
    def named(self, data: dict[str, Any], **_: Any) -> None:
        if not (data.get("slug") or data.get("name")):
            raise ValidationError("An item needs a slug or a name.")


class OrderSchema(Schema):
    """The order that a concern is about."""

    reference = Words(
        100, least=1, required=True, metadata=described("The number of the order at the till or in the shop.")
    )
    value = fields.Nested(CostSchema, allow_none=True, load_default=None)


class TypedMoneySchema(Schema):
    """A cost or value as it was typed, in minor units of a currency. What cannot be one is kept as it is."""

    amount = Whole(validate=EXACT_IN_JSON)
    currency = Text(3, least=3)


class NewOrderSchema(OrderSchema):
    """The order that a new concern is about."""

    reference = Words(100, metadata=described("The number of the order at the till or in the shop."))
    value = fields.Nested(TypedMoneySchema)


class ConcernItemSchema(RedactedSchema):
    """A dish or product as answered. Name and slug are redacted, because somebody typed the name."""

    withheld = ("slug", "name")

    slug = fields.String(
        allow_none=True, metadata=described("The slug of the item in the catalogue; null for readers of figures only.")
    )
    name = fields.String(allow_none=True, metadata=described("The name of the item; null for readers of figures only."))
    quantity = fields.Integer()


class ConcernOrderSchema(RedactedSchema):
    """The order as answered. The reference is redacted, because somebody typed it."""

    withheld = ("reference",)

    reference = fields.String(
        allow_none=True,
        metadata=described("The number of the order; null if unknown, and for readers of figures only."),
    )
    value = fields.Nested(MoneySchema, allow_none=True)


class ConcernConsentSchema(Schema):
    """The customer's answer on whether they may be contacted, and where they gave it."""

    contact = Flag(required=True)
    source = fields.Enum(
        ConsentSource,
        by_value=True,
        load_default=ConsentSource.IN_PERSON,
        metadata=described("Where the customer said so."),
    )


class ConcernCustomerSchema(Schema):
    """The customer, by name and contacts. Those that cannot be are kept as they were typed.

    So is a `consent` to be contacted where nobody is known, and where the store may not read the profile.
    """

    name = Words(200, metadata=described("The name of the customer, as they say it."))
    phone = Words(
        MAX_PHONE_LENGTH,
        metadata=described(
            "The phone number, by which a known customer is recognised; without a country code it is one of the "
            "store's country."
        ),
    )
    phone_extension = Words(MAX_EXTENSION_LENGTH)
    email = Words(MAX_EMAIL_LENGTH, metadata=described("The e-mail address, by which a known customer is recognised."))
    loyalty_number = Words(
        60, metadata=described("The number of the loyalty card, by which a known customer is recognised.")
    )
    consent = fields.Nested(ConcernConsentSchema, metadata=described("Whether they may be contacted, if they said so."))


class Typed(Words):
    """What somebody typed or chose as the name of something: a slug, or a name in any language."""

    def __init__(self, **options: Any) -> None:
        super().__init__(300, **options)


class _DescriptionSchema(Schema):
    """Fields that staff describe, at once or later; null removes one."""

    their_words = Words(4000, allow_none=True)
    our_reading = Words(4000, allow_none=True)
    stake = Words(1000, allow_none=True)
    wanted = Words(1000, allow_none=True)
    category = Slug(allow_none=True)
    cause = Slug(allow_none=True)
    place = Slug(allow_none=True)
    question = Slug(allow_none=True)
    read_back = Flag()
    times_told = Whole(allow_none=True, validate=validate.Range(min=TIMES_TOLD[0], max=TIMES_TOLD[-1]))
    items = fields.List(
        fields.Nested(ItemSchema),
        validate=validate.Length(max=50),
        metadata=described("The dishes, products or articles it is about; in a change they replace those before."),
    )
    order = fields.Nested(OrderSchema, allow_none=True)
    sensitive = Flag()
    customer_id = fields.UUID(allow_none=True)
    praised_id = fields.UUID(
        allow_none=True, metadata=described("The id of the colleague whom the customer praises; null for nobody.")
    )
    linked_id = fields.UUID(allow_none=True)


class InlineRecoveryActionSchema(NewRecoveryActionSchema):
    """What was done, with a new concern."""

    remedy = Typed(metadata=described("The slug of the remedy that was given, or its name in any language."))
    cost = fields.Nested(
        TypedMoneySchema,
        metadata=described("What it cost; without it the usual cost of the remedy, in the currency of the store."),
    )


class NewConcernSchema(_DescriptionSchema):
    """A new concern. Only the mood is required; what means nothing, or cannot be, is kept as it was typed.

    `category`, `cause`, `place`, `question` and `remedy` are slugs, or names in any language.
    """

    category = Typed(metadata=described("The slug of the category, or its name in any language."))
    cause = Typed(metadata=described("The slug of the cause, or its name in any language."))
    place = Typed(metadata=described("The slug of the place, such as a table, or its name in any language."))
    question = Typed(metadata=described("The slug of the open question that staff asked, or its text in any language."))
    times_told = Whole(validate=EXACT_IN_JSON)
    items = fields.List(
        fields.Nested(NewItemSchema),
        validate=validate.Length(max=50),
        metadata=described("The dishes, products or articles it is about."),
    )
    order = fields.Nested(NewOrderSchema)
    mood = Whole(required=True, validate=MOOD)
    id = fields.UUID()
    store_id = fields.UUID(
        metadata=described("The id of the store; without it that of the shift, or where the person works.")
    )
    kind = fields.Enum(
        Kind,
        by_value=True,
        metadata=described("Whether it is a concern, a request or praise; a concern unless it says otherwise."),
    )
    handling = fields.Enum(Handling, by_value=True)
    channel = fields.Enum(Channel, by_value=True)
    occurred_at = Instant(
        metadata=described(
            "When it happened, if not just now. A time that cannot be is moved: at most 30 days back, 5 minutes ahead."
        )
    )
    customer = fields.Nested(
        ConcernCustomerSchema,
        metadata=described("Who it is about, if they said so: a known customer is recognised by their contacts."),
    )
    recovery_actions = fields.List(
        fields.Nested(InlineRecoveryActionSchema),
        validate=validate.Length(max=20),
        metadata=described("What was already done for the customer."),
    )
    outcome = fields.Enum(Outcome, by_value=True)
    mood_after = Whole(validate=EXACT_IN_JSON)


class EditConcernSchema(_DescriptionSchema):
    """Additions and corrections to a concern. `kind` only on the business day of the concern."""

    mood = Whole(validate=MOOD)
    kind = fields.Enum(
        Kind,
        by_value=True,
        metadata=described("What it really is: a concern, a request or praise. Only on its business day."),
    )
    customer_confirmed = Flag()


class VoidSchema(Schema):
    """Why the concern was none."""

    reason = Words(1000, least=1, required=True, metadata=described("Why it was logged by mistake."))


class ResolveSchema(Schema):
    """The outcome for the customer."""

    outcome = fields.Enum(Outcome, by_value=True, required=True)
    mood_after = Whole(load_default=None, validate=MOOD)
    note = Words(
        1000,
        allow_none=True,
        metadata=described("What is to be remembered of how it ended; it stands in the timeline."),
    )


class HandOverSchema(Schema):
    """The colleague who is asked to take the concern."""

    staff_id = fields.UUID(required=True, metadata=described("The id of the colleague."))


class AlertSummarySchema(RedactedSchema):
    """State of the alert, and one line that sums up what happened."""

    withheld = ("summary",)

    id = fields.UUID()
    state = fields.Enum(
        AlertState,
        by_value=True,
        metadata=described(
            "Whether it still calls (open, unanswered), somebody has taken it, or it is over; `late`: it rang nobody."
        ),
    )
    summary = SummaryInLanguage()


class ConcernSchema(RedactedSchema):
    """A concern. Words and names are null for readers of figures only."""

    withheld = ("their_words", "our_reading", "stake", "wanted", "as_typed", "praised", "reported_by", "taken_by")

    id = fields.UUID()
    version = fields.Integer()
    store_id = fields.UUID()
    kind = fields.Enum(Kind, by_value=True, metadata=described("Whether it is a concern, a request or praise."))
    status = fields.Enum(
        Status, by_value=True, metadata=described("Whether it is open, taken, resolved, or voided: logged by mistake.")
    )
    handling = fields.Enum(Handling, by_value=True)
    source = fields.Enum(
        Source, by_value=True, metadata=described("Whether staff logged it, or the customer at a standing QR code.")
    )
    mood = fields.Integer()
    severity = fields.Enum(Severity, by_value=True, metadata={"description": SEVERITY_DESCRIPTION})
    mood_after = fields.Integer(allow_none=True)
    outcome = fields.Enum(Outcome, by_value=True, allow_none=True)
    their_words = fields.String(allow_none=True)
    our_reading = fields.String(allow_none=True)
    stake = fields.String(allow_none=True)
    wanted = fields.String(allow_none=True)
    category = SlugOf(allow_none=True)
    category_name = NameInLanguage("category", path="category")
    cause = SlugOf(allow_none=True)
    cause_name = NameInLanguage("cause", path="cause")
    place = SlugOf(allow_none=True)
    place_name = NameInLanguage("place", path="place")
    question = SlugOf(allow_none=True)
    read_back = fields.Boolean()
    times_told = fields.Integer(allow_none=True)
    items = fields.List(
        fields.Nested(ConcernItemSchema), metadata=described("The dishes, products or articles it is about.")
    )
    order = fields.Nested(ConcernOrderSchema, allow_none=True)
    channel = fields.Enum(Channel, by_value=True)
    sensitive = fields.Boolean()
    missing = fields.List(fields.String())
    as_typed = fields.Dict(allow_none=True, metadata={"description": AS_TYPED_DESCRIPTION})
    customer_id = fields.UUID(allow_none=True)
    customer_name = CustomerNameField()
    customer_confirmed = fields.Boolean(metadata=described(CONFIRMED_DESCRIPTION))
    recovery_actions = fields.List(fields.Nested(RecoveryActionSchema), attribute="actions")
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
    reclassified = fields.Boolean(metadata={"description": "It was logged as a concern and is praise."})
    rating = fields.Integer(allow_none=True, metadata={"description": RATING_DESCRIPTION})
    rating_suspect = fields.Boolean(metadata={"description": "The rating may be by whoever made the feedback link."})
    alert = fields.Nested(AlertSummarySchema, allow_none=True)

    @post_dump
    def withhold_contacts(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Withhold contacts as they were typed from whoever may not read a customer's."""
        typed = data.get("as_typed")
        if not typed or reader().may(Permission.CUSTOMER_READ):
            return data
        return {**data, "as_typed": {name: value for name, value in typed.items() if name != "customer"} or None}


class LoggedConcernSchema(ConcernSchema):
    """A concern as the answer to logging it, with guidance for the conversation; null where there is nothing to do.

    A repeat has no guidance, because many phones may repeat at once and computing it takes time.
    """

    guidance = fields.Nested(GuidanceSchema, allow_none=True, required=True)

    def get_attribute(self, obj: Any, attr: str, default: Any) -> Any:
        """Read the guidance from the answer and every other field from its concern."""
        return super().get_attribute(obj if attr == "guidance" else obj.concern, attr, default)


class HandedOverConcernSchema(ConcernSchema):
    """A concern as the answer to handing it over, with the number of phones that ring for the colleague.

    Null in the answer to a repeat of the request.
    """

    phones = fields.Integer(
        allow_none=True,
        required=True,
        metadata=described("How many phones ring for the colleague; null in the answer to a repeat."),
    )

    def get_attribute(self, obj: Any, attr: str, default: Any) -> Any:
        """Read the number of phones from the answer and every other field from its concern."""
        return super().get_attribute(obj if attr == "phones" else obj.concern, attr, default)


class ConcernQuery(DaysPageQuery):
    """Filters of concerns. Some take several values, separated by commas. `from` and `to` are business days."""

    include = Include("customer")
    store_id = fields.UUID()
    status = Several(
        fields.Enum(Status, by_value=True),
        metadata=described("What was voided is listed only where this asks for it, or `changed_since` is there."),
    )
    kind = Several(fields.Enum(Kind, by_value=True))
    severity = Several(fields.Enum(Severity, by_value=True))
    mood = Several(fields.Integer(validate=MOOD))
    unhappy = fields.Boolean()
    category = Several(OneSlug())
    place = Several(OneSlug(), metadata=described("Slugs of places, each as it is in any store within reach."))
    order = Words(100, least=1, metadata=described("The reference of the order. 403 for whoever may not read it."))
    customer_id = fields.UUID()
    reported_by = fields.UUID(attribute="reported_by_id", metadata=described(BY_PERSON_DESCRIPTION))
    taken_by = fields.UUID(attribute="taken_by_id", metadata=described(BY_PERSON_DESCRIPTION))
    business_date = fields.Date()
    open_before = fields.Date(metadata={"description": "Not resolved, and of a business day before this one."})
    received_after = Instant()
    received_before = Instant()
    q = Words(200, least=1, metadata=described(SEARCH_DESCRIPTION))
    changed_since = fields.String(metadata=described(CHANGED_SINCE_DESCRIPTION))
    sort = fields.String(
        load_default="-received_at",
        validate=validate.OneOf(["-received_at", "received_at", "severity"]),
        metadata=described(SORT_DESCRIPTION),
    )


class ConcernEventSchema(RedactedSchema):
    """A step of a concern. For `edited`, `details` holds before and after of each field."""

    withheld = ("by", "details")

    id = fields.UUID()
    number = fields.Integer()
    step = fields.Enum(ConcernStep, by_value=True, metadata=described("What was done."))
    at = Instant(metadata=described("When it was done, in UTC."))
    by = fields.Nested(
        PersonSchema,
        allow_none=True,
        metadata=described(
            "Who did it; null for the customer, an API key or the clock, and for readers of figures only."
        ),
    )
    device_id = fields.UUID(
        allow_none=True, metadata=described("The id of the phone on which it was done; null if unknown.")
    )
    details = fields.Dict(allow_none=True)
