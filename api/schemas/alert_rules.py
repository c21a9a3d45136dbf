"""Alert rules, and the trial of one on the past."""

from marshmallow import fields, validate

from api.schemas.base import CostSchema, Flag, Instant, MoneySchema, Schema, Slug, SlugOf, Whole, Words, described
from models.concerns.enums import Severity
from models.policy_defaults import MAX_RULE_MEMORY_DAYS


class _ConditionsSchema(Schema):
    """Conditions of a rule: all that are not null have to hold. A rule needs at least one."""

    severity = fields.Enum(
        Severity, by_value=True, metadata=described("How severe the alert is that the rule raises; it is no condition.")
    )
    managers_at_once = Flag()
    rings_mine = Flag()
    mood_at_most = Whole(allow_none=True, validate=validate.Range(min=1, max=5))
    urgent_category = Flag()
    category = Slug(
        allow_none=True,
        metadata=described("The slug of a category: rings for concerns of it; null removes the condition."),
    )
    repeat_within_days = Whole(allow_none=True, validate=validate.Range(min=1, max=MAX_RULE_MEMORY_DAYS))
    order_value = fields.Nested(CostSchema, allow_none=True)


class EditAlertRuleSchema(_ConditionsSchema):
    """Changes to a rule; null removes a condition."""

    name = Words(200, least=1, metadata=described("The name of the rule, for whoever sets it up."))
    enabled = Flag()


class NewAlertRuleSchema(EditAlertRuleSchema):
    """A rule of the organization's own."""

    slug = Slug(required=True)
    name = Words(200, least=1, required=True, metadata=described("The name of the rule, for whoever sets it up."))
    severity = fields.Enum(
        Severity,
        by_value=True,
        load_default=Severity.NORMAL,
        metadata=described("How severe the alert is that the rule raises; normal unless it says otherwise."),
    )


class TryAlertRuleSchema(EditAlertRuleSchema):
    """A rule to try: like a new one, but only the conditions are needed."""

    slug = Slug(metadata=described("Taken so that a new rule can be tried as it is; the trial does not depend on it."))


class AlertRuleSchema(Schema):
    """A rule: conditions on a concern that all have to hold, except those that are null."""

    id = fields.UUID()
    version = fields.Integer()
    slug = fields.String()
    name = fields.String(metadata=described("The name of the rule, for whoever sets it up."))
    severity = fields.Enum(Severity, by_value=True, metadata=described("How severe the alert is that the rule raises."))
    enabled = fields.Boolean()
    built_in = fields.Boolean()
    managers_at_once = fields.Boolean()
    rings_mine = fields.Boolean()
    mood_at_most = fields.Integer(allow_none=True)
    urgent_category = fields.Boolean()
    category = SlugOf(
        allow_none=True,
        metadata=described("The slug of a category: rings for concerns of it; null for no such condition."),
    )
    repeat_within_days = fields.Integer(allow_none=True)
    order_value = fields.Nested(MoneySchema, allow_none=True)


class BacktestResultSchema(Schema):
    """Result of a trial: how often the rule alone would have rung."""

    since = Instant(
        data_key="from",
        required=True,
        metadata=described("Since when concerns were counted: 30 days before `to`, in UTC."),
    )
    until = Instant(
        data_key="to",
        required=True,
        metadata=described("Until when concerns were counted: the time of the request, in UTC."),
    )
    would_have_rung = fields.Integer(required=True)
    of = fields.Integer(required=True)
    examples = fields.List(fields.UUID(), required=True)
