"""Failure isolation: each item in a transaction of its own, so that one that fails holds up no other."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import TypeVar
from uuid import UUID

import structlog
from sqlalchemy import Select
from sqlalchemy.orm import Session

from models.alerts.alert import Alert
from models.db.failures import is_unavailable
from models.db.session import ALL_TENANTS, Database, ScopedSession

log = structlog.get_logger(__name__)
T = TypeVar("T")

ALERT_BATCH = 100

AlertStatement = Callable[[datetime], Select[Alert]]
AlertAction = Callable[[Session, Alert, datetime], None]


@contextmanager
def errors_logged(
    fields: Mapping[str, object],
    *,
    on_error: Callable[[Exception], None] | None = None,
    raise_unavailable: bool = True,
) -> Iterator[None]:
    """Log whatever error the block raises, and go on after the block.

    Args:
        fields: fields of the log line.
        on_error: called with the error after it was logged.
        raise_unavailable: let errors of an unavailable or busy database pass: the round of the worker ends with them.
            Without it they are logged as a warning and handled like any other.

    """
    try:
        yield
    except Exception as error:
        unavailable = is_unavailable(error)
        if unavailable and raise_unavailable:
            raise
        if unavailable:
            log.warning("database unavailable", **fields, exc_info=error)
        else:
            log.exception("unexpected error", **fields)
        if on_error:
            on_error(error)


def for_each_in_own_transaction(
    database: Database,
    items: Iterable[tuple[UUID, T]],
    do: Callable[[ScopedSession, T], object],
    *,
    fields: Callable[[T], Mapping[str, object]],
    on_error: Callable[[T, Exception], None] | None = None,
    raise_unavailable: bool = True,
) -> int:
    """Call `do` for each item in a transaction of its organization; return how many calls returned something true.

    Args:
        database: where the transactions are opened.
        items: pairs of an organization's id and an item, such as the id of a row.
        do: what to do with one item.
        fields: returns the fields that name the item in the log.
        on_error: called for an item that failed, after its transaction was rolled back and the error was logged.
        raise_unavailable: see errors_logged.

    """
    done = 0
    for organization_id, item in items:
        handle = partial(on_error, item) if on_error else None
        with (
            errors_logged(fields(item), on_error=handle, raise_unavailable=raise_unavailable),
            database.writing(organization_id) as session,
        ):
            done += bool(do(session, item))
    return done


def for_each_alert(database: Database, stmt: AlertStatement, do: AlertAction) -> int:
    """Call `do` for a batch of the alerts that match; return how many there still were once each was locked.

    An alert that another transaction holds is passed over. An alert whose lock cannot be had in time is logged, and
    the others go on.
    """
    at = database.clock()
    with database.reading(ALL_TENANTS) as session:
        keys = stmt(at).with_only_columns(Alert.organization_id, Alert.id)
        batch = session.execute(keys.order_by(Alert.next_step_at, Alert.id).limit(ALERT_BATCH)).all()

    def do_locked(session: ScopedSession, alert_id: UUID) -> bool:
        still_matching = stmt(at).where(Alert.id == alert_id)
        locked = still_matching.with_for_update(of=Alert, skip_locked=True, key_share=True)
        alert = session.scalars(locked).one_or_none()
        if alert is not None:
            do(session, alert, database.clock())
        return alert is not None

    return for_each_in_own_transaction(
        database,
        [(organization_id, alert_id) for organization_id, alert_id in batch],
        do_locked,
        fields=lambda alert_id: {"job": do.__name__, "alert_id": str(alert_id)},
        raise_unavailable=False,
    )
