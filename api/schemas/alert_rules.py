"""When a concern rings: the organization's rules, and one that is only tried."""

from marshmallow import fields, validate

from api.schemas.base import CostSchema, Flag, Instant, MoneySchema, Schema, Slug, SlugOf, Whole, Words
from models.alerts.enums import Severity
from models.policy_defaults import MAX_RULE_MEMORY_DAYS


class _ConditionsSchema(Schema):
    """All that are not null have to hold, and a rule needs one of them at least."""

    severity = fields.Enum(Severity, by_value=True)
    managers_at_once = Flag()
    rings_mine = Flag()
    mood_at_most = Whole(allow_none=True, validate=validate.Range(min=1, max=5))
    urgent_category = Flag()
    category = Slug(allow_none=True)
    repeat_within_days = Whole(allow_none=True, validate=validate.Range(min=1, max=MAX_RULE_MEMORY_DAYS))
    order_value = fields.Nested(CostSchema, allow_none=True)


class EditAlertRuleSchema(_ConditionsSchema):
    """What is to be changed; null takes a condition away."""

    name = Words(200, least=1)
    enabled = Flag()


class NewAlertRuleSchema(EditAlertRuleSchema):
    """A rule of the organization's own."""

    slug = Words(60, least=1, required=True)
    name = Words(200, least=1, required=True)
    severity = fields.Enum(Severity, by_value=True, load_default=Severity.NORMAL)


class TryAlertRuleSchema(EditAlertRuleSchema):
    """A rule that is not kept: the body of a new one, of which the conditions alone are needed."""

    slug = Words(60, least=1)


class AlertRuleSchema(Schema):
    """Conditions on a concern that all have to hold, those that are null apart."""

    id = fields.UUID()
    version = fields.Integer()
    slug = fields.String()
    name = fields.String()
    severity = fields.Enum(Severity, by_value=True)
    enabled = fields.Boolean()
    built_in = fields.Boolean()
    managers_at_once = fields.Boolean()
    rings_mine = fields.Boolean()
    mood_at_most = fields.Integer(allow_none=True)
    urgent_category = fields.Boolean()
    category = SlugOf(allow_none=True)
    repeat_within_days = fields.Integer(allow_none=True)
    order_value = fields.Nested(MoneySchema, allow_none=True)


class TrialSchema(Schema):
    """How often a rule alone would have rung."""

    since = Instant(data_key="from", required=True)
    until = Instant(data_key="to", required=True)
    would_have_rung = fields.Integer(required=True)
    of = fields.Integer(required=True)
    examples = fields.List(fields.UUID(), required=True)
