"""Circuit breaker per delivery service (push, e-mail and others).

Opens after three failed deliveries in a row or one alarm, retries with a single probe, doubles the pause up to 30 s.
"""

from datetime import datetime, timedelta
from threading import Lock

from notifications.channels.base import DeliveryOutcome, DeliveryResult

MAX_FAILURES_IN_A_ROW = 3
FIRST_PROBE_AFTER, MAX_PROBE_AFTER = timedelta(seconds=1), timedelta(seconds=30)
# Apple's key at Firebase is wrong, or a mailbox is full: other addresses are reached all the same.
ADDRESS_ERRORS = frozenset({"third-party-auth", "mailbox-unavailable"})


class CircuitBreaker:
    """Circuit of one service: closed while messages get through, open while it is away.

    An open circuit waits for a pause and then lets one message through as a probe. Each probe that fails doubles the
    pause. Results may be recorded from many threads.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._failures = 0
        self._pause = FIRST_PROBE_AFTER
        self._probe_at: datetime | None = None
        self._alarm = False

    @property
    def open(self) -> bool:
        return self._probe_at is not None

    @property
    def healthy(self) -> bool:
        """Whether messages get through as far as is known. One result may close the circuit and raise an alarm."""
        return not self.open and not self._alarm

    def may_probe(self, at: datetime) -> bool:
        """Whether the circuit is open and the pause is over. A clock that was set back ends the pause, too."""
        probe_at = self._probe_at
        return probe_at is not None and not at < probe_at <= at + MAX_PROBE_AFTER

    def record(self, result: DeliveryResult, *, at: datetime) -> None:
        """Open or close the circuit according to a result.

        Any result but LATER shows that the service answers. One LATER with an alarm opens the circuit by itself.
        """
        answers = result.outcome is not DeliveryOutcome.LATER or result.reason in ADDRESS_ERRORS
        with self._lock:
            if answers:
                self._failures, self._pause, self._probe_at, self._alarm = 0, FIRST_PROBE_AFTER, None, result.alarm
            elif not self.open or self.may_probe(at):  # a message that left before the circuit opened tells nothing new
                self._failures += MAX_FAILURES_IN_A_ROW if result.alarm else 1
                if self._failures >= MAX_FAILURES_IN_A_ROW:
                    self._probe_at = at + self._pause
                    self._pause = min(self._pause * 2, MAX_PROBE_AFTER)
