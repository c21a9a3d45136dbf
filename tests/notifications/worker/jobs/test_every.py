"""The timer of periodic jobs."""

from datetime import timedelta

from notifications.worker.jobs.every import Every
from tests.support.clock import NOON

MINUTE = timedelta(minutes=1)


def test_it_is_due_at_first_and_then_once_per_interval() -> None:
    every = Every(MINUTE)
    assert every.due(NOON)
    every.restart(NOON)
    assert not every.due(NOON)
    assert not every.due(NOON + MINUTE - timedelta(microseconds=1))
    assert every.due(NOON + MINUTE)


def test_it_stays_due_until_it_is_restarted() -> None:
    every = Every(MINUTE)
    every.restart(NOON)
    assert every.due(NOON + MINUTE)
    assert every.due(NOON + MINUTE)


def test_a_clock_that_is_set_back_makes_it_due() -> None:
    every = Every(MINUTE)
    every.restart(NOON)
    assert every.due(NOON - timedelta(seconds=1))
