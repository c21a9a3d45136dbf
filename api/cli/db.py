"""Commands for the database: migrate, check, and mark a restored backup."""

import click
from alembic import command
from alembic.config import Config as AlembicConfig
from flask import current_app

from api.cli.base import Group, print_json, worker_database
from config import ROOT
from models.db.epoch import RestoreEvent
from models.db.session import ALL_TENANTS, Database

db = Group("db", help="The database schema.")


def alembic_config() -> AlembicConfig:
    """Return alembic's settings for the database of this application."""
    database: Database = current_app.extensions["database"]
    settings = AlembicConfig(toml_file=ROOT / "pyproject.toml")
    settings.attributes["database_url"] = database.url.render_as_string(hide_password=False)
    return settings


@db.command("upgrade")
@click.argument("revision", default="head")
def upgrade(revision: str) -> None:
    """Bring the schema up to date (or to REVISION)."""
    command.upgrade(alembic_config(), revision)


@db.command("downgrade")
@click.argument("revision")
def downgrade(revision: str) -> None:
    """Downgrade the schema to REVISION."""
    command.downgrade(alembic_config(), revision)


@db.command("check")
def check() -> None:
    """Fail when the tables and the models differ."""
    command.check(alembic_config())


@db.command("restored")
def restored() -> None:
    """Mark that a backup was restored, so that readers of the change feed start over."""
    with worker_database() as database, database.writing(ALL_TENANTS) as session:
        print_json({"epoch": RestoreEvent.record(session, at=database.clock())})
