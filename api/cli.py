"""The command line, `flask --app wsgi ...`: thin, calls the same verbs as the API."""

import click
from alembic import command
from alembic.config import Config as AlembicConfig
from flask.cli import AppGroup

db = AppGroup("db", help="The database schema.")


def alembic_config() -> AlembicConfig:
    return AlembicConfig(toml_file="pyproject.toml")


@db.command("upgrade")
@click.argument("revision", default="head")
def upgrade(revision: str) -> None:
    """Bring the schema up to date (or to REVISION)."""
    command.upgrade(alembic_config(), revision)


@db.command("downgrade")
@click.argument("revision")
def downgrade(revision: str) -> None:
    """Take the schema back to REVISION."""
    command.downgrade(alembic_config(), revision)


@db.command("check")
def check() -> None:
    """Fail when the tables and the models differ."""
    command.check(alembic_config())
