"""Rollups of causes by month are slow to compute: their rebuild is delayed, and reports are right meanwhile."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from models.db.dirty_days import DirtyCauseMonth, DirtyDay
from models.db.session import ALL_TENANTS
from models.reports.rollups.rebuild import CAUSE_REBUILD_DELAY
from models.reports.rollups.tables import RollupCause
from notifications.worker.jobs.rollups import ROLLUP_INTERVAL
from tests.support.app import App
from tests.support.factories.concerns import log_concern
from tests.support.factories.organizations import Shop
from tests.support.worker import RecordingChannel, for_all_kinds, running_worker


def rows(app: App, kind: Any) -> Sequence[Any]:
    with app.back_office.reading(ALL_TENANTS) as session:
        return session.scalars(select(kind)).all()


def by_category(app: App, shop: Shop) -> list[tuple[str, int]]:
    query = {"from": "2026-03-01", "to": "2026-03-31", "group_by": "category"}
    rows = app.request("GET", "/v1/reports/recovery", (shop, "hq"), query_string=query).json["rows"]
    return [(row["group"]["category"]["slug"], row["concerns"]) for row in rows]


def test_the_causes_of_a_busy_month_are_recomputed_now_and_then(app: App, shop: Shop) -> None:
    kept, left = [], []
    with running_worker(app, for_all_kinds(RecordingChannel())) as worker:
        for number in range(1, 1 + 3 * (CAUSE_REBUILD_DELAY // ROLLUP_INTERVAL)):
            log_concern(app, shop, category="food")
            worker.work_once()
            kept.append(sum(row.concerns for row in rows(app, RollupCause)))
            left.append(len(rows(app, DirtyCauseMonth)))
            assert by_category(app, shop) == [("food", number)]
            app.clock.move(seconds=ROLLUP_INTERVAL / timedelta(seconds=1))
    assert len(rows(app, DirtyDay)) == 0
    assert max(left) == CAUSE_REBUILD_DELAY // ROLLUP_INTERVAL
    assert sorted(set(kept)) == [0, 4, 8]


def test_once_nothing_happens_any_more_nothing_is_left_to_be_recomputed(app: App, shop: Shop) -> None:
    log_concern(app, shop, category="food")
    with running_worker(app, for_all_kinds(RecordingChannel())) as worker:
        worker.work_once()
        assert (len(rows(app, DirtyDay)), len(rows(app, DirtyCauseMonth))) == (0, 1)
        app.clock.move(seconds=CAUSE_REBUILD_DELAY / timedelta(seconds=1))
        worker.work_once()
        assert (len(rows(app, DirtyDay)), len(rows(app, DirtyCauseMonth))) == (0, 0)
    assert by_category(app, shop) == [("food", 1)]
