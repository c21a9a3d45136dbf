"""Does it ring, and how badly: pure choice, told from the concern alone."""

from dataclasses import dataclass
from typing import Any

from models.alert import Reason, Severity
from models.concern import Concern
from models.terms import Kind, Status

VERY_UNHAPPY = 1

# Those on shift and the store's managers at once; after twenty minutes nobody answered.
POLICY: dict[str, Any] = {
    "steps": [{"after_seconds": 0, "whom": ["on_shift", "managers"]}],
    "unanswered_after_seconds": 20 * 60,
}


@dataclass(frozen=True)
class Ring:
    """That a concern rings: how badly, and by which rule."""

    severity: Severity
    reason: Reason


def rings(concern: Concern) -> Ring | None:
    """The call for help this concern is worth as it stands; None when nobody has to come.

    What is taken or over needs nobody else; so `handling: mine` does not ring, because it is taken at birth, and rings
    like any other when it is given back or reopened. An urgent category rings whatever the mood.
    """
    if concern.kind is Kind.PRAISE or concern.status is not Status.OPEN:
        return None
    if concern.urgent:
        return Ring(Severity.SEVERE, Reason.URGENT_CATEGORY)
    if concern.unhappy:
        severity = Severity.SEVERE if concern.mood == VERY_UNHAPPY else Severity.NORMAL
        return Ring(severity, Reason.MOOD)
    return None
