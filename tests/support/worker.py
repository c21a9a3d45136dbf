"""The worker for tests, and a channel that records its messages."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from typing import Any

from notifications.channels.base import DEVICE_SERVICES, Channel, DeliveryResult, Message
from notifications.channels.registry import PERSON_CHANNELS
from notifications.worker.worker import Worker
from tests.support.app import App

MAX_ROUNDS = 200


class RecordingChannel:
    """Channel that records its messages and returns the results a test has set.

    Results come from `next` first, then from `answers` by address, then from `result`. `meanwhile` is called before
    each result: for what happens in the application while a message is being sent.
    """

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.result = DeliveryResult.sent("a provider's id")
        self.next: deque[DeliveryResult | Exception] = deque()
        self.answers: dict[str, DeliveryResult] = {}
        self.meanwhile: Callable[[Message], object] = lambda _message: None
        self._writing = Lock()

    def deliver(self, message: Message) -> DeliveryResult:
        with self._writing:
            self.messages.append(message)
            answer = self.next.popleft() if self.next else self.answers.get(message.recipient.address, self.result)
        self.meanwhile(message)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self) -> None:
        """Do nothing: no resources are open."""

    def seen(self) -> list[tuple[str, str]]:
        """Return kind and address of each message."""
        return [(str(message.kind), message.recipient.address) for message in self.messages]


def for_all_kinds(channel: Channel) -> dict[str, Channel]:
    """Return this channel for every service."""
    return dict.fromkeys([*DEVICE_SERVICES.values(), *PERSON_CHANNELS], channel)


@contextmanager
def running_worker(
    app: App, channels: Mapping[str, Channel], *, name: str = "worker", **options: Any
) -> Iterator[Worker]:
    """Yield a worker on the test's clock and databases; a round ends when all messages are delivered."""
    worker = Worker(app.back_office, channels, name=name, **{"max_wait": 60.0, **options})
    yield worker
    worker.close()


def work_until_idle(worker: Worker) -> int:
    """Let the worker run until nothing is due now; return how many rows it handled."""
    done = 0
    for _ in range(MAX_ROUNDS):
        handled = worker.work_once()
        done += handled
        if not handled:
            return done
    raise AssertionError(f"still at work after {MAX_ROUNDS} rounds")
