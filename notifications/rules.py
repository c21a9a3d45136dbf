"""Does it ring, and how badly: pure choice, told from the concern alone."""

from dataclasses import dataclass
from typing import Any

from models.alert import Reason, Severity
from models.concern import Concern, Handling, Kind, Status

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

    An urgent category rings whatever the mood and even when somebody handles it alone. An unhappy customer rings
    unless the one who logged it puts it right. What is taken or over needs nobody else.
    """
    if concern.kind is Kind.PRAISE or concern.status is not Status.OPEN:
        return None
    if concern.urgent:
        return Ring(Severity.SEVERE, Reason.URGENT_CATEGORY)
    if concern.unhappy and concern.handling is Handling.HELP:
        severity = Severity.SEVERE if concern.mood == VERY_UNHAPPY else Severity.NORMAL
        return Ring(severity, Reason.MOOD)
    return None
