"""Alert rules: which concerns raise an alert. A rule can be tried on the past before it is kept."""

from typing import Any

from flask import g

from api.schemas.alert_rules import (
    AlertRuleSchema,
    BacktestResultSchema,
    EditAlertRuleSchema,
    NewAlertRuleSchema,
    TryAlertRuleSchema,
)
from api.schemas.base import PageQuery, page_of
from api.web.blueprint import Blueprint
from api.web.idempotency import idempotent
from api.web.pagination import paginate
from api.web.resource import Resource
from models.access import Permission
from models.alerts.rule import AlertRule
from models.organizations.vocabulary import Category
from notifications.decide.rule_backtest import BacktestResult, backtest_rule

blp = Blueprint("alert rules", __name__, "When a concern rings: the organization's rules")


@blp.route("/alert-rules")
class AlertRules(Resource):
    permissions = {"GET": Permission.POLICY_READ, "POST": Permission.POLICY_WRITE}

    @blp.arguments(PageQuery, location="query")
    @blp.response(200, page_of(AlertRuleSchema))
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """List the rules by which concerns raise alerts

        The built-in ones are among them. All of them are in force but those with `enabled` false.
        """
        return paginate(AlertRule.select_visible(), AlertRule.slug, **query)

    @blp.arguments(NewAlertRuleSchema)
    @blp.response(201, AlertRuleSchema)
    @idempotent(AlertRule, status=201)
    def post(self, data: dict[str, Any]) -> AlertRule:
        """Add a rule of the organization's own; it applies from the next concern on

        409 `already-exists` for a slug that a rule has; 422 for a rule without any condition.
        """
        return AlertRule.create(g.session, **_with_category(data))


@blp.route("/alert-rules/<uuid:alert_rule_id>")
class AlertRuleById(Resource):
    permissions = {"GET": Permission.POLICY_READ, "PATCH": Permission.POLICY_WRITE, "DELETE": Permission.POLICY_WRITE}
    path_models = {"alert_rule_id": AlertRule}

    @blp.response(200, AlertRuleSchema)
    def get(self, alert_rule: AlertRule) -> AlertRule:
        """Read a rule

        Its `version` is what a change of it names in `If-Match`.
        """
        return alert_rule

    @blp.arguments(EditAlertRuleSchema)
    @blp.response(200, AlertRuleSchema)
    def patch(self, data: dict[str, Any], alert_rule: AlertRule) -> AlertRule:
        """Change a rule or switch it off: a merge patch, null removes a condition

        It holds from the next concern on. 422 where no condition would be left.
        """
        alert_rule.edit(**_with_category(data))
        return alert_rule

    @blp.response(204)
    def delete(self, alert_rule: AlertRule) -> None:
        """Remove a rule; a built-in one can only be switched off (409)

        Alerts that it raised stay as they are.
        """
        alert_rule.drop(g.session)


@blp.route("/alert-rules/try")
class TryAlertRule(Resource):
    permissions = {"POST": Permission.POLICY_READ}
    read_only = frozenset({"POST"})

    @blp.arguments(TryAlertRuleSchema)
    @blp.response(200, BacktestResultSchema)
    def post(self, data: dict[str, Any]) -> BacktestResult:
        """Try a rule: count how often it alone would have rung in the last 30 days; nothing is stored

        It counts concerns that the person may see, and takes what a new rule takes; only a condition is needed.
        """
        return backtest_rule(g.session, AlertRule.build(**_with_category(data)), by=g.actor, at=g.now)


def _with_category(data: dict[str, Any]) -> dict[str, Any]:
    """Return the data with the slug of the category replaced by its row."""
    slug = data.get("category")
    return {**data, "category": Category.by_slug(g.session, slug)} if slug is not None else data
