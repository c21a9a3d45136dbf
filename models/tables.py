"""Every table of the house, imported in one place, so that the metadata is complete."""

from models import (
    alert,
    alert_rule,
    change,
    concern,
    concern_event,
    credentials,
    customer,
    description,
    device,
    escalation_policy,
    heartbeat,
    idempotency,
    inspection,
    notification,
    organization,
    outbox,
    recovery,
    remedy,
    staff,
    store,
    tally,
    vocabulary,
)
from models.base import Base

__all__ = [
    "alert",
    "alert_rule",
    "change",
    "concern",
    "concern_event",
    "credentials",
    "customer",
    "description",
    "device",
    "escalation_policy",
    "heartbeat",
    "idempotency",
    "inspection",
    "notification",
    "organization",
    "outbox",
    "recovery",
    "remedy",
    "staff",
    "store",
    "tally",
    "vocabulary",
]

metadata = Base.metadata
