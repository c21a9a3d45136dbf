"""Recipients of an escalation step at this moment: their phones, or the reason why it reaches nobody."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import islice, zip_longest
from uuid import UUID

from sqlalchemy import CompoundSelect, Select, select, union
from sqlalchemy.orm import Session

from models.access import Role
from models.alerts.alert import Alert, SkipReason
from models.alerts.escalation_policy import PolicyStep, RecipientGroup
from models.concerns.enums import Severity
from models.organizations.opening_hours import in_quiet_hours
from models.policy_defaults import MAX_PHONES_PER_STEP
from models.staff.device import Device
from models.staff.phones_in_reach import phones_in_reach
from models.staff.shift import Shift
from models.staff.staff import Staff, StaffRegion, StaffStore

PeopleByPhone = dict[Device, list[Staff]]
"""Phones, each once, with the people it is for: one owner, or those whom a shared phone reaches."""


@dataclass(frozen=True)
class Recipients:
    """Phones that ring, and for whom; if there are none, `why_nobody` is the reason.

    `left_out` are how many more phones would ring if a step rang more than `MAX_PHONES_PER_STEP`.
    """

    people_by_phone: PeopleByPhone
    why_nobody: SkipReason
    left_out: int = 0


@dataclass(frozen=True)
class Candidate:
    """Person whom a step addresses, with their shift in this store and the phones that reach them."""

    staff: Staff
    shift: Shift | None
    phones: list[Device]


def recipients_of(session: Session, alert: Alert, *, step: int, at: datetime) -> Recipients:
    """Return the phones of everybody whom this step (counted over all rounds) addresses and who may be rung now."""
    steps = alert.policy["steps"]
    skipped: list[SkipReason] = []
    called: list[Candidate] = []
    for candidate in _candidates(session, alert, steps[step % len(steps)], at):
        reason = _skip_reason(candidate, alert, at)
        if reason is None:
            called.append(candidate)
        else:
            skipped.append(reason)
    called.sort(key=lambda candidate: candidate.shift is None)  # whoever is in the store comes first
    phones, left_out = bound_phones([(candidate.staff, candidate.phones) for candidate in called])
    order = list(SkipReason)  # of several reasons, the one that came nearest to ringing
    return Recipients(phones, max(skipped, key=order.index, default=SkipReason.NOBODY), left_out)


def bound_phones(people: Iterable[tuple[Staff, Iterable[Device]]]) -> tuple[PeopleByPhone, int]:
    """Return the phones of these people, at most `MAX_PHONES_PER_STEP`, and how many are left out.

    One phone of everybody comes before the second of anybody, in the order given.
    """
    people_by_phone: dict[Device, list[Staff]] = {}
    for turn in zip_longest(*([(staff, phone) for phone in phones] for staff, phones in people)):
        for staff, phone in filter(None, turn):
            people_by_phone.setdefault(phone, []).append(staff)
    rung = dict(islice(people_by_phone.items(), MAX_PHONES_PER_STEP))
    return rung, len(people_by_phone) - len(rung)


def ringable_phones(
    session: Session, alert: Alert, device_ids: Collection[UUID | None], *, step: int, at: datetime
) -> dict[UUID, set[UUID]]:
    """Return whom a step (counted over all rounds) would ring at this moment, and which of these phones reach them.

    The step may have begun a while ago. Somebody whom none of them reaches has no phones.
    """
    steps = alert.policy["steps"]
    return {
        candidate.staff.id: {phone.id for phone in candidate.phones}
        for candidate in _candidates(session, alert, steps[step % len(steps)], at, device_ids=device_ids)
        if _skip_reason(candidate, alert, at) in (None, SkipReason.NO_PHONE)
    }


def _skip_reason(candidate: Candidate, alert: Alert, at: datetime) -> SkipReason | None:
    """Return why a person is not rung, or None. People on shift are rung unless paused; others have quiet hours.

    Floor staff are rung on shift only, whoever names them.
    """
    staff, shift = candidate.staff, candidate.shift
    if shift is None and staff.role is Role.FLOOR:
        return SkipReason.OFF_SHIFT
    if not candidate.phones:
        return SkipReason.NO_PHONE
    if shift is not None:
        return SkipReason.PAUSED if shift.is_paused(at) else None
    if in_quiet_hours(staff.quiet_from, staff.quiet_until, at, alert.store.zone_at(at)):
        return SkipReason.QUIET_HOURS
    breaks_through = alert.severity is Severity.SEVERE and staff.role is Role.MANAGER
    if not breaks_through and not alert.store.is_open(at):
        return SkipReason.STORE_CLOSED
    return None


def _candidates(
    session: Session,
    alert: Alert,
    step: PolicyStep,
    at: datetime,
    *,
    device_ids: Collection[UUID | None] | None = None,
) -> list[Candidate]:
    """Return whom a step addresses and who may read this concern, without the person who logged it.

    With `device_ids` only these phones are looked at.
    """
    candidates: dict[UUID, Candidate] = {}
    for staff, shift, device in session.execute(_select_candidates(alert, step, at, device_ids)):
        candidate = candidates.setdefault(staff.id, Candidate(staff, shift, []))
        if device is not None:
            candidate.phones.append(device)
    return list(candidates.values())


def _select_candidates(
    alert: Alert, step: PolicyStep, at: datetime, device_ids: Collection[UUID | None] | None
) -> Select[Staff, Shift, Device]:
    """Select the people, each once for each phone that reaches them.

    People are found first, by themselves, so that only their shifts and phones are looked up.
    """
    tenant = alert.organization_id
    members = _select_members(alert, step, at).subquery("members")
    here = (Shift.staff_id == Staff.id) & (Shift.store_id == alert.store_id) & Shift.runs_at(at)
    addressed = (
        select(Staff.id.label("staff_id"), Shift.id.label("shift_id"))
        .join(members, members.c.staff_id == Staff.id)
        .outerjoin(Shift, here & (Shift.organization_id == Staff.organization_id))
        .where(
            Staff.organization_id == tenant,
            Staff.works_at(at),
            Staff.role.in_(alert.concern.ringable_roles),
            Staff.id.is_distinct_from(alert.concern.reported_by_id),
        )
        .cte("addressed")
    )
    reach = phones_in_reach(select(addressed.c.staff_id), at=at)
    reaches = (reach.c.organization_id == tenant) & (reach.c.staff_id == addressed.c.staff_id)
    if device_ids is not None:
        reaches &= reach.c.device_id.in_(device_ids)
    return (
        select(Staff, Shift, Device)
        .select_from(addressed)
        .join(Staff, (Staff.organization_id == tenant) & (Staff.id == addressed.c.staff_id))
        .outerjoin(Shift, (Shift.organization_id == tenant) & (Shift.id == addressed.c.shift_id))
        .outerjoin(reach, reaches)
        .outerjoin(Device, (Device.organization_id == tenant) & (Device.id == reach.c.device_id))
        .order_by(Staff.id, Device.seen_at.desc(), Device.id)
    )


def _select_members(alert: Alert, step: PolicyStep, at: datetime) -> CompoundSelect[UUID]:
    """Select the ids of the people whom the step names or whose group it names, each group by its own index."""
    tenant = alert.organization_id
    named = [UUID(staff_id) for staff_id in step["staff_ids"]]
    on_shift = select(Shift.staff_id).where(
        Shift.organization_id == tenant, Shift.store_id == alert.store_id, Shift.runs_at(at)
    )
    in_store = (StaffStore.organization_id == Staff.organization_id) & (StaffStore.staff_id == Staff.id)
    in_region = (StaffRegion.organization_id == Staff.organization_id) & (StaffRegion.staff_id == Staff.id)
    managers = select(StaffStore.staff_id).join(Staff, in_store & (Staff.role == Role.MANAGER))
    regional = select(StaffRegion.staff_id).join(Staff, in_region & (Staff.role == Role.REGIONAL))
    by_group: dict[str, Select[UUID]] = {
        RecipientGroup.ON_SHIFT: on_shift,
        RecipientGroup.LEAD: on_shift.where(Shift.lead),
        RecipientGroup.MANAGERS: managers.where(
            StaffStore.organization_id == tenant, StaffStore.store_id == alert.store_id
        ),
        RecipientGroup.REGIONAL: regional.where(
            StaffRegion.organization_id == tenant, StaffRegion.region_id == alert.store.region_id
        ),
    }
    by_name = select(Staff.id.label("staff_id")).where(Staff.organization_id == tenant, Staff.id.in_(named))
    return union(by_name, *(by_group[group] for group in step["whom"]))
