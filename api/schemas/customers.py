"""Customers: profiles, the search by contact, the history."""

from typing import Any

from marshmallow import ValidationError, fields, post_dump, validate, validates_schema

from api.schemas.alerts import PreviousRecoverySchema
from api.schemas.base import Flag, Instant, LanguageTag, PageQuery, PageSchema, Schema, Slug, Words, at_least, described
from api.schemas.concerns import ConcernSchema
from api.schemas.follow_ups import FollowUpSchema
from api.schemas.redaction import reader
from models.access import Permission
from models.concerns.enums import Status
from models.customers.consent import ConsentSource
from models.customers.contacts import MATCH_KEYS, MAX_EMAIL_LENGTH, MAX_EXTENSION_LENGTH
from models.customers.customer import Customer
from models.operations.merge_customers import COLUMNS_BY_FIELD


class NewConsentSchema(Schema):
    """Consent to be contacted, and where it was given. Time and recorder are set by the server.

    null clears the consent: from then on only a later answer counts, whatever a phone sends late.
    """

    contact = Flag(required=True)
    source = fields.Enum(ConsentSource, by_value=True, required=True, metadata=described("Where the customer said so."))


class ConsentSchema(NewConsentSchema):
    """The latest consent to be contacted."""

    given_at = Instant()


class NewReferenceSchema(Schema):
    """The customer's id in another system: `till`, `loyalty`, `crm` or a source of the organization's own."""

    source = Slug(
        required=True,
        metadata=described("The other system: `till`, `loyalty`, `crm`, or a name of the organization's own."),
    )
    reference = Words(100, least=1, required=True, metadata=described("The customer's id in that system."))


class ReferenceSchema(NewReferenceSchema):
    """A reference as it is answered."""


class _ProfileFieldsSchema(Schema):
    """Fields beside name and contacts. Allergies need a consent of their own, now or earlier."""

    preferred_name = Words(200, allow_none=True)
    pronunciation = Words(200, allow_none=True)
    languages = fields.List(
        LanguageTag(),
        validate=validate.Length(max=10),
        metadata=described("The languages that the customer speaks, as tags such as pt-BR."),
    )
    tags = fields.List(Words(40, least=1), validate=validate.Length(max=20))
    preferences = Words(1000, allow_none=True)
    consent = fields.Nested(NewConsentSchema, allow_none=True)
    allergies = Words(1000, allow_none=True)
    allergies_consent = Flag()
    references = fields.List(
        fields.Nested(NewReferenceSchema),
        validate=validate.Length(max=20),
        metadata=described("The customer's ids in other systems."),
    )


class EmailAddress(Words):
    """An e-mail address; its domain may be written in any script. The model reads it, blanks around it or not."""

    def __init__(self, *, least: int = 0, **options: Any) -> None:
        super().__init__(MAX_EMAIL_LENGTH, least=least, metadata={"format": "idn-email"}, **options)


class PhoneExtension(Words):
    """The digits that are dialled behind a switchboard, null for none. They may stand in the phone number as well."""

    def __init__(self, **options: Any) -> None:
        super().__init__(MAX_EXTENSION_LENGTH, **options)

    def _serialize(self, value: str | None, *_: Any, **__: Any) -> str | None:
        return value or None


class EditCustomerSchema(_ProfileFieldsSchema):
    """Changes to a profile: null removes a field, a list replaces the stored one."""

    name = Words(200, allow_none=True, metadata=described("The name of the customer; null removes it."))
    phone = Words(40, allow_none=True)
    phone_extension = PhoneExtension(allow_none=True)
    email = EmailAddress(allow_none=True)
    loyalty_number = Words(60, allow_none=True)


class NewCustomerSchema(_ProfileFieldsSchema):
    """A new customer: at least one of name, phone, email and loyalty_number."""

    document = at_least(1)

    id = fields.UUID()
    store_id = fields.UUID(
        metadata=described(
            "The id of the store where the customer is; without it that of the shift, or where the person works."
        )
    )
    name = Words(200, metadata=described("The name of the customer."))
    phone = Words(40)
    phone_extension = PhoneExtension()
    email = EmailAddress()
    loyalty_number = Words(60)


WITHHELD_UNTIL_MET: dict[str, Any] = {
    **dict.fromkeys(("phone", "phone_extension", "email", "loyalty_number", "preferences", "consent")),
    **{name: [] for name in ("languages", "tags", "references")},
}


class CustomerSchema(Schema):
    """A profile as in lists."""

    id = fields.UUID()
    version = fields.Integer()
    name = fields.String(allow_none=True, metadata=described("The name of the customer; null if unknown."))
    phone = fields.String(allow_none=True)
    phone_extension = PhoneExtension(allow_none=True)
    email = fields.String(allow_none=True)
    loyalty_number = fields.String(allow_none=True)
    preferred_name = fields.String(allow_none=True)
    pronunciation = fields.String(allow_none=True)
    languages = fields.List(
        fields.String(),
        metadata=described(
            "The languages that the customer speaks, as tags such as pt-BR; empty until the customer was met."
        ),
    )
    tags = fields.List(fields.String())
    preferences = fields.String(allow_none=True)
    consent = fields.Nested(ConsentSchema, allow_none=True)
    references = fields.List(
        fields.Nested(ReferenceSchema),
        metadata=described("The customer's ids in other systems; empty until the customer was met."),
    )
    created_at = Instant()
    met = fields.Boolean(
        required=True, metadata={"description": "Whether this is the whole profile: else contacts and notes are null."}
    )

    @post_dump(pass_original=True)
    def withhold_until_met(self, data: dict[str, Any], customer: Customer, **_: Any) -> dict[str, Any]:
        """Withhold what only other stores know from whoever has not met the customer."""
        if customer.is_open_to(reader()):
            return {**data, "met": True}
        return {**data, **WITHHELD_UNTIL_MET, "met": False}


class ProfileSchema(CustomerSchema):
    """A profile with the allergies that the customer agreed to store; null for a key that may only write."""

    allergies = fields.String(allow_none=True)
    allergies_consent_at = Instant(allow_none=True)

    @post_dump
    def withhold_allergies(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        if reader().may(Permission.CUSTOMER_READ):
            return data
        return {**data, "allergies": None}


class CustomerQuery(PageQuery):
    """Filters of customers."""

    name = Words(200, least=1)


SEARCHES = ("phone", "email", "loyalty_number", "reference", "name", "phone_end")


class CustomerSearchSchema(Schema):
    """Exactly one contact or reference, words of a name, or the end of a phone number. An extension needs its phone."""

    document = at_least(1)

    phone = Words(40, least=1)
    phone_extension = PhoneExtension()
    email = EmailAddress(least=1)
    loyalty_number = Words(60, least=1)
    reference = fields.Nested(NewReferenceSchema, metadata=described("The customer's id in another system."))
    name = Words(
        200,
        least=1,
        metadata=described("Words of the name or their beginnings, one of them with at least three letters."),
    )
    phone_end = Words(40, least=1)

    @validates_schema
    def exactly_one(self, data: dict[str, Any], **_: Any) -> None:
        if len(data.keys() & {*SEARCHES}) != 1:
            raise ValidationError("Send exactly one of phone, email, loyalty_number, reference, name and phone_end.")


class CustomerMatchesSchema(Schema):
    """The matching profiles, at most ten, or an empty list."""

    items = fields.List(fields.Nested(CustomerSchema), required=True)


class DuplicateSchema(Schema):
    """A profile that may be the same person, and which fields match but for their spelling."""

    customer = fields.Nested(CustomerSchema, metadata=described("The profile that may be the same person."))
    reasons = fields.List(fields.String(validate=validate.OneOf(list(MATCH_KEYS))))


class DuplicatesSchema(Schema):
    """Profiles within reach that may be the same person, at most 20."""

    items = fields.List(fields.Nested(DuplicateSchema), required=True)


class MeetSchema(Schema):
    """Where the customer is; without a store that of the shift."""

    store_id = fields.UUID(
        load_default=None,
        metadata=described("The id of the store where the customer is; without it that of the shift."),
    )


class MergeSchema(Schema):
    """The customer to merge into that of the path. `preview` only shows the effect."""

    customer_id = fields.UUID(
        required=True,
        metadata=described("The id of the customer whose profile ends: everything of it moves to that of the path."),
    )
    preview = Flag(load_default=False)


class MovedSchema(Schema):
    """Number of rows of each kind that move to the surviving customer."""

    concerns = fields.Integer(metadata=described("How many concerns move."))
    references = fields.Integer(metadata=described("How many ids in other systems move."))
    stores = fields.Integer()


class CustomerMergeSchema(Schema):
    """A merge, or its preview: then `id` and `merged_at` are null."""

    id = fields.UUID(
        allow_none=True, metadata=described("The id of the merge, by which it can be undone; null for a preview.")
    )
    customer_id = fields.UUID(attribute="survivor_id", metadata=described("The id of the customer who stays."))
    merged_customer_id = fields.UUID(attribute="merged_id")
    moved = fields.Nested(MovedSchema, attribute="counts")
    taken_over = fields.List(fields.String(validate=validate.OneOf(list(COLUMNS_BY_FIELD))), attribute="fields")
    merged_at = Instant(allow_none=True)
    undone_at = Instant(allow_none=True)

    @post_dump
    def hide_id_of_preview(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return data if data["merged_at"] else {**data, "id": None}


class OpenConcernSchema(Schema):
    """A concern that is not resolved."""

    id = fields.UUID()
    status = fields.Enum(Status, by_value=True, metadata=described("Whether it is open, or somebody has taken it."))
    business_date = fields.Date()


class CustomerOverviewSchema(Schema):
    """What matters now: open concerns, promises, a second failure within 30 days, what was tried the last time."""

    open = fields.List(fields.Nested(OpenConcernSchema))
    promised = fields.List(fields.Nested(FollowUpSchema))
    second_failure = fields.Boolean()
    tried_before = fields.Nested(PreviousRecoverySchema, allow_none=True)


class HistorySchema(PageSchema):
    """A customer's history: what matters now, then all concerns, newest first."""

    customer = fields.Nested(ProfileSchema, required=True, metadata=described("The profile of the customer."))
    now = fields.Nested(CustomerOverviewSchema, required=True)
    items = fields.List(
        fields.Nested(ConcernSchema),
        required=True,
        metadata=described("All concerns of the customer within reach, newest first."),
    )
