"""Alerts looked after each in a transaction of its own, so that one that breaks it holds up no other."""

from collections.abc import Callable
from datetime import datetime

import structlog
from sqlalchemy import Select
from sqlalchemy.orm import Session

from models.alerts.alert import Alert
from models.db.session import EVERYTHING, Database

log = structlog.get_logger(__name__)

AT_ONCE = 100

Question = Callable[[datetime], Select[Alert]]
Do = Callable[[Session, Alert, datetime], None]


def one_by_one(database: Database, question: Question, do: Do) -> int:
    """Do it to each alert that is found, looked at once more under its lock; for how many it went well."""
    at = database.clock()
    with database.reading(EVERYTHING) as session:
        asked = question(at).with_only_columns(Alert.organization_id, Alert.id)
        keys = session.execute(asked.order_by(Alert.next_step_at, Alert.id).limit(AT_ONCE)).all()
    done = 0
    for organization_id, alert_id in keys:
        still = question(at).where(Alert.id == alert_id)
        try:
            with database.writing(organization_id) as session:
                held = still.with_for_update(of=Alert, skip_locked=True, key_share=True)
                if alert := session.scalars(held).one_or_none():
                    do(session, alert, database.clock())
                    done += 1
        except Exception:  # whatever it is, it must not hold up the others
            log.exception("unforeseen", doing=do.__name__, alert_id=str(alert_id))
    return done
