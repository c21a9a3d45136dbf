"""An organization with a history and computed rollups, and the web that serves it."""

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

from bench.history import History, write_history
from models.reports.rollups.rebuild import mark_all_dirty
from tests.chaos.drivers.chaos_run import fresh_postgresql, say
from tests.chaos.drivers.web_processes import Web, running_web
from tests.support.app import App
from tests.support.factories.organizations import Shop, make_shop
from tests.support.reports import refresh_all_rollups


@dataclass
class BenchOrganization:
    """Organization of a benchmark, with its database, web process and the seconds that its setup took.

    `store_id` is one of its many stores, `rollup_days` the number of its rollups of a store and day.
    """

    history: History
    app: App
    shop: Shop
    sql: psycopg.Connection
    web: Web
    folder: Path
    store_id: str
    write_seconds: float
    rebuild_seconds: float
    rollup_days: int

    def __str__(self) -> str:
        return (
            f"{self.history}, written in {self.write_seconds:.0f} s; "
            f"{self.rollup_days} daily rollups rebuilt in {self.rebuild_seconds:.0f} s"
        )

    def time_request(self, path: str) -> float:
        """Return the seconds that a GET takes over HTTP."""

        def send_request() -> None:
            answer = self.web.request("GET", path, self.shop.tokens["admin"])
            assert answer.status_code == 200, answer.text

        return measure_seconds(send_request)


@contextmanager
def organization_with_history(history: History) -> Iterator[BenchOrganization]:
    """Write the history, rebuild its rollups and start the web."""
    with fresh_postgresql() as (_, url), tempfile.TemporaryDirectory(prefix="amends-") as folder:
        say(f"writing {history.concerns} concerns ...")
        conninfo = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        with capture_logs(), closing(App(url)) as app, psycopg.connect(conninfo, autocommit=True) as sql:
            app.clock.at = datetime.now(UTC)  # the web process cannot be given another clock
            shop = make_shop(app.back_office, at=app.clock())
            write_seconds = measure_seconds(lambda: write_history(url, app, shop, history))
            rebuild_seconds, rollup_days = rebuild_rollups(app)
            sql.execute("VACUUM ANALYZE")
            (store_id,) = sql.execute("SELECT id::text FROM store WHERE slug = 'copy-7'").fetchone() or ("",)
            with running_web(url, Path(folder)) as web:
                yield BenchOrganization(
                    history, app, shop, sql, web, Path(folder), store_id, write_seconds, rebuild_seconds, rollup_days
                )


def rebuild_rollups(app: App) -> tuple[float, int]:
    """Rebuild all rollups as `flask --app wsgi reports rebuild` does; return the seconds and the number of days."""
    begun = time.perf_counter()
    days = sum(mark_all_dirty(app.back_office))
    for _ in refresh_all_rollups(app.back_office):
        pass
    return time.perf_counter() - begun, days


def measure_seconds(call: Callable[[], object]) -> float:
    """Return the seconds that a call takes."""
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun
