"""The words of a concern and of its call for help: kinds, states, how badly and why it rings, how it ended."""

from enum import StrEnum


class Kind(StrEnum):
    CONCERN = "concern"
    REQUEST = "request"
    PRAISE = "praise"


class Handling(StrEnum):
    HELP = "help"
    MINE = "mine"


class Status(StrEnum):
    OPEN = "open"
    TAKEN = "taken"
    RESOLVED = "resolved"


class Outcome(StrEnum):
    RECOVERED = "recovered"
    LOST = "lost"
    UNKNOWN = "unknown"


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


class Source(StrEnum):
    STAFF = "staff"
    CUSTOMER = "customer"


class Channel(StrEnum):
    IN_PERSON = "in_person"
    PHONE = "phone"
    DELIVERY = "delivery"
    ONLINE = "online"
