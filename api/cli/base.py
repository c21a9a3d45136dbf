"""How every command behaves: one JSON object on standard output, or one line on standard error that says why not."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import click
from alembic.util import CommandError
from flask import current_app
from flask.cli import AppGroup
from sqlalchemy.exc import DBAPIError, IntegrityError

from models.db.session import ALL_TENANTS, Database, DatabaseRole, UnsafeRole
from models.errors import DomainError
from models.organizations.organization import Organization

NOT_MIGRATED = ("no such table", "does not exist")


class Group(AppGroup):
    """Commands whose refusals are one line on standard error and exit code 1; wrong options end with 2."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (DomainError, UnsafeRole, CommandError) as error:
            raise click.ClickException(" ".join(str(error).split())) from error
        except DBAPIError as error:
            raise click.ClickException(_database_message(error)) from error


def _database_message(error: DBAPIError) -> str:
    said = " ".join(str(error.orig).split())
    if isinstance(error, IntegrityError):
        return f"Somebody else made the same thing at this moment ({said})."
    if any(words in said for words in NOT_MIGRATED):
        return f"This database is not migrated ({said}); run: flask --app wsgi db upgrade"
    return f"The database refuses: {said}"


@contextmanager
def worker_database() -> Iterator[Database]:
    """The database as the worker sees it: across organizations, and still neither owner nor superuser."""
    web: Database = current_app.extensions["database"]
    url = web.url.render_as_string(hide_password=False)
    database = Database(url, DatabaseRole.WORKER, pool=1, clock=web.clock)
    try:
        database.refuse_unsafe_role()
        yield database
    finally:
        database.close()


def organization_id(database: Database, slug: str) -> UUID:
    """The id of the organization with this slug; Missing when there is none."""
    with database.reading(ALL_TENANTS) as session:
        return Organization.by_slug(session, slug).id


def password_from_stdin() -> str:
    """The first line of standard input: a password is never an argument, which other users of the machine can see."""
    return sys.stdin.readline().rstrip("\r\n")


def print_json(answer: dict[str, Any]) -> None:
    """The answer of a command, for people and for jq."""
    click.echo(json.dumps(answer, indent=2, default=str, ensure_ascii=False))
