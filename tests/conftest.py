"""What every test can ask for: a database of each kind, and a count of what ran where."""

import contextlib
import gc
import signal
import threading
from collections import Counter
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import certifi
import pytest
from argon2 import PasswordHasher

from models.staff.credentials import password
from tests.support import profiles
from tests.support.app import App, close_databases, empty_every_table
from tests.support.databases import KINDS, Databases, migrate
from tests.support.factories.organizations import Shop, make_shop
from tests.support.log_privacy import fail_if_personal, forget_secrets, log_plain_tracebacks
from tests.support.postgres import Server, running_server
from tests.support.store_scenario import StoreScenario, store_scenario

__all__ = ["migrate"]

SERVER = pytest.StashKey[Server]()


def pytest_configure(config: pytest.Config) -> None:
    """Let a SIGTERM end the run as a Ctrl-C does, so that the server is stopped."""
    if threading.current_thread() is threading.main_thread() and not hasattr(config, "workerinput"):
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    profiles.configure(config)


def _shared_server(config: pytest.Config) -> Server:
    if handed := getattr(config, "workerinput", {}).get("postgres"):
        return Server(*handed)
    if SERVER not in config.stash:
        stack = contextlib.ExitStack()
        config.stash[SERVER] = stack.enter_context(running_server())
        config.add_cleanup(stack.close)
    return config.stash[SERVER]


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Hand every process of pytest-xdist the one server that the controlling process starts and stops."""
    server = _shared_server(node.config)
    node.workerinput["postgres"] = (server.address, server.prefix)


@pytest.fixture(scope="session")
def postgres_server(pytestconfig: pytest.Config) -> Server:
    """The PostgreSQL of this run, started when the first test wants it."""
    return _shared_server(pytestconfig)


@pytest.fixture(scope="session")
def databases(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    """The databases of this process."""
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if hasattr(pytestconfig, "workerinput") else base) / "templates"
    shared.mkdir(exist_ok=True)
    yield Databases(tmp_path_factory.mktemp("databases"), lambda: _shared_server(pytestconfig), shared=shared)
    close_databases()


@pytest.fixture(scope="session", params=KINDS)
def database_kind(request: pytest.FixtureRequest) -> str:
    """Run each test that uses it once on each kind, unless it is marked `only_on_postgresql` or `only_on_sqlite`."""
    return str(request.param)


@pytest.fixture(scope="session")
def database_url(databases: Databases, database_kind: str) -> str:
    """A migrated database that all tests of this process share: leave it as it was found."""
    return databases.migrated(database_kind)


@pytest.fixture
def empty_database_url(databases: Databases, database_kind: str) -> Iterator[str]:
    """A database without any table, for this test alone."""
    with databases.empty(database_kind) as url:
        yield url


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Note on each test which database it runs on, for its report, and leave the tests of this profile."""
    for item in items:
        callspec = getattr(item, "callspec", None)
        kind = callspec.params.get("database_kind") if callspec else None
        if not kind and "postgres_server" in getattr(item, "fixturenames", []):
            kind = "postgresql"
        item.user_properties.append(("database", kind or "neither"))
    chosen, others = [], []
    for item in items:
        (chosen if profiles.is_selected(item) else others).append(item)
    config.hook.pytest_deselected(items=others)
    items[:] = chosen


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    call: pytest.CallInfo[None],
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Read what each test made the application log."""
    report = fail_if_personal((yield))
    if call.when == "teardown":
        forget_secrets()
    return report


def pytest_collection_finish() -> None:
    """Look for garbage seldom, and never among what stays: that held up a process longer than a lock is waited for."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many tests ran on which database."""
    ran: Counter[object] = Counter()
    for outcome in ("passed", "failed", "xfailed", "xpassed"):
        for report in terminalreporter.stats.get(outcome, []):
            if report.when == "call":
                ran[dict(report.user_properties).get("database", "neither")] += 1
    terminalreporter.write_line(
        f"tests on SQLite: {ran['sqlite']}, on PostgreSQL: {ran['postgresql']}, on neither: {ran['neither']}"
    )


@pytest.fixture
def app(database_url: str) -> Iterator[App]:
    """The application on a migrated database of each kind; what the test commits is gone afterwards."""
    yield App(database_url)
    empty_every_table(database_url)


@pytest.fixture
def shop(app: App) -> Shop:
    """An organization to work with."""
    return make_shop(app.back_office)


@pytest.fixture(scope="session", autouse=True)
def _plain_tracebacks() -> None:
    """What is logged, and read by `fail_if_personal`, is what the product would log."""
    log_plain_tracebacks()


@pytest.fixture(scope="session", autouse=True)
def _cheap_passwords() -> None:
    """Argon2 at its lowest cost: what is tested is what we do with it."""
    password.password_hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture(scope="session", autouse=True)
def _one_certificate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Trust one certificate authority: each HTTP client reads the file, all of them take longer than most tests."""
    certificates = Path(certifi.where()).read_text(encoding="ascii", errors="ignore")
    end = "-----END CERTIFICATE-----\n"
    one = tmp_path_factory.mktemp("certificates") / "one.pem"
    one.write_text(certificates[certificates.index("-----BEGIN") : certificates.index(end)] + end)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(one))
        yield


@pytest.fixture
def scenario(app: App) -> Iterator[StoreScenario]:
    """A store at work with a worker whose messages are recorded; everybody has a phone."""
    with store_scenario(app) as scenario:
        scenario.give_phones()
        yield scenario
