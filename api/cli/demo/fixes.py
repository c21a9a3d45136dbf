"""Causes that the demo's managers fix, and the customers who hear of it because they raised it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from api.cli.demo.simulation import Course
from models.organizations.store import StoreKind
from models.recovery.fix import Fix
from models.recovery.follow_up import FollowUp

if TYPE_CHECKING:
    from api.cli.demo.history import StoreHistory


@dataclass(frozen=True)
class DemoFix:
    """A cause that is fixed so many days before the end of the history. The later ones are still to be thanked for."""

    days_ago: int
    category: str
    cause: str
    what: str
    is_thanked: bool


FIXES = {
    StoreKind.RESTAURANT: (
        DemoFix(9, "waiting-time", "slow-kitchen", "A second cook stands at the pass from seven to nine.", True),
        DemoFix(4, "food-and-drink", "cold", "Plates are warmed before they go out.", False),
    ),
    StoreKind.RETAIL: (
        DemoFix(9, "waiting-time", "long-queue", "A second till opens as soon as four people wait.", True),
        DemoFix(4, "product", "defective", "The maker of the kettle has changed its switch.", False),
    ),
}
THANK_WITHIN = timedelta(days=3)


def fix_cause(history: "StoreHistory", demo_fix: DemoFix, *, at: datetime) -> Course:
    """Record that a cause is fixed, and promise a thank-you to everybody who raised it and may be contacted."""
    session, manager = history.session, history.shift.manager.actor
    session.flush()
    fix = Fix.record(
        session,
        category=demo_fix.category,
        cause=demo_fix.cause,
        what=demo_fix.what,
        store_id=history.store.id,
        by=manager,
        at=at,
    )
    session.flush()
    if not demo_fix.is_thanked:
        return
    session.expect_many_rows()  # nothing has counted the rows of this transaction
    thank_yous = fix.thank(session, by=manager, at=at, due_at=at + THANK_WITHIN)
    for number, (follow_up, _) in enumerate(thank_yous):
        if number % 8 == 7:
            history.simulation.start(follow_up.due_at, _forget(follow_up))
        else:
            yield at + timedelta(hours=2, minutes=7 * number)
            follow_up.keep(by=manager, at=at + timedelta(hours=2, minutes=7 * number))


def _forget(follow_up: FollowUp) -> Course:
    """Let the time of a thank-you pass."""
    follow_up.mark_broken(at=follow_up.due_at)
    yield from ()
