"""One for each way out: keeps letters back while a service is away, and lets one out to see whether it is back."""

from datetime import datetime, timedelta
from threading import Lock

from notifications.channels.base import DeliveryOutcome, DeliveryResult

MAX_FAILURES_IN_A_ROW = 3  # letters in a row that did not get through
FIRST_PROBE_AFTER, MAX_PROBE_AFTER = timedelta(seconds=1), timedelta(seconds=30)
# Apple's key at Firebase is wrong, or a mailbox is full: the others are reached all the same.
ADDRESS_ERRORS = frozenset({"third-party-auth", "mailbox-unavailable"})


class CircuitBreaker:
    """Closed while letters get through. Open, it waits, and each probe that fails makes the next wait longer.

    What it notes may come from many threads.
    """

    def __init__(self) -> None:
        self._noting = Lock()
        self._failures = 0
        self._pause = FIRST_PROBE_AFTER
        self._probe_at: datetime | None = None
        self._alarm = False

    @property
    def open(self) -> bool:
        return self._probe_at is not None

    @property
    def well(self) -> bool:
        """Letters get through, as far as it knows. An alarm may come with an answer that closes it (no credentials)."""
        return not self.open and not self._alarm

    def may_probe(self, at: datetime) -> bool:
        """Open, and the pause is over; so it is for a clock that was set back."""
        probe_at = self._probe_at
        return probe_at is not None and not at < probe_at <= at + MAX_PROBE_AFTER

    def note(self, result: DeliveryResult, *, at: datetime) -> None:
        """Any answer but LATER shows that the service is there. LATER with an alarm is enough by itself."""
        there = result.outcome is not DeliveryOutcome.LATER or result.reason in ADDRESS_ERRORS
        with self._noting:
            if there:
                self._failures, self._pause, self._probe_at, self._alarm = 0, FIRST_PROBE_AFTER, None, result.alarm
            elif not self.open or self.may_probe(at):  # what left before it opened says nothing new
                self._failures += MAX_FAILURES_IN_A_ROW if result.alarm else 1
                if self._failures >= MAX_FAILURES_IN_A_ROW:
                    self._probe_at = at + self._pause
                    self._pause = min(self._pause * 2, MAX_PROBE_AFTER)
