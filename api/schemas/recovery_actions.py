"""Recovery actions, decisions about them, and their payment."""

from typing import Any

from marshmallow import fields, post_dump, validate

from api.schemas.base import (
    ClientId,
    CostSchema,
    Include,
    Instant,
    MoneySchema,
    PageQuery,
    PersonSchema,
    RedactedSchema,
    Schema,
    Several,
    Slug,
    SlugOf,
    Text,
    Words,
    described,
)
from api.schemas.customer_names import ConcernNamesSchema
from api.schemas.reader_language import NameInLanguage
from api.schemas.redaction import reader
from models.recovery.action import SETTLEMENT_MOVES, ActionStatus, RecoveryAction, Settlement


class NewRecoveryActionSchema(Schema):
    """A new recovery action."""

    id = ClientId(RecoveryAction.__tablename__)
    remedy = Slug(required=True, metadata=described("The slug of the remedy that was given."))
    cost = fields.Nested(
        CostSchema,
        allow_none=True,
        metadata=described("What it cost; without it the usual cost of the remedy, in the currency of the store."),
    )
    note = Words(
        1000, allow_none=True, metadata=described("What is to be remembered about it; it is no text for the customer.")
    )
    acted_at = Instant()


class ReverseSchema(Schema):
    """Why an action is taken back."""

    note = Words(1000, allow_none=True, metadata=described("Why it is taken back."))


class ApproverSchema(Schema):
    """Who stands at the enrolled phone and approves: by their PIN, without signing in."""

    staff_id = fields.UUID(required=True, metadata=described("The id of the manager who approves."))
    pin = Text(6, least=6, required=True, load_only=True, metadata=described("The PIN of the manager who approves."))


class ApproveSchema(Schema):
    """An optional note, and on an enrolled phone who approves if that is not who is signed in."""

    note = Words(1000, allow_none=True, metadata=described("What is to be told to whoever asked for it."))
    approver = fields.Nested(ApproverSchema, allow_none=True)


class ReviewSchema(Schema):
    """An optional note."""

    note = Words(1000, allow_none=True, metadata=described("What is to be told to whoever gave it."))


class GivenBeforeSchema(Schema):
    """What a customer was given within 90 days before: on how many days, and how much."""

    days = fields.Integer(metadata=described("On how many days."))
    cost = fields.Nested(MoneySchema, metadata=described("For how much."))


class DeclineSchema(Schema):
    """The reason, which the person who asked passes on to the customer."""

    note = Words(
        1000,
        least=1,
        required=True,
        metadata=described("The reason, which whoever asked for it passes on to the customer."),
    )


class SettleSchema(Schema):
    """Progress of a payment, and its reference in the till."""

    settlement = fields.String(required=True, validate=validate.OneOf(sorted(SETTLEMENT_MOVES)))
    reference = Words(100, least=1, allow_none=True, metadata=described("The number of the payment in the till."))


class DecisionSchema(RedactedSchema):
    """A decision about a request: who, when, and a note."""

    withheld = ("by", "note")

    at = Instant(attribute="decided_at", metadata=described("When, in UTC."))
    by = fields.Nested(PersonSchema, attribute="decided_by", allow_none=True, metadata=described("By whom."))
    note = fields.String(attribute="decision_note", allow_none=True, metadata=described("What they wrote to it."))


class RecoveryActionSchema(RedactedSchema):
    """A recovery action, done or requested. A reversing entry names the reversed one and has the negative cost.

    `cost` of a request is what it would cost. `beyond`: above a limit. `given_90_days`: what else the customer was
    given within 90 days up to it, as of now; null where they are unknown. Of a refund for a sensitive concern a key
    with `settlements:write` sees what it has to pay, and null for the rest.
    """

    withheld = ("note", "acted_by")
    hidden_from_tills = (
        "concern_id",
        "customer_id",
        "remedy",
        "remedy_name",
        "given_90_days",
        "decision",
        "note",
        "acted_by",
    )

    id = fields.UUID()
    version = fields.Integer()
    concern_id = fields.UUID(allow_none=True)
    customer_id = fields.UUID(allow_none=True)
    remedy = SlugOf(
        allow_none=True, metadata=described("The short name of the remedy: the kind of thing that was given.")
    )
    remedy_name = NameInLanguage("remedy", path="remedy")
    status = fields.Enum(
        ActionStatus,
        by_value=True,
        metadata=described("Whether it is done, waits for approval, was refused or expired, or was taken back."),
    )
    reverses_id = fields.UUID(allow_none=True)
    cost = fields.Nested(
        MoneySchema,
        attribute="amount",
        allow_none=True,
        metadata=described("What it cost; of a request what it would cost; negative where it takes another back."),
    )
    beyond = fields.Boolean(
        attribute="over_limit", metadata=described("Whether it is above what may be given without approval.")
    )
    given_90_days = fields.Nested(
        GivenBeforeSchema,
        allow_none=True,
        metadata=described("What else the customer was given in the 90 days before; empty where they are unknown."),
    )
    expires_at = Instant(allow_none=True, metadata=described("Until when a request can be approved, in UTC."))
    decision = fields.Nested(
        DecisionSchema, allow_none=True, metadata=described("What was decided about the request; empty if nothing.")
    )
    settlement = fields.Enum(
        Settlement,
        by_value=True,
        metadata=described(
            "How far its payment is: recorded, settled (paid) or failed; none where nothing is to be paid."
        ),
    )
    settlement_reference = fields.String(allow_none=True, metadata=described("The number of the payment in the till."))
    note = fields.String(allow_none=True, metadata=described("What whoever gave it wrote; empty for head office."))
    acted_at = Instant(metadata=described("When it was given, in UTC."))
    recorded_at = Instant(metadata=described("When it was recorded, in UTC."))
    acted_by = fields.Nested(PersonSchema, allow_none=True, metadata=described("Who gave it; empty for head office."))

    @post_dump(pass_original=True)
    def show_money_only(self, data: dict[str, Any], action: RecoveryAction, **_: Any) -> dict[str, Any]:
        if not action.shows_money_only(reader()):
            return data
        return {name: None if name in self.hidden_from_tills else value for name, value in data.items()}


class ListedRecoveryActionSchema(ConcernNamesSchema, RecoveryActionSchema):
    """A recovery action with the name of the customer, for whoever decides about it."""

    hidden_from_tills = (*RecoveryActionSchema.hidden_from_tills, "customer_name", "place_name")


class RecoveryActionQuery(PageQuery):
    """Filters of recovery actions."""

    include = Include("customer")
    status = Several(fields.Enum(ActionStatus, by_value=True))
    store_id = fields.UUID()
    settlement = Several(fields.Enum(Settlement, by_value=True))
    unpaid = fields.Boolean()
    beyond = fields.Boolean(metadata={"description": "Above a limit."})
    reviewed = fields.Boolean(
        metadata={"description": "Given above a limit, and somebody has looked at it since, or nobody yet."}
    )
