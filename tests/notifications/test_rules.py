"""Does it ring, and how badly: the table."""

from typing import Any

import pytest

from models.alert import Reason, Severity
from models.concern import Concern
from models.terms import Handling, Kind, Status
from models.vocabulary import Category
from notifications.rules import POLICY, Ring, rings

ALLERGY, FOOD = Category(name="Allergy", urgent=True), Category(name="Food")
SEVERE, NORMAL = Ring(Severity.SEVERE, Reason.MOOD), Ring(Severity.NORMAL, Reason.MOOD)
URGENT = Ring(Severity.SEVERE, Reason.URGENT_CATEGORY)


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
def test_what_rings_and_how_badly(told: dict[str, Any], expected: Ring | None) -> None:
    assert rings(Concern(**told)) == expected


def test_everybody_is_called_at_once_and_nobody_answered_after_twenty_minutes() -> None:
    assert POLICY == {
        "steps": [{"after_seconds": 0, "whom": ["on_shift", "managers"]}],
        "unanswered_after_seconds": 1200,
    }
