"""The sums that reports are read from."""

import click

from api.cli.plain import Group, back_office, tell
from models.reports.refresh import mark_everything, refresh
from models.session import EVERYTHING

reports = Group("reports", help="The sums that reports are read from.")


@reports.command("rebuild")
def rebuild() -> None:
    """Work out the sums of every day there is from the rows, of whatever was kept before nothing.

    Reports are right meanwhile, and slower. It may be stopped at any time: workers go on with what is left.
    """
    with back_office() as database:
        with database.writing(EVERYTHING) as session:
            marked = mark_everything(session)
        with click.progressbar(length=marked, label="days", file=click.get_text_stream("stderr")) as bar:
            while days := refresh(database):
                bar.update(days)
    tell({"days": marked})
