"""What was asked for and nobody decided: it ends, and whoever asked is told."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.concerns.concern import Concern
from models.outbox.message import OutboxMessage
from models.recovery.approvals import expire_pending
from notifications.decide.announce import announce


def expire_approvals(session: Session, outbox_message: OutboxMessage, *, at: datetime) -> None:
    """End what of a concern waits for a decision and is out of time."""
    held = select(Concern).where(Concern.id == outbox_message.concern_id).with_for_update(of=Concern, key_share=True)
    for step in expire_pending(session, session.scalars(held).one(), at=at):
        announce(session, step)
