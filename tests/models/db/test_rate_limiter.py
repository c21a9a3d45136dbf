"""Rate limits: a moving window, counted once for all processes, also when one of them is renewed."""

import multiprocessing
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import make_url, select

from models.db.rate_limit_counter import DELETE_EXPIRED_EVERY, DatabaseCounter, RateLimitCounter
from models.db.rate_limiter import HitCounter, Limit, MemoryCounter, RateLimiter
from tests.support.clock import NOON
from tests.support.databases import Databases

LIMIT = Limit(3, timedelta(minutes=1))
PROCESSES, TRIES, ALLOWED = 4, 12, Limit(30, timedelta(minutes=1))


@pytest.fixture
def url(databases: Databases, database_kind: str) -> Iterator[str]:
    with databases.alone(database_kind) as url:
        yield url


def allowed(counter: HitCounter, second: float, *hits: str) -> bool:
    return counter.count("key", LIMIT, hits, at=NOON + timedelta(seconds=second)).allowed


def check_window(counter: HitCounter) -> None:
    assert [allowed(counter, second, f"hit at {second}") for second in (0, 10, 20, 30, 59)] == [True] * 3 + [False] * 2
    assert allowed(counter, 59, "hit at 20", "hit at 10")  # these were counted already
    assert not allowed(counter, 59, "hit at 20", "another")
    usage = counter.count("key", LIMIT, (), at=NOON + timedelta(seconds=59))
    assert (usage.used, usage.remaining, usage.resets_at) == (3, 0, NOON + timedelta(minutes=1))
    # What was refused was not counted: the first hit leaves the window after a minute, and one more fits.
    assert [allowed(counter, second, f"hit at {second}") for second in (60, 61)] == [True, False]
    counter.take_back("key", "hit at 60")
    counter.take_back("key", "never counted")
    assert [allowed(counter, second, f"hit at {second}") for second in (62, 63)] == [True, False]
    assert counter.count("another key", LIMIT, ["hit"], at=NOON).used == 1


def test_a_window_moves_and_what_it_holds_already_is_not_counted_again() -> None:
    check_window(MemoryCounter())


def test_the_database_counts_the_same(url: str) -> None:
    counter = DatabaseCounter(make_url(url))
    check_window(counter)
    counter.close()


def count_many(url: str, number: int, results: "multiprocessing.Queue[int]") -> None:
    counter = DatabaseCounter(make_url(url))
    usages = [counter.count("key", ALLOWED, [f"{number}/{hit}"], at=NOON) for hit in range(TRIES)]
    results.put(sum(usage.allowed for usage in usages))


def test_four_processes_and_a_renewed_one_count_exactly(url: str) -> None:
    context = multiprocessing.get_context("fork")
    results: multiprocessing.Queue[int] = context.Queue()
    processes = [context.Process(target=count_many, args=(url, number, results)) for number in range(PROCESSES)]
    for process in processes:
        process.start()
    counts = [results.get(timeout=20) for _ in processes]
    for process in processes:
        process.join()
    assert sum(counts) == ALLOWED.amount < PROCESSES * TRIES
    renewed = DatabaseCounter(make_url(url))
    assert not renewed.count("key", ALLOWED, ["one more"], at=NOON).allowed
    renewed.close()


def test_what_expired_is_deleted(url: str) -> None:
    counter = DatabaseCounter(make_url(url))
    counter.count("old", LIMIT, ["hit"], at=NOON)
    counter._counted = iter([DELETE_EXPIRED_EVERY])  # type: ignore[assignment]
    counter.count("new", LIMIT, ["hit"], at=NOON + timedelta(minutes=2))
    with counter._engine.connect() as connection:
        assert connection.scalars(select(RateLimitCounter.key)).all() == ["new"]
    counter.close()


class BrokenCounter(MemoryCounter):
    failures = (ConnectionError,)

    def count(self, *_: object, **__: object) -> None:  # type: ignore[override]
        raise ConnectionError

    ping = count  # type: ignore[assignment]


def test_a_process_counts_for_itself_while_the_counter_is_away() -> None:
    limiter = RateLimiter(BrokenCounter())
    assert [limiter.count(LIMIT, "key", hits=[hit], at=NOON).allowed for hit in "abcd"] == [True, True, True, False]
    assert limiter.is_away()


def test_in_memory_the_key_that_was_hit_last_longest_ago_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.db.rate_limiter.MAX_KEYS_IN_MEMORY", 3)
    counter = MemoryCounter()
    for second, key in enumerate("abcad"):
        counter.count(key, LIMIT, [f"hit at {second}"], at=NOON + timedelta(seconds=second))
    used = {key: counter.count(key, LIMIT, (), at=NOON + timedelta(seconds=9)).used for key in "abcd"}
    assert used == {"a": 2, "b": 0, "c": 1, "d": 1}


@pytest.mark.parametrize(
    ("limit", "text"),
    [
        (Limit(5, timedelta(minutes=1)), "5 in a minute"),
        (Limit(20, timedelta(hours=1)), "20 in an hour"),
        (Limit(4, timedelta(minutes=10)), "4 in 10 minutes"),
        (Limit(20, timedelta(days=1)), "20 in a day"),
    ],
)
def test_a_limit_says_itself(limit: Limit, text: str) -> None:
    assert str(limit) == text
