"""Phones in reach of people: on which phones somebody is rung and informed at this moment."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Subquery, func, or_, select, union_all
from sqlalchemy.orm import Session

from models.db.earlier import Earlier
from models.policy_defaults import SIGN_IN_BEFORE_SHIFT
from models.staff.credentials.staff_session import StaffSession
from models.staff.device import Device
from models.staff.shift import Shift


def phones_in_reach(people: Collection[UUID] | Select[UUID], *, at: datetime) -> Subquery:
    """Return the pairs of `staff_id` and `device_id` of the phones that reach these people, with `organization_id`.

    A personal phone reaches its owner while somebody is signed in on it. A shared phone reaches people on shift in its
    store who signed in on it and did not sign out of it, if they checked in on it, or signed in not long before they
    checked in or at any time after. Whether it is locked does not matter, nor that a sign-in expires during the shift.

    A union, because a join whose condition has an OR uses no index.
    """
    personal = select(Device.organization_id, Device.staff_id, Device.id.label("device_id")).where(
        Device.staff_id.in_(people), Device.address.is_not(None), Device.is_signed_in(at)
    )
    in_store = (Device.store_id == Shift.store_id) & (Device.organization_id == Shift.organization_id)
    shared = (
        select(Shift.organization_id, Shift.staff_id, Device.id.label("device_id"))
        .join(Device, in_store)
        .where(
            Shift.staff_id.in_(people),
            Shift.runs_at(at),
            Device.staff_id.is_(None),
            Device.address.is_not(None),
            _is_signed_in_for_shift(),
        )
    )
    return union_all(personal, shared).subquery("phones_in_reach")


def count_phones(session: Session, staff_id: UUID, *, at: datetime) -> int:
    """Return how many phones reach a person at this moment. A pause does not show."""
    return session.scalars(select(func.count()).select_from(phones_in_reach([staff_id], at=at))).one()


def _is_signed_in_for_shift() -> ColumnElement[bool]:
    checked_in_on_it = Shift.device_id == Device.id
    in_time = StaffSession.created_at >= Earlier(Shift.started_at, SIGN_IN_BEFORE_SHIFT)
    return (
        select(StaffSession.id)
        .where(
            StaffSession.organization_id == Device.organization_id,
            StaffSession.device_id == Device.id,
            StaffSession.staff_id == Shift.staff_id,
            or_(checked_in_on_it, in_time),
        )
        .correlate(Device, Shift)
        .exists()
    )
