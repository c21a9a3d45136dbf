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
from tests.support.app import World
from tests.support.factories.organizations import Shop

DAYS = {"from": "2026-03-01", "to": "2026-03-31"}


def report(world: World, shop: Shop, by: str = "hq", *, accept: str | None = None, **query: Any) -> TestResponse:
    headers = {"Accept": accept} if accept else {}
    return world.request("GET", "/v1/reports/recovery", (shop, by), query_string={**DAYS, **query}, headers=headers)


def refresh(database: Database, *, at_once: int = REBUILD_BATCH) -> int:
    """Work out some of what is marked of one organization; how much, 0 when there is nothing to do."""
    at = database.clock()
    for organization_id in organizations_with_dirty_rollups(database, at=at):
        if done := rebuild_organization(database, organization_id, at=at, at_once=at_once):
            return done
    return 0


def refresh_everything(database: Database) -> Iterator[int]:
    """Work out all that is marked, rested or not; some at a time, how much."""
    yield from rebuild_all_days(database)
    yield from rebuild_all_cause_months(database)
