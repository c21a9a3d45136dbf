"""The commands of README's walk, as they stand there, run by a shell against the real processes."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.databases import ROOT
from tests.support.processes import TIMEOUT, running_app

README = (ROOT / "README.md").read_text(encoding="utf-8")
NEEDED = ("bash", "curl", "jq")
MAX_LINES = 40


def walk() -> str:
    """Return the shell of the walk, with the checkout's Python in the place of the virtual environment's."""
    return "\n".join(re.findall(r"^```bash\n(.*?)^```$", README, re.MULTILINE | re.DOTALL))


def test_the_walk_is_short() -> None:
    assert 0 < len(walk().splitlines()) <= MAX_LINES


def test_the_walk_of_readme_runs_as_it_stands_there(tmp_path: Path) -> None:
    if missing := [name for name in NEEDED if shutil.which(name) is None]:
        pytest.skip(f"the walk needs {', '.join(missing)}")
    with running_app(f"sqlite:///{tmp_path / 'amends.db'}", seed=True) as app:
        script = walk().replace("http://127.0.0.1:8000", app.url)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],  # noqa: S607 the bash of whoever runs the tests
            cwd=ROOT,
            env=app.environment,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert '"status": "open"' in done.stdout
        assert '["taken","Helena Brandes is on the way"]' in done.stdout
        assert '["replacement","done"]' in done.stdout
        assert '["resolved","recovered",1,4]' in done.stdout
        assert '"Beatriz Nevoeiro"' in done.stdout
        assert '"concerns":1,"unhappy":1,"recovered":1' in done.stdout
        assert '["north","' in done.stdout
