"""Remedies, and how much of each a role may give without approval."""

from marshmallow import fields, validate

from api.schemas.base import CostSchema, MoneySchema, Schema, Slug, Words, described
from api.schemas.vocabulary_words import Names, StoreKindSchema, WordChangesSchema, WordSchema
from models.access import Role
from models.recovery.remedy import RemedyKind


class LimitSchema(Schema):
    """Limit of a role per business day: to one customer, and per person in total."""

    role = fields.Enum(Role, by_value=True, required=True, metadata=described("The role whose limit it is."))
    per_customer = fields.Nested(CostSchema, required=True)
    per_staff = fields.Nested(CostSchema, allow_none=True)


class StoredLimitSchema(LimitSchema):
    """Limit of a role as it is answered. `unused`: no store has its currency, so that it limits nothing."""

    per_customer = fields.Nested(MoneySchema)
    per_staff = fields.Nested(MoneySchema, allow_none=True)
    unused = fields.Boolean()


class EditRemedySchema(WordChangesSchema, StoreKindSchema):
    """Changes to a remedy; `limits` replaces all limits. Actions of the past keep their `kind`."""

    name = Words(60, least=1)
    names = Names(60)
    default_cost = fields.Nested(CostSchema, allow_none=True)
    limits = fields.List(
        fields.Nested(LimitSchema),
        validate=validate.Length(max=50),
        metadata=described("How much of it each role may give without approval; they replace those before."),
    )


class NewRemedySchema(EditRemedySchema):
    """A remedy of the organization's own. Without `limits` it has the usual ones in the currencies of the stores."""

    id = fields.UUID()
    slug = Slug(required=True)
    name = Words(60, least=1, required=True)
    kind = fields.Enum(
        RemedyKind,
        by_value=True,
        required=True,
        metadata=described("What kind of thing it is, such as an apology or a refund."),
    )


class RemedySchema(WordSchema, StoreKindSchema):
    """A remedy. What costs something asks first where the role has no limit in the currency of the store."""

    version = fields.Integer()
    name = fields.String()
    kind = fields.Enum(
        RemedyKind, by_value=True, metadata=described("What kind of thing it is, such as an apology or a refund.")
    )
    default_cost = fields.Nested(MoneySchema, allow_none=True)
    limits = fields.List(
        fields.Nested(StoredLimitSchema),
        metadata=described("How much of it each role may give without approval, by role and currency."),
    )
