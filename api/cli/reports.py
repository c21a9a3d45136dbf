"""The sums that reports are read from."""

import sys

import click

from api.cli.plain import Group, back_office, tell
from models.reports.refresh import mark_everything, refresh
from models.session import EVERYTHING

DAYS_AT_ONCE = 1000

reports = Group("reports", help="The sums that reports are read from.")


@reports.command("rebuild")
def rebuild() -> None:
    """Work out the sums of every day there is from the rows, of whatever was kept before nothing.

    Reports are right meanwhile, and slower. It may be stopped at any time: workers go on with what is left.
    """
    with back_office() as database:
        with database.writing(EVERYTHING) as session:
            marked = mark_everything(session)
        with click.progressbar(length=marked, label="days", file=sys.stderr) as bar:
            while days := refresh(database, at_once=DAYS_AT_ONCE):
                bar.update(days)
    tell({"days": marked})
