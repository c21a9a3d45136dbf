"""gunicorn's settings come from ours, and a wrong one ends the start in one line."""

import logging
import os
import runpy
import subprocess
import sys
from pathlib import Path

from tests.support.log_privacy import log_plain_tracebacks

FILE = Path(__file__).resolve().parent.parent / "gunicorn.conf.py"


def test_gunicorn_listens_where_the_settings_say(monkeypatch):
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", root.handlers[:])
    monkeypatch.setattr(root, "level", root.level)
    for name in ("DATABASE_URL", "HOST", "WEB_WORKERS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"SECRET_KEY": "k" * 32, "PORT": "8123", "WEB_THREADS": "3"}.items():
        monkeypatch.setenv(name, value)

    settings = runpy.run_path(str(FILE))
    logging.captureWarnings(capture=False)
    log_plain_tracebacks()

    assert (settings["bind"], settings["workers"], settings["threads"]) == ("127.0.0.1:8123", 1, 3)
    assert settings["control_socket_disable"]


def test_a_wrong_setting_ends_the_start_in_one_line():
    command = [sys.executable, "-m", "gunicorn", "-c", str(FILE), "wsgi:app"]
    environ = {**os.environ, "PORT": "web"}

    ended = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, cwd=FILE.parent)

    assert ended.returncode == 1
    assert ended.stderr == "amends: PORT=web: a whole number from 1 to 65535 is accepted\n"
