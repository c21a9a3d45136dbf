"""The demo organization."""

import click

from api.cli.base import Group, worker_database
from api.cli.demo.seed import already_there, seed

demo = Group("demo", help="An invented organization to try things with.")


@demo.command("seed")
@click.option("--if-empty", is_flag=True, help="Do nothing when there is any organization already.")
@click.option("--if-missing", is_flag=True, help="Do nothing when the demo is there already.")
def seed_demo(*, if_empty: bool, if_missing: bool) -> None:
    """Put the organizations 'demo' and 'other' into the database, with sixty days of invented history."""
    with worker_database() as database:
        if reason := already_there(database, any_organization=if_empty):
            if if_empty or if_missing:
                click.echo(f"{reason} Nothing was added.")
                return
            raise click.ClickException(f"{reason} Nothing was added.")
        click.echo(seed(database, at=database.clock()))
