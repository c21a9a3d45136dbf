"""The script of docs/bi.md, as it stands there, against the real web; needs DuckDB, which Amends itself does not."""

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.chaos.drivers.web_processes import Web, running_web
from tests.support.app import App
from tests.support.databases import ROOT, Databases
from tests.support.factories.concerns import edit, log_concern
from tests.support.factories.organizations import Shop, make_shop

duckdb = pytest.importorskip("duckdb")


def follow(folder: Path, web: Web, shop: Shop) -> str:
    """One run of the script; what it says."""
    (folder / "follow.py").write_text(
        (ROOT / "docs" / "bi.md").read_text(encoding="utf-8").split("```python\n")[1].split("```")[0], encoding="utf-8"
    )
    command = [sys.executable, "follow.py", web.url, "copy.duckdb"]
    key = shop.tokens["exports-key"]
    done = subprocess.run(command, check=False, cwd=folder, input=key, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_script_keeps_a_copy_through_tombstones_and_a_restored_backup(databases: Databases, tmp_path: Path) -> None:
    with databases.alone("postgresql") as url, closing(App(url)) as app, running_web(url, tmp_path) as web:
        shop = make_shop(app.back_office)
        concerns = [log_concern(app, shop, mood=mood, recovery_actions=[{"remedy": "remake"}]) for mood in (1, 2, 3)]
        first = follow(tmp_path, web, shop)
        assert first.endswith(" pages\n")
        assert copied(tmp_path) == [(1, 450, "EUR"), (2, 450, "EUR"), (3, 450, "EUR")]
        assert follow(tmp_path, web, shop) == "0 things in 1 pages\n"
        edit(app, shop, concerns[0], sensitive=True)
        assert follow(tmp_path, web, shop) == "3 things in 1 pages\n"  # it, its alert, its action
        assert copied(tmp_path) == [(2, 450, "EUR"), (3, 450, "EUR")]
        app.flask.test_cli_runner().invoke(args=["db", "restored"])
        assert int(follow(tmp_path, web, shop).split()[0]) == int(first.split()[0])  # three are tombstones by now
        assert copied(tmp_path) == [(2, 450, "EUR"), (3, 450, "EUR")]


def copied(folder: Path) -> list[tuple[int, int, str]]:
    """Mood and cost of every concern in the copy, through the views."""
    with closing(duckdb.connect(str(folder / "copy.duckdb"), read_only=True)) as db:
        question = (
            "SELECT mood, cost.amount, cost.currency FROM concern JOIN recovery_action ON concern_id = concern.id"
        )
        return list(db.sql(question).order("mood").fetchall())
