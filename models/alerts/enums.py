"""Enumerations of alerts: reason and state."""

from enum import StrEnum


class Reason(StrEnum):
    """Why a concern rings: the reason of the strongest rule that matches."""

    MOOD = "mood"
    URGENT_CATEGORY = "urgent_category"
    SECOND_CONCERN = "second_concern"
    ORDER_VALUE = "order_value"
    CATEGORY = "category"
    FEEDBACK = "feedback"  # by no rule: the customer answered that it was not put right


class AlertState(StrEnum):
    OPEN = "open"
    TAKEN = "taken"
    RESOLVED = "resolved"
    UNANSWERED = "unanswered"
    CANCELLED = "cancelled"
    LATE = "late"
