"""Rows by hour of the day or by weekday, and who would be alone in one.

An hour of a store may be one person's. So a store's hour (or weekday) is shown only if enough different people were on
shift in it, over the period. Which are withheld is decided store by store, for every report alike, and what is withheld
of a store stands together in a row without a label. Together these hours have enough people, too: where they had not,
the hour with the fewest joins them. So neither the totals nor other stores, subtracted, tell what one of them would
have shown.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import BigInteger, ColumnElement, Integer, and_, case, cast, extract, func, null, select
from sqlalchemy.orm import Session

from models.organizations.store import Store
from models.policy_defaults import MIN_PEOPLE_OF_SPLIT
from models.reports.store_terms import TermOfDay
from models.staff.shift import Shift

HOURS, WEEKDAYS = range(24), range(7)  # Sunday is 0, as in both databases
SECONDS_PER_HOUR = 3600
_AT_LEAST_HOURS = 24 * 100_000  # hours since 1970 that are still to come: a difference from it is positive
_MARGIN = timedelta(days=2)  # around the days of a report, for zones
People = set[UUID]


@dataclass(frozen=True)
class ClockSplit:
    """The hours or weekdays of each store that may be shown, over some days."""

    by_hour: bool
    shown: Mapping[frozenset[int], Sequence[UUID]]  # the stores that may show exactly these
    zone: TermOfDay
    offsets: Sequence[tuple[str, datetime | None, int]]  # by zone, the seconds ahead of UTC before each instant

    @classmethod
    def find(cls, session: Session, first: date, last: date, *, by_hour: bool) -> "ClockSplit":
        """Find what each store may show; four statements."""
        zone = TermOfDay.find(session, "time_zone")
        zones = {*session.scalars(select(Store.time_zone).distinct()), *(name for _, name in zone.earlier)}
        offsets = [entry for name in sorted(zones) for entry in _offsets(name, first, last)]
        shown: dict[frozenset[int], list[UUID]] = defaultdict(list)
        for store_id, people in _people_by_store(session, first, last, offsets, by_hour=by_hour).items():
            shown[showable(people)].append(store_id)
        return cls(by_hour, {cells: stores for cells, stores in shown.items() if cells}, zone, offsets)

    def column(self, model: Any) -> ColumnElement[Any]:
        """Return the hour of a row in its store, or the weekday of its business date; null where it is withheld."""
        cell = self._hour(model) if self.by_hour else cast(extract("dow", model.business_date), Integer)
        whens = [(and_(Store.id.in_(stores), cell.in_(sorted(cells))), cell) for cells, stores in self.shown.items()]
        return case(*whens, else_=null()) if whens else cast(null(), Integer)

    def _hour(self, model: Any) -> ColumnElement[int]:
        names = ("occurred_at", "due_at", "at")  # of a concern, a follow-up, a check
        at = next(getattr(model, name) for name in names if hasattr(model, name))
        return _local_hours(at, self.zone.column(model), self.offsets) % 24


def _local_hours(
    at: Any, zone: Any, offsets: Sequence[tuple[str, datetime | None, int]], *, before: int = 0
) -> ColumnElement[int]:
    """Return the hours since 1970 by the clock of a zone, at an instant or so many seconds before."""
    whens = [
        (zone == name if until is None else and_(zone == name, at < until), seconds) for name, until, seconds in offsets
    ]
    seconds: Any = cast(func.floor(extract("epoch", at)), BigInteger) + case(*whens, else_=0) - before
    return cast(func.floor(seconds / float(SECONDS_PER_HOUR)), BigInteger)


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
    session: Session, first: date, last: date, offsets: Sequence[Any], *, by_hour: bool
) -> dict[UUID, dict[int, People]]:
    """Return who was on shift in each hour (or on each weekday) of each store, by the zone that it has now.

    One statement, with a row for each person and store.
    """
    begun = _local_hours(Shift.started_at, Store.time_zone, offsets)
    if by_hour:
        ended = _local_hours(Shift.ends_at, Store.time_zone, offsets, before=1)
        covered = [(_AT_LEAST_HOURS + hour - begun) % 24 <= ended - begun for hour in HOURS]
    else:
        day = cast(func.floor((begun - cast(extract("hour", Store.day_starts_at), Integer)) / 24.0), BigInteger)
        covered = [(day + 4) % 7 == weekday for weekday in WEEKDAYS]  # the first of January 1970 was a Thursday
    stmt = (
        select(Shift.store_id, Shift.staff_id, *(func.max(case((it, 1), else_=0)) for it in covered))
        .join(Store, Store.id == Shift.store_id)
        .where(
            Shift.started_at >= datetime.combine(first, time(), UTC),
            Shift.started_at < datetime.combine(last, time(), UTC) + timedelta(days=1),
        )
        .group_by(Shift.store_id, Shift.staff_id)
    )
    people: dict[UUID, dict[int, People]] = defaultdict(lambda: {cell: set() for cell in range(len(covered))})
    for store_id, staff_id, *flags in session.execute(stmt):
        for cell, flag in enumerate(flags):
            if flag:
                people[store_id][cell].add(staff_id)
    return people


def showable(people: Mapping[int, People]) -> frozenset[int]:
    """Return the cells that may be shown: each has enough people, and so have those that are not, together."""
    by_size = sorted(people, key=lambda cell: (len(people[cell]), cell))
    withheld = [cell for cell in by_size if len(people[cell]) < MIN_PEOPLE_OF_SPLIT]
    shown = by_size[len(withheld) :]
    while withheld and shown and len(set().union(*(people[cell] for cell in withheld))) < MIN_PEOPLE_OF_SPLIT:
        withheld.append(shown.pop(0))
    return frozenset(shown)
