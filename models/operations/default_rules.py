"""Default alert rules and escalation policy of a new organization, which may change all of them."""

from typing import Any

from sqlalchemy.orm import Session

from models.alerts.escalation_policy import DEFAULT_POLICY, EscalationPolicy
from models.alerts.rule import AlertRule
from models.concerns.enums import Severity
from models.db.base import Money
from models.policy_defaults import UNHAPPY_MOOD, VERY_UNHAPPY_MOOD

# Off until the organization decides which order is large.
DEFAULT_RULES: dict[str, tuple[str, dict[str, Any]]] = {
    "unhappy": ("Unhappy", {"mood_at_most": UNHAPPY_MOOD}),
    "very-unhappy": ("Very unhappy", {"mood_at_most": VERY_UNHAPPY_MOOD, "severity": Severity.SEVERE}),
    "urgent-category": (
        "Urgent category",
        {"urgent_category": True, "rings_mine": True, "severity": Severity.SEVERE},
    ),
    "second-failure": (
        "Second concern within 30 days",
        {"repeat_within_days": 30, "managers_at_once": True, "rings_mine": True},
    ),
    "large-order": ("Large order", {"order_value": Money(20_000, "EUR"), "enabled": False}),
}


def default_rules() -> list[AlertRule]:
    return [
        AlertRule(slug=slug, name=name, built_in=True, **{"severity": Severity.NORMAL, **values})
        for slug, (name, values) in DEFAULT_RULES.items()
    ]


def add_default_rules(session: Session) -> None:
    session.add_all(default_rules())
    session.add(EscalationPolicy(slug="standard", name="Standard", steps=DEFAULT_POLICY["steps"]))
    session.flush()
