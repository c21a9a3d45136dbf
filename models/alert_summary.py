"""One honest line on a call for help: what really became of it, for the person who waits for somebody to come."""

from typing import TYPE_CHECKING

from models.notification import Notification
from models.terms import AlertState

if TYPE_CHECKING:
    from models.alert import Alert

_OVER = {
    AlertState.RESOLVED: "resolved",
    AlertState.CANCELLED: "cancelled",
    AlertState.LATE: "told too late to ring",
    AlertState.UNANSWERED: "nobody answered: walk over",
}


def summary_of(alert: "Alert") -> str:
    """'on 2 phones, opened by Rita', 'no phone reached: walk over': nothing that is hoped, only what is known."""
    if alert.state is AlertState.TAKEN:
        return f"{alert.taken_by.name if alert.taken_by else 'Somebody'} is on the way"
    if alert.state is not AlertState.OPEN:
        return _OVER[alert.state]
    rung = [sent for sent in alert.notifications if sent.run_id == alert.run_id]
    accepted = {sent.device_id for sent in rung if sent.on_a_phone}
    if accepted:
        return _on_phones(rung, len(accepted))
    if any(not sent.over for sent in rung):
        return "the push service does not answer: walk over" if all(s.failure for s in rung) else "calling for help"
    if alert.reached_at is None:
        return "calling for help"
    alone = bool(alert.climbed) and all(one["why"] == "nobody" for one in alert.climbed)
    return "nobody on shift, no phone reached: walk over" if alone else "no phone reached: walk over"


def _on_phones(rung: list[Notification], accepted: int) -> str:
    """Accepted by the push service is not on a phone: only the phone itself can say that."""
    arrived = len({sent.device_id for sent in rung if sent.arrived})
    if not arrived:
        return f"sent to {_phones(accepted)}, none has it yet"
    line = f"on {_phones(arrived)}" if arrived >= accepted else f"on {arrived} of {_phones(accepted)}"
    opened = sorted({sent.staff.name for sent in rung if sent.opened_at is not None})
    return f"{line}, opened by {' and '.join(opened)}" if opened else line


def _phones(count: int) -> str:
    return f"{count} phone" if count == 1 else f"{count} phones"
