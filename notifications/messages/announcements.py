"""Announcements in words: what a person was notified of, as their phones said it, in the language of whoever reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from models.access import Actor
from models.alerts.notification import Notification, NotificationKind
from models.concerns.enums import Severity
from models.concerns.event import ConcernStep
from models.recovery.approvals import read_decisions
from notifications.messages import texts
from notifications.messages.links import link_of
from notifications.messages.texts import NO_CONTEXT, MessageContext


@dataclass(frozen=True, kw_only=True)
class Announcement:
    """One thing that a person was notified of. Without what it is about where they may not see that any more."""

    id: UUID
    kind: NotificationKind
    severity: Severity
    title: str
    body: str
    queued_at: datetime
    opened_at: datetime | None
    withdrawn: bool
    concern_id: UUID | None = None
    alert_id: UUID | None = None
    recovery_action_id: UUID | None = None
    follow_up_id: UUID | None = None
    link: str | None = None


def compose_announcements(session: Session, rows: Sequence[Any], *, actor: Actor, language: str) -> list[Announcement]:
    """Return the announcements of these rows of `select_announcements`."""
    decided_of = {row.Notification.concern_id for row in rows if row.Concern and _says_decision(row.Notification)}
    decisions = read_decisions(session, actor.organization_id, decided_of) if decided_of else {}
    return [_compose(row, decisions, actor=actor, language=language) for row in rows]


def _says_decision(notification: Notification) -> bool:
    return notification.kind is NotificationKind.DECISION and notification.recovery_action_id is not None


def _compose(row: Any, decisions: dict[UUID, ConcernStep], *, actor: Actor, language: str) -> Announcement:
    notification: Notification = row.Notification
    context, subject = NO_CONTEXT, {}
    if row.Concern is not None:
        decision = decisions.get(notification.recovery_action_id) if notification.recovery_action_id else None
        context = MessageContext.of(
            row.Concern, row.Alert, action=row.RecoveryAction, decision=decision, locale=language
        )
    elif notification.count is not None:
        context = MessageContext(count=notification.count)
    if _may_see(row, actor):
        names = ("concern_id", "alert_id", "recovery_action_id", "follow_up_id")
        subject = {**{name: getattr(notification, name) for name in names}, "link": link_of(notification)}
    return Announcement(
        id=notification.id,
        kind=notification.kind,
        severity=Severity(context.severity),
        title=texts.title(notification.kind, context, locale=language),
        body=texts.body(notification.kind, context, locale=language),
        queued_at=row.queued_at,
        opened_at=row.opened_at,
        withdrawn=row.outdated_at is not None,
        **subject,
    )


def _may_see(row: Any, actor: Actor) -> bool:
    notification: Notification = row.Notification
    if notification.store_id is not None and actor.store_ids is not None:
        return notification.store_id in actor.store_ids
    return notification.concern_id is None or row.Concern is not None
