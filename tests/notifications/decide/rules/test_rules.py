"""Alert rules: whether a concern rings, and with which severity."""

from typing import Any

import pytest

from models.alerts.enums import Reason
from models.alerts.rule import AlertRule, Assessment
from models.concerns.concern import Concern
from models.concerns.enums import Handling, Kind, Severity, Status
from models.db.base import Money
from models.operations.default_rules import default_rules
from models.organizations.vocabulary import Category
from notifications.decide.rules import assess

ALLERGY, FOOD = Category(name="Allergy", urgent=True), Category(name="Food")
SEVERE = Assessment(Severity.SEVERE, Reason.MOOD, "very-unhappy")
NORMAL = Assessment(Severity.NORMAL, Reason.MOOD, "unhappy")
URGENT = Assessment(Severity.SEVERE, Reason.URGENT_CATEGORY, "urgent-category")
FIRST = default_rules()


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"mood": 1}, SEVERE),
        ({"mood": 2}, NORMAL),
        ({"mood": 3}, None),
        ({"mood": 5}, None),
        ({"mood": 2, "category": FOOD}, NORMAL),
        ({"mood": 3, "category": FOOD}, None),
        ({"mood": 1, "category": ALLERGY}, URGENT),
        ({"mood": 5, "category": ALLERGY}, URGENT),
        ({"mood": 4, "category": ALLERGY, "handling": Handling.MINE}, URGENT),
        ({"mood": 2, "kind": Kind.REQUEST}, NORMAL),
        ({"mood": 1, "kind": Kind.PRAISE}, None),
        ({"mood": 1, "kind": Kind.PRAISE, "category": ALLERGY}, None),
        ({"mood": 1, "status": Status.TAKEN}, None),
        ({"mood": 1, "status": Status.RESOLVED}, None),
        ({"mood": 1, "status": Status.TAKEN, "category": ALLERGY}, None),
        # Given back: nobody has it, whatever was said when it was logged.
        ({"mood": 1, "status": Status.OPEN, "handling": Handling.MINE}, SEVERE),
    ],
)
def test_what_rings_and_how_badly(told: dict[str, Any], expected: Assessment | None) -> None:
    assert assess(Concern(**told), FIRST) == expected


A_DAY = 24 * 3600
OWN = [
    AlertRule(slug="soup", severity=Severity.SEVERE, enabled=True, category_id=FOOD.id, mood_at_most=3),
    AlertRule(slug="large-order", severity=Severity.NORMAL, enabled=True, order_value=Money(20_000, "EUR")),
    AlertRule(slug="asleep", severity=Severity.SEVERE, enabled=False, mood_at_most=5),
]
MORE = {
    "within thirty days": ({"mood": 4, "seconds_since_previous": 30 * A_DAY}, (Reason.SECOND_CONCERN, True)),
    "a day later": ({"mood": 4, "seconds_since_previous": 31 * A_DAY}, None),
    "both": ({"mood": 2, "seconds_since_previous": A_DAY}, (Reason.SECOND_CONCERN, True)),
    "the worse one decides": ({"mood": 1, "seconds_since_previous": A_DAY}, (Reason.MOOD, True)),
    "a large order": ({"mood": 4, "order_value": Money(20_000, "EUR")}, (Reason.ORDER_VALUE, False)),
    "in another currency": ({"mood": 4, "order_value": Money(90_000, "USD")}, None),
    "not so large": ({"mood": 4, "order_value": Money(19_999, "EUR")}, None),
    "a rule of one's own": ({"mood": 3, "category": FOOD, "category_id": FOOD.id}, (Reason.CATEGORY, False)),
    "all its conditions": ({"mood": 4, "category": FOOD, "category_id": FOOD.id}, None),
}


@pytest.mark.parametrize("case", MORE)
def test_rules_of_the_organization_ring_as_they_say(case: str) -> None:
    told, expected = MORE[case]
    ring = assess(Concern(**told), [*FIRST, *OWN])
    assert (ring and (ring.reason, ring.managers_at_once)) == expected


def test_the_highest_severity_wins() -> None:
    ring = assess(Concern(mood=2, category=FOOD, category_id=FOOD.id), [*FIRST, *OWN])
    assert ring == Assessment(Severity.SEVERE, Reason.CATEGORY, "soup")
