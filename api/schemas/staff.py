"""Members of staff."""

from typing import Any

from marshmallow import fields, post_dump, validate

from api.schemas.base import Instant, PageQuery, Schema, SignInName, Words, described
from api.schemas.invitations import InvitationSchema
from api.schemas.redaction import reader
from models.access import Role
from models.policy_defaults import MAX_REGIONS_OF_PERSON, MAX_STORES_OF_PERSON
from models.staff.management_rights import may_manage
from models.staff.staff import MAX_EMPLOYEE_NUMBER_LENGTH, Staff

# Shown to those who manage the person.
FIELDS_OF_MANAGED = frozenset({"login", "email", "employee_number", "left_at", "leaves_at", "has_password", "has_pin"})


class StaffSchema(Schema):
    """A member of staff as colleagues see them."""

    id = fields.UUID()
    version = fields.Integer()
    name = fields.String(metadata=described("The name of the person, as colleagues know it."))
    role = fields.Enum(Role, by_value=True)
    store_ids = fields.List(fields.UUID())
    region_ids = fields.List(fields.UUID())


class ManagedStaffSchema(StaffSchema):
    """A member of staff; from `login` on it is only there for somebody who may change that person.

    `left_at`: since when they work here no more; `leaves_at`: until when, if their leave is planned. `has_password` and
    `has_pin`: whether they have set one, so that they can sign in.
    """

    sometimes = FIELDS_OF_MANAGED

    login = fields.String()
    email = fields.String(allow_none=True, metadata=described("Where mails to the person go; null for none."))
    employee_number = fields.String(
        allow_none=True, metadata={"description": "The person in the personnel system of the organization."}
    )
    left_at = Instant(allow_none=True)
    leaves_at = Instant(allow_none=True)
    has_password = fields.Boolean()
    has_pin = fields.Boolean()

    @post_dump(pass_original=True)
    def withhold(self, data: dict[str, Any], staff: Staff, **_: Any) -> dict[str, Any]:
        if may_manage(reader(), staff):
            return data
        return {name: value for name, value in data.items() if name not in FIELDS_OF_MANAGED}


class InvitedStaffSchema(ManagedStaffSchema):
    """A member of staff, with the one-time code that was made for them; null where none may be shown."""

    invitation = fields.Nested(InvitationSchema, allow_none=True)


class EditStaffSchema(Schema):
    """Changes to a person. Their stores and regions are replaced as a whole."""

    name = Words(200, least=1, metadata=described("The name of the person, as colleagues know it."))
    login = SignInName()
    role = fields.Enum(Role, by_value=True)
    store_ids = fields.List(
        fields.UUID(),
        validate=validate.Length(max=MAX_STORES_OF_PERSON),
        metadata=described("The ids of all stores where they work; they replace those before."),
    )
    region_ids = fields.List(
        fields.UUID(),
        validate=validate.Length(max=MAX_REGIONS_OF_PERSON),
        metadata=described("The ids of all regions that a regional manager looks after; they replace those before."),
    )
    email = fields.Email(
        validate=validate.Length(max=254),
        allow_none=True,
        metadata=described("Where mails to the person go; null for none."),
    )
    employee_number = Words(60, least=1, allow_none=True)


class NewStaffSchema(EditStaffSchema):
    """A new person. Floor staff and managers belong to stores, regional managers look after regions."""

    id = fields.UUID()
    name = Words(200, least=1, required=True, metadata=described("The name of the person, as colleagues know it."))
    login = SignInName(required=True)
    role = fields.Enum(Role, by_value=True, required=True)
    store_ids = fields.List(
        fields.UUID(),
        allow_none=True,
        validate=validate.Length(max=MAX_STORES_OF_PERSON),
        metadata=described("The ids of the stores where they work."),
    )
    region_ids = fields.List(
        fields.UUID(),
        allow_none=True,
        validate=validate.Length(max=MAX_REGIONS_OF_PERSON),
        metadata=described("The ids of the regions that a regional manager looks after."),
    )


class PutStaffSchema(EditStaffSchema):
    """A person of a personnel system. What is left out, or null, stays as it is."""

    class Meta(EditStaffSchema.Meta):
        exclude = ("employee_number",)

    name = Words(200, least=1, required=True, metadata=described("The name of the person, as colleagues know it."))
    login = SignInName(required=True)
    role = fields.Enum(Role, by_value=True, required=True)


class StaffQuery(PageQuery):
    """Filters of staff. By default those who work here; `left` true: those who do so no more.

    `employee_number` and `left` find only people whom one may change.
    """

    store_id = fields.UUID()
    employee_number = Words(MAX_EMPLOYEE_NUMBER_LENGTH)
    left = fields.Boolean(load_default=False)


class LeaveStaffSchema(Schema):
    """When somebody leaves, at once unless `at` is in the future, and the colleague who gets what they have open."""

    at = Instant(allow_none=True, metadata=described("When they leave; at once unless it says otherwise."))
    hand_over_to = fields.UUID(allow_none=True)


class LeaveSchema(Schema):
    """The person, and the ids of the concerns they had taken and of the follow-ups they owned, which others have now.

    Both are empty for a leave that is planned, and null in the answer to a repeat of the request.
    """

    staff = fields.Nested(ManagedStaffSchema, required=True, metadata=described("The person who leaves."))
    concerns = fields.List(
        fields.UUID(),
        required=True,
        allow_none=True,
        metadata=described(
            "The ids of the concerns they had taken and others have now; null in the answer to a repeat."
        ),
    )
    follow_ups = fields.List(
        fields.UUID(),
        required=True,
        allow_none=True,
        metadata=described("The ids of the follow-ups they owned and others own now; null in the answer to a repeat."),
    )
