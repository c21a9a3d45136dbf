"""What has to leave the house: counted, and given another chance."""

from uuid import UUID

import click

from api.cli.base import Group, print_json, worker_database
from models.db.session import ALL_TENANTS
from models.outbox import admin as backlog
from models.outbox.admin import count_by_state

outbox = Group("outbox", help="What waits to be sent.")


@outbox.command("status")
def status() -> None:
    """Count what is due, due later, leased to a worker, done, and set aside after too many failures."""
    with worker_database() as database, database.reading(ALL_TENANTS) as session:
        print_json(count_by_state(session, at=database.clock()))


@outbox.command("retry")
@click.argument("ids", metavar="ID...", type=click.UUID, nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every row that was set aside.")
def retry(ids: tuple[UUID, ...], *, everything: bool) -> None:
    """Give rows that were set aside another chance; those of no use any more are let go."""
    if everything == bool(ids):
        raise click.UsageError("Give either --all or the ids of the rows.")
    with worker_database() as database, database.writing(ALL_TENANTS) as session:
        print_json(backlog.retry(session, None if everything else ids, at=database.clock()))
