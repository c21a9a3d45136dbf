"""Terms of a store: time zone, day start and currency, each set with the business dates for which it holds.

A change takes effect with a later business date, never within one. So whatever has a business date keeps it, and the
business date of an instant follows from what held then. Days leave no gap and do not overlap; the last day before a
change is longer or shorter. After a move across the date line a date may be left out: it has no instant.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Self
from zoneinfo import ZoneInfo

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class StoreTerms:
    """Time zone (IANA name), day start (civil time) and currency (ISO 4217) of a store, as they hold together."""

    time_zone: str
    day_starts_at: time
    currency: str

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    def day_start(self, day: date) -> datetime:
        """Return when a day begins by these terms alone, in UTC."""
        return datetime.combine(day, self.day_starts_at, tzinfo=self.zone).astimezone(UTC)

    def business_date(self, at: datetime) -> date:
        """Return the last day that has begun by these terms alone.

        Compares instants, not clock readings, so that the hour that comes twice in autumn stays in one day. The search
        starts a day after the calendar date, because a clock that is put back over midnight shows a date twice.
        """
        day = at.astimezone(self.zone).date() + ONE_DAY
        while at < self.day_start(day):
            day -= ONE_DAY
        return day


@dataclass(frozen=True)
class EarlierTerms:
    """Terms that were replaced, and `until`: the business date from which they no longer hold."""

    until: date
    terms: StoreTerms

    @classmethod
    def from_json(cls, stored: dict[str, str]) -> Self:
        terms = StoreTerms(stored["time_zone"], time.fromisoformat(stored["day_starts_at"]), stored["currency"])
        return cls(date.fromisoformat(stored["until"]), terms)

    def to_json(self) -> dict[str, Any]:
        return {
            "until": self.until.isoformat(),
            "time_zone": self.terms.time_zone,
            "day_starts_at": self.terms.day_starts_at.isoformat(),
            "currency": self.terms.currency,
        }


@dataclass(frozen=True)
class TermsPeriod:
    """The business dates from `first` to the one before `until` (None: without end) and the terms that they have.

    No day of the period begins before `not_before`, when the last day before the period began.
    """

    terms: StoreTerms
    first: date | None
    until: date | None
    not_before: datetime | None

    def day_start(self, day: date) -> datetime:
        own = self.terms.day_start(day)
        return own if self.not_before is None else max(own, self.not_before)

    def last_day_begun(self, at: datetime) -> date | None:
        """Return the last day of the period that has begun, or None when none has."""
        if self.not_before is not None and at < self.not_before:
            return None
        day = self.terms.business_date(at)
        if self.first is not None and day < self.first:
            return None
        return day if self.until is None else min(day, self.until - ONE_DAY)


class TermsHistory:
    """All terms that a store had and has, from which the bounds of its days follow. The newest may be still to come."""

    def __init__(self, earlier: Sequence[EarlierTerms], newest: StoreTerms) -> None:
        self.earlier, self.newest = tuple(earlier), newest
        self._periods: list[TermsPeriod] = []
        first, not_before = None, None
        for replaced in self.earlier:
            period = TermsPeriod(replaced.terms, first, replaced.until, not_before)
            self._periods.append(period)
            first, not_before = replaced.until, period.day_start(replaced.until - ONE_DAY)
        self._periods.append(TermsPeriod(newest, first, None, not_before))

    @property
    def newest_from(self) -> date | None:
        """Return the business date from which the newest terms hold. None when they were never changed."""
        return self._periods[-1].first

    def on(self, business_date: date) -> StoreTerms:
        """Return the terms of a business date."""
        return self._period_of(business_date).terms

    def day_start(self, business_date: date) -> datetime:
        """Return the first instant of a business day, in UTC."""
        return self._period_of(business_date).day_start(business_date)

    def business_date(self, at: datetime) -> date:
        """Return the last business day that has begun."""
        days = (period.last_day_begun(at) for period in reversed(self._periods))
        return next(day for day in days if day is not None)

    def change(self, terms: StoreTerms, *, at: datetime) -> "TermsHistory":
        """Return the history in which these terms follow, from the next business date that begins after `at` by them.

        They replace terms that are still to come; the terms that hold now, given again, just cancel those. Only where
        the present day is over by what holds now, and goes on because of the terms to come, do these stay, for one day.
        Without them this day would have ended, and what was dated since would belong to the next one.
        """
        today = self.business_date(at)
        before = self._without_pending(today, at)
        if terms == before.newest:
            return before
        first = max(today, before.newest_from or today) + ONE_DAY
        while terms.day_start(first) <= at:
            first += ONE_DAY
        return TermsHistory([*before.earlier, EarlierTerms(first, before.newest)], terms)

    def _without_pending(self, today: date, at: datetime) -> "TermsHistory":
        if self.newest_from is None or self.newest_from <= today:
            return self
        before = TermsHistory(self.earlier[:-1], self.earlier[-1].terms)
        return before if before.business_date(at) == today else self

    def _period_of(self, business_date: date) -> TermsPeriod:
        return next(
            period for period in reversed(self._periods) if period.first is None or period.first <= business_date
        )
