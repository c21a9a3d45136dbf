"""Information that does not ring: who gets it, on which of their devices, and over which other channels."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import Session, joinedload

from models.access import Actor, Role
from models.alerts.alert import Alert
from models.alerts.notification import (
    DEVICE_CHANNEL,
    KINDS_DURING_PAUSE,
    SIGN_IN_KINDS,
    Notification,
    NotificationKind,
)
from models.concerns.concern import Concern
from models.concerns.enums import Severity
from models.errors import InvalidState
from models.organizations.opening_hours import in_quiet_hours
from models.organizations.store import Store
from models.outbox.message import OutboxMessage
from models.policy_defaults import DAILY_INFO_TTL, PUSH_TTL
from models.recovery.action import RecoveryAction
from models.recovery.approvals import people_to_ask
from models.staff.device import Device
from models.staff.phones_in_reach import phones_in_reach
from models.staff.shift import Shift
from models.staff.staff import DailyLogSubscription, Staff, StaffRegion, StaffStore
from notifications.channels.registry import person_channels_for
from notifications.decide.recipients import PeopleByPhone, bound_phones
from notifications.decide.validity import Subject, reason_outdated

log = structlog.get_logger(__name__)
K = NotificationKind
# Quiet, or asked for by the person themselves, who has to know: quiet hours do not apply.
PERSONAL_KINDS = SIGN_IN_KINDS | {K.REMINDER, K.DECISION, K.CONTACT_MISSING, K.STILL_HERE, K.SHIFT_ENDED, K.TEST}
KINDS_FOR_ONE_PERSON = PERSONAL_KINDS | {K.HAND_OVER, K.PRAISE}
# Told outside the opening hours too. Who is off shift has their quiet hours all the same.
KINDS_AFTER_HOURS = frozenset({K.CLOSED_STORE, K.APPROVAL, K.DAY_LIMIT})
OPENS_WITHIN = timedelta(days=8)  # a store that stays closed for longer tells nothing at its opening


def find_readers(session: Session, outbox_message: OutboxMessage, *, at: datetime) -> None:
    """Queue a notification for everybody who is to be informed, as things stand now."""
    concern, store, alert = _subject(session, outbox_message, at)
    if (
        outbox_message.notification_kind is None
        or reason_outdated(session, outbox_message.notification_kind, Subject.of(outbox_message), at=at)
        or _is_of_another_day(outbox_message, store, at)
    ):
        return
    if outbox_message.notification_kind is K.UNANSWERED_SEVERE and store is not None:
        _ring_or_tell_at_opening(session, outbox_message, store, alert, at=at)
    kind = outbox_message.notification_kind
    people = [staff for staff in _readers(session, outbox_message, concern, store, at) if kind not in staff.muted]
    informed = _informed_before(session, outbox_message)
    passes = _is_told_at_opening(outbox_message, alert, store, at)
    reachable = _reachable(session, outbox_message, people, store, at, concern=concern, through_quiet_hours=passes)
    for device, owners in _people_by_phone(session, outbox_message, reachable, at).items():
        if device.id not in informed:
            kind_here = _kind_for(kind, owners, concern)
            notification = Notification.to_phone(device, owners, queued_at=at)
            _queue(session, outbox_message, notification, at=at, kind=kind_here)
    for staff in people:
        for channel in person_channels_for(_kind_by_mail(kind), staff):
            if staff.id not in informed:
                notification = Notification(staff_id=staff.id, channel=channel.name, queued_at=at)
                _queue(session, outbox_message, notification, at=at, kind=_kind_by_mail(kind))


def _ring_or_tell_at_opening(
    session: Session, outbox_message: OutboxMessage, store: Store, alert: Alert | None, *, at: datetime
) -> None:
    """Let a severe call that nobody answered ring the managers only while somebody may be in the store.

    In a store that is shut and empty it is ordinary information, told again when the store opens: see
    `_is_told_at_opening`.
    """
    on_shift = select(Shift.id).where(Shift.store_id == store.id, Shift.runs_at(at))
    if store.is_open(at) or session.scalars(on_shift.limit(1)).first() is not None:
        return
    outbox_message.notification_kind = K.UNANSWERED
    opens_at = store.opens_after(at, within=OPENS_WITHIN)
    if opens_at is not None and not store.was_closed_at(opens_at):
        later = OutboxMessage.information(K.UNANSWERED, outbox_message.organization_id, alert=alert, at=at)
        later.due_at = opens_at
        session.add(later)


def _is_told_at_opening(outbox_message: OutboxMessage, alert: Alert | None, store: Store | None, at: datetime) -> bool:
    """Whether a severe call that nobody answered in a store that was shut and empty is told now that it is open.

    It is told once and makes no sound, so that the managers of the store get it in their quiet hours as well.
    """
    severe = alert is not None and alert.severity is Severity.SEVERE
    opened = store is not None and store.is_open(at)
    return outbox_message.notification_kind is K.UNANSWERED and severe and opened


def _kind_for(kind: NotificationKind, owners: Iterable[Staff], concern: Concern | None) -> NotificationKind:
    """Return the kind for a phone: not everybody who is told that nobody answered a severe call is rung for it."""
    rings = kind is not K.UNANSWERED_SEVERE or any(_is_rung_for_unanswered(staff, concern) for staff in owners)
    return kind if rings else K.UNANSWERED


def _is_rung_for_unanswered(staff: Staff, concern: Concern | None) -> bool:
    """Whether a severe call that nobody answered rings them: the managers of the store, but nobody for their own."""
    return staff.role is Role.MANAGER and (concern is None or staff.id != concern.reported_by_id)


def _kind_by_mail(kind: NotificationKind) -> NotificationKind:
    return K.UNANSWERED if kind is K.UNANSWERED_SEVERE else kind


def _informed_before(session: Session, outbox_message: OutboxMessage) -> set[UUID | None]:
    """Return the phones and people who were told that nobody answered in this run, when the store was shut."""
    if outbox_message.notification_kind is not K.UNANSWERED:
        return set()
    stmt = select(Notification.device_id, Notification.staff_id, Notification.channel).where(
        Notification.alert_id == outbox_message.alert_id,
        Notification.run_id == outbox_message.run_id,
        Notification.kind == K.UNANSWERED,
    )
    return {device if channel == DEVICE_CHANNEL else staff for device, staff, channel in session.execute(stmt)}


def queue_test_push(session: Session, *, by: Actor, at: datetime) -> list[Notification]:
    """Queue a test notification for the phone that somebody asks from.

    Raises:
        InvalidState: they ask from no phone that can be reached.

    """
    staff_id = by.person
    outbox_message = OutboxMessage.information(K.TEST, by.organization_id, staff_id=staff_id, at=at)
    staff = session.scalars(_select_working(at).where(Staff.id == staff_id)).one()
    phones = _people_by_phone(session, outbox_message, [staff], at)
    asking = [phone for phone in phones if phone.id == by.device_id]
    if not asking:
        raise InvalidState(
            "You are not signed in on a phone that can be reached: register this one with"
            " PUT /v1/me/devices/{installation_id}, or check in on a shared phone."
        )
    to_phones = [Notification.to_phone(phone, [staff], queued_at=at) for phone in asking]
    return [_queue(session, outbox_message, notification, at=at) for notification in to_phones]


def _subject(
    session: Session, outbox_message: OutboxMessage, at: datetime
) -> tuple[Concern | None, Store | None, Alert | None]:
    """Return what the message is about and its store. A pause is in the store of the shift; without one it is over."""
    if outbox_message.store_id is not None:
        return None, session.get_one(Store, (outbox_message.organization_id, outbox_message.store_id)), None
    if outbox_message.concern_id is None:
        shift = Shift.current(session, outbox_message.staff_id, at=at)
        return None, shift.store if shift else None, None
    stmt = select(Concern).where(Concern.id == outbox_message.concern_id)
    concern = session.scalars(stmt.options(joinedload(Concern.store))).one()
    alert = (
        session.scalars(Alert.select_without_notifications().where(Alert.id == outbox_message.alert_id)).one_or_none()
        if outbox_message.alert_id
        else None
    )
    return concern, concern.store, alert


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
    roles = concern.ringable_roles | ({Role.ADMIN} if outbox_message.notification_kind is K.APPROVAL else set())
    return [staff for staff in _concern_readers(session, outbox_message, concern, store, at) if staff.role in roles]


def _concern_readers(
    session: Session, outbox_message: OutboxMessage, concern: Concern, store: Store, at: datetime
) -> Iterable[Staff]:
    match outbox_message.notification_kind:
        case K.UNANSWERED | K.UNANSWERED_SEVERE:
            return session.scalars(_select_working(at).where(_is_responsible_for(store))).all()
        case K.CLOSED_STORE | K.DAY_LIMIT:
            others = Staff.id.is_distinct_from(concern.reported_by_id)
            return session.scalars(_select_working(at).where(_is_regional_manager_of(store), others)).all()
        case K.APPROVAL:
            return people_to_ask(session, concern, asked_by_id=outbox_message.staff_id, at=at)
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
    on_shift = select(Shift.staff_id).where(Shift.store_id == store_id, Shift.runs_at(at), Shift.lead)
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
    return outbox_message.notification_kind not in KINDS_AFTER_HOURS and not store.is_open(at)


def _reachable(
    session: Session,
    outbox_message: OutboxMessage,
    people: Sequence[Staff],
    store: Store | None,
    at: datetime,
    *,
    concern: Concern | None,
    through_quiet_hours: bool,
) -> list[Staff]:
    """Return whose phones may say it now: without those who pause, or are not to be disturbed.

    A severe call that nobody answered passes the quiet hours of whom it rings, and whatever else comes
    `through_quiet_hours` those of the store's managers.
    """
    shifts = _shifts_of(session, people, at)
    kind = outbox_message.notification_kind
    personal = kind in PERSONAL_KINDS or _is_for_owner(outbox_message)

    def is_reachable(staff: Staff) -> bool:
        shift = shifts.get(staff.id)
        if kind not in KINDS_DURING_PAUSE and shift is not None and shift.is_paused(at):
            return False
        if kind is K.HAND_OVER:  # a call: it rings nobody who has gone home meanwhile
            return shift is not None and store is not None and shift.store_id == store.id
        if kind is K.UNANSWERED_SEVERE and _is_rung_for_unanswered(staff, concern):
            return True
        if through_quiet_hours and staff.role is Role.MANAGER:
            return True
        return personal or not _is_quiet_time(outbox_message, staff, shift, store, at)

    return [staff for staff in people if is_reachable(staff)]


def _shifts_of(session: Session, people: Sequence[Staff], at: datetime) -> dict[UUID, Shift]:
    stmt = select(Shift).where(Shift.staff_id.in_([staff.id for staff in people]), Shift.runs_at(at))
    return {shift.staff_id: shift for shift in session.scalars(stmt)}


def _people_by_phone(
    session: Session, outbox_message: OutboxMessage, people: Sequence[Staff], at: datetime
) -> PeopleByPhone:
    """Return the phones that reach these people, each once, no more than a step of an alert rings.

    The log of a day goes to no phone.

    What protects a sign-in is said on personal phones. Only for somebody without one it is said on shared ones.
    """
    if outbox_message.notification_kind is K.DAILY_LOG or not people:
        return {}
    by_id = {staff.id: staff for staff in people}
    reach = phones_in_reach(list(by_id), at=at)
    stmt = select(reach.c.staff_id, Device).join(
        Device, (Device.id == reach.c.device_id) & (Device.organization_id == reach.c.organization_id)
    )
    last_used_first = stmt.order_by(Device.seen_at.desc(), Device.id)
    rows = [(staff_id, device) for staff_id, device in session.execute(last_used_first)]
    if outbox_message.notification_kind in SIGN_IN_KINDS:
        with_own = {staff_id for staff_id, device in rows if device.staff_id is not None}
        rows = [(staff_id, device) for staff_id, device in rows if device.staff_id or staff_id not in with_own]
    phones: dict[UUID, list[Device]] = {staff_id: [] for staff_id in by_id}
    for staff_id, device in rows:
        phones[staff_id].append(device)
    people_by_phone, left_out = bound_phones([(by_id[staff_id], devices) for staff_id, devices in phones.items()])
    if left_out:
        log.warning("phones left out", kind=outbox_message.notification_kind, left_out=left_out)
    return people_by_phone


def _queue(
    session: Session,
    outbox_message: OutboxMessage,
    notification: Notification,
    *,
    at: datetime,
    kind: NotificationKind | None = None,
) -> Notification:
    """Queue a notification of this information to a phone or a mailbox, by default of the kind of the message."""
    notification.organization_id = outbox_message.organization_id
    notification.kind = kind or outbox_message.notification_kind or notification.kind
    if notification.kind is K.CODE_BY_MAIL and notification.channel == DEVICE_CHANNEL:
        notification.kind = K.CODE_MADE  # the code itself goes to no phone
    notification.alert_id, notification.concern_id = outbox_message.alert_id, outbox_message.concern_id
    notification.run_id, notification.announcement_id = outbox_message.run_id, outbox_message.id
    notification.follow_up_id = outbox_message.follow_up_id
    notification.recovery_action_id = outbox_message.recovery_action_id
    notification.store_id, notification.business_date = outbox_message.store_id, outbox_message.business_date
    notification.expires_at = _expires_at(outbox_message, notification.channel, at)
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
