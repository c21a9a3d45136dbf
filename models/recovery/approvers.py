"""Approvers: who may approve what somebody asks for, and whom of them to ask."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, false, or_, select
from sqlalchemy.orm import Session

from models.access import Role
from models.organizations.opening_hours import in_quiet_hours
from models.organizations.store import Store
from models.policy_defaults import CODE_MAKER_WAITS
from models.staff.credentials.api_key import ApiKey
from models.staff.credentials.invitation import Invitation
from models.staff.phones_in_reach import phones_in_reach
from models.staff.shift import Shift
from models.staff.staff import Staff, StaffRegion, StaffStore

# In the order in which they are asked: the next ones only where none of those before can be reached.
ROLES_TO_ASK = (Role.MANAGER, Role.REGIONAL, Role.ADMIN)


@dataclass(frozen=True)
class Approver:
    """Somebody who may approve, and whether they can be reached now: on shift, or on a phone outside quiet hours."""

    staff: Staff
    is_reachable: bool


@dataclass(frozen=True)
class Approvers:
    """All who may approve something that was asked for."""

    people: Sequence[Approver]

    @property
    def to_ask(self) -> list[Staff]:
        """The managers who can be reached, else the regional managers, else administrators. Nobody to reach: all."""
        reachable = [approver.staff for approver in self.people if approver.is_reachable]
        for role in ROLES_TO_ASK:
            if asked := [staff for staff in reachable if staff.role is role]:
                return asked
        return [approver.staff for approver in self.people]

    @property
    def somebody_before_administrators(self) -> bool:
        """Whether a manager or a regional manager can be reached."""
        return any(approver.is_reachable and approver.staff.role is not Role.ADMIN for approver in self.people)

    def can_decide_in(self, store: Store, at: datetime) -> bool:
        """Return whether somebody could. While the store is open anybody may look in; after hours they are called."""
        return bool(self.people) and (store.is_open(at) or any(approver.is_reachable for approver in self.people))


def find_approvers(
    session: Session,
    store: Store,
    *,
    asked_by_id: UUID | None,
    asked_by_key_id: UUID | None = None,
    managers_but: Collection[UUID] | None,
    at: datetime,
) -> Approvers:
    """Return who may approve what somebody asks for in a store.

    Never who asks, nor who could have signed in as them within CODE_MAKER_WAITS, nor who made the key that asks.
    `managers_but`: managers for whom it is more than they may give. None: it is more for all of them.
    """
    of_store = select(StaffStore.staff_id).where(StaffStore.store_id == store.id)
    of_region = select(StaffRegion.staff_id).where(StaffRegion.region_id == store.region_id)
    managers: ColumnElement[bool] = false()
    if managers_but is not None:
        managers = and_(Staff.role == Role.MANAGER, Staff.id.in_(of_store), Staff.id.not_in(managers_but))
    entitled = or_(managers, and_(Staff.role == Role.REGIONAL, Staff.id.in_(of_region)), Staff.role == Role.ADMIN)
    criteria = [Staff.works_at(at), entitled]
    if asked_by_id is not None:
        made_code = select(Invitation.created_by_id).where(
            Invitation.staff_id == asked_by_id,
            Invitation.created_by_id.is_not(None),
            Invitation.created_at > at - CODE_MAKER_WAITS,
        )
        criteria += [Staff.id != asked_by_id, Staff.id.not_in(made_code)]
    if asked_by_key_id is not None:
        criteria.append(Staff.id.not_in(ApiKey.makers_of(session, asked_by_key_id)))
    on_shift = select(Shift.id).where(
        Shift.organization_id == Staff.organization_id,
        Shift.staff_id == Staff.id,
        Shift.store_id == store.id,
        Shift.runs_at(at),
    )
    reach = phones_in_reach(select(Staff.id).where(*criteria), at=at)
    has_phone = select(reach.c.device_id).where(
        reach.c.organization_id == Staff.organization_id, reach.c.staff_id == Staff.id
    )
    stmt = select(Staff, on_shift.exists(), has_phone.exists()).where(*criteria).order_by(Staff.id)
    zone = store.zone_at(at)
    return Approvers(
        [
            Approver(
                staff,
                is_on_shift or (has_phone and not in_quiet_hours(staff.quiet_from, staff.quiet_until, at, zone)),
            )
            for staff, is_on_shift, has_phone in session.execute(stmt)
        ]
    )
