"""`python -m notifications`: the worker process. On SIGTERM or SIGINT it finishes the deliveries it has started."""

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
from models.db.failures import is_unavailable, loggable
from models.db.schema_check import SchemaMismatch
from models.db.session import Database, DatabaseRole, UnsafeRole
from models.outbox.listener import OutboxListener
from models.outbox.message import OUTBOX_LEASE
from notifications.channels.base import Channel
from notifications.channels.log import LogChannel
from notifications.channels.push.channel import PushChannel
from notifications.channels.registry import PERSON_CHANNELS
from notifications.worker.worker import Worker

log = structlog.get_logger(__name__)
MAX_IDLE_SECONDS = 1.0  # without a notification from the database, what is due is looked for this often
# A thread that records a result sends several statements, and after each waits for the interpreter behind the thread
# of the rounds. The sooner a result is recorded, the fewer messages a killed worker leaves to be sent twice. Python's
# default is ten times this.
SWITCH_INTERVAL_SECONDS = 0.0005


def connect_channels(config: Config) -> dict[str, Channel]:
    """Return a channel for each service; those that are not configured print to the terminal."""
    terminal = LogChannel()
    push: Channel = terminal
    if config.google_application_credentials is not None:
        push = PushChannel.from_credentials(config.google_application_credentials, config.fcm_endpoint)
    to_people = {name: channel.connect(config) or terminal for name, channel in PERSON_CHANNELS.items()}
    return {"log": terminal, "push": push, **to_people}


def run(worker: Worker, listener: OutboxListener, stopping: threading.Event) -> None:
    """Work while there is work, then sleep until something is written. Wait while the database is unavailable."""
    while not stopping.is_set():
        try:
            if not worker.work_once():
                listener.wait(MAX_IDLE_SECONDS, stopping)
        except (DBAPIError, PoolTimeout) as error:
            if isinstance(error, DBAPIError) and not is_unavailable(error):
                log.error("unexpected error", job="round", **loggable(error))  # noqa: TRY400 an exception shows values
            else:
                log.warning("database unavailable", error=type(error).__name__)
            stopping.wait(MAX_IDLE_SECONDS)


def main(lease: timedelta = OUTBOX_LEASE) -> int:
    try:
        config = Config.from_env()
        set_up_logging(config)
        database = Database(config.database_url, DatabaseRole.WORKER, pool=4)
        database.refuse_unsafe_role()
        database.refuse_misfit_schema()
        name = f"{socket.gethostname()}:{os.getpid()}"
        worker = Worker(database, connect_channels(config), name=name, lease=lease, dead_man_url=config.dead_man_url)
    except (ConfigError, SchemaMismatch, UnsafeRole, OSError, ValueError) as error:
        sys.stderr.write(f"worker: {error}\n")
        return 1
    except DBAPIError as error:
        sys.stderr.write(f"worker: the database is unavailable: {str(error.orig).splitlines()[0]}\n")
        return 1
    sys.setswitchinterval(SWITCH_INTERVAL_SECONDS)
    stopping = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopping.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    log.info("worker started")
    with OutboxListener(database.engine) as listener:
        run(worker, listener, stopping)
    worker.close()
    log.info("worker drained")
    return 0


if __name__ == "__main__":
    sys.exit(main())
