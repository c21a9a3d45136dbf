"""Settings of gunicorn, taken from Config: `python -m gunicorn -c gunicorn.conf.py wsgi:app`."""

import gc
import json
import os
import shutil
import socket
import sys
import tempfile
from itertools import count
from pathlib import Path
from typing import Any

from gunicorn import glogging, util
from gunicorn.workers.gthread import TConn, ThreadWorker
from prometheus_client import values
from sqlalchemy.exc import DBAPIError

from api.web.problems import STATUS_TITLES
from api.web.slow_clients import SlowClientSocket, WaitingPlaces
from api.web.thread_shares import ThreadShares
from config import Config, ConfigError, set_up_logging
from models.db.schema_check import SchemaMismatch
from models.db.session import Database, DatabaseRole, UnsafeRole

try:
    settings = Config.from_env()
except ConfigError as error:
    sys.exit(f"amends: {error}")


class Logger(glogging.Logger):
    """gunicorn's logger without its own handlers, so that its lines have the format of all others."""

    def setup(self, cfg: object) -> None:
        """Run by gunicorn at the start and at every reload."""
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True


def write_problem(sock: socket.socket, status: int, reason: str, detail: str) -> None:
    """Answer what gunicorn refuses before the application sees it: a problem, instead of gunicorn's page of HTML."""
    code, title = STATUS_TITLES.get(status, STATUS_TITLES[400])
    problem = {"type": f"/problems/{code}", "title": title, "status": status, "detail": detail or reason, "code": code}
    body = json.dumps({**problem, "request_id": None})
    head = f"HTTP/1.1 {status} {reason}\r\nConnection: close\r\nContent-Type: application/problem+json\r\n"
    util.write_nonblock(sock, f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode("ascii"))


class Worker(ThreadWorker):
    """gunicorn's worker with threads, of which one is left whoever makes the others wait."""

    def init_process(self) -> None:
        """Run by gunicorn in each new process."""
        self.waiting_places = WaitingPlaces(ThreadShares.of(self.cfg.threads).slow_clients)
        super().init_process()

    def enqueue_req(self, conn: TConn) -> None:
        """Run by gunicorn for each connection that has something to read."""
        if not isinstance(conn.sock, SlowClientSocket):
            conn.sock = SlowClientSocket(conn.sock, self.waiting_places)
        super().enqueue_req(conn)

    def handle(self, conn: TConn) -> object:
        """Run by gunicorn in a thread, for each request."""
        conn.sock.begin_request()
        return super().handle(conn)

    def handle_request(self, req: object, conn: TConn) -> bool:
        """Run by gunicorn when it has read the headers."""
        conn.sock.is_in_body = True
        return super().handle_request(req, conn)


util.write_error = write_problem
set_up_logging(settings)
logger_class = Logger
accesslog = None  # the application logs one line per request itself
loglevel = "warning" if settings.log_format == "console" else "info"  # a terminal is for people

bind = settings.bind
workers = settings.web_workers
worker_class = Worker
sendfile = False  # the system would send files without regard to slow clients
threads = settings.web_threads
preload_app = True  # shares the loaded code between the workers; engines are made lazily, after the fork

timeout = 30
graceful_timeout = 15
keepalive = settings.keepalive
# Workers are replaced now and then against leaks, but never the only one: nobody would serve meanwhile.
max_requests = 2000 if workers > 1 else 0
max_requests_jitter = 200
# The workers' heartbeat file must not wait for a disk.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - gunicorn makes a private file in it
# By default all instances of a user share one control socket in the home folder.
control_socket_disable = True
chdir = str(Path(__file__).resolve().parent)


def on_starting(_server: object) -> None:
    """Stop the start with one line when the schema does not fit or the role could see more than one tenant."""
    database = Database(settings.database_url, DatabaseRole.APP, pool=1)
    try:
        database.refuse_unsafe_role()
        database.refuse_misfit_schema()
    except (UnsafeRole, SchemaMismatch) as error:
        sys.exit(f"amends: {error}")
    except DBAPIError as error:  # the role cannot be checked, so nothing is served; the supervisor tries again
        sys.exit(f"amends: the database cannot be used: {str(error.orig).splitlines()[0]}")
    finally:
        database.close()
    # Folder of the metrics of all processes, so that any of them can answer /metrics for all.
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="amends-metrics-", dir=worker_tmp_dir)


def when_ready(_server: object) -> None:
    """Freeze the loaded code: garbage collection would write to its memory pages, and workers could not share them."""
    gc.collect()
    gc.freeze()


def pre_fork(server: Any, worker: Any) -> None:
    """Give a worker the number of one that ended, so that it continues its metric files; by pid they would pile up."""
    taken = {other.number for other in server.WORKERS.values()}
    worker.number = next(number for number in count() if number not in taken)


def post_fork(_server: object, worker: Any) -> None:
    """Let the metrics of this worker go to the files of its number."""
    values.ValueClass = values.MultiProcessValue(lambda: worker.number)


def on_exit(_server: object) -> None:
    """Remove the folder of the metrics."""
    shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)
