"""The demo organizations in a database, seeded once per run for all tests that read them."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from uuid import UUID

from sqlalchemy import select

from api.cli.demo.seed import seed
from models.db.session import ALL_TENANTS
from models.organizations.organization import Organization
from models.organizations.store import Store
from tests.support.app import App
from tests.support.clock import NOON
from tests.support.databases import Databases
from tests.support.oracle.report_recount import ReportRows, read_report_rows


@contextmanager
def seeded_demo(databases: Databases, database_kind: str) -> Iterator[tuple[App, dict[str, UUID], ReportRows]]:
    """Give an application with the demo as of NOON, its stores by slug, and its raw rows."""
    with databases.copy(database_kind, "demo", _fill) as (url, (stores, rows)), closing(App(url)) as app:
        yield app, stores, rows


def token_of(app: App, login: str) -> str:
    """Sign somebody of the demo in."""
    body = {"organization": "demo", "login": login, "password": f"demo-{login}-2468"}
    answer = app.request("POST", "/v1/sessions", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json["token"])


def _fill(url: str) -> tuple[dict[str, UUID], ReportRows]:
    with closing(App(url)) as app:
        seed(app.back_office, at=NOON)
        with app.back_office.reading(ALL_TENANTS) as session:
            organization_id = Organization.by_slug(session, "demo").id
        with app.back_office.reading(organization_id) as session:
            stores = {store.slug: store.id for store in session.scalars(select(Store))}
            return stores, read_report_rows(session, list(stores.values()))
