"""The sums that reports are read from."""

import sys
from collections.abc import Iterator

import click

from api.cli.base import Group, print_json, worker_database
from models.reports.rollups.rebuild import (
    count_dirty_cause_months,
    mark_all_dirty,
    rebuild_all_cause_months,
    rebuild_all_days,
)

reports = Group("reports", help="The sums that reports are read from.")


@reports.command("rebuild")
def rebuild() -> None:
    """Work out the sums of every day there is from the rows, of whatever was kept before nothing.

    First the days of each store are marked, then they are worked out, and the causes of their months after them.
    Reports are right meanwhile, and slower. Once it counts days it may be stopped: workers go on with what is left.
    """
    with worker_database() as database:
        days = sum(mark_all_dirty(database))
        _count("days", days, rebuild_all_days(database))
        months = count_dirty_cause_months(database)
        _count("months by cause", months, rebuild_all_cause_months(database))
    print_json({"days": days, "months": months})


def _count(what: str, length: int, done: Iterator[int]) -> None:
    with click.progressbar(length=length, label=what, file=sys.stderr) as bar:
        for some in done:
            bar.update(some)
