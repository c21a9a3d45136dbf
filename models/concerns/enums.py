"""Enumerations of concerns: kinds, states, handling, outcomes, sources and channels."""

from enum import StrEnum


class Kind(StrEnum):
    CONCERN = "concern"
    REQUEST = "request"
    PRAISE = "praise"


class Severity(StrEnum):
    """How bad it is: of an alert, where it decides which steps of the escalation apply, and so of its concern."""

    NORMAL = "normal"
    SEVERE = "severe"


class Handling(StrEnum):
    HELP = "help"
    MINE = "mine"


class Status(StrEnum):
    OPEN = "open"
    TAKEN = "taken"
    RESOLVED = "resolved"
    VOIDED = "voided"  # it was logged by mistake; final


class Outcome(StrEnum):
    RECOVERED = "recovered"
    LOST = "lost"
    UNKNOWN = "unknown"


class Source(StrEnum):
    STAFF = "staff"
    CUSTOMER = "customer"


class Channel(StrEnum):
    IN_PERSON = "in_person"
    PHONE = "phone"
    DELIVERY = "delivery"
    ONLINE = "online"
    QR = "qr"  # the customer scanned a standing code
