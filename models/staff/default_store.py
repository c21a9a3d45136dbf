"""The store that somebody means who names none: where they worked at the time, or else belong."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload
from sqlalchemy.orm.strategy_options import _AbstractLoad

from models.access import Actor
from models.errors import Invalid
from models.organizations.store import Store
from models.policy_defaults import LAST_SHIFT_WINDOW
from models.staff.shift import Shift
from models.staff.staff import Staff


def find_default_store(
    session: Session,
    *,
    by: Actor,
    at: datetime,
    occurred_at: datetime | None = None,
    options: Sequence[_AbstractLoad] = (),
) -> tuple[Store | None, Staff | None]:
    """Return the store, with `options`, and the person where they are loaded anyway.

    It is the store of the shift that ran at `occurred_at` (by default `at`), else the one store the person belongs to,
    else that of their last shift within LAST_SHIFT_WINDOW, as long as they still work there. Where there is such a
    shift, this takes one statement.
    """
    if shift := _shift_at_or_last(session, by, occurred_at or at, at=at, options=options):
        return shift.store, shift.staff  # of whoever belongs to one store it is in that store
    if not by.store_ids or len(by.store_ids) > 1:
        return None, None
    return Store.get_visible(session, min(by.store_ids), actor=by, options=options), None


def get_default_store(
    session: Session,
    *,
    by: Actor,
    at: datetime,
    occurred_at: datetime | None = None,
    options: Sequence[_AbstractLoad] = (),
) -> tuple[Store, Staff | None]:
    """Return what `find_default_store` does. Invalid without a store, so that the request has to name one."""
    store, staff = find_default_store(session, by=by, at=at, occurred_at=occurred_at, options=options)
    if store is None:
        raise Invalid("Send a store_id, or check in first with PUT /v1/me/shift.", pointer="/store_id")
    return store, staff


def _shift_at_or_last(
    session: Session, by: Actor, ran_at: datetime, *, at: datetime, options: Sequence[_AbstractLoad]
) -> Shift | None:
    """Return the shift that ran at a time, or else the last within LAST_SHIFT_WINDOW, with store and person."""
    if by.staff_id is None:
        return None
    own = select(Shift.id).where(Shift.staff_id == by.staff_id, *Shift.visible_to(by))
    newest = own.order_by(Shift.started_at.desc(), Shift.id).limit(1)
    ran = newest.where(Shift.started_at <= ran_at, func.coalesce(Shift.ended_at, Shift.ends_at) > ran_at)
    last = newest.where(Shift.started_at <= at, Shift.started_at > at - LAST_SHIFT_WINDOW)
    stmt = select(Shift).where(Shift.id == func.coalesce(ran.scalar_subquery(), last.scalar_subquery()))
    stmt = stmt.options(joinedload(Shift.store).options(*options), joinedload(Shift.staff))
    return session.scalars(stmt).unique().one_or_none()
