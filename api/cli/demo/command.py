"""Command that seeds the demo organizations."""

import sys

import click

from api.cli.base import Group, worker_database
from api.cli.demo.seed import DAYS_TO_SEED, already_there, begin_shifts, seed

demo = Group("demo", help="Invented organizations to try Amends with.")


@demo.command("seed")
@click.option("--if-empty", is_flag=True, help="Do nothing when there is any organization already.")
@click.option("--if-missing", is_flag=True, help="Do nothing when the demo is there already.")
def seed_demo(*, if_empty: bool, if_missing: bool) -> None:
    """Create the organizations 'demo' and 'other', with sixty days of invented history.

    Where they are there already, with one of the options, their people check in again.
    """
    with worker_database() as database:
        if reason := already_there(database, any_organization=if_empty):
            if if_empty or if_missing:
                begin_shifts(database, at=database.clock())
                click.echo(f"{reason} Nothing was added.")
                return
            raise click.ClickException(f"{reason} Nothing was added.")
        with click.progressbar(length=DAYS_TO_SEED, label="Seeding the demo", show_eta=False, file=sys.stderr) as bar:
            summary = seed(database, at=database.clock(), after_each_day=lambda: bar.update(1))
        click.echo(summary)
