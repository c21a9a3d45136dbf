"""Find concerns: the list with all its filters, and what changed since somebody read it."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Case, ColumnElement, CompoundSelect, Select, String, case, func, literal, or_, select

from models.access import Actor, Permission
from models.alerts.alert import Alert
from models.concerns.concern import Concern
from models.concerns.enums import Severity, Status
from models.concerns.unresolved import NOT_RESOLVED, unresolved_before
from models.customers.customer import Customer
from models.db.change_feed import Change, ChangeCounter
from models.db.epoch import current_epoch
from models.db.folded_text import folded
from models.db.many_values import is_selected
from models.db.session import ScopedSession
from models.db.text import fold, fold_text
from models.errors import Expired, Invalid
from models.organizations.place import Place
from models.organizations.vocabulary import Category
from models.policy_defaults import (
    MAX_CHANGES_FOLLOWED,
    MAX_CONCERN_AGE,
    MAX_SEARCH_DAYS,
    MAX_SEARCH_WORDS,
    VERY_UNHAPPY_MOOD,
)

NOT_OVER: Final = frozenset({Status.OPEN, Status.TAKEN})
# A business date and the instant at which its concerns are received: zones, day starts, and clocks that are ahead.
DATE_MARGIN: Final = timedelta(days=3)


@dataclass(frozen=True)
class FeedPosition:
    """How far somebody has read the change feed, in an epoch of the data."""

    epoch: str
    seq: int

    @classmethod
    def current(cls, session: ScopedSession, *, at: datetime) -> "FeedPosition":
        """Return the position of whoever reads from now on. The epoch may be a minute old: see `check`."""
        epoch: str = session.cached("epoch", lambda: current_epoch(session), at=at)
        return cls(epoch, session.scalars(select(ChangeCounter.last_seq)).one())

    def check(self, since: "FeedPosition") -> "FeedPosition":
        """Return an earlier position. Raise Expired where nobody can go on from it, as too much has changed."""
        if since.epoch != self.epoch or not 0 <= self.seq - since.seq <= MAX_CHANGES_FOLLOWED:
            raise Expired("Too much has changed since; read the list anew, without it.", start_over=True)
        return since


def select_concerns(
    session: ScopedSession,
    actor: Actor,
    *,
    at: datetime,
    severity: Collection[Severity] | None = None,
    place: Sequence[str] | None = None,
    order: str | None = None,
    from_date: date | None = None,
    to_date: date | None = None,
    open_before: date | None = None,
    q: str | None = None,
    changed_since: FeedPosition | None = None,
    **filters: Any,
) -> Select[Concern]:
    """Return a statement for the visible concerns that match. `filters` are those of `Concern.select_visible`.

    `order` is the reference of one. `q` are words, each of which stands in what was said or in the name of a customer
    who is known for sure.
    With `changed_since` voided concerns are there, too: whoever has them learns that they are.

    Raises Forbidden for who may not read words and names and asks for them, for the order or for people, and Invalid
    for `q` in more than one store or MAX_SEARCH_DAYS.
    """
    if q is not None or order is not None or {"reported_by_id", "taken_by_id"} & filters.keys():
        actor.require(Permission.CONCERN_WORDS)
    criteria: list[ColumnElement[bool]] = []
    if NOT_OVER.issuperset(filters.get("status", Status)):
        criteria.append(NOT_RESOLVED)  # so that the partial index applies
    if q is not None:
        from_date, to_date = _days_to_search(filters.get("store_id"), from_date, to_date, at=at)
        criteria += _has_words(q, actor)
    criteria += _on_days(from_date, to_date)
    if severity is not None:
        criteria.append(_severity().in_(severity))
    if place is not None:
        criteria.append(Concern.place_id.in_(Place.ids_of_slugs(session, place, actor=actor)))
    if order is not None:
        criteria.append(Concern.order_key == fold(order))
    if open_before is not None:
        criteria.append(unresolved_before(open_before))
    if changed_since is not None:
        criteria.append(is_selected(session, Concern.id, _select_changed(changed_since, actor)))
        filters.setdefault("status", [*Status])
    return Concern.select_visible(actor, **filters).where(*criteria)


def sort_columns(sort: str, status: Collection[Status] | None) -> Sequence[Any]:
    """Return the columns of this order. Invalid for `severity` of what may be over: of that there is no end.

    The key of each column is the property of Concern with the same value.
    """
    by_time = (Concern.received_at, Concern.id)
    if sort != "severity":
        return by_time
    if not status or not NOT_OVER.issuperset(status):
        raise Invalid("By severity, ask for what is not over: status=open,taken.", pointer="/sort")
    return case((_severity() == Severity.SEVERE, 0), else_=1).label("severity_rank"), *by_time


def _days_to_search(
    store_id: UUID | None, from_date: date | None, to_date: date | None, *, at: datetime
) -> tuple[date, date]:
    """Return the days in which words are looked for: unless others are named the last ones, as many as may be."""
    if store_id is None:
        raise Invalid("Words are searched for in one store: name it.", pointer="/store_id")
    whole = timedelta(days=MAX_SEARCH_DAYS - 1)
    # In some zone it is tomorrow.
    last = to_date or (from_date + whole if from_date else at.date() + timedelta(days=1))
    first = from_date or last - whole
    if last - first > whole:
        raise Invalid(f"Words are searched for in at most {MAX_SEARCH_DAYS} days.", pointer="/from")
    return first, last


def _on_days(from_date: date | None, to_date: date | None) -> Iterator[ColumnElement[bool]]:
    """Yield the criteria for business days, with bounds for the time of receipt, by which the list is in order."""
    if from_date is not None:
        yield Concern.business_date >= from_date
        yield Concern.received_at >= _midnight(from_date) - DATE_MARGIN
    if to_date is not None:
        yield Concern.business_date <= to_date
        yield Concern.received_at <= _midnight(to_date) + MAX_CONCERN_AGE + DATE_MARGIN


def _has_words(q: str, actor: Actor) -> list[ColumnElement[bool]]:
    described = (Concern.their_words, Concern.our_reading, Concern.stake, Concern.wanted)
    texts: list[ColumnElement[Any]] = [func.coalesce(column, "") for column in described]
    if actor.may(Permission.CUSTOMER_READ):
        names = func.coalesce(Customer.name, "") + " " + func.coalesce(Customer.preferred_name, "")
        # A name that the answer does not say is not to be guessed by searching for it.
        known = (Customer.id == Concern.customer_id, Concern.knows_customer())
        name = select(names).where(*known).correlate(Concern).scalar_subquery()
        texts.append(func.coalesce(name, ""))
    together = texts[0]
    for text in texts[1:]:
        together = together + literal(" ", String) + text
    words = fold_text(q).split()
    if len(words) > MAX_SEARCH_WORDS:
        raise Invalid(f"Name at most {MAX_SEARCH_WORDS} words.", pointer="/q")
    return [folded(together).contains(word, autoescape=True) for word in words]


def _severity() -> ColumnElement[Severity]:
    """Return the severity of a concern: `Concern.severity` in SQL."""
    kind = Alert.severity.type
    urgent = Concern.of_categories(select(Category.id).where(Category.urgent, Category.merged_into_id.is_(None)))
    severe = or_(Concern.urgent_as_typed, Concern.mood <= VERY_UNHAPPY_MOOD, urgent)
    own: Case[Any] = case((severe, literal(Severity.SEVERE, kind)), else_=literal(Severity.NORMAL, kind))
    of_alert = select(Alert.severity).where(Alert.concern_id == Concern.id).scalar_subquery()
    return func.coalesce(of_alert, own)


def _select_changed(since: FeedPosition, actor: Actor) -> CompoundSelect[UUID]:
    """Select the ids of concerns that changed, or whose alert did."""
    changes = select(Change.object_id).where(Change.seq > since.seq)
    if actor.store_ids is not None:
        changes = changes.where(Change.store_id.in_(actor.store_ids))
    of_alerts = select(Alert.concern_id).where(Alert.id.in_(changes.where(Change.kind == Alert.__tablename__)))
    return changes.where(Change.kind == Concern.__tablename__).union_all(of_alerts)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
