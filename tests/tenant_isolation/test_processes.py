"""Web and worker end at once, with one line, where row level security would not bind them: with real processes."""

import os
import subprocess
import sys

import sqlalchemy as sa

from models.db.session import DatabaseRole
from tests.support.databases import ROOT, Databases, only_on_postgresql
from tests.support.postgres import Server

COMMANDS = {
    DatabaseRole.APP: [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:app"],
    DatabaseRole.WORKER: [sys.executable, "-m", "notifications"],
}


@only_on_postgresql
def test_a_process_that_owns_a_table_ends_at_once(databases: Databases, database_kind: str) -> None:
    with databases.alone(database_kind) as url:
        owner = sa.create_engine(url)
        with owner.begin() as connection:
            for role in COMMANDS:
                connection.execute(sa.text(f"CREATE TABLE of_{role} (id int); ALTER TABLE of_{role} OWNER TO {role}"))
        owner.dispose()
        for role, command in COMMANDS.items():
            ended = run(command, url)
            assert ended.returncode == 1
            assert f"refusing to run as the database role '{role}'" in only_line(ended)


def test_the_web_does_not_start_on_a_database_it_cannot_look_at(postgres_server: Server) -> None:
    ended = run(COMMANDS[DatabaseRole.APP], postgres_server.url("nowhere"))
    assert ended.returncode == 1
    assert only_line(ended).startswith("amends: the database cannot be used: ")


def only_line(ended: "subprocess.CompletedProcess[str]") -> str:
    """What was said beside gunicorn's own first line."""
    (line,) = (line for line in ended.stderr.splitlines() if "Starting gunicorn" not in line)
    return line


def run(command: list[str], url: str) -> "subprocess.CompletedProcess[str]":
    environ = {**os.environ, "DATABASE_URL": url, "SECRET_KEY": "k" * 32}
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False, timeout=60)
