"""The store that somebody means who names none: where they worked at the time, or else belong."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

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
    else that of their last shift within LAST_SHIFT_WINDOW, as long as they still work there. The first takes one
    statement.
    """
    if shift := _shift_at(session, by, occurred_at or at, options=options):
        return shift.store, shift.staff
    store_id = min(by.store_ids) if by.store_ids and len(by.store_ids) == 1 else _last_store_id(session, by, at)
    if store_id is None or not by.reaches(store_id):
        return None, None
    return Store.get_visible(session, store_id, actor=by, options=options), None


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


def _shift_at(session: Session, by: Actor, at: datetime, *, options: Sequence[_AbstractLoad]) -> Shift | None:
    if by.staff_id is None:
        return None
    end = func.coalesce(Shift.ended_at, Shift.ends_at)
    ran = select(Shift.id).where(Shift.staff_id == by.staff_id, Shift.started_at <= at, end > at)
    newest = ran.order_by(Shift.started_at.desc(), Shift.id).limit(1).scalar_subquery()
    stmt = select(Shift).where(Shift.id == newest).options(joinedload(Shift.store).options(*options))
    shift = session.scalars(stmt.options(joinedload(Shift.staff))).unique().one_or_none()
    return shift if shift is not None and by.reaches(shift.store_id) else None


def _last_store_id(session: Session, by: Actor, at: datetime) -> UUID | None:
    if by.staff_id is None:
        return None
    recent = (Shift.staff_id == by.staff_id, Shift.started_at <= at, Shift.started_at > at - LAST_SHIFT_WINDOW)
    stmt = select(Shift.store_id).where(*recent).order_by(Shift.started_at.desc(), Shift.id).limit(1)
    return session.scalars(stmt).one_or_none()
