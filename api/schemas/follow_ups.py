"""Follow-ups: what was promised to a customer, by when, and who owns it."""

from typing import Any

from marshmallow import fields

from api.schemas.base import (
    Include,
    Instant,
    PageQuery,
    PersonSchema,
    RedactedSchema,
    Schema,
    Several,
    Words,
    described,
)
from api.schemas.customer_names import ConcernNamesSchema
from models.recovery.follow_up import FollowUpKind, FollowUpStatus


class NewFollowUpSchema(Schema):
    """A new follow-up, owned by who makes it unless `owner_id` names somebody else."""

    id = fields.UUID()
    what = Words(1000, least=1, required=True, metadata=described("What is promised, in words for whoever keeps it."))
    kind = fields.Enum(
        FollowUpKind, by_value=True, required=True, metadata=described("In which way it is to be kept, such as a call.")
    )
    due_at = Instant(required=True)
    owner_id = fields.UUID(
        metadata=described("The id of the person who is to keep it; without it the signed-in person.")
    )


class KeepSchema(Schema):
    """An optional note."""

    note = Words(1000, allow_none=True, metadata=described("What is to be remembered of how it was kept."))


class CancelSchema(Schema):
    """Why the customer does not want it any more."""

    note = Words(1000, least=1, required=True, metadata=described("Why the customer does not want it any more."))


class HandOverFollowUpSchema(Schema):
    """The new owner."""

    staff_id = fields.UUID(required=True, metadata=described("The id of the new owner."))


class FollowUpSchema(RedactedSchema):
    """A follow-up. `broken_at` stays when it is kept after its time: then it was kept late."""

    withheld = ("what", "note", "owner", "promised_by")

    id = fields.UUID()
    version = fields.Integer()
    concern_id = fields.UUID()
    store_id = fields.UUID()
    customer_id = fields.UUID(allow_none=True)
    what = fields.String(allow_none=True, metadata=described("What was promised; empty for head office."))
    kind = fields.Enum(FollowUpKind, by_value=True, metadata=described("In which way it is kept, such as a call."))
    due_at = Instant(metadata=described("By when it is promised, in UTC."))
    business_date = fields.Date(metadata={"description": "The store's business day on which it is due."})
    status = fields.Enum(
        FollowUpStatus, by_value=True, metadata=described("Whether it is open, kept, broken or cancelled.")
    )
    owner = fields.Nested(
        PersonSchema, allow_none=True, metadata=described("Who has to keep it; empty for head office.")
    )
    promised_by = fields.Nested(
        PersonSchema, allow_none=True, metadata=described("Who promised it; empty for head office.")
    )
    promised_at = Instant(metadata=described("When it was promised, in UTC."))
    kept_at = Instant(allow_none=True, metadata=described("When it was kept, in UTC; empty if it is not."))
    broken_at = Instant(
        allow_none=True, metadata=described("When its time had passed, in UTC; stays where it is kept later.")
    )
    note = fields.String(
        allow_none=True, metadata=described("What was written when it was kept or cancelled; empty for head office.")
    )
    missing = fields.List(
        fields.String(),
        metadata={
            "description": (
                "What is missing to keep it: `contact` while the profile has no phone number to call, or nothing "
                "to write to."
            )
        },
    )
    fix_id = fields.UUID(
        allow_none=True, metadata={"description": "What was fixed, where this is the thank-you for having raised it."}
    )


class ListedFollowUpSchema(ConcernNamesSchema, FollowUpSchema):
    """A follow-up with the name of the customer, for whoever keeps it."""


class HandedOverFollowUpSchema(ListedFollowUpSchema):
    """A follow-up as the answer to handing it over, with the number of phones that reach its new owner at this moment.

    Null in the answer to a repeat of the request. Whoever is not reached is reminded before it is due.
    """

    phones = fields.Integer(
        allow_none=True,
        required=True,
        metadata=described("How many phones reach the new owner at this moment; null in the answer to a repeat."),
    )

    def get_attribute(self, obj: Any, attr: str, default: Any) -> Any:
        """Read the number of phones from the answer and every other field from its follow-up."""
        return super().get_attribute(obj if attr == "phones" else obj.follow_up, attr, default)


class FollowUpQuery(PageQuery):
    """Filters of follow-ups."""

    include = Include("customer")
    store_id = fields.UUID()
    owner_id = fields.UUID(metadata=described("Who has to keep it. 403 for whoever may not read names."))
    status = Several(fields.Enum(FollowUpStatus, by_value=True))
    due_before = Instant()
    owed_before = fields.Date(metadata={"description": "Open or broken, and due on a business day before this one."})
    fix_id = fields.UUID()
