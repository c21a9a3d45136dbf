"""The sums that reports are read from."""

import sys

import click

from api.cli.plain import Group, back_office, tell
from models.reports.refresh import mark_everything, refresh_everything

reports = Group("reports", help="The sums that reports are read from.")


@reports.command("rebuild")
def rebuild() -> None:
    """Work out the sums of every day there is from the rows, of whatever was kept before nothing.

    First the days of each store are marked, then they are worked out. Reports are right meanwhile, and slower. Once it
    counts days it may be stopped: workers go on with what is left.
    """
    with back_office() as database:
        marked = sum(mark_everything(database))
        with click.progressbar(length=marked, label="days", file=sys.stderr) as bar:
            for days in refresh_everything(database):
                bar.update(days)
    tell({"days": marked})
