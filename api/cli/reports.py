"""The sums that reports are read from."""

import sys
from collections.abc import Iterator

import click

from api.cli.base import Group, back_office, tell
from models.reports.rollups.rebuild import mark_everything, months_marked, refresh_every_day, refresh_every_month

reports = Group("reports", help="The sums that reports are read from.")


@reports.command("rebuild")
def rebuild() -> None:
    """Work out the sums of every day there is from the rows, of whatever was kept before nothing.

    First the days of each store are marked, then they are worked out, and the causes of their months after them.
    Reports are right meanwhile, and slower. Once it counts days it may be stopped: workers go on with what is left.
    """
    with back_office() as database:
        days = sum(mark_everything(database))
        _count("days", days, refresh_every_day(database))
        months = months_marked(database)
        _count("months by cause", months, refresh_every_month(database))
    tell({"days": days, "months": months})


def _count(what: str, length: int, done: Iterator[int]) -> None:
    with click.progressbar(length=length, label=what, file=sys.stderr) as bar:
        for some in done:
            bar.update(some)
