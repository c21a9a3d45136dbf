"""Firebase fails in every way it can fail, and no alert is lost: `make chaos-fcm`."""

import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock
from uuid import UUID

from structlog.testing import capture_logs

from models.alerts.notification import Notification, NotificationState
from models.staff.device import AddressKind
from notifications.channels.base import Channel, DeliveryResult, Message
from notifications.channels.push.channel import PushChannel
from notifications.worker.delivery import MAX_BACK_OFF
from notifications.worker.worker import Worker
from tests.chaos.drivers import push_backlog, push_hanging
from tests.chaos.drivers.chaos_run import Figures as AnyFigures
from tests.chaos.drivers.chaos_run import fresh_postgresql, run_from_command_line
from tests.support.app import App, empty_every_table
from tests.support.factories.concerns import log_concern
from tests.support.factories.organizations import Shop, make_shop
from tests.support.factories.staff import give_phone
from tests.support.fakes import fcm_answers
from tests.support.fakes.fcm import FcmStandIn
from tests.support.fakes.fcm_answers import Answer
from tests.support.rows import pending_messages, rows
from tests.support.worker import for_all_kinds, running_worker, work_until_idle

OUTAGE = timedelta(minutes=10)
PHONES = 2
DRAINED_WITHIN = timedelta(seconds=60)
TIMEOUT = 0.3  # seconds instead of ten, for the machine's clock cannot be moved

MODES: Mapping[str, Callable[[], Answer]] = {
    "503": fcm_answers.unavailable,
    "silent": fcm_answers.hang,
    "429": fcm_answers.quota,
    "429 with Retry-After": lambda: fcm_answers.quota(20),
    "401": fcm_answers.unauthenticated,
}


@dataclass
class Figures:
    """Figures of the run.

    `lost` are the notifications that never reached Firebase although it answered again when there was still time: more
    than the longest pause between two attempts.
    """

    mode: str
    attempts: int = 0
    posts: int = 0
    states: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    unsaid: int = 0  # expired, and nothing says why
    ready: list[str] = field(default_factory=list)  # /readyz during the outage and after it
    drained_in: timedelta = timedelta(0)
    left: int = 0
    errors: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        states = ", ".join(f"{count} {state}" for state, count in sorted(self.states.items()))
        return (
            f"Firebase away for 10 minutes ({self.mode}): notifications {states}; {self.lost} lost; "
            f"{self.posts} POSTs in {self.attempts} attempts; /readyz {', then '.join(self.ready)}; drained "
            f"{self.drained_in.total_seconds():.0f} s after its return"
        )

    def broken(self) -> list[str]:
        guarantees = {
            "somebody was forgotten before the time was over": self.lost > 0,
            "somebody who was notified too late does not see it": self.unsaid > 0,
            "more than one POST for an attempt": self.posts > self.attempts,
            "/readyz does not say how it is": self.ready != ["200 degraded", "200 ok"],
            "not drained within a minute": self.left > 0 or self.drained_in > DRAINED_WITHIN,
            "an unexpected error happened": bool(self.errors),
        }
        return [guarantee for guarantee, broken in guarantees.items() if broken]


class Counting:
    """A channel that counts its calls."""

    def __init__(self, channel: Channel) -> None:
        self._channel, self._counting = channel, Lock()
        self.attempts: Counter[UUID] = Counter()

    def deliver(self, message: Message) -> DeliveryResult:
        with self._counting:
            self.attempts[message.notification_id] += 1
        return self._channel.deliver(message)

    def close(self) -> None:
        self._channel.close()


def run_chaos(app: App, folder: Path, *, mode: str, step: timedelta, seed: int) -> Figures:
    """Ten minutes of the clock in which concerns are logged at random moments and Firebase takes none."""
    rng, figures, shop = random.Random(seed), Figures(mode), make_shop(app.back_office)
    for number in range(PHONES):
        give_phone(app.back_office, shop, "manager", f"phone-{number}", kind=AddressKind.FCM_TOKEN)
    with capture_logs() as logged, FcmStandIn(folder) as fcm:
        push = Counting(PushChannel.from_credentials(fcm.credentials, fcm.url, timeout=TIMEOUT))
        with running_worker(app, for_all_kinds(push)) as worker:
            back_at = _away(app, shop, worker, fcm, rng, mode=mode, step=step)
            figures.ready.append(_ready(app))
            fcm.answer = fcm_answers.ok()
            log_concern(app, shop)  # only the next message shows that it is back, and all before may have expired
            while pending_messages(app) and app.clock() < back_at + DRAINED_WITHIN:
                app.clock.move(seconds=5)
                work_until_idle(worker)
            figures.drained_in, figures.left = app.clock() - back_at, len(pending_messages(app))
            app.clock.move(seconds=5)  # the worker shows itself
            work_until_idle(worker)
            figures.ready.append(_ready(app))
        pushes = Counter(post.notification_id for post in fcm.accepted)
        posts = Counter(post.notification_id for post in fcm.posts)
    figures.attempts, figures.posts = push.attempts.total(), posts.total()
    _judge(figures, rows(app, Notification), pushes, back_at)
    figures.errors = Counter(line["event"] for line in logged if line["log_level"] == "error")
    return figures


def _away(
    app: App, shop: Shop, worker: Worker, fcm: FcmStandIn, rng: random.Random, *, mode: str, step: timedelta
) -> datetime:
    """The outage; the moment it ends."""
    log_concern(app, shop)  # this one cannot be sent in time
    back_at = app.clock() + OUTAGE
    while True:
        fcm.answer = MODES[mode]()
        work_until_idle(worker)
        fcm.release()
        if app.clock() >= back_at:
            return back_at
        app.clock.move(seconds=step.total_seconds())
        if rng.random() < 0.5:
            log_concern(app, shop)


def _judge(figures: Figures, notifications: Sequence[Notification], pushes: Counter[str], back_at: datetime) -> None:
    figures.states = Counter(notification.state.value for notification in notifications)
    for notification in notifications:
        accepted = notification.state is NotificationState.ACCEPTED
        expired = notification.state is NotificationState.EXPIRED
        in_time = notification.expires_at > back_at + MAX_BACK_OFF
        figures.lost += not (accepted and str(notification.id) in pushes) and not (expired and not in_time)
        figures.unsaid += expired and not notification.failure


def _ready(app: App) -> str:
    answer = app.request("GET", "/readyz")
    body = answer.json or {}
    return f"{answer.status_code} {body.get('push')}"


def long_run(folder: Path, seed: int) -> Iterator[AnyFigures]:
    """The long version."""
    with fresh_postgresql() as (_, url):
        for mode in MODES:
            app = App(url)
            yield run_chaos(app, folder, mode=mode, step=timedelta(seconds=10), seed=seed)
            app.close()
            empty_every_table(url)
        yield push_backlog.run_chaos(url, folder, backlog=1000)
        empty_every_table(url)
        yield push_hanging.run_chaos(url, folder, rounds=3, seconds=10.0)


if __name__ == "__main__":
    sys.exit(run_from_command_line(long_run))
