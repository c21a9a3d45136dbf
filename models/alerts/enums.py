"""Enumerations of alerts: severity, reason and state."""

from enum import StrEnum


class Severity(StrEnum):
    """How badly a concern rings."""

    NORMAL = "normal"
    SEVERE = "severe"


class Reason(StrEnum):
    """What in the concern made it ring, of the strongest rule that fits."""

    MOOD = "mood"
    URGENT_CATEGORY = "urgent_category"
    SECOND_CONCERN = "second_concern"
    ORDER_VALUE = "order_value"
    CATEGORY = "category"
    FEEDBACK = "feedback"  # not a rule: the customer says that it was not put right


class AlertState(StrEnum):
    OPEN = "open"
    TAKEN = "taken"
    RESOLVED = "resolved"
    UNANSWERED = "unanswered"
    CANCELLED = "cancelled"
    LATE = "late"
