"""Commands for the outbox: count its rows, and retry dead letters."""

from uuid import UUID

import click

from api.cli.base import Group, print_json, worker_database
from models.db.session import ALL_TENANTS
from models.outbox import admin

outbox = Group("outbox", help="The outbox: messages that wait to be sent.")


@outbox.command("status")
def status() -> None:
    """Count the rows that are due, due later, leased to a worker, done, and dead-lettered after too many failures."""
    with worker_database() as database, database.reading(ALL_TENANTS) as session:
        print_json(admin.count_by_state(session, at=database.clock()))


@outbox.command("retry")
@click.argument("ids", metavar="ID...", type=click.UUID, nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every dead-lettered row.")
def retry(ids: tuple[UUID, ...], *, everything: bool) -> None:
    """Retry dead-lettered rows; those of no use any more are dropped."""
    if everything == bool(ids):
        raise click.UsageError("Give either --all or the ids of the rows.")
    with worker_database() as database, database.writing(ALL_TENANTS) as session:
        print_json(admin.retry(session, None if everything else ids, at=database.clock()))
