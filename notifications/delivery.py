"""One letter from a row, and what its verdict means for the row."""

import random
from datetime import datetime, timedelta

from models.concern import Concern
from models.notification import NotificationState
from models.outbox import Outgoing, Task
from notifications import words
from notifications.channels import DeliveryOutcome, Letter, LetterKind, Verdict

FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=1), timedelta(seconds=60)


def letter_for(task: Outgoing, concern: Concern, *, at: datetime) -> Letter | None:
    """What to send for a RING or WITHDRAW task; None, with the reason on the notification, when there is no use.

    A ring whose alert was answered, or that belongs to an earlier run, is not sent any more.
    """
    notification, alert = task.letter_to, task.alert
    device = notification.device
    ringing = task.task is Task.RING
    if ringing and (not alert.calling or alert.run_id != task.run_id):
        notification.give_up(NotificationState.SUPPRESSED, "answered")
        return None
    if ringing and notification.expires_at <= at:
        notification.give_up(NotificationState.EXPIRED, task.last_error or "expired")
        return None
    if device.address is None or device.staff_id != notification.staff_id:
        notification.give_up(NotificationState.FAILED, "address-retired")
        return None
    if ringing and notification.state is NotificationState.QUEUED:
        notification.state = NotificationState.LEASED
    return Letter(
        notification_id=notification.id,
        alert_id=alert.id,
        concern_id=concern.id,
        kind=LetterKind.RING if ringing else LetterKind.WITHDRAW,
        address=device.address,
        address_kind=device.address_kind,
        platform=device.platform,
        title=words.title(alert, concern),
        body=words.body(concern),
        severity=alert.severity,
        sent_at=at,
        expires_at=notification.expires_at if ringing else at + timedelta(minutes=10),
    )


def settle(task: Outgoing, verdict: Verdict, *, at: datetime) -> Outgoing | None:
    """Record what became of an attempt. Gives back one more task when a push overtook the answer to its alert."""
    notification = task.letter_to
    ringing = task.task is Task.RING
    match verdict.outcome:
        case DeliveryOutcome.SENT:
            task.finish(at=at)
            if not ringing:
                notification.withdrawn_at = at
                return None
            notification.accept(provider_id=verdict.provider_id, at=at)
            if not task.alert.calling:
                return Outgoing.about(task.alert, Task.WITHDRAW, at=at, notification=notification)
        case DeliveryOutcome.LATER:
            _put_off(task, verdict, at=at)
        case DeliveryOutcome.GONE:
            task.finish(at=at)
            notification.device.retire(reason=verdict.reason, at=at)
            notification.give_up(NotificationState.FAILED, verdict.reason)
        case DeliveryOutcome.REFUSED:
            task.finish(at=at)
            notification.give_up(NotificationState.FAILED, verdict.reason)
    return None


def _put_off(task: Outgoing, verdict: Verdict, *, at: datetime) -> None:
    """Try again by our own back-off or when the provider asked for it; not beyond the letter's life."""
    notification = task.letter_to
    pause = max(back_off(task.tries), verdict.retry_after or timedelta(0))
    ringing = task.task is Task.RING
    ends_at = notification.expires_at if ringing else task.created_at + timedelta(minutes=10)
    task.put_off(until=at + pause, reason=verdict.reason)
    if at + pause >= ends_at:
        task.finish(at=at)
        if ringing:
            notification.give_up(NotificationState.EXPIRED, verdict.reason)


def back_off(tries: int) -> timedelta:
    """A pause that doubles with each try, at most a minute, with full jitter (half of it at least) against crowds."""
    longest: timedelta = min(FIRST_PAUSE * 2 ** min(tries, 10), LONGEST_PAUSE)
    return longest * (0.5 + random.random() / 2)  # noqa: S311 jitter needs no secret randomness
