"""A chain with a history, its sums kept, behind a running web."""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from sqlalchemy import make_url
from structlog.testing import capture_logs

from bench.history import History, write
from models.reports.rollups.rebuild import mark_all_dirty
from tests.chaos.drivers.chaos_run import fresh_postgresql, say
from tests.chaos.drivers.web_processes import Web, running_web
from tests.support.app import App
from tests.support.factories.organizations import Shop, make_shop
from tests.support.reports import refresh_all_rollups


@dataclass
class Chain:
    """`written_in` and `rebuilt_in` are seconds, `days` how many stores' days are kept; `store` is one of many."""

    history: History
    app: App
    shop: Shop
    sql: psycopg.Connection
    web: Web
    folder: Path
    store: str
    written_in: float
    rebuilt_in: float
    days: int

    def __str__(self) -> str:
        return f"{self.history}, written in {self.written_in:.0f} s; {self.days} days kept in {self.rebuilt_in:.0f} s"

    def ask(self, path: str) -> float:
        """Seconds, over HTTP."""

        def over_http() -> None:
            answer = self.web.request("GET", path, self.shop.tokens["admin"])
            assert answer.status_code == 200, answer.text

        return timed(over_http)


@contextmanager
def a_chain(history: History) -> Iterator[Chain]:
    """Write the history, and keep its sums."""
    with fresh_postgresql() as (_, url), tempfile.TemporaryDirectory(prefix="amends-") as folder:
        say(f"{history.concerns} concerns are being written down ...")
        conninfo = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        with capture_logs(), closing(App(url)) as app, psycopg.connect(conninfo, autocommit=True) as sql:
            app.clock.at = datetime.now(UTC)  # the web has no other
            shop = make_shop(app.back_office, at=app.clock())
            written_in = timed(lambda: write(url, app, shop, history))
            rebuilt_in, days = rebuild(app)
            sql.execute("VACUUM ANALYZE")
            (store,) = sql.execute("SELECT id::text FROM store WHERE slug = 'copy-7'").fetchone() or ("",)
            with running_web(url, Path(folder)) as web:
                yield Chain(history, app, shop, sql, web, Path(folder), store, written_in, rebuilt_in, days)


def rebuild(app: App) -> tuple[float, int]:
    """Seconds, and days, as `flask --app wsgi reports rebuild` does it."""
    begun = time.perf_counter()
    days = sum(mark_all_dirty(app.back_office))
    for _ in refresh_all_rollups(app.back_office):
        pass
    return time.perf_counter() - begun, days


def timed(do: Callable[[], object]) -> float:
    """Seconds."""
    begun = time.perf_counter()
    do()
    return time.perf_counter() - begun
