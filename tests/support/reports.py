"""Requests for the recovery report, and the refresh of its rollups as the worker does it."""

from collections.abc import Iterator
from typing import Any

from werkzeug.test import TestResponse

from models.db.session import Database
from models.reports.rollups.rebuild import (
    REBUILD_BATCH,
    organizations_with_dirty_rollups,
    rebuild_all_cause_months,
    rebuild_all_days,
    rebuild_organization,
)
from tests.support.app import App
from tests.support.factories.organizations import Shop

MARCH = {"from": "2026-03-01", "to": "2026-03-31"}


def recovery_report(app: App, shop: Shop, by: str = "hq", *, accept: str | None = None, **query: Any) -> TestResponse:
    headers = {"Accept": accept} if accept else {}
    return app.request("GET", "/v1/reports/recovery", (shop, by), query_string={**MARCH, **query}, headers=headers)


def refresh_rollups(database: Database, *, at_once: int = REBUILD_BATCH) -> int:
    """Rebuild some dirty rollups of one organization; return how many, 0 when nothing is dirty."""
    at = database.clock()
    for organization_id in organizations_with_dirty_rollups(database, at=at):
        if done := rebuild_organization(database, organization_id, at=at, batch_size=at_once):
            return done
    return 0


def refresh_all_rollups(database: Database) -> Iterator[int]:
    """Rebuild all dirty rollups, due or not; yield how many after each batch."""
    yield from rebuild_all_days(database)
    yield from rebuild_all_cause_months(database)
