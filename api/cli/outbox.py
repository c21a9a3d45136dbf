"""What has to leave the house, counted."""

from api.cli.plain import Group, back_office, tell
from models.outbox import Outgoing
from models.session import EVERYTHING

outbox = Group("outbox", help="What waits to be sent.")


@outbox.command("status")
def status() -> None:
    """Count what is due, due later, leased to a worker, done, and set aside after too many failures."""
    with back_office() as database, database.reading(EVERYTHING) as session:
        tell(Outgoing.counts(session, at=database.clock()))
