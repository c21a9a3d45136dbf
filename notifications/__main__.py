"""`python -m notifications`: the worker process. SIGTERM and SIGINT let it finish what it has in hand."""

import os
import signal
import socket
import sys
import threading
from datetime import timedelta
from types import FrameType

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from config import Config, ConfigError, set_up_logging
from models.db.session import Database, DatabaseRole, UnsafeRole
from models.outbox.listener import OutboxListener
from models.outbox.message import OUTBOX_LEASE
from notifications.channels.base import Channel
from notifications.channels.log import LogChannel
from notifications.channels.push.channel import PushChannel
from notifications.channels.registry import PERSON_CHANNELS
from notifications.worker.worker import Worker

log = structlog.get_logger(__name__)
LONGEST_NAP = 1.0  # seconds; timed steps are looked for at least this often
# Seconds. Whoever records a letter asks the database several things, and after each answer waits for its turn behind a
# round that computes; the sooner it is recorded, the less a killed worker sends twice. Python's own is ten times that.
SWITCH_INTERVAL = 0.0005


def connect_channels(config: Config) -> dict[str, Channel]:
    """Return a channel for each service; those that are not configured print to the terminal."""
    terminal = LogChannel()
    push: Channel = terminal
    if config.google_application_credentials is not None:
        push = PushChannel.from_credentials(config.google_application_credentials, config.fcm_endpoint)
    to_people = {name: channel.connect(config) or terminal for name, channel in PERSON_CHANNELS.items()}
    return {"log": terminal, "push": push, **to_people}


def run(worker: Worker, waker: OutboxListener, stopping: threading.Event) -> None:
    """Work while there is work, sleep until something is written; a database that is away is waited for."""
    while not stopping.is_set():
        try:
            if not worker.work_once():
                waker.wait(LONGEST_NAP, stopping)
        except (DBAPIError, PoolTimeout) as error:
            log.warning("database unavailable", error=type(error).__name__)
            stopping.wait(LONGEST_NAP)


def main(lease: timedelta = OUTBOX_LEASE) -> int:
    try:
        config = Config.from_env()
        set_up_logging(config)
        database = Database(config.database_url, DatabaseRole.WORKER, pool=4)
        database.refuse_unsafe_role()
        name = f"{socket.gethostname()}:{os.getpid()}"
        worker = Worker(database, connect_channels(config), name=name, lease=lease, dead_man_url=config.dead_man_url)
    except (ConfigError, UnsafeRole, OSError, ValueError) as error:
        sys.stderr.write(f"worker: {error}\n")
        return 1
    except DBAPIError as error:
        sys.stderr.write(f"worker: the database is unavailable: {str(error.orig).splitlines()[0]}\n")
        return 1
    sys.setswitchinterval(SWITCH_INTERVAL)
    stopping = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopping.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    log.info("worker started")
    with OutboxListener(database.engine) as waker:
        run(worker, waker, stopping)
    worker.close()
    log.info("worker drained")
    return 0


if __name__ == "__main__":
    sys.exit(main())
