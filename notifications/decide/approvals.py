"""Expiry of approval requests that nobody has decided on in time."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.concerns.concern import Concern
from models.outbox.message import OutboxMessage
from models.recovery.approvals import expire_pending
from notifications.decide.announce import announce


def expire_approvals(session: Session, outbox_message: OutboxMessage, *, at: datetime) -> None:
    """Expire the pending requests of a concern that are out of time; whoever made them is informed."""
    stmt = select(Concern).where(Concern.id == outbox_message.concern_id).with_for_update(of=Concern, key_share=True)
    for event in expire_pending(session, session.scalars(stmt).one(), at=at):
        announce(session, event)
