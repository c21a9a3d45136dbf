"""gunicorn's settings, all taken from Config: `python -m gunicorn -c gunicorn.conf.py wsgi:app`."""

import gc
import os
import shutil
import sys
import tempfile
from itertools import count
from pathlib import Path
from typing import Any

from gunicorn import glogging
from prometheus_client import values
from sqlalchemy.exc import DBAPIError

from config import Config, ConfigError, set_up_logging
from models.db.schema_check import SchemaMismatch
from models.db.session import Database, DatabaseRole, UnsafeRole

try:
    settings = Config.from_env()
except ConfigError as error:
    sys.exit(f"amends: {error}")


class Logger(glogging.Logger):
    """gunicorn's logger without handlers of its own, so that its lines take our format."""

    def setup(self, cfg: object) -> None:
        """Called at the start and at every reload."""
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True


set_up_logging(settings)
logger_class = Logger
accesslog = None  # the app logs one line of its own for each request

bind = settings.bind
workers = settings.web_workers
worker_class = "gthread"
threads = settings.web_threads
preload_app = True  # shares the loaded code between the workers; engines are made lazily, after the fork

timeout = 30
graceful_timeout = 15
keepalive = 5
# A worker is renewed now and then against leaks, but never the only one: nobody would serve meanwhile.
max_requests = 2000 if workers > 1 else 0
max_requests_jitter = 200
# The workers' heartbeat file must not wait for a disk.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - gunicorn makes a private file in it
# By default all instances of one user would share one control socket in the home folder.
control_socket_disable = True
chdir = str(Path(__file__).resolve().parent)


def on_starting(_server: object) -> None:
    """End the start in one line when the database lacks something, or would show this process more than one tenant."""
    database = Database(settings.database_url, DatabaseRole.APP, pool=1)
    try:
        database.refuse_unsafe_role()
        database.refuse_misfit_schema()
    except (UnsafeRole, SchemaMismatch) as error:
        sys.exit(f"amends: {error}")
    except DBAPIError as error:  # nothing is served that was not looked at: whoever started us tries again
        sys.exit(f"amends: the database cannot be used: {str(error.orig).splitlines()[0]}")
    finally:
        database.close()
    # Where the processes leave what they count, so that any of them can answer /metrics for all.
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="amends-metrics-", dir=worker_tmp_dir)


def when_ready(_server: object) -> None:
    """Keeps the loaded code in memory that workers share: a search for garbage would write into each page of it."""
    gc.collect()
    gc.freeze()


def pre_fork(server: Any, worker: Any) -> None:
    """Gives a worker the seat of one that is gone: it counts on in the same files, which by pid would pile up."""
    taken = {other.seat for other in server.WORKERS.values()}
    worker.seat = next(seat for seat in count() if seat not in taken)


def post_fork(_server: object, worker: Any) -> None:
    """From here on what is counted goes to the files of the seat."""
    values.ValueClass = values.MultiProcessValue(lambda: worker.seat)


def on_exit(_server: object) -> None:
    """Leaves nothing behind."""
    shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)
