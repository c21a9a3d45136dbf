"""The commands of the walks in README and docs/getting-started.md, as they stand there, run against real processes."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.databases import ROOT
from tests.support.processes import TIMEOUT, running_app

FLASK = Path(sys.executable).with_name("flask")
NEEDED = ("bash", "curl", "jq")
MAX_LINES = 40


def walk(page: str) -> str:
    """Return the shell of a page's walk."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return "\n".join(re.findall(r"^```bash\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))


def run_walk(page: str, folder: Path, *, seed: bool) -> str:
    """Run the walk of a page in an empty folder against the real processes; return what it prints."""
    if missing := [name for name in NEEDED if shutil.which(name) is None]:
        pytest.skip(f"the walk needs {', '.join(missing)}")
    with running_app(f"sqlite:///{folder / 'amends.db'}", seed=seed) as app:
        script = walk(page).replace("http://127.0.0.1:8000", app.url).replace(".venv/bin/flask", f"{FLASK}")
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],  # noqa: S607 the bash of whoever runs the tests
            cwd=folder,
            env={**app.environment, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_the_walk_of_readme_is_short() -> None:
    assert 0 < len(walk("README.md").splitlines()) <= MAX_LINES


def test_the_walk_of_readme_runs_as_it_stands_there(tmp_path: Path) -> None:
    printed = run_walk("README.md", tmp_path, seed=True)
    assert '"status": "open"' in printed
    assert '["taken","Helena Brandes is on the way"]' in printed
    assert '["replacement","done"]' in printed
    assert '["resolved","recovered",1,4]' in printed
    assert '"Beatriz Nevoeiro"' in printed
    assert '"concerns":1,"unhappy":1,"recovered":1' in printed
    assert '["north","' in printed


def test_the_walk_of_getting_started_goes_from_an_empty_database_to_the_first_call(tmp_path: Path) -> None:
    printed = run_walk("docs/getting-started.md", tmp_path, seed=False).splitlines()
    assert printed[:3] == ['["bistros","boss"]', '["Acme Bistros",["en","pt"],14]', '["hill","river"]']
    assert printed[3:6] == ["40", "40", "40"]
    assert '["product",true]' in printed
    assert '["rooms","Rooms"]' in printed
    assert '["Terrace","Esplanada","No shade","Wasps"]' in printed
    assert '["voucher",2500]' in printed
    assert '["wasps",true]' in printed
    logins = ("vera", "ines", "rita", "hugo", "ana", "ben", "clara", "david", "eva", "filipe", "gil", "helena")
    hired = [f'"{login}"' for login in logins]
    assert [line for line in printed if line in hired] == hired
    assert printed.count('["Ana Reis","Ben Vale","Clara Sol","David Mar"]') == 1
    assert {'"app-of-rita"', '"app-of-hugo"', '"app-of-ines"'} <= {*printed}
    assert printed[-3:] == ['[["bar","Ben Vale"]]', '["taken","Ben Vale"]', "[]"]
    sheet = (tmp_path / "qr-codes-of-river.html").read_text(encoding="utf-8")
    assert sheet.count("<figure") == 40
