"""Reports equal a recount at any moment: with rollups fresh, dirty, half rebuilt or rebuilt."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, select

from models.db.dirty_days import DirtyDay
from models.db.session import ALL_TENANTS, Database, DatabaseRole
from models.organizations.store import Store
from models.reports.rollups import dirty as marked
from models.reports.rollups import rebuild as refreshing
from models.reports.rollups.rebuild import mark_all_dirty, organizations_with_dirty_rollups
from notifications.worker.jobs import rollups as sums
from notifications.worker.jobs.rollups import ROLLUP_INTERVAL
from tests.support.app import App
from tests.support.databases import only_on_postgresql
from tests.support.factories.concerns import log_concern
from tests.support.factories.organizations import Shop, make_shop
from tests.support.factories.staff import give_phone
from tests.support.oracle.recounted_organization import RecountedOrganization
from tests.support.profiles import examples
from tests.support.reports import refresh_all_rollups, refresh_rollups
from tests.support.threads import wait_for_blocked_transaction
from tests.support.worker import RecordingChannel, for_all_kinds, running_worker, work_until_idle

# More than five seconds: after each change all reports are compared with a recount.
PATIENCE = 60.0


@examples(quick=1, deep=2)
@given(rng=st.randoms(use_true_random=False), concerns=st.integers(1, 25))
def test_with_rollups_fresh_dirty_or_recomputed_the_report_is_a_recount(app: App, rng: Random, concerns: int) -> None:
    organization = RecountedOrganization(app, f"shop-{app.clock.move(seconds=1):%H%M%S}")
    organization.live(rng, concerns)
    assert organization.differences() == []  # no rollups yet: every day is dirty
    organization.refresh_all()
    assert organization.count_dirty() == 0
    assert organization.differences() == []
    organization.live(rng, rng.randint(1, 5))
    organization.move(rng)
    organization.merge(rng)
    assert organization.count_dirty() > 0
    assert organization.differences() == []  # some days are dirty, the others are rolled up
    while refresh_rollups(app.back_office):
        assert organization.differences() == []  # the days are rolled up, the causes of their months are not
    assert organization.count_dirty() > 0
    organization.refresh_all()
    assert organization.differences() == []
    organization.delete_rollups()
    organization.rebuild()
    assert organization.differences() == []


def test_however_many_days_are_dirty_the_report_is_a_recount(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few days are named in the statements, of many they find out themselves."""
    organization = RecountedOrganization(app)
    organization.live(Random(6), 25)
    organization.refresh_all()
    organization.live(Random(7), 5)
    assert organization.count_dirty() > 0
    for named in (0, 1000):
        monkeypatch.setattr(marked, "MAX_LISTED", named)
        assert organization.differences() == []


def test_a_refresh_of_some_days_leaves_the_others_dirty(app: App) -> None:
    organization = RecountedOrganization(app)
    organization.live(Random(1), 30)
    for _ in range(4):
        assert 0 < refresh_rollups(app.back_office, at_once=3) <= 3
        assert organization.differences() == []
    assert organization.count_dirty() > 0


def test_what_breaks_half_way_leaves_the_figures_and_the_dirty_days_as_they_were(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    organization = RecountedOrganization(app)
    organization.live(Random(2), 20)
    marks = organization.count_dirty()
    with monkeypatch.context() as broken:
        broken.setattr(refreshing, "_rows_by_currency", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            refresh_rollups(app.back_office)
    assert organization.count_dirty() == marks
    assert organization.differences() == []
    organization.refresh_all()
    assert organization.differences() == []


def test_without_dirty_days_the_report_would_be_wrong(app: App) -> None:
    """That the tests above would see it: what is kept is really read."""
    organization = RecountedOrganization(app)
    organization.live(Random(3), 20)
    organization.refresh_all()
    organization.live(Random(4), 5)
    with app.back_office.writing(ALL_TENANTS) as session:
        session.execute(delete(DirtyDay))
    assert organization.differences() != []


def test_a_tap_of_a_check_is_counted_at_once(app: App, shop: Shop) -> None:
    organization = {"from": "2026-03-01", "to": "2026-03-31"}
    for expected in (1, 2):
        assert (
            app.request("POST", "/v1/checks", (shop, "floor"), json={"store_id": str(shop.store_id)}).status_code == 201
        )
        totals = app.request("GET", "/v1/reports/recovery", (shop, "hq"), query_string=organization).json["totals"]
        assert totals["checks"] == expected
        refresh_rollups(app.back_office)


@only_on_postgresql
def test_two_at_once_while_others_write_leave_nothing_out(app: App) -> None:
    """Two refresh without a pause while two write; each report holds at least what was committed before it."""
    organization, writing = RecountedOrganization(app), threading.Event()
    organization.live(Random(5), 20)
    writing.set()

    def write() -> int:
        for number in range(25):
            log_concern(app, organization.shop, mood=1 + number % 4)
        return 25

    def refresh() -> int:
        refreshed = 0
        with closing(Database(app.url, DatabaseRole.WORKER, clock=app.clock)) as database:
            while writing.is_set() or organization.count_dirty(DirtyDay):
                refreshed += refresh_rollups(database, at_once=5)
        return refreshed

    counts = [organization.reported_concerns()]
    with ThreadPoolExecutor(4) as workers:
        refreshers, writers = [workers.submit(refresh) for _ in range(2)], [workers.submit(write) for _ in range(2)]
        while not all(writer.done() for writer in writers):
            counts.append(organization.reported_concerns())
        writing.clear()
        assert sum(refresher.result(PATIENCE) for refresher in refreshers) > 0
    assert counts == sorted(counts)
    assert organization.reported_concerns() == counts[0] + sum(writer.result() for writer in writers)
    assert organization.count_dirty(DirtyDay) == 0
    assert organization.differences() == []


def test_a_worker_that_dies_half_way_leaves_it_to_the_next_one(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    organization = RecountedOrganization(app)
    organization.live(Random(6), 10)
    with monkeypatch.context() as dying:
        dying.setattr(refreshing, "_rows_by_currency", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt), running_worker(app, for_all_kinds(RecordingChannel())) as worker:
            worker.work_once()
    assert organization.count_dirty() > 0
    assert organization.differences() == []
    with running_worker(app, for_all_kinds(RecordingChannel()), name="next") as worker:
        while organization.count_dirty():
            worker.work_once()
            app.clock.move(seconds=ROLLUP_INTERVAL.total_seconds())
    assert organization.differences() == []


def test_a_worker_recomputes_dirty_days_within_seconds_and_not_in_every_round(app: App, shop: Shop) -> None:
    def count_dirty() -> int:
        with app.back_office.reading(ALL_TENANTS) as session:
            return len(session.scalars(DirtyDay.__table__.select()).all())

    with running_worker(app, for_all_kinds(RecordingChannel())) as worker:
        log_concern(app, shop)
        worker.work_once()
        assert count_dirty() == 0
        log_concern(app, shop)
        worker.work_once()
        assert count_dirty() > 0
        app.clock.move(seconds=ROLLUP_INTERVAL / timedelta(seconds=1))
        worker.work_once()
        assert count_dirty() == 0


def test_a_round_works_out_one_organization_and_one_that_breaks_keeps_no_other_from_it(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, *others = (make_shop(app.back_office, slug) for slug in ("acme", "beta", "coda"))
    for shop in (broken, *others):
        log_concern(app, shop)
    work_out = refreshing._Batch.recompute_days

    def break_one(batch: refreshing._Batch, days: Any) -> None:
        if batch.organization_id == broken.organization_id:
            raise ZeroDivisionError
        work_out(batch, days)

    monkeypatch.setattr(refreshing._Batch, "recompute_days", break_one)
    left = []
    with running_worker(app, for_all_kinds(RecordingChannel())) as worker:
        for _ in range(3):
            worker.work_once()
            left.append(len(organizations_with_dirty_rollups(app.back_office, at=app.clock())))
        assert work_until_idle(worker) == 0
    assert left == [3, 2, 1]
    assert organizations_with_dirty_rollups(app.back_office, at=app.clock()) == [broken.organization_id]


def test_an_organization_with_many_dirty_days_lets_others_go_in_between(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sums, "REBUILD_BATCH", 2)
    organization = RecountedOrganization(app)
    organization.live(Random(8), 30)
    with running_worker(app, for_all_kinds(RecordingChannel())) as worker:
        worker.work_once()
        log_concern(app, make_shop(app.back_office, "later", at=app.clock()))
        app.clock.move(seconds=ROLLUP_INTERVAL / timedelta(seconds=1))
        for _ in range(2):
            worker.work_once()
        assert organizations_with_dirty_rollups(app.back_office, at=app.clock()) == [organization.shop.organization_id]


def test_the_command_line_rebuilds_everything(app: App) -> None:
    organization = RecountedOrganization(app)
    organization.live(Random(7), 10)
    organization.delete_rollups()
    assert organization.differences() != []
    result = app.flask.test_cli_runner().invoke(args=["reports", "rebuild"])
    assert result.exit_code == 0, result.exception or result.stderr
    assert json.loads(result.stdout)["days"] > 0
    assert organization.count_dirty() == 0
    assert organization.differences() == []


def test_everything_is_marked_dirty_store_by_store(app: App) -> None:
    """So that no statement reads the whole table, and nothing is lost when the next one fails."""
    organization = RecountedOrganization(app)
    organization.live(Random(9), 20)
    organization.delete_rollups()
    marked = []
    for days in mark_all_dirty(app.back_office):
        marked.append(days)
        assert organization.count_dirty() == sum(marked)  # committed already
    assert len(marked) == len(organization.stores)
    assert organization.differences() == []


@only_on_postgresql
def test_a_rebuild_waits_for_the_stores_another_worker_holds(app: App) -> None:
    organization = RecountedOrganization(app)
    organization.live(Random(10), 10)
    with closing(Database(app.url, DatabaseRole.WORKER)) as database, ThreadPoolExecutor(1) as workers:
        with app.back_office.writing(ALL_TENANTS) as session:
            session.scalars(select(Store.id).with_for_update(key_share=True)).all()
            assert refresh_rollups(database) == 0
            rebuilt = workers.submit(lambda: sum(refresh_all_rollups(database)))
            wait_for_blocked_transaction(app)
        assert rebuilt.result(PATIENCE) > 0
    assert organization.count_dirty() == 0
    assert organization.differences() == []


def test_rollups_that_break_hold_up_neither_messages_nor_reports(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    organization, channel = RecountedOrganization(app), RecordingChannel()
    give_phone(app.back_office, organization.shop, "manager", "phone")
    monkeypatch.setattr(refreshing, "_rows_by_currency", lambda *_: 1 / 0)
    log_concern(app, organization.shop)
    with running_worker(app, for_all_kinds(channel)) as worker:
        work_until_idle(worker)
    assert len(channel.messages) == 1
    assert organization.differences() == []
