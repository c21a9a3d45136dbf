"""Information that does not ring: who gets it, on which of their devices, and over which other channels."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import Session, joinedload

from models.access import Role
from models.alerts.alert import Alert
from models.alerts.enums import AlertState
from models.alerts.notification import DEVICE_CHANNEL, LOUD_KINDS, Notification, NotificationKind
from models.concerns.concern import Concern
from models.concerns.enums import Status
from models.errors import InvalidState
from models.organizations.opening_hours import in_quiet_hours
from models.organizations.store import Store
from models.outbox.message import OutboxMessage
from models.policy_defaults import DAILY_INFO_TTL, PUSH_TTL
from models.recovery.action import RecoveryAction
from models.staff.device import Device
from models.staff.shift import Shift
from models.staff.staff import DailyLogSubscription, Staff, StaffRegion, StaffStore
from notifications.channels.registry import person_channels_for

K = NotificationKind
PERSONAL_KINDS = LOUD_KINDS | {
    K.REMINDER,
    K.DECISION,
    K.CODE_MADE,
    K.PHONE_TAKEN,
}  # for one person who waits for it: quiet hours do not apply

KINDS_FOR_ONE_PERSON = frozenset({K.HAND_OVER, K.REMINDER, K.PRAISE, K.DECISION, K.CODE_MADE, K.PHONE_TAKEN, K.TEST})


def find_readers(session: Session, outbox_message: OutboxMessage, *, at: datetime) -> None:
    """Queue a notification for everybody who is to be informed, as things stand now."""
    concern, store, alert = _subject(session, outbox_message)
    if (
        outbox_message.notification_kind is None
        or _is_outdated(outbox_message, concern, alert)
        or _is_of_another_day(outbox_message, store, at)
    ):
        return
    people = [
        staff
        for staff in _readers(session, outbox_message, concern, store, at)
        if outbox_message.notification_kind not in staff.muted
    ]
    shifts = _shifts_of(session, people)
    phones = _phones_of(session, () if outbox_message.notification_kind is K.DAILY_LOG else people)
    personal = outbox_message.notification_kind in PERSONAL_KINDS or _is_for_owner(outbox_message)
    for staff in people:
        shift = shifts.get(staff.id)
        paused = shift is not None and shift.is_paused(at)
        if not paused and (personal or not _is_quiet_time(outbox_message, staff, shift, store, at)):
            for device in phones[staff.id]:
                _queue_notification(session, outbox_message, staff, device=device, at=at)
        for channel in person_channels_for(outbox_message.notification_kind, staff):
            _queue_notification(session, outbox_message, staff, channel=channel.name, at=at)


def queue_test_push(session: Session, *, organization_id: UUID, staff_id: UUID, at: datetime) -> list[Notification]:
    """Queue a test notification for each of a person's phones.

    Raises:
        InvalidState: the person has no phone that can be reached.

    """
    outbox_message = OutboxMessage.information(K.TEST, organization_id, staff_id=staff_id, at=at)
    staff = session.scalars(_select_working(at).where(Staff.id == staff_id)).one()
    phones = _phones_of(session, [staff])[staff_id]
    if not phones:
        raise InvalidState(
            "You have no phone that can be reached: register it with PUT /v1/me/devices/{installation_id}."
        )
    return [_queue_notification(session, outbox_message, staff, device=phone, at=at) for phone in phones]


def _subject(session: Session, outbox_message: OutboxMessage) -> tuple[Concern | None, Store | None, Alert | None]:
    """Return what the message is about and its store. A pause is in the store of the shift; without one it is over."""
    if outbox_message.store_id is not None:
        return None, session.get_one(Store, (outbox_message.organization_id, outbox_message.store_id)), None
    if outbox_message.concern_id is None:
        shift = Shift.current(session, outbox_message.staff_id)
        return None, shift.store if shift else None, None
    stmt = select(Concern).where(Concern.id == outbox_message.concern_id)
    concern = session.scalars(stmt.options(joinedload(Concern.store))).one()
    alert = (
        session.scalars(Alert.select_without_notifications().where(Alert.id == outbox_message.alert_id)).one_or_none()
        if outbox_message.alert_id
        else None
    )
    return concern, concern.store, alert


def _is_outdated(outbox_message: OutboxMessage, concern: Concern | None, alert: Alert | None) -> bool:
    """Whether the information is no longer true: somebody came, the reminder was heeded, the concern is reopened."""
    if outbox_message.follow_up is not None and outbox_message.follow_up.run_id != outbox_message.run_id:
        return True
    if outbox_message.notification_kind is K.OUTCOME:
        return concern is None or concern.status is not Status.RESOLVED
    if alert is None:
        return False
    expected_states = {K.UNANSWERED: AlertState.UNANSWERED, K.REMINDER: AlertState.TAKEN}
    expected = expected_states.get(outbox_message.notification_kind) if outbox_message.notification_kind else None
    return alert.run_id != outbox_message.run_id or (expected is not None and alert.state is not expected)


def _is_of_another_day(outbox_message: OutboxMessage, store: Store | None, at: datetime) -> bool:
    """Whether it is about a day before yesterday, as no worker was running, or of a store that has closed since."""
    if store is None or outbox_message.business_date is None:
        return False
    yesterday = store.previous_date(store.business_date(at))
    return outbox_message.business_date != yesterday or store.was_closed_at(at)


def _is_for_owner(outbox_message: OutboxMessage) -> bool:
    """Whether it is about a follow-up and for its owner. It names nobody when the owner cannot be reached."""
    return outbox_message.notification_kind is K.FOLLOW_UP and outbox_message.staff_id is not None


def _readers(
    session: Session, outbox_message: OutboxMessage, concern: Concern | None, store: Store | None, at: datetime
) -> Iterable[Staff]:
    """Return who is to be informed, without regard to their settings."""
    if outbox_message.notification_kind in KINDS_FOR_ONE_PERSON or _is_for_owner(outbox_message):
        return session.scalars(_select_working(at).where(Staff.id == outbox_message.staff_id)).all()
    if store is None:
        return ()
    if outbox_message.notification_kind is K.DAILY_LOG:
        return session.scalars(DailyLogSubscription.select_subscribers(store, at=at).order_by(Staff.id)).all()
    if outbox_message.notification_kind is K.CARRIED_OVER:
        return session.scalars(_select_working(at).where(_is_manager_of(store.id))).all()
    if concern is None:
        return _lead_or_managers(session, store.id, roles=frozenset(Role), except_id=outbox_message.staff_id, at=at)
    roles = concern.ringable_roles
    return [staff for staff in _concern_readers(session, outbox_message, concern, store, at) if staff.role in roles]


def _concern_readers(
    session: Session, outbox_message: OutboxMessage, concern: Concern, store: Store, at: datetime
) -> Iterable[Staff]:
    match outbox_message.notification_kind:
        case K.UNANSWERED:
            return session.scalars(_select_working(at).where(_is_responsible_for(store))).all()
        case K.CLOSED_STORE:
            others = Staff.id.is_distinct_from(concern.reported_by_id)
            return session.scalars(_select_working(at).where(_is_regional_manager_of(store), others)).all()
        case K.APPROVAL:
            others = Staff.id.is_distinct_from(outbox_message.staff_id)
            return session.scalars(_select_working(at).where(_is_responsible_for(store), others)).all()
        case K.OUTCOME:
            return session.scalars(_select_working(at).where(_was_involved_in(concern))).all()
        case K.BROKEN:
            return session.scalars(_select_working(at).where(_is_manager_of(store.id))).all()
    except_id = None if outbox_message.notification_kind is K.FOLLOW_UP else concern.reported_by_id
    return _lead_or_managers(session, store.id, roles=concern.ringable_roles, except_id=except_id, at=at)


def _lead_or_managers(
    session: Session, store_id: UUID, *, roles: frozenset[Role], except_id: UUID | None, at: datetime
) -> Iterable[Staff]:
    """Return whoever leads the shift and has one of these roles; if nobody does, the managers of the store."""
    on_shift = select(Shift.staff_id).where(Shift.store_id == store_id, Shift.ended_at.is_(None), Shift.lead)
    others = Staff.id.is_distinct_from(except_id)
    leads = session.scalars(_select_working(at).where(Staff.id.in_(on_shift), Staff.role.in_(roles), others)).all()
    return leads or session.scalars(_select_working(at).where(_is_manager_of(store_id), others)).all()


def _is_responsible_for(store: Store) -> ColumnElement[bool]:
    """Match the managers of the store and of its region."""
    return _is_manager_of(store.id) | _is_regional_manager_of(store)


def _is_regional_manager_of(store: Store) -> ColumnElement[bool]:
    looks_after = select(StaffRegion.staff_id).where(StaffRegion.region_id == store.region_id)
    return (Staff.role == Role.REGIONAL) & Staff.id.in_(looks_after)


def _was_involved_in(concern: Concern) -> ColumnElement[bool]:
    """Match who logged the concern, took it or acted on it, without whoever resolved it."""
    acted = select(RecoveryAction.acted_by_id).where(RecoveryAction.concern_id == concern.id)
    involved = Staff.id.in_([concern.reported_by_id, concern.taken_by_id]) | Staff.id.in_(acted)
    return involved & Staff.id.is_distinct_from(concern.resolved_by_id)


def _select_working(at: datetime) -> Select[Staff]:
    return select(Staff).where(Staff.works_at(at)).order_by(Staff.id)


def _is_manager_of(store_id: UUID) -> ColumnElement[bool]:
    belongs = select(StaffStore.staff_id).where(StaffStore.store_id == store_id)
    return (Staff.role == Role.MANAGER) & Staff.id.in_(belongs)


def _is_quiet_time(
    outbox_message: OutboxMessage, staff: Staff, shift: Shift | None, store: Store | None, at: datetime
) -> bool:
    """Whether a person is not to be disturbed: off shift, within their quiet hours or outside opening hours.

    A store that is out of business has no opening hours to wait for.
    """
    if store is None or (shift is not None and shift.store_id == store.id):
        return False
    if in_quiet_hours(staff.quiet_from, staff.quiet_until, at, store.zone_at(at)):
        return True
    return outbox_message.notification_kind is not K.CLOSED_STORE and not store.is_open(at)


def _shifts_of(session: Session, people: Sequence[Staff]) -> dict[UUID, Shift]:
    stmt = select(Shift).where(Shift.staff_id.in_([staff.id for staff in people]), Shift.ended_at.is_(None))
    return {shift.staff_id: shift for shift in session.scalars(stmt)}


def _phones_of(session: Session, people: Sequence[Staff]) -> defaultdict[UUID, list[Device]]:
    phones: defaultdict[UUID, list[Device]] = defaultdict(list)
    stmt = select(Device).where(Device.staff_id.in_([staff.id for staff in people]), Device.address.is_not(None))
    for device in session.scalars(stmt.order_by(Device.id)):
        if device.staff_id is not None:
            phones[device.staff_id].append(device)
    return phones


def _queue_notification(
    session: Session,
    outbox_message: OutboxMessage,
    staff: Staff,
    *,
    at: datetime,
    channel: str = DEVICE_CHANNEL,
    device: Device | None = None,
) -> Notification:
    notification = Notification(
        organization_id=outbox_message.organization_id,
        kind=outbox_message.notification_kind,
        alert_id=outbox_message.alert_id,
        concern_id=outbox_message.concern_id,
        channel=channel,
        device=device,
        device_id=device.id if device else None,
        staff_id=staff.id,
        run_id=outbox_message.run_id,
        queued_at=at,
        expires_at=_expires_at(outbox_message, channel, at),
    )
    session.add_all([notification, outbox_message.delivery_to(notification, at=at)])
    return notification


def _expires_at(outbox_message: OutboxMessage, channel: str, at: datetime) -> datetime:
    """Return when it is too late to send. The log of a day expires when the next one is due."""
    if (
        outbox_message.notification_kind is K.DAILY_LOG
        and outbox_message.store is not None
        and outbox_message.business_date is not None
    ):
        today = outbox_message.store.next_date(outbox_message.business_date)
        return outbox_message.store.day_bounds(today)[1]
    return at + (DAILY_INFO_TTL if channel != DEVICE_CHANNEL or outbox_message.business_date is not None else PUSH_TTL)
