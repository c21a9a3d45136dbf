"""Terms of a store: from when a changed zone, day start or currency holds, and what becomes of the days around it."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from uuid_utils.compat import uuid7

from models.errors import Invalid, InvalidState
from models.organizations.store import Store
from models.organizations.store_terms import ONE_DAY
from models.policy_defaults import MAX_TERMS_CHANGES
from tests.support.factories.organizations import make_store
from tests.support.profiles import examples

LISBON, NEW_YORK, TOKYO = "Europe/Lisbon", "America/New_York", "Asia/Tokyo"
FIRST, LAST = "Pacific/Kiritimati", "Pacific/Pago_Pago"  # UTC+14 and UTC-11: 25 hours apart
# With hours that come twice, half hours, and a date that never was (Apia, 30 December 2011).
ZONES = [LISBON, NEW_YORK, TOKYO, FIRST, LAST, "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kathmandu", "Asia/Beirut"]
A_DAY = timedelta(days=1)
INSTANT = timedelta(microseconds=1)


def make(zone: str = LISBON, day_starts_at: time = time(4)) -> Store:
    return make_store("first", uuid7(), zone=zone, day_starts_at=day_starts_at)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def hours_of(store: Store, day: date) -> float:
    begins, ends = store.day_bounds(day)
    return (ends - begins) / timedelta(hours=1)


# zone before and after, when it is changed, from which business date the new one holds, hours of the days around it
MOVES = [
    (LISBON, NEW_YORK, "2026-03-03 12:00", "2026-03-04", {"2026-03-03": 29, "2026-03-04": 24}),
    (NEW_YORK, LISBON, "2026-03-03 12:00", "2026-03-04", {"2026-03-03": 19, "2026-03-04": 24}),
    # In Lisbon the 4th has begun already, so the move waits for the 5th.
    (NEW_YORK, LISBON, "2026-03-04 04:00", "2026-03-05", {"2026-03-03": 24, "2026-03-04": 19, "2026-03-05": 24}),
    (NEW_YORK, LISBON, "2026-03-04 03:59", "2026-03-04", {"2026-03-03": 19, "2026-03-04": 24}),
    (FIRST, LAST, "2026-03-03 12:00", "2026-03-04", {"2026-03-03": 49, "2026-03-04": 24}),
    # 25 hours ahead: the 4th would begin when the 5th has begun, and has no instant.
    (LAST, FIRST, "2026-03-03 16:00", "2026-03-05", {"2026-03-03": 24, "2026-03-04": 0, "2026-03-05": 23}),
]


@pytest.mark.parametrize(("before", "after", "at", "first", "lengths"), MOVES)
def test_a_changed_zone_holds_from_the_next_business_date_on(
    before: str, after: str, at: str, first: str, lengths: dict[str, float]
) -> None:
    store = make(before)
    store.edit(at=utc(at), time_zone=after)
    assert store.terms_from == date.fromisoformat(first)
    assert {day: hours_of(store, date.fromisoformat(day)) for day in lengths} == lengths
    assert store.terms_on(store.terms_from - ONE_DAY).time_zone == before
    assert store.terms_on(store.terms_from).time_zone == store.time_zone == after
    assert store.terms_at(utc(at)).time_zone == before


def test_a_later_day_start_makes_the_day_before_longer() -> None:
    store = make()
    store.edit(at=utc("2026-03-03 12:00"), day_starts_at=time(6, 30))
    assert hours_of(store, date(2026, 3, 3)) == 26.5
    assert store.business_date(utc("2026-03-04 06:29")) == date(2026, 3, 3)
    assert store.business_date(utc("2026-03-04 06:30")) == date(2026, 3, 4)


def test_a_changed_currency_leaves_the_days_as_they_are() -> None:
    store = make()
    store.edit(at=utc("2026-03-03 12:00"), currency="USD")
    assert [store.currency_on(date(2026, 3, day)) for day in (1, 3, 4, 30)] == ["EUR", "EUR", "USD", "USD"]
    assert [hours_of(store, date(2026, 3, day)) for day in (3, 4)] == [24, 24]


def test_opening_hours_are_read_in_the_zone_of_their_day() -> None:
    store = make()
    store.set_hours({"weekly": None, "exceptions": [{"date": f"2026-03-0{day}", "periods": []} for day in (5, 6)]})
    store.edit(at=utc("2026-03-04 12:00"), time_zone=NEW_YORK)
    assert store.is_open(utc("2026-03-04 23:59"))
    assert not store.is_open(utc("2026-03-05 00:00"))  # in Lisbon it is the 5th
    assert not store.is_open(utc("2026-03-07 04:59"))
    assert store.is_open(utc("2026-03-07 05:00"))  # in New York it is the 7th


def test_a_second_change_before_the_first_one_holds_takes_its_place() -> None:
    store = make()
    store.edit(at=utc("2026-03-03 12:00"), time_zone=TOKYO)
    assert store.terms_from == date(2026, 3, 4)
    store.edit(at=utc("2026-03-03 18:59"), time_zone=NEW_YORK)
    assert (store.time_zone, store.terms_from) == (NEW_YORK, date(2026, 3, 4))
    assert [row["time_zone"] for row in store.earlier_terms or ()] == [LISBON]
    store.edit(at=utc("2026-03-03 23:00"), currency="USD")  # beside the zone that is still to come
    assert (store.time_zone, store.currency) == (NEW_YORK, "USD")
    assert len(store.earlier_terms or ()) == 1


def test_a_change_back_before_it_holds_leaves_no_trace() -> None:
    store = make()
    store.edit(at=utc("2026-03-03 12:00"), time_zone=TOKYO, day_starts_at=time(0), currency="JPY")
    store.edit(at=utc("2026-03-03 12:30"), time_zone=LISBON, day_starts_at=time(4), currency="EUR")
    assert (store.terms_from, store.earlier_terms) == (None, None)
    assert (store.time_zone, store.day_starts_at, store.currency) == (LISBON, time(4), "EUR")
    store.edit(at=utc("2026-03-03 13:00"), currency="EUR")
    assert (store.terms_from, store.earlier_terms) == (None, None)


def test_a_change_back_later_is_a_change_of_its_own() -> None:
    store = make()
    store.edit(at=utc("2026-03-03 12:00"), currency="USD")
    store.edit(at=utc("2026-03-10 12:00"), currency="EUR")
    assert [store.currency_on(date(2026, 3, day)) for day in (3, 4, 10, 11)] == ["EUR", "USD", "USD", "EUR"]


def test_a_day_that_goes_on_because_of_a_change_is_not_ended_in_hindsight() -> None:
    store = make()
    store.edit(at=utc("2026-03-03 12:00"), time_zone=NEW_YORK)
    at = utc("2026-03-04 07:00")  # in Lisbon it would be the 4th since three hours
    assert store.business_date(at) == date(2026, 3, 3)
    store.edit(at=at, time_zone=LISBON)
    assert store.business_date(at) == date(2026, 3, 3)
    assert [store.terms_on(date(2026, 3, day)).time_zone for day in (3, 4, 5)] == [LISBON, NEW_YORK, LISBON]
    assert [hours_of(store, date(2026, 3, day)) for day in (3, 4, 5)] == [29, 19, 24]


def test_a_date_without_an_instant_is_passed_over() -> None:
    store = make(LAST)
    store.edit(at=utc("2026-03-03 16:00"), time_zone=FIRST)
    assert store.next_date(date(2026, 3, 3)) == date(2026, 3, 5)
    assert store.previous_date(date(2026, 3, 5)) == date(2026, 3, 3)
    assert store.work_begins_at(date(2026, 3, 4)) is None
    assert store.previous_working_date(date(2026, 3, 5)) == date(2026, 3, 3)
    assert store.next_date(date(2026, 3, 5)) == date(2026, 3, 6)


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"time_zone": "Europe/Atlantis"}, "/time_zone"),
        ({"country": "XX"}, "/country"),
        ({"currency": "eur"}, "/currency"),
    ],
)
def test_an_unknown_code_is_refused_and_changes_nothing(changes: dict[str, Any], pointer: str) -> None:
    store = make()
    with pytest.raises(Invalid) as refused:
        store.edit(at=utc("2026-03-03 12:00"), name="Other", **changes)
    assert refused.value.pointer == pointer
    assert (store.name, store.terms_from, store.version) == ("First", None, 1)


def test_the_terms_of_a_store_change_a_hundred_times_at_most() -> None:
    store, at = make(), utc("2026-03-03 12:00")
    for number in range(MAX_TERMS_CHANGES):
        store.edit(at=at + number * A_DAY, currency="USD" if number % 2 == 0 else "EUR")
    with pytest.raises(InvalidState, match="At most 100 changes"):
        store.edit(at=at + MAX_TERMS_CHANGES * A_DAY, currency="USD")


@dataclass
class Change:
    """A change of terms, so long after the one before."""

    after: timedelta
    terms: dict[str, Any]


CHANGES = st.lists(
    st.builds(
        Change,
        # Mostly months; sometimes while the change before has not begun to hold, or has just begun.
        after=st.one_of(
            st.timedeltas(timedelta(0), timedelta(days=400)),
            st.timedeltas(timedelta(0), timedelta(hours=80)),
            st.timedeltas(timedelta(0), timedelta(hours=80)),
        ),
        terms=st.fixed_dictionaries(
            {},
            optional={
                "time_zone": st.sampled_from(ZONES),
                "day_starts_at": st.times(),
                "currency": st.sampled_from(["EUR", "USD", "JPY"]),
            },
        ),
    ),
    min_size=1,
    max_size=8,
)
SPANS = [timedelta(0), *(timedelta(hours=hours) for hours in (1, 5, 14, 24, 26, 49, 74))]


@examples(quick=40, deep=250)
@given(
    zone=st.sampled_from(ZONES),
    begins=st.times(),
    # Into the end of 2011, when Apia left out a date.
    start=st.timedeltas(timedelta(0), timedelta(days=4 * 365)).map(lambda span: utc("2008-01-01") + span),
    changes=CHANGES,
)
@example(
    zone=LAST,
    begins=time(23, 59),
    start=utc("2010-06-01 12:00"),
    changes=[
        Change(timedelta(0), {"time_zone": FIRST, "day_starts_at": time(0)}),
        Change(timedelta(hours=30), {"time_zone": LAST, "day_starts_at": time(23, 59)}),
        Change(timedelta(hours=30), {"time_zone": FIRST}),
        Change(timedelta(hours=30), {"time_zone": NEW_YORK, "day_starts_at": time(0)}),
    ],
)
def test_every_instant_has_one_business_date_and_keeps_it_whatever_is_changed(
    zone: str, begins: time, start: datetime, changes: list[Change]
) -> None:
    store, at = make(zone, begins), start
    moments, dated = [], dict[datetime, date]()
    for change in changes:
        at += change.after
        moments.append(at)
        dated |= {instant: store.business_date(instant) for instant in (at - span for span in SPANS)}
        terms_before = {day: store.terms_on(day) for day in dated.values()}
        store.edit(at=at, **change.terms)
        assert {name: getattr(store, name) for name in change.terms} == change.terms
        assert {instant: store.business_date(instant) for instant in dated} == dated
        assert {day: store.terms_on(day) for day in dated.values()} == terms_before
    instants = sorted({*dated, *(moment + span for moment in moments for span in SPANS)})
    dates = [store.business_date(instant) for instant in instants]
    assert dates == sorted(dates)
    for instant, day in zip(instants, dates, strict=True):
        begins_at, ends_at = store.day_bounds(day)
        assert begins_at <= instant < ends_at
    for moment in moments:
        assert_days_tile_the_time(store, around=store.business_date(moment))


def assert_days_tile_the_time(store: Store, *, around: date) -> None:
    """Assert that days follow each other without gap or overlap, and that each begins and ends where it should."""
    days = [around + timedelta(days=number) for number in range(-3, 5)]
    bounds = [store.day_bounds(day) for day in days]
    for day, (begins, ends), (next_begins, _) in zip(days, bounds, bounds[1:], strict=False):
        assert begins <= ends == next_begins
        if begins < ends:
            assert (store.business_date(begins), store.business_date(ends - INSTANT)) == (day, day)
