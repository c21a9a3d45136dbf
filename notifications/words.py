"""What may stand on a lock screen: severity, category and place, and nothing about a person."""

from models.alert import Alert, Severity
from models.concern import Concern

_TITLES = {Severity.NORMAL: "Unhappy customer", Severity.SEVERE: "Very unhappy customer"}
_URGENT = "Urgent"


def title(alert: Alert, concern: Concern) -> str:
    """'Unhappy customer, table 12'. The place is one of the store's own list, never free text."""
    opening = _URGENT if concern.urgent else _TITLES[alert.severity]
    return f"{opening}, {concern.place.name}" if concern.place else opening


def body(concern: Concern) -> str:
    """The category in the organization's own word; the rest waits until the phone is unlocked."""
    return concern.category.name if concern.category else "Open to see what it is about"
