"""The profiles of the suite name what is there."""

import os
import subprocess
import sys

from tests.support.databases import KINDS, ROOT
from tests.support.profiles import ONCE, QUICK_ON, TESTS


def test_every_path_with_a_kind_of_database_exists():
    assert [path for path in (*QUICK_ON, *ONCE) if not (TESTS / path).exists()] == []
    assert {*QUICK_ON.values(), *ONCE.values()} <= set(KINDS)


def test_a_profile_that_does_not_exist_is_refused():
    environ = {**os.environ, "AMENDS_PROFILE": "depe"}
    command = [sys.executable, "-m", "pytest", "--collect-only", __file__]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)

    assert done.returncode == 4
    assert "AMENDS_PROFILE is 'depe'; it may be one of quick, deep" in done.stderr
