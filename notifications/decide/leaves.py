"""Leaves: announce what somebody who left had open, so that it rings again and its new owners know of it."""

from sqlalchemy.orm import Session

from models.operations.leave_staff import Leave
from notifications.decide.announce import announce
from notifications.decide.follow_ups import announce_follow_up


def announce_leave(session: Session, leave: Leave) -> None:
    """Write the outbox messages of a leave, in the order of its events."""
    for event in leave.concern_events:
        announce(session, event)
    for follow_up, event in leave.follow_up_events:
        announce_follow_up(session, follow_up, event)
