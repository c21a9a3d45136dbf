"""Home screen of a phone: all it shows in one go, and from which change on it would show something else."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, case, func, literal, or_, select, union_all
from sqlalchemy.orm import joinedload

from models.access import Actor, Permission, Role
from models.alerts.alert import Alert
from models.alerts.enums import AlertState
from models.alerts.notification import Notification
from models.concerns.concern import NAMING_RELATIONS, Concern
from models.concerns.enums import Severity
from models.concerns.unresolved import NOT_RESOLVED
from models.customers.customer import Customer
from models.db.change_feed import OF_ALL_STORES, Change, ChangeCounter
from models.db.many_values import is_selected
from models.db.session import ScopedSession
from models.operations.guidance import Offer, current_offers
from models.organizations.organization import Organization
from models.organizations.store import Store
from models.policy_defaults import CODE_MAKER_WAITS
from models.recovery.action import RecoveryAction
from models.recovery.budget import Given, within_manager_limit
from models.recovery.follow_up import FollowUp, FollowUpStatus
from models.recovery.remedy import Remedy
from models.staff.credentials.invitation import Invitation
from models.staff.shift import Shift

MOST_LINES: Final = 100  # of each part
CALLING_STATES = frozenset({AlertState.OPEN, AlertState.UNANSWERED, AlertState.TAKEN})
LONGEST_UNCHANGED = timedelta(days=1)


class HomePosition(NamedTuple):
    """Where a home screen stands: as long as all of these are the same, and no time passes that it names, so is it.

    `of_stores` and `of_all_stores` are numbers of the change feed: the last change in the stores of the person, and of
    what holds in all stores. `customers` is the sum of the versions of the customers it names. `first_code_at` and
    `last_code_at`: when the person made sign-in codes within a day, whose owners' requests they do not decide so long.
    """

    of_stores: int | None
    of_all_stores: int | None
    customers: int
    unread: int
    organization_version: int
    minimum_app_versions: dict[str, Any]
    first_code_at: datetime | None
    last_code_at: datetime | None


@dataclass(frozen=True)
class Home:
    """A home screen. Each part has at most MOST_LINES lines.

    `calls` are concerns of others for which somebody is called, or comes; `mine` those that the person has logged or
    taken; `decisions` the requests that wait for this person; `offers` what they may still give, on shift.
    `unchanged_until`: when time alone would change something.
    """

    actor: Actor
    position: HomePosition
    shift: Shift | None
    calls: Sequence[Concern]
    mine: Sequence[Concern]
    promises: Sequence[FollowUp]
    decisions: Sequence[RecoveryAction]
    offers: Sequence[Offer]
    colleagues: Sequence[Shift]
    unchanged_until: datetime


def home_position(session: ScopedSession, *, by: Actor, at: datetime) -> HomePosition:
    """Return where the home screen of a person stands, in one statement."""
    columns = (
        _last_change_of_stores(by),
        select(func.max(Change.seq)).where(OF_ALL_STORES).scalar_subquery(),
        _versions_of_customers(by),
        Notification.unread_of(by.person, at=at),
        Organization.version,
        Organization.minimum_app_versions,
        *(
            select(end(Invitation.created_at)).where(*_made_lately(by, at=at)).scalar_subquery()
            for end in (func.min, func.max)
        ),
    )
    row = session.execute(select(*columns).where(Organization.id == by.organization_id)).one()
    return HomePosition(*row)


def read_home(session: ScopedSession, position: HomePosition, *, by: Actor, at: datetime) -> Home:
    """Return the home screen of a person at this position."""
    shifts = _shifts_around(session, by=by, at=at)
    own, colleagues = (shifts[0], shifts[1:]) if shifts else (None, ())
    concerns = _unresolved(session, by=by)
    mine = [concern for concern in concerns if by.staff_id in (concern.taken_by_id, concern.reported_by_id)]
    calls = [concern for concern in concerns if concern not in mine and _is_calling(concern)]
    decisions = _decisions(session, by=by, at=at)
    return Home(
        actor=by,
        position=position,
        shift=own,
        calls=sorted(calls, key=_urgency),
        mine=sorted(mine, key=_urgency),
        promises=_promises(session, by=by),
        decisions=decisions,
        offers=current_offers(session, own.store, by=by, at=at) if own and by.may(Permission.RECOVERY_ACT) else (),
        colleagues=colleagues,
        unchanged_until=_unchanged_until(shifts, decisions, at=at),
    )


def _last_change_of_stores(by: Actor) -> ColumnElement[Any]:
    if by.store_ids is None:
        return select(ChangeCounter.last_seq).scalar_subquery()
    last_of_store = select(func.max(Change.seq)).where(Change.store_id == Store.id).correlate(Store).scalar_subquery()
    return select(func.max(last_of_store)).select_from(Store).where(Store.id.in_(by.store_ids)).scalar_subquery()


def _versions_of_customers(by: Actor) -> ColumnElement[Any]:
    """Return the sum of the versions of the customers whom the lines name; customers are not of a store in the feed."""
    if by.store_ids is None:
        return literal(0)
    unresolved = select(Concern.customer_id).where(Concern.store_id.in_(by.store_ids), NOT_RESOLVED)
    of_child = [
        select(Concern.customer_id)
        .join(child, child.concern_id == Concern.id)
        .where(child.store_id.in_(by.store_ids), child.is_pending())
        for child in (FollowUp, RecoveryAction)
    ]
    named = union_all(unresolved, *of_child).subquery()
    # Of each one by itself: with a join PostgreSQL reads all customers.
    version = select(Customer.version).where(Customer.id == named.c.customer_id).scalar_subquery()
    return select(func.coalesce(func.sum(version), 0)).select_from(named).scalar_subquery()


def _shifts_around(session: ScopedSession, *, by: Actor, at: datetime) -> Sequence[Shift]:
    """Return the shift of a person, first, and those of their colleagues in the same store; nothing off shift."""
    own_store = select(Shift.store_id).where(Shift.staff_id == by.staff_id, Shift.runs_at(at)).scalar_subquery()
    stmt = select(Shift).where(Shift.store_id == own_store, Shift.runs_at(at))
    stmt = stmt.options(joinedload(Shift.store), joinedload(Shift.staff))
    own_first = (Shift.staff_id == by.staff_id).desc()  # whoever else is there: at most MOST_LINES are read
    in_order = stmt.order_by(own_first, Shift.lead.desc(), Shift.started_at, Shift.id)
    return session.scalars(in_order.limit(MOST_LINES)).all()


def _unresolved(session: ScopedSession, *, by: Actor) -> Sequence[Concern]:
    """Return the newest unresolved concerns of the person, and the newest of colleagues that call, with all of a line.

    Each kind is counted by itself: neither hides the other, nor do those that call nobody.
    """
    if by.store_ids is None or not by.may(Permission.CONCERN_READ):
        return ()
    is_own = or_(Concern.taken_by_id == by.staff_id, Concern.reported_by_id == by.staff_id)
    # Of each concern by itself: with a join PostgreSQL reads all alerts.
    state = select(Alert.state).where(Alert.concern_id == Concern.id).scalar_subquery()
    in_turn: dict[str, Any] = {
        "partition_by": case((is_own, 1), else_=0),
        "order_by": (Concern.received_at.desc(), Concern.id.desc()),
    }
    ranked = select(Concern.id, func.row_number().over(**in_turn).label("place"))
    ranked_ids = ranked.where(NOT_RESOLVED, *Concern.visible_to(by), or_(is_own, state.in_(CALLING_STATES))).subquery()
    shown = (*NAMING_RELATIONS, "reported_by", "taken_by")
    stmt = (
        select(Concern)
        .where(is_selected(session, Concern.id, select(ranked_ids.c.id).where(ranked_ids.c.place <= MOST_LINES)))
        .options(*(joinedload(getattr(Concern, name)) for name in shown))
        .options(joinedload(Concern.alert).lazyload(Alert.notifications))
    )
    return session.scalars(stmt).unique().all()


def _promises(session: ScopedSession, *, by: Actor) -> Sequence[FollowUp]:
    """Return what was promised in the person's stores and is not kept yet, the first due first.

    Where there is too much, what was broken long ago is left out.
    """
    if by.store_ids is None or not by.may(Permission.RECOVERY_ACT):
        return ()
    is_broken = FollowUp.status == FollowUpStatus.BROKEN
    first_due = case((is_broken, None), else_=FollowUp.due_at)
    stmt = FollowUp.select_visible(by).where(FollowUp.is_pending())
    in_turn = stmt.order_by(case((is_broken, 1), else_=0), first_due, FollowUp.due_at.desc(), FollowUp.id)
    promises = session.scalars(in_turn.limit(MOST_LINES)).unique().all()
    return sorted(promises, key=lambda promise: (promise.due_at, promise.id))


def _decisions(session: ScopedSession, *, by: Actor, at: datetime) -> Sequence[RecoveryAction]:
    """Return the requests that this person may decide, the oldest first.

    Not their own, nor those of whom they made a sign-in code for. Of a manager's they are left out that are above what
    managers may give at all; what was given before is looked at when it is decided.
    """
    if not by.may(Permission.RECOVERY_APPROVE):
        return ()
    made_code_for = select(Invitation.staff_id).where(*_made_lately(by, at=at))
    asked_by_others = or_(
        RecoveryAction.acted_by_id.is_(None),
        (RecoveryAction.acted_by_id != by.person) & RecoveryAction.acted_by_id.not_in(made_code_for),
    )
    named = (*NAMING_RELATIONS, "store")
    stmt = (
        select(RecoveryAction)
        .where(*RecoveryAction.listed(by), RecoveryAction.is_pending())
        .where(RecoveryAction.expires_at > at, asked_by_others)
        .options(joinedload(RecoveryAction.remedy).joinedload(Remedy.limits))
        .options(joinedload(RecoveryAction.concern).options(*(joinedload(getattr(Concern, name)) for name in named)))
        .order_by(RecoveryAction.recorded_at, RecoveryAction.id)
    )
    actions = session.scalars(stmt.limit(MOST_LINES)).unique().all()
    return [action for action in actions if by.role is not Role.MANAGER or _is_within_managers(action)]


def _made_lately(by: Actor, *, at: datetime) -> tuple[ColumnElement[bool], ...]:
    """Return the criteria for the sign-in codes that this person has made so lately that they do not decide."""
    return Invitation.created_by_id == by.person, Invitation.created_at > at - CODE_MAKER_WAITS


def _is_within_managers(action: RecoveryAction) -> bool:
    cost = action.requested_cost
    return cost is not None and within_manager_limit(action.concern.store, Given(), action.remedy, cost)


def _is_calling(concern: Concern) -> bool:
    return concern.alert is not None and concern.alert.state in CALLING_STATES


def _urgency(concern: Concern) -> tuple[Any, ...]:
    """Return what orders concerns: the severe first, those to whom nobody comes, and then what waits longest."""
    is_taken = concern.taken_by_id is not None
    return concern.severity is not Severity.SEVERE, is_taken, concern.received_at, concern.id


def _unchanged_until(shifts: Sequence[Shift], decisions: Sequence[RecoveryAction], *, at: datetime) -> datetime:
    """Return the first instant at which time alone changes the answer."""
    instants = [shift.ends_at for shift in shifts]
    instants += [action.expires_at for action in decisions if action.expires_at is not None]
    instants += [shift.store.day_bounds(shift.store.business_date(at))[1] for shift in shifts[:1]]
    return min((instant for instant in instants if instant > at), default=at + LONGEST_UNCHANGED)
