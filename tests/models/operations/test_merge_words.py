"""The re-filing after a merge: in slices, by whichever worker, until nothing is filed under the merged word."""

from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy import select

from models.concerns.concern import Concern
from models.db.change_feed import Change
from models.db.dirty_days import DirtyDay
from models.operations.merge_words import refile_slice
from models.organizations.vocabulary import Category, Cause, Question
from models.organizations.vocabulary_merge import VocabularyMerge
from models.policy_defaults import MERGE_SETTLES_AFTER
from models.recovery.fix import Fix
from notifications.worker.jobs import refile
from notifications.worker.jobs.refile import REFILE_INTERVAL, RefileJob
from tests.support.app import App
from tests.support.databases import only_on_postgresql
from tests.support.factories.concerns import edit, log_concern
from tests.support.factories.fixes import make_fix
from tests.support.factories.organizations import Shop, make_shop
from tests.support.factories.vocabulary import cause_id, create_word, merge, words
from tests.support.rows import rows
from tests.support.threads import at_once
from tests.support.worker import RecordingChannel, for_all_kinds, running_worker


def log_some(app: App, shop: Shop, count: int) -> list[str]:
    """Log so many concerns about cold food, each followed by one about something else."""
    ids = []
    for _ in range(count):
        ids.append(log_concern(app, shop, category="food", cause="cold", mood=4)["id"])
        log_concern(app, shop, category="waiting-time", mood=4)
    return ids


def one_slice(app: App, shop: Shop, size: int = 3) -> bool:
    with app.back_office.writing(shop.organization_id) as session:
        return refile_slice(session, at=app.clock(), slice_size=size)


def settle(app: App) -> None:
    app.clock.move(seconds=int(MERGE_SETTLES_AFTER.total_seconds()))


def filed_under(app: App, slug: str) -> list[str]:
    """Return the ids of the concerns that are filed under this category."""
    stmt = select(Concern.id).join(Category, Category.id == Concern.category_id).where(Category.slug == slug)
    with app.back_office.reading(rows(app, Category)[0].organization_id) as session:
        return [str(id_) for id_ in session.scalars(stmt.order_by(Concern.id))]


def the_merge(app: App) -> VocabularyMerge:
    (row,) = rows(app, VocabularyMerge)
    return row


def test_a_merge_is_recorded_with_who_and_when(app: App, shop: Shop) -> None:
    ids = {slug: UUID(words(app, shop, "categories")[slug]["id"]) for slug in ("food", "allergy")}
    assert merge(app, shop, "categories", "food", "allergy").status_code == 200
    row = the_merge(app)
    assert (row.kind, row.from_id, row.into_id) == ("category", ids["food"], ids["allergy"])
    assert (row.at, row.by_id, row.done_at) == (app.clock(), shop.staff["admin"], None)


def test_concerns_are_refiled_in_slices_of_which_each_is_kept(app: App, shop: Shop) -> None:
    ids = log_some(app, shop, 4)
    assert merge(app, shop, "categories", "food", "allergy").status_code == 200
    left = [filed_under(app, "food")]
    while one_slice(app, shop):
        left.append(filed_under(app, "food"))
    assert left == [ids, ids[2:], ids[3:]], "the last slice has the eighth concern only"
    assert filed_under(app, "food") == []
    assert the_merge(app).done_at is None


def test_versions_the_change_feed_and_dirty_days_follow(app: App, shop: Shop) -> None:
    concern, other = log_some(app, shop, 1)[0], rows(app, Concern)[-1]
    assert merge(app, shop, "categories", "food", "allergy").status_code == 200
    with app.back_office.writing(shop.organization_id) as session:
        session.execute(sa.delete(DirtyDay))
    last_seq = max(change.seq for change in changes(app, shop))
    one_slice(app, shop)
    assert [(str(change.object_id), change.version) for change in changes(app, shop) if change.seq > last_seq] == [
        (concern, 2)
    ]
    assert [row.store_id for row in rows(app, DirtyDay)] == [shop.store_id]
    answer = app.request("GET", f"/v1/concerns/{concern}", (shop, "floor")).json
    assert (answer["version"], answer["category"], answer["cause"]) == (2, "allergy", "cold")
    assert app.request("GET", f"/v1/concerns/{other.id}", (shop, "floor")).json["version"] == 1


def changes(app: App, shop: Shop) -> list[Change]:
    with app.back_office.reading(shop.organization_id) as session:
        return list(session.scalars(select(Change).order_by(Change.seq)))


def test_a_cause_that_was_merged_into_another_category_is_refiled_with_it(app: App, shop: Shop) -> None:
    ids = log_some(app, shop, 2)
    assert merge(app, shop, "causes", "cold", "kitchen").status_code == 200
    one_slice(app, shop, 10)
    kitchen, waiting = UUID(cause_id(app, shop, "kitchen")), words(app, shop, "categories")["waiting-time"]["id"]
    filed = [concern for concern in rows(app, Concern) if str(concern.id) in ids]
    assert {(concern.cause_id, str(concern.category_id)) for concern in filed} == {(kitchen, waiting)}


def test_a_merge_is_done_when_nobody_can_write_the_merged_word_any_more(app: App, shop: Shop) -> None:
    log_some(app, shop, 1)
    assert merge(app, shop, "categories", "food", "allergy").status_code == 200
    assert not one_slice(app, shop)
    app.clock.move(seconds=int(MERGE_SETTLES_AFTER.total_seconds()) - 1)
    assert not one_slice(app, shop)
    assert the_merge(app).done_at is None
    app.clock.move(seconds=1)
    assert one_slice(app, shop)
    assert the_merge(app).done_at == app.clock()
    assert not one_slice(app, shop)


def test_what_was_written_meanwhile_is_found_at_the_end(app: App, shop: Shop) -> None:
    """A request that read the merged words before the merge, and committed after the worker had passed."""
    log_some(app, shop, 4)
    (question, *_), old = rows(app, Question), rows(app, Concern)[1]
    fix = make_fix(app, shop)
    assert merge(app, shop, "causes", "cold", "kitchen").status_code == 200
    assert merge(app, shop, "categories", "food", "allergy").status_code == 200
    while one_slice(app, shop):
        pass
    food, cold = words(app, shop, "categories")["food"]["id"], cause_id(app, shop, "cold")
    with app.back_office.writing(shop.organization_id) as session:
        session.get_one(Concern, (shop.organization_id, old.id)).category_id = UUID(food)
        session.get_one(Question, (shop.organization_id, question.id)).category_id = UUID(food)
        session.get_one(Fix, (shop.organization_id, UUID(fix["id"]))).cause_id = UUID(cold)
    assert app.request("GET", f"/v1/concerns/{old.id}", (shop, "floor")).json["category"] == "allergy"
    settle(app)
    while one_slice(app, shop):
        pass
    assert filed_under(app, "food") == []
    assert all(row.done_at for row in rows(app, VocabularyMerge))
    categories = {row.id: row.slug for row in rows(app, Category)}
    assert categories[rows(app, Question)[0].category_id] == "allergy"
    assert {row.id: row.slug for row in rows(app, Cause)}[rows(app, Fix)[0].cause_id] == "kitchen"


def test_a_concern_that_somebody_edits_is_filed_anew(app: App, shop: Shop) -> None:
    (id_,) = log_some(app, shop, 1)
    assert merge(app, shop, "causes", "cold", "kitchen").status_code == 200
    assert merge(app, shop, "categories", "food", "allergy").status_code == 200
    edited = edit(app, shop, {"id": id_}, category="food", cause="cold")
    assert (edited["category"], edited["cause"]) == ("waiting-time", "kitchen")
    assert filed_under(app, "food") == []


def test_a_worker_that_dies_at_any_slice_leaves_the_rest_to_the_next_one(
    app: App, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_some(app, shop, 5)
    assert merge(app, shop, "categories", "food", "allergy").status_code == 200
    slices = 0

    def die_at_every_second(session: Any, **options: Any) -> bool:
        nonlocal slices
        slices += 1
        has_more = refile_slice(session, slice_size=2, **options)
        if slices % 2:
            session.flush()
            raise KeyboardInterrupt
        return has_more

    monkeypatch.setattr(refile, "refile_slice", die_at_every_second)
    while filed_under(app, "food"):
        job = RefileJob(app.back_office)
        with pytest.raises(KeyboardInterrupt):
            job.run() and job.run()
        app.clock.move(seconds=1)
    assert slices > 6
    settle(app)
    monkeypatch.undo()
    RefileJob(app.back_office).run()
    assert the_merge(app).done_at == app.clock()


def test_the_worker_refiles_one_organization_after_the_other(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    shops = [make_shop(app.back_office, slug) for slug in ("acme", "beta")]
    for shop in shops:
        log_some(app, shop, 2)
        assert merge(app, shop, "categories", "food", "allergy").status_code == 200
    monkeypatch.setattr(refile, "refile_slice", partial(refile_slice, slice_size=3))
    job = RefileJob(app.back_office)
    assert [job.run() for _ in range(5)] == [2, 2, 1, 0, 0]
    assert [row.done_at for row in rows(app, VocabularyMerge)] == [None, None]
    settle(app)
    with running_worker(app, for_all_kinds(RecordingChannel())) as worker:
        for _ in range(4):
            worker.work_once()
    assert all(row.done_at for row in rows(app, VocabularyMerge))


def test_an_organization_that_breaks_keeps_no_other_from_it(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    broken, other = (make_shop(app.back_office, slug) for slug in ("acme", "beta"))
    for shop in (broken, other):
        log_some(app, shop, 1)
        assert merge(app, shop, "categories", "food", "allergy").status_code == 200

    def break_one(session: Any, **options: Any) -> bool:
        if session.tenant == broken.organization_id:
            raise ZeroDivisionError
        return refile_slice(session, **options)

    monkeypatch.setattr(refile, "refile_slice", break_one)
    job = RefileJob(app.back_office)
    assert [job.run(), job.run()] == [1, 0]
    food = {row.id: row.organization_id for row in rows(app, Category) if row.slug == "food"}
    assert [food.get(concern.category_id) for concern in rows(app, Concern)[::2]] == [broken.organization_id, None]


def test_without_a_merge_the_job_costs_one_statement_in_each_interval(app: App, shop: Shop) -> None:
    log_some(app, shop, 1)
    job = RefileJob(app.back_office)
    for waited, expected in ((timedelta(0), 1), (REFILE_INTERVAL / 2, 0), (REFILE_INTERVAL, 1)):
        app.clock.move(seconds=waited.total_seconds())
        with app.counting(app.back_office) as statements:
            job.run()
        assert len(statements) == expected, statements


@only_on_postgresql
def test_two_workers_at_once_refile_each_concern_once(app: App, shop: Shop) -> None:
    ids = log_some(app, shop, 10)
    assert merge(app, shop, "categories", "food", "allergy").status_code == 200

    def work() -> None:
        for _ in range(8):
            one_slice(app, shop, 4)

    at_once([work, work])
    one_slice(app, shop, 100)
    assert filed_under(app, "food") == []
    assert {concern.version for concern in rows(app, Concern) if str(concern.id) in ids} == {2}


@only_on_postgresql
def test_of_two_merges_of_one_pair_at_once_one_wins(app: App, shop: Shop) -> None:
    for number in range(5):
        for slug in ("one", "other"):
            assert create_word(app, shop, "categories", f"{slug}-{number}").status_code == 201
        pair = [words(app, shop, "categories")[f"{slug}-{number}"]["id"] for slug in ("one", "other")]

        def ask(merged: str, into: str) -> int:
            path = f"/v1/categories/{merged}/merge"
            return app.request("POST", path, (shop, "admin"), json={"into": into}).status_code

        assert sorted(at_once([partial(ask, *pair), partial(ask, *reversed(pair))])) == [200, 409]


@only_on_postgresql
def test_concerns_that_are_logged_and_edited_during_a_merge_end_under_the_surviving_word(app: App, shop: Shop) -> None:
    ids = log_some(app, shop, 3)

    def log() -> None:
        for _ in range(5):
            ids.append(log_concern(app, shop, category="food", cause="cold", mood=4)["id"])

    def change() -> None:
        for id_ in ids[:3]:
            path = f"/v1/concerns/{id_}"
            body, headers = {"category": "food", "stake": "changed"}, {"If-Match": "*"}
            assert app.request("PATCH", path, (shop, "floor"), json=body, headers=headers).status_code == 200

    def merge_and_refile() -> None:
        assert merge(app, shop, "categories", "food", "allergy").status_code == 200
        while one_slice(app, shop):
            pass

    at_once([log, change, merge_and_refile])
    settle(app)
    while one_slice(app, shop):
        pass
    assert filed_under(app, "food") == []
    assert set(ids) <= set(filed_under(app, "allergy"))
    assert the_merge(app).done_at is not None
