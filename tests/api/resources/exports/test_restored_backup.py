"""A restored backup begins another epoch: readers of the export have to start over."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any

import pytest
from sqlalchemy import make_url, update

from models.db.change_feed import ChangeCounter
from tests.support.app import App
from tests.support.databases import Databases, only_on_postgresql
from tests.support.export_reader import PATH, applied, follow, page
from tests.support.factories.concerns import log_concern
from tests.support.factories.organizations import Shop, make_shop
from tests.support.postgres import bundled, installed


def starts_over(app: App, shop: Shop, cursor: str) -> bool:
    answer = app.request("GET", PATH, (shop, "hq"), query_string={"cursor": cursor})
    if answer.status_code == 200:
        return False
    assert (answer.status_code, answer.json["code"], answer.json["start_over"]) == (410, "cursor-expired", True)
    return True


def restored(app: App) -> Any:
    done = app.flask.test_cli_runner().invoke(args=["db", "restored"])
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout)["epoch"]


def test_whoever_restores_says_so_and_readers_start_over(app: App, shop: Shop) -> None:
    log_concern(app, shop)
    before, cursor = follow(app, shop)
    assert not starts_over(app, shop, cursor)
    first = restored(app)
    assert starts_over(app, shop, cursor)
    again, cursor = follow(app, shop)
    assert applied(again) == applied(before)
    assert restored(app) != first
    assert starts_over(app, shop, cursor)


def test_a_number_that_was_never_given_is_of_another_life(app: App, shop: Shop) -> None:
    """Where nobody said anything and nothing gives it away: the reader has seen more than there is."""
    log_concern(app, shop)
    _, cursor = follow(app, shop)
    with app.back_office.writing(shop.organization_id) as session:
        session.execute(update(ChangeCounter).values(last_seq=ChangeCounter.last_seq - 1))
    assert starts_over(app, shop, cursor)


@only_on_postgresql
@pytest.mark.parametrize("how", ["dumped and restored", "copied"])
def test_a_copy_that_lives_elsewhere_is_noticed_by_itself(databases: Databases, database_kind: str, how: str) -> None:
    with databases.alone(database_kind) as url, closing(App(url)) as app:
        shop = make_shop(app.back_office)
        log_concern(app, shop)
        before, cursor = follow(app, shop)
        app.close()
        with copy_of(databases, url, how) as copy, closing(App(copy)) as there:
            assert starts_over(there, shop, cursor)
            assert applied(follow(there, shop)[0]) == applied(before)
        assert page(app, shop, cursor) == {"items": [], "next_cursor": cursor, "end_of_stream": True}


@only_on_postgresql
def test_a_backup_restored_in_its_own_place_is_noticed_too(databases: Databases, database_kind: str, tmp_path) -> None:
    with databases.alone(database_kind) as url, closing(App(url)) as app:
        shop = make_shop(app.back_office)
        _, cursor = follow(app, shop)
        app.close()
        dump = str(tmp_path / "amends.dump")
        by_postgresql("pg_dump", "-Fc", "-f", dump, "-d", plain(url))
        by_postgresql("pg_restore", "--clean", "--no-owner", "-d", plain(url), dump)
        assert starts_over(app, shop, cursor)


@contextmanager
def copy_of(databases: Databases, url: str, how: str) -> Iterator[str]:
    server = databases.server()
    name = str(make_url(url).database).removeprefix(server.prefix)
    try:
        if how == "copied":
            yield server.create_database(f"{name}_copy", template=name)
        else:
            copy = server.create_database(f"{name}_copy")
            dump = databases.folder / f"{name}.dump"
            by_postgresql("pg_dump", "-Fc", "-f", str(dump), "-d", plain(url))
            by_postgresql("pg_restore", "--no-owner", "-d", plain(copy), str(dump))
            yield copy
    finally:
        server.drop_database(f"{name}_copy")


def plain(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def by_postgresql(program: str, *words: str) -> None:
    """The program of an installation that is new enough for the server."""
    errors = []
    for binaries in [*installed(), *bundled()]:
        with suppress(OSError):
            done = subprocess.run(
                [binaries.folder / program, *words], check=False, capture_output=True, text=True, timeout=120
            )
            if done.returncode == 0:
                return
            errors.append(done.stderr)
    pytest.skip(f"no {program} that fits the server: {errors}")
