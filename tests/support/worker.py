"""The telling side of a running house for tests: a worker, a channel that remembers, and what stands in the tables."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import select

from models.alerts.alert import Alert
from models.alerts.notification import Notification
from models.db.base import TenantOwned
from models.db.session import ALL_TENANTS
from models.outbox.message import OutboxKind, OutboxMessage
from notifications.channels.base import DEVICE_SERVICES, Channel, DeliveryResult, Message
from notifications.channels.registry import PERSON_CHANNELS
from notifications.worker.worker import Worker
from tests.support.app import World
from tests.support.factories import Shop

MOST_ROUNDS = 200
T = TypeVar("T", bound=TenantOwned)


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
            answer = self.next.popleft() if self.next else self.answers.get(message.recipient.address, self.result)
        self.meanwhile(message)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self) -> None:
        """Nothing to let go of."""

    def seen(self) -> list[tuple[str, str]]:
        """What it was to do, and at which address."""
        return [(str(message.kind), message.recipient.address) for message in self.messages]


def over(channel: Channel) -> dict[str, Channel]:
    """Return the same channel for every service."""
    return dict.fromkeys([*DEVICE_SERVICES.values(), *PERSON_CHANNELS], channel)


@contextmanager
def worker_of(
    world: World, channels: Mapping[str, Channel], *, name: str = "worker", **options: Any
) -> Iterator[Worker]:
    """A worker of the world, on its clock. However busy the machine, a round ends when its letters are delivered."""
    worker = Worker(world.back_office, channels, name=name, **{"max_wait": 60.0, **options})
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


def log_concern(world: World, shop: Shop, login: str = "floor", **said: Any) -> dict[str, Any]:
    """Log a concern as the app does; the answer."""
    said = {"mood": 2, "store_id": str(shop.store_id)} | said
    answer = world.request("POST", "/v1/concerns", (shop, login), json=said)
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json
    return told


def move(world: World, shop: Shop, concern: Mapping[str, Any], step: str, login: str = "manager") -> dict[str, Any]:
    """take, release, resolve or reopen a concern; the answer."""
    body = {"json": {"outcome": "recovered", "mood_after": 4}} if step == "resolve" else {}
    answer = world.request("POST", f"/v1/concerns/{concern['id']}/{step}", (shop, login), **body)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json
    return told


def edit(world: World, shop: Shop, concern: Mapping[str, Any], login: str = "floor", **said: Any) -> dict[str, Any]:
    """Complete or correct a concern; the answer."""
    path = f"/v1/concerns/{concern['id']}"
    version = world.request("GET", path, (shop, login)).headers["ETag"]
    answer = world.request("PATCH", path, (shop, login), json=said, headers={"If-Match": version})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json
    return told


def rows(world: World, model: type[T]) -> Sequence[T]:
    """Every row of a table, oldest first."""
    with world.back_office.reading(ALL_TENANTS) as session:
        return session.scalars(select(model).order_by(model.id)).unique().all()


def the_alert(world: World) -> Alert:
    """The only one there is."""
    (alert,) = rows(world, Alert)
    return alert


def queued(world: World, *tasks: OutboxKind) -> list[OutboxMessage]:
    """What is still to be done."""
    return [row for row in rows(world, OutboxMessage) if row.done_at is None and (not tasks or row.kind in tasks)]


def notifications(world: World) -> list[Notification]:
    return list(rows(world, Notification))


def of_device(world: World, device_id: UUID) -> Notification:
    """The only notification of a device."""
    (notification,) = (row for row in notifications(world) if row.device_id == device_id)
    return notification
