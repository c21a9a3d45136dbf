"""Commands for the rollups that reports are read from."""

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

reports = Group("reports", help="The rollups that reports are read from.")


@reports.command("rebuild")
def rebuild() -> None:
    """Recompute all rollups from the rows.

    Marks every day of every store dirty, then recomputes these days, and after them the causes of their months.
    Reports stay exact meanwhile, but are slower. Once the progress bar counts days, the command may be stopped: the
    workers recompute the rest.
    """
    with worker_database() as database:
        days = sum(mark_all_dirty(database))
        _show_progress("days", days, rebuild_all_days(database))
        months = count_dirty_cause_months(database)
        _show_progress("months by cause", months, rebuild_all_cause_months(database))
    print_json({"days": days, "months": months})


def _show_progress(label: str, length: int, batches: Iterator[int]) -> None:
    with click.progressbar(length=length, label=label, file=sys.stderr) as bar:
        for done in batches:
            bar.update(done)
