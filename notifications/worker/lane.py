"""Lane of deliveries: a bulkhead, so that messages to a slow service hold up no message to another."""

from collections.abc import Collection
from concurrent.futures import Future
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement

OLDEST_SHARE = 4  # one of so many is claimed the oldest first, so that nothing waits for ever


def share_of_oldest(capacity: int) -> int:
    """Return how many of `capacity` claims take the oldest messages, whosever turn it is; at least one does."""
    return max(1, capacity // OLDEST_SHARE)


@dataclass
class Lane:
    """Bulkhead: a share of the deliveries in flight.

    Attributes:
        only: matches the outbox messages that take this lane.
        services: the services they go to.
        capacity: how many of them may be in flight at once.
        oldest_first: whether it takes the oldest, instead of those whose turn it is.
        in_flight: those that are.

    """

    only: ColumnElement[bool]
    services: Collection[str]
    capacity: int
    oldest_first: bool = False
    in_flight: set[Future[None]] = field(default_factory=set)

    @property
    def free(self) -> int:
        """How many more messages may be sent now."""
        self.in_flight = {delivery for delivery in self.in_flight if not delivery.done()}
        return self.capacity - len(self.in_flight)
