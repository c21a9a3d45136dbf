"""Fixes of causes, the customers who had raised them, and their thank-yous."""

from typing import Any

from marshmallow import fields

from api.schemas.base import Instant, PageQuery, PersonSchema, RedactedSchema, Schema, Slug, SlugOf, Words, described
from api.schemas.reports.figures import Numbers, ShareSchema
from models.recovery.follow_up import FollowUpKind, FollowUpStatus


class NewFixSchema(Schema):
    """A new fix; without a store it holds everywhere, for those who look after all stores."""

    id = fields.UUID()
    store_id = fields.UUID(
        metadata=described(
            "The id of the store where it is fixed; without it in all, for whoever looks after all stores."
        )
    )
    category = Slug(required=True, metadata=described("The slug of the category of the cause."))
    cause = Slug(required=True, metadata=described("The slug of the cause that is fixed."))
    what = Words(1000, least=1, required=True, metadata={"description": "What was done, in words for the customer."})
    fixed_at = Instant(metadata={"description": "Now, unless it says otherwise; never ahead."})


class FixQuery(PageQuery):
    """Filters of fixes."""

    cause = Words(60, metadata={"description": "The slug of a cause."})
    store_id = fields.UUID()


class FixSchema(RedactedSchema):
    """A fix; `store_id` is null where the cause is fixed everywhere."""

    withheld = ("told_by",)

    id = fields.UUID()
    store_id = fields.UUID(
        allow_none=True, metadata=described("The id of the store where it is fixed; null for all stores.")
    )
    category = SlugOf(attribute="cause.category", metadata=described("The short name of the category."))
    cause = SlugOf(metadata=described("The short name of the cause that is fixed."))
    what = fields.String(metadata=described("What was done, in words for the customer."))
    fixed_at = Instant(metadata=described("Since when it is fixed, in UTC."))
    told_by = fields.Nested(
        PersonSchema, allow_none=True, metadata=described("Who recorded it; empty for head office.")
    )


class FixFiguresSchema(Schema):
    """Figures of a fix, over what the reader may see.

    `raised`, `raised_since`: concerns of the cause before and after the fix. `thanked`, `left`: customers who may be
    contacted, with and without a promised thank-you. `loop_back_rate`: how many of these thank-yous were kept.
    """

    raised = fields.Integer(metadata=described("Concerns with this cause that were logged before the fix."))
    raised_since = fields.Integer(metadata=described("Concerns with this cause that were logged after the fix."))
    thanked = fields.Integer(
        metadata=described("Customers who raised it before, may be contacted, and were promised a thank-you.")
    )
    left = fields.Integer(
        metadata=described("Customers who raised it before, may be contacted, and were promised none yet.")
    )
    loop_back_rate = Numbers(
        ShareSchema,
        metadata=described("Of the customers who raised it before and may be contacted, the share who were thanked."),
    )


class FixWithFiguresSchema(FixSchema):
    """A fix with its figures."""

    figures = fields.Nested(
        FixFiguresSchema, metadata=described("How often the cause was raised before and since, and who was thanked.")
    )

    def get_attribute(self, obj: Any, attr: str, default: Any) -> Any:
        return super().get_attribute(obj if attr == "figures" else obj.fix, attr, default)


class ThankYousSchema(Schema):
    """A thank-you for each customer. `what` defaults to that of the fix, `owner_id` to the signed-in person."""

    due_at = Instant(required=True)
    owner_id = fields.UUID(
        metadata=described("The id of the person who thanks them; the signed-in person unless it says otherwise.")
    )
    kind = fields.Enum(
        FollowUpKind,
        by_value=True,
        metadata=described("In which way to thank them; a message unless it says otherwise."),
    )
    what = Words(1000, least=1, metadata=described("What to tell them; what was done, unless it says otherwise."))


class ThankedCustomerSchema(Schema):
    """A customer to thank, by name."""

    id = fields.UUID()
    name = fields.String(allow_none=True, metadata=described("The name of the customer; null if unknown."))
    preferred_name = fields.String(allow_none=True)
    pronunciation = fields.String(allow_none=True)


class RaisedConcernSchema(Schema):
    """The customer's newest concern of this cause."""

    id = fields.UUID()
    store_id = fields.UUID()
    business_date = fields.Date()


class ThankYouSchema(Schema):
    """The follow-up that thanks a customer; its id is null where its store is out of reach."""

    id = fields.UUID(
        allow_none=True, metadata=described("The id of the follow-up; null where its store is out of reach.")
    )
    status = fields.Enum(
        FollowUpStatus, by_value=True, metadata=described("Whether it is open, kept, broken or cancelled.")
    )


class FixCustomerSchema(Schema):
    """A customer who raised it and may be contacted."""

    customer = fields.Nested(ThankedCustomerSchema, metadata=described("The customer, by name."))
    concern = fields.Nested(RaisedConcernSchema)
    thank_you = fields.Nested(ThankYouSchema, allow_none=True)
