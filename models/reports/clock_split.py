"""Rows by hour of the day or by weekday, and who would be alone in one.

An hour of a store may be one person's. So only hours (or weekdays) in which enough different people were on shift are
shown. That is decided for each store and whole month on its own, alike in every report, and a report over several
months shows what each of them shows. What is withheld of a store stands together in a row without a label, with all
days outside these months. Of each month it has enough people, too: where it had not, the hour with the fewest joins it.

So every figure of every report is a sum of hours that a month shows and of all others of that month together, and no
sum or difference of reports tells more.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import BigInteger, ColumnElement, Integer, and_, case, cast, extract, func, literal, null, or_, select
from sqlalchemy.orm import Session

from models.organizations.store import Store
from models.policy_defaults import MIN_PEOPLE_OF_SPLIT, NEXT_DAY_SHIFT
from models.reports.periods import last_day
from models.staff.shift import EndReason, Shift

HOURS, WEEKDAYS = range(24), range(7)  # Sunday is 0, as in both databases
THURSDAY = 4  # the first of January 1970, from which the databases count
HOUR, DAY = 3600, 86_400  # seconds
# Whoever ended their shift was there until then. Of all others nobody knows when they left.
KNOWN_ENDS = (EndReason.CHECKED_OUT, EndReason.BY_CLOCK)
_MARGIN = timedelta(days=2)  # around the days of a report, for zones
Offsets = Sequence[tuple[str, datetime | None, int]]  # by zone, the seconds ahead of UTC before each instant
People = set[UUID]


@dataclass(frozen=True)
class ClockSplit:
    """The hours or weekdays that each store shows of some months, which follow each other."""

    by_hour: bool
    months: Sequence[date]
    shown: Mapping[frozenset[int], Sequence[UUID]]  # the stores that show exactly these
    offsets: Offsets

    @classmethod
    def find(
        cls, session: Session, stores: Sequence[ColumnElement[bool]], months: Sequence[date], *, by_hour: bool
    ) -> "ClockSplit":
        """Find what the stores that match these criteria show of these months, which are over; two statements.

        A store whose days began by another clock in one of them shows nothing: its rows and its people would be of
        different hours.
        """
        if not months:
            return cls(by_hour, months, {}, ())
        stores = [*stores, or_(Store.terms_from.is_(None), Store.terms_from <= months[0])]
        zones = sorted(session.scalars(select(Store.time_zone).where(*stores).distinct()))
        offsets = [entry for name in zones for entry in _offsets(name, months[0], last_day(months[-1]))]
        shown: dict[frozenset[int], list[UUID]] = defaultdict(list)
        for store_id, people in _people_by_store(session, stores, months, offsets, by_hour=by_hour).items():
            shown[shown_in_each(people[month] for month in months)].append(store_id)
        return cls(by_hour, months, {cells: store_ids for cells, store_ids in shown.items() if cells}, offsets)

    def column(self, model: Any) -> ColumnElement[Any]:
        """Return the hour of a row in its store, or the weekday of its business date; null where it is not shown."""
        if not self.shown:
            return cast(null(), Integer)
        cell = self._hour(model) if self.by_hour else cast(extract("dow", model.business_date), Integer)
        shown = [and_(Store.id.in_(stores), cell.in_(sorted(cells))) for cells, stores in self.shown.items()]
        is_over = model.business_date.between(self.months[0], last_day(self.months[-1]))
        return case((and_(is_over, or_(*shown)), cell), else_=null())

    def _hour(self, model: Any) -> ColumnElement[int]:
        names = ("occurred_at", "due_at", "at")  # of a concern, a follow-up, a check
        at = next(getattr(model, name) for name in names if hasattr(model, name))
        return _local_seconds(at, self.offsets) // HOUR % 24


def _local_seconds(at: Any, offsets: Offsets) -> ColumnElement[int]:
    """Return the seconds since 1970 by the clock of the store, at an instant."""
    zone = Store.time_zone
    whens = [
        (zone == name if until is None else and_(zone == name, at < until), seconds) for name, until, seconds in offsets
    ]
    return cast(func.floor(extract("epoch", at)), BigInteger) + case(*whens, else_=0)


def _offsets(name: str, first: date, last: date) -> Iterator[tuple[str, datetime | None, int]]:
    """Yield how far a zone is ahead of UTC before each instant at which that changes, and at last (None) after them."""
    zone = ZoneInfo(name)

    def seconds(at: datetime) -> int:
        offset = at.astimezone(zone).utcoffset()
        assert offset is not None  # noqa: S101 - a zone has one at any instant
        return int(offset.total_seconds())

    at = datetime.combine(first, time(), UTC) - _MARGIN
    end = datetime.combine(last, time(), UTC) + _MARGIN
    while at < end:
        following = at + timedelta(days=1)
        if seconds(following) != seconds(at):
            minutes = next(it for it in range(1441) if seconds(at + timedelta(minutes=it)) != seconds(at))
            yield name, at + timedelta(minutes=minutes), seconds(at)
        at = following
    yield name, None, seconds(end)


def _people_by_store(
    session: Session, stores: Sequence[ColumnElement[bool]], months: Sequence[date], offsets: Offsets, *, by_hour: bool
) -> dict[UUID, dict[date, dict[int, People]]]:
    """Return who was on shift in each hour (or on each weekday) of each store, by month.

    A shift counts for one business day, which is that of `shift_ends_at`, and for its hours within that day. One
    statement, with a row for each person, store and month, and for each hour from which and number of hours for which
    they were there.
    """
    day_start = extract("hour", Store.day_starts_at) * HOUR + extract("minute", Store.day_starts_at) * 60
    shift = (
        select(
            Shift.store_id,
            Shift.staff_id,
            _local_seconds(Shift.started_at, offsets).label("begun"),
            case((Shift.end_reason.in_(KNOWN_ENDS), _local_seconds(Shift.ended_at, offsets))).label("ended"),
            cast(day_start, BigInteger).label("day_start"),
        )
        .join(Store, Store.id == Shift.store_id)
        .where(
            *stores,
            Shift.started_at >= datetime.combine(months[0], time(), UTC) - _MARGIN,
            Shift.started_at < datetime.combine(last_day(months[-1]), time(), UTC) + _MARGIN,
        )
        .cte("local_shift")
        .prefix_with("MATERIALIZED", dialect="postgresql")  # or it works the clock out for each use
    ).c
    day = (shift.begun + int(NEXT_DAY_SHIFT.total_seconds()) - shift.day_start) // DAY
    if by_hour:
        day_begin, day_end = day * DAY + shift.day_start, (day + 1) * DAY + shift.day_start
        since = case((shift.begun < day_begin, day_begin), else_=shift.begun)
        until = case((shift.ended > day_end, day_end), (shift.ended > shift.begun, shift.ended), else_=shift.begun + 1)
        cells, first, more = HOURS, since // HOUR % 24, (until - 1) // HOUR - since // HOUR
    else:
        cells, first, more = WEEKDAYS, (day + THURSDAY) % 7, literal(0)
    month = case(*((day <= _day_number(last_day(first_day)), number) for number, first_day in enumerate(months)))
    stmt = (
        select(shift.store_id, shift.staff_id, month, first, more)
        .where(day.between(_day_number(months[0]), _day_number(last_day(months[-1]))))
        .distinct()
    )
    people: dict[UUID, dict[date, dict[int, People]]] = defaultdict(
        lambda: {first_day: {cell: set() for cell in cells} for first_day in months}
    )
    for store_id, staff_id, number, began_in, following in session.execute(stmt):
        of_month = people[store_id][months[number]]
        for cell in range(began_in, began_in + following + 1):
            of_month[cell % len(cells)].add(staff_id)
    return people


def _day_number(day: date) -> int:
    return (day - date(1970, 1, 1)).days


def shown_in_each(months: Iterable[Mapping[int, People]]) -> frozenset[int]:
    """Return the cells that each of these months shows. A month decides alone, so that others tell nothing of it."""
    return frozenset.intersection(*map(showable, months))


def showable(people: Mapping[int, People]) -> frozenset[int]:
    """Return the cells that may be shown: each has enough people, and so have those that are not, together."""
    by_size = sorted(people, key=lambda cell: (len(people[cell]), cell))
    withheld = [cell for cell in by_size if len(people[cell]) < MIN_PEOPLE_OF_SPLIT]
    shown = by_size[len(withheld) :]
    while withheld and shown and len(set().union(*(people[cell] for cell in withheld))) < MIN_PEOPLE_OF_SPLIT:
        withheld.append(shown.pop(0))
    return frozenset(shown)
