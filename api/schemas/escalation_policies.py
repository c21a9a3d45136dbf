"""Escalation policies of the organization and of stores."""

from typing import Any

from marshmallow import fields, post_load, validate

from api.schemas.base import Schema, Slug, Whole, Words, described
from models.alerts.escalation_policy import RecipientGroup
from models.concerns.enums import Severity
from models.policy_defaults import MAX_ESCALATION, MAX_ESCALATION_ROUNDS, MAX_ESCALATION_STEPS

MAX_SECONDS = int(MAX_ESCALATION.total_seconds())
SECONDS = validate.Range(min=1, max=MAX_SECONDS)
MAX_PEOPLE_IN_STEP = 50


class NewStepSchema(Schema):
    """A step: whom to ring so many seconds after the round began. Groups, people by id, or both."""

    after_seconds = Whole(required=True, validate=validate.Range(min=0, max=MAX_SECONDS))
    whom = fields.List(fields.String(validate=validate.OneOf(list(map(str, RecipientGroup)))), load_default=list)
    staff_ids = fields.List(fields.UUID(), load_default=list, validate=validate.Length(max=MAX_PEOPLE_IN_STEP))
    severities = fields.List(
        fields.String(validate=validate.OneOf(list(map(str, Severity)))),
        load_default=lambda: list(map(str, Severity)),
        validate=validate.Length(min=1),
    )

    @post_load
    def ids_to_text(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {**data, "staff_ids": [str(id_) for id_ in data["staff_ids"]]}


class StepSchema(NewStepSchema):
    """A step of a policy, as it is answered."""


class EditEscalationPolicySchema(Schema):
    """Changes to a policy; steps are replaced as a whole. All times are in seconds."""

    name = Words(200, least=1)
    steps = fields.List(
        fields.Nested(NewStepSchema),
        validate=validate.Length(min=1, max=MAX_ESCALATION_STEPS),
        metadata=described("The steps of each round; they replace those before."),
    )
    rounds = Whole(validate=validate.Range(min=1, max=MAX_ESCALATION_ROUNDS))
    unanswered_after_seconds = Whole(validate=SECONDS)
    reach_within_seconds = Whole(validate=SECONDS)
    remind_after_seconds = Whole(validate=SECONDS)
    release_after_seconds = Whole(validate=SECONDS)


class NewEscalationPolicySchema(EditEscalationPolicySchema):
    """A policy for one store. Times that are left out have the defaults of a new organization."""

    slug = Slug(required=True)
    name = Words(200, least=1, required=True)
    store_id = fields.UUID(
        allow_none=True,
        metadata=described("The id of the store whose policy it is; null for all stores without their own."),
    )
    steps = fields.List(
        fields.Nested(NewStepSchema),
        required=True,
        validate=validate.Length(min=1, max=MAX_ESCALATION_STEPS),
        metadata=described("The steps of each round."),
    )


class EscalationPolicySchema(Schema):
    """An escalation policy. `store_id` is null for the one of all stores without their own."""

    id = fields.UUID()
    version = fields.Integer()
    slug = fields.String()
    name = fields.String()
    store_id = fields.UUID(
        allow_none=True,
        metadata=described("The id of the store whose policy it is; null for all stores without their own."),
    )
    steps = fields.List(fields.Nested(StepSchema), metadata=described("The steps of each round."))
    rounds = fields.Integer()
    unanswered_after_seconds = fields.Integer()
    reach_within_seconds = fields.Integer()
    remind_after_seconds = fields.Integer()
    release_after_seconds = fields.Integer()
