"""Base of all commands: one JSON object on standard output, or one line on standard error that says why not."""

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
from marshmallow import ValidationError
from sqlalchemy.exc import DBAPIError, IntegrityError

from api.schemas import base as schemas
from models.db.session import ALL_TENANTS, Database, DatabaseRole, UnsafeRole
from models.db.text import MAX_NAME_LENGTH
from models.errors import DomainError
from models.organizations.organization import Organization

NOT_MIGRATED = ("no such table", "does not exist")


@contextmanager
def refusals_as_messages() -> Iterator[None]:
    """Turn a refusal into one line on standard error, with exit code 1."""
    try:
        yield
    except (DomainError, UnsafeRole, CommandError) as error:
        raise click.ClickException(" ".join(str(error).split())) from error
    except DBAPIError as error:
        raise click.ClickException(_database_message(error)) from error


class Words(click.ParamType):
    """Option type for text that people write: what the API takes as a field of at most so many characters."""

    name = "TEXT"

    def __init__(self, most: int = MAX_NAME_LENGTH) -> None:
        self._field = schemas.Words(most, least=1)

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return self._field.deserialize(value)
        except ValidationError as error:
            self.fail(" ".join(map(str, error.messages)), param, ctx)


class Group(AppGroup):
    """Group of commands whose refusals are one line on standard error with exit code 1; wrong options end with 2."""

    def invoke(self, ctx: click.Context) -> Any:
        with refusals_as_messages():
            return super().invoke(ctx)


class Command(click.Command):
    """Command without a group, with refusals like those of a group's commands."""

    def invoke(self, ctx: click.Context) -> Any:
        with refusals_as_messages():
            return super().invoke(ctx)


def _database_message(error: DBAPIError) -> str:
    reason = " ".join(str(error.orig).split())
    if isinstance(error, IntegrityError):
        return f"Somebody else made the same thing at this moment ({reason})."
    if any(words in reason for words in NOT_MIGRATED):
        return f"This database is not migrated ({reason}); run: flask --app wsgi db upgrade"
    return f"The database refuses: {reason}"


@contextmanager
def worker_database() -> Iterator[Database]:
    """Open the database with the role of the worker: it sees all organizations, but is neither owner nor superuser."""
    web: Database = current_app.extensions["database"]
    url = web.url.render_as_string(hide_password=False)
    database = Database(url, DatabaseRole.WORKER, pool=1, clock=web.clock)
    try:
        database.refuse_unsafe_role()
        yield database
    finally:
        database.close()


def organization_by_slug(database: Database, slug: str) -> Organization:
    """Return the organization with this slug and its settings. Raises NotFound when there is none."""
    with database.reading(ALL_TENANTS) as session:
        return Organization.by_slug(session, slug)


def organization_id(database: Database, slug: str) -> UUID:
    """Return the id of the organization with this slug. Raises NotFound when there is none."""
    return organization_by_slug(database, slug).id


def password_from_stdin() -> str:
    """Return the first line of standard input. A password as an argument would be visible to other users."""
    return sys.stdin.readline().rstrip("\r\n")


def print_json(answer: dict[str, Any]) -> None:
    """Print the result of a command, for people and for jq."""
    click.echo(json.dumps(answer, indent=2, default=str, ensure_ascii=False))
