"""What `include` adds to an answer: the parts of a concern, and in lists the profile of the customer."""

from typing import Any

from marshmallow import fields

from api.schemas.alerts import AlertSchema
from api.schemas.base import Include, Schema, page_of
from api.schemas.concerns import ConcernEventSchema, ConcernSchema
from api.schemas.customers import ProfileSchema
from api.schemas.feedback_requests import FeedbackRequestSchema
from api.schemas.follow_ups import ListedFollowUpSchema
from api.schemas.guidance import GuidanceSchema
from api.schemas.recovery_actions import ListedRecoveryActionSchema

CUSTOMER = "customer"
CUSTOMER_DESCRIPTION = (
    "What `GET /v1/customers/{id}` answers; null where nobody is known or the match is not sure (`confirmed` of "
    "`customer_name`), and for whoever may not read customers."
)
GUIDANCE_DESCRIPTION = (
    "What `GET /v1/guidance` answers for it; null for praise, for what is over, and for whoever may give nothing."
)

FEED_CURSOR_DESCRIPTION = (
    "Send it as `changed_since` to learn what changed after this list was read; null on all pages but the first."
)


class Included(fields.Nested):
    """A part of an answer that is there where `include` names it."""

    def __init__(self, name: str, schema: type[Schema], description: str, **options: Any) -> None:
        super().__init__(schema, attribute=f"included.{name}", metadata={"description": description}, **options)


class WithCustomerSchema(Schema):
    """Mixin for what has a customer behind it."""

    sometimes = frozenset({CUSTOMER})

    customer = Included(CUSTOMER, ProfileSchema, CUSTOMER_DESCRIPTION, allow_none=True)


class ConcernWithCustomerSchema(WithCustomerSchema, ConcernSchema):
    """A concern in a list."""


class ConcernPageSchema(page_of(ConcernWithCustomerSchema)):  # type: ignore[misc]  # made at run time
    """One page of concerns, and from where their changes are to be followed."""

    feed_cursor = fields.String(required=True, allow_none=True, metadata={"description": FEED_CURSOR_DESCRIPTION})


class AlertWithCustomerSchema(WithCustomerSchema, AlertSchema):
    """An alert in a list."""


class FollowUpWithCustomerSchema(WithCustomerSchema, ListedFollowUpSchema):
    """A follow-up in a list."""


class RecoveryActionWithCustomerSchema(WithCustomerSchema, ListedRecoveryActionSchema):
    """A recovery action in a list."""

    hidden_from_tills = (*ListedRecoveryActionSchema.hidden_from_tills, CUSTOMER)


def _page(name: str, schema: type[Schema], address: str) -> Included:
    """Return the field of a list: its first page, the rest of which is at its own address."""
    return Included(name, page_of(schema), f"The first 50 of `GET /v1/concerns/{{id}}/{address}`; go on there.")


class ConcernReadSchema(WithCustomerSchema, ConcernSchema):
    """A concern with the parts that `include` names."""

    sometimes = frozenset({CUSTOMER, "actions", "follow_ups", "events", "guidance", "feedback"})

    actions = _page("actions", ListedRecoveryActionSchema, "recovery-actions")
    follow_ups = _page("follow_ups", ListedFollowUpSchema, "follow-ups")
    events = _page("events", ConcernEventSchema, "events")
    guidance = Included("guidance", GuidanceSchema, GUIDANCE_DESCRIPTION, allow_none=True)
    feedback = _page("feedback", FeedbackRequestSchema, "feedback-requests")


class ConcernReadQuery(Schema):
    """What is to be read along with a concern."""

    include = Include(*sorted(ConcernReadSchema.sometimes))
