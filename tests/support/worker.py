"""The telling side of a running house for tests: a worker, a channel that remembers, and what stands in the tables."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from typing import Any

from notifications.channels.base import AddressKind, Channel, DeliveryResult, Message
from notifications.worker.worker import Worker
from tests.support.app import World

MOST_ROUNDS = 200


class Notebook:
    """A channel that writes down what it is given, and answers as it is told.

    `next` goes first, then what is set for an address in `answers`, then `verdict`. `meanwhile` is called before each
    answer: what happens in the house while a letter is on its way.
    """

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.result = DeliveryResult.sent("a provider's id")
        self.next: deque[DeliveryResult | Exception] = deque()
        self.answers: dict[str, DeliveryResult] = {}
        self.meanwhile: Callable[[Message], object] = lambda _letter: None
        self._writing = Lock()

    def deliver(self, message: Message) -> DeliveryResult:
        with self._writing:
            self.messages.append(message)
            answer = self.next.popleft() if self.next else self.answers.get(message.address, self.result)
        self.meanwhile(message)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self) -> None:
        """Nothing to let go of."""

    def seen(self) -> list[tuple[str, str]]:
        """What it was to do, and at which address."""
        return [(str(message.kind), message.address) for message in self.messages]


def over(channel: Channel) -> dict[AddressKind, Channel]:
    """The same channel for addresses of every kind."""
    return dict.fromkeys(AddressKind, channel)


@contextmanager
def worker_of(
    world: World, channels: Mapping[AddressKind, Channel], *, name: str = "worker", **options: Any
) -> Iterator[Worker]:
    """A worker of the world, on its clock. However busy the machine, a round ends when its letters are delivered."""
    worker = Worker(world.back_office, channels, name=name, **{"patience": 60.0, **options})
    yield worker
    worker.close()


def work(worker: Worker) -> int:
    """Let it work until there is nothing to do at this moment; how much there was."""
    done = 0
    for _ in range(MOST_ROUNDS):
        found = worker.work_once()
        done += found
        if not found:
            return done
    raise AssertionError(f"still at work after {MOST_ROUNDS} rounds")
