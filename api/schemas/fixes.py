"""Fixes: what was put right, who had raised it, and the thank-yous for them."""

from typing import Any

from marshmallow import fields

from api.schemas.base import Instant, PageQuery, PersonSchema, Schema, Slug, SlugOf, Words, WordsWithheld
from api.schemas.reports.figures import Numbers, ShareSchema
from models.recovery.follow_up import FollowUpKind, FollowUpStatus


class NewFixSchema(Schema):
    """A cause that is fixed; without a store everywhere, for those who look after all stores."""

    id = fields.UUID()
    store_id = fields.UUID()
    category = Slug(required=True)
    cause = Slug(required=True)
    what = Words(1000, least=1, required=True, metadata={"description": "What was done, in words for the customer."})
    fixed_at = Instant(metadata={"description": "Now, unless it says otherwise; never ahead."})


class FixQuery(PageQuery):
    """Which fixes."""

    cause = Words(60, metadata={"description": "The slug of a cause."})
    store_id = fields.UUID()


class FixSchema(WordsWithheld):
    """A cause that is fixed; `store_id` is null where it is fixed everywhere."""

    withheld = ("told_by",)

    id = fields.UUID()
    store_id = fields.UUID(allow_none=True)
    category = SlugOf(attribute="cause.category")
    cause = SlugOf()
    what = fields.String()
    fixed_at = Instant()
    told_by = fields.Nested(PersonSchema, allow_none=True)


class LoopBackSchema(Schema):
    """The figures of a fix, as far as one sees.

    Concerns `raised` before it was fixed and since; customers who may be contacted and were promised a thank-you, or
    were not (`left`). The rate is of those customers and counts whose thank-you was kept.
    """

    raised = fields.Integer()
    raised_since = fields.Integer()
    thanked = fields.Integer()
    left = fields.Integer()
    loop_back_rate = Numbers(ShareSchema)


class FollowedFixSchema(FixSchema):
    """A fix with its figures."""

    figures = fields.Nested(LoopBackSchema)

    def get_attribute(self, obj: Any, attr: str, default: Any) -> Any:
        return super().get_attribute(obj if attr == "figures" else obj.fix, attr, default)


class ThankYousSchema(Schema):
    """A promise to each of them; `what` is what was done, unless it says otherwise. Kept by who asks, or `owner_id`."""

    due_at = Instant(required=True)
    owner_id = fields.UUID()
    kind = fields.Enum(FollowUpKind, by_value=True)
    what = Words(1000, least=1)


class ThankedCustomerSchema(Schema):
    """By what name to thank them."""

    id = fields.UUID()
    name = fields.String(allow_none=True)
    preferred_name = fields.String(allow_none=True)
    pronunciation = fields.String(allow_none=True)


class RaisedConcernSchema(Schema):
    """Their newest concern of this cause."""

    id = fields.UUID()
    store_id = fields.UUID()
    business_date = fields.Date()


class ThankYouSchema(Schema):
    """The follow-up that thanks them; its id is null where it belongs to a store out of one's reach."""

    id = fields.UUID(allow_none=True)
    status = fields.Enum(FollowUpStatus, by_value=True)


class FixCustomerSchema(Schema):
    """A customer who raised it and may be contacted."""

    customer = fields.Nested(ThankedCustomerSchema)
    concern = fields.Nested(RaisedConcernSchema)
    thank_you = fields.Nested(ThankYouSchema, allow_none=True)
