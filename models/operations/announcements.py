"""Announcements to a person: each thing they were notified of once, on however many of their phones it is."""

from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, func, select
from sqlalchemy.orm import joinedload, lazyload

from models.access import Actor
from models.alerts.alert import Alert
from models.alerts.notification import Notification
from models.concerns.concern import Concern
from models.recovery.action import RecoveryAction


def select_announcements(actor: Actor, *, at: datetime, unread: bool | None = None) -> Select[Any]:
    """Return a statement for what a person was notified of lately, optionally only what they have (not) read.

    Its rows have the `id` and `queued_at` of the first notification, when any was opened (`opened_at`), when it was no
    longer true (`outdated_at`), and the Notification with its Alert, its RecoveryAction and, where this person may
    still see it, its Concern. What is no longer true is not unread.
    """
    lately = Notification.lately_to(actor.person, at=at)
    same: dict[str, Any] = {"partition_by": lately.c.announcement_id}
    announced = select(
        lately.c.id,
        lately.c.announcement_id,
        lately.c.queued_at,
        func.row_number().over(**same, order_by=(lately.c.queued_at, lately.c.id)).label("place"),
        func.min(lately.c.opened_at).over(**same).label("opened_at"),
        func.min(lately.c.outdated_at).over(**same).label("outdated_at"),
    ).subquery("announced")
    tenant = Notification.organization_id
    visible = and_(Concern.organization_id == tenant, Concern.id == Notification.concern_id, *Concern.visible_to(actor))
    of_alert = and_(Alert.organization_id == tenant, Alert.id == Notification.alert_id)
    of_action = and_(RecoveryAction.organization_id == tenant, RecoveryAction.id == Notification.recovery_action_id)
    columns = [announced.c[name] for name in ("id", "announcement_id", "queued_at", "opened_at", "outdated_at")]
    stmt = (
        select(*columns, Notification, Concern, Alert, RecoveryAction)
        .select_from(announced)
        .join(Notification, and_(tenant == actor.organization_id, Notification.id == announced.c.id))
        .outerjoin(Concern, visible)
        .outerjoin(Alert, of_alert)
        .outerjoin(RecoveryAction, of_action)
        .where(announced.c.place == 1)
        .options(
            *(lazyload(relation) for relation in (Notification.device, Notification.staff, Alert.notifications)),
            *(lazyload(relation) for relation in (Alert.taken_by, RecoveryAction.remedy)),
            *(lazyload(relation) for relation in (RecoveryAction.acted_by, RecoveryAction.decided_by)),
            *(joinedload(relation) for relation in (Concern.place, Concern.filed_category, Concern.filed_cause)),
        )
    )
    if unread is None:
        return stmt
    is_unread = announced.c.opened_at.is_(None) & announced.c.outdated_at.is_(None)
    return stmt.where(is_unread if unread else ~is_unread)
