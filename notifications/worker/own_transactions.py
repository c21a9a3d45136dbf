"""Alerts looked after each in a transaction of its own, so that one that breaks it holds up no other."""

from collections.abc import Callable
from datetime import datetime

import structlog
from sqlalchemy import Select
from sqlalchemy.orm import Session

from models.alerts.alert import Alert
from models.db.session import ALL_TENANTS, Database

log = structlog.get_logger(__name__)

BATCH = 100

AlertStatement = Callable[[datetime], Select[Alert]]
AlertAction = Callable[[Session, Alert, datetime], None]


def for_each_alert(database: Database, stmt: AlertStatement, do: AlertAction) -> int:
    """AlertAction it to each alert that is found, looked at once more under its lock; for how many it went well."""
    at = database.clock()
    with database.reading(ALL_TENANTS) as session:
        asked = stmt(at).with_only_columns(Alert.organization_id, Alert.id)
        keys = session.execute(asked.order_by(Alert.next_step_at, Alert.id).limit(BATCH)).all()
    done = 0
    for organization_id, alert_id in keys:
        still = stmt(at).where(Alert.id == alert_id)
        try:
            with database.writing(organization_id) as session:
                held = still.with_for_update(of=Alert, skip_locked=True, key_share=True)
                if alert := session.scalars(held).one_or_none():
                    do(session, alert, database.clock())
                    done += 1
        except Exception:  # whatever it is, it must not hold up the others
            log.exception("unexpected error", job=do.__name__, alert_id=str(alert_id))
    return done
