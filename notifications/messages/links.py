"""Links of notifications: the address in the API of what a phone opens when a notification is tapped."""

from models.alerts.notification import Notification, NotificationKind

ABOUT_ONES_SHIFT = frozenset({NotificationKind.STILL_HERE, NotificationKind.SHIFT_ENDED})


def link_of(notification: Notification) -> str:
    """Return the path of what a notification is about; of what is about nothing else, that of the notification."""
    if notification.store_id is not None:
        day = notification.business_date
        part = "pauses" if day is None else f"recovery-logs/{day}"
        return f"/v1/stores/{notification.store_id}/{part}"
    if notification.kind in ABOUT_ONES_SHIFT:
        return "/v1/me"
    subjects = {
        "recovery-actions": notification.recovery_action_id,
        "follow-ups": notification.follow_up_id,
        "concerns": notification.concern_id,
    }
    known = (f"/v1/{name}/{id_}" for name, id_ in subjects.items() if id_ is not None)
    return next(known, f"/v1/me/notifications/{notification.id}")
