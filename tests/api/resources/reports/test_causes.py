"""The causes of a month take long to work out: they rest a while, and reports are right meanwhile."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from models.db.dirty_days import DirtyCauseMonth, DirtyDay
from models.db.session import ALL_TENANTS
from models.reports.rollups.rebuild import CAUSE_REBUILD_DELAY
from models.reports.rollups.tables import RollupCause
from notifications.worker.jobs.rollups import ROLLUP_INTERVAL
from tests.support.app import World
from tests.support.factories.concerns import log_concern
from tests.support.factories.organizations import Shop
from tests.support.worker import Notebook, over, worker_of


def rows(world: World, kind: Any) -> Sequence[Any]:
    with world.back_office.reading(ALL_TENANTS) as session:
        return session.scalars(select(kind)).all()


def by_category(world: World, shop: Shop) -> list[tuple[str, int]]:
    query = {"from": "2026-03-01", "to": "2026-03-31", "group_by": "category"}
    rows = world.request("GET", "/v1/reports/recovery", (shop, "hq"), query_string=query).json["rows"]
    return [(row["group"]["category"]["slug"], row["concerns"]) for row in rows]


def test_in_a_month_in_which_much_happens_they_are_worked_out_now_and_then(world: World, shop: Shop) -> None:
    kept, left = [], []
    with worker_of(world, over(Notebook())) as worker:
        for number in range(1, 1 + 3 * (CAUSE_REBUILD_DELAY // ROLLUP_INTERVAL)):
            log_concern(world, shop, category="food")
            worker.work_once()
            kept.append(sum(row.concerns for row in rows(world, RollupCause)))
            left.append(len(rows(world, DirtyCauseMonth)))
            assert by_category(world, shop) == [("food", number)]
            world.clock.move(seconds=ROLLUP_INTERVAL / timedelta(seconds=1))
    assert len(rows(world, DirtyDay)) == 0
    assert max(left) == CAUSE_REBUILD_DELAY // ROLLUP_INTERVAL
    assert sorted(set(kept)) == [0, 4, 8]


def test_once_nothing_happens_any_more_nothing_is_left_to_be_worked_out(world: World, shop: Shop) -> None:
    log_concern(world, shop, category="food")
    with worker_of(world, over(Notebook())) as worker:
        worker.work_once()
        assert (len(rows(world, DirtyDay)), len(rows(world, DirtyCauseMonth))) == (0, 1)
        world.clock.move(seconds=CAUSE_REBUILD_DELAY / timedelta(seconds=1))
        worker.work_once()
        assert (len(rows(world, DirtyDay)), len(rows(world, DirtyCauseMonth))) == (0, 0)
    assert by_category(world, shop) == [("food", 1)]
