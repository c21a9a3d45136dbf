"""Every table of the house, imported in one place, so that the metadata is complete."""

from models import (
    alert,
    change,
    concern,
    concern_event,
    credentials,
    customer,
    description,
    device,
    heartbeat,
    idempotency,
    notification,
    organization,
    outbox,
    recovery,
    remedy,
    staff,
    store,
    vocabulary,
)
from models.base import Base

__all__ = [
    "alert",
    "change",
    "concern",
    "concern_event",
    "credentials",
    "customer",
    "description",
    "device",
    "heartbeat",
    "idempotency",
    "notification",
    "organization",
    "outbox",
    "recovery",
    "remedy",
    "staff",
    "store",
    "vocabulary",
]

metadata = Base.metadata
