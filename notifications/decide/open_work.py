"""Open work that somebody left behind: announced, so that it rings again and its new owners know of it."""

from sqlalchemy.orm import Session

from models.operations.people.open_work import OpenWork
from notifications.decide.announce import announce_all
from notifications.decide.follow_ups import announce_follow_up


def announce_open_work(session: Session, work: OpenWork) -> None:
    """Write the outbox messages of a hand-over, in the order of its events."""
    announce_all(session, work.concern_events)
    for follow_up, event in work.follow_up_events:
        announce_follow_up(session, follow_up, event)
