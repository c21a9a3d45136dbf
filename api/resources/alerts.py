"""Alerts, their notifications, and receipts from phones."""

from dataclasses import dataclass
from typing import Any

from flask import g

from api.schemas.alerts import (
    AlertQuery,
    AlertReadSchema,
    NotificationSchema,
    ReceiptsAnswerSchema,
    ReceiptsSchema,
)
from api.schemas.base import PageQuery, page_of
from api.schemas.includes import AlertWithCustomerSchema
from api.web.blueprint import Blueprint
from api.web.includes import with_customers
from api.web.pagination import paginate
from api.web.resource import Resource
from models.access import Permission
from models.alerts.alert import Alert
from models.alerts.notification import Notification
from models.recovery.previous_recovery import PreviousRecovery, find_previous_recovery

blp = Blueprint("alerts", __name__, "Alerts, what became of their notifications, and receipts from phones")


@dataclass(frozen=True)
class ReadAlert:
    """An alert as the answer to reading it: with what was tried the last time."""

    alert: Alert
    previous: PreviousRecovery | None

    @property
    def version(self) -> int:
        return self.alert.version


@blp.route("/alerts")
class Alerts(Resource):
    never_stored = True
    permissions = {"GET": Permission.ALERT_READ}

    @blp.arguments(AlertQuery, location="query")
    @blp.response(200, page_of(AlertWithCustomerSchema))
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """List alerts, newest first

        Those of voided concerns are left out. Head office reads them without `summary` and `taken_by`.
        """
        include = query.pop("include", ())
        page = {name: query.pop(name) for name in ("limit", "cursor")}
        alerts = Alert.select_visible(g.actor, **query)
        return with_customers(paginate(alerts, Alert.raised_at, Alert.id, descending=True, **page), include)


@blp.route("/alerts/<uuid:alert_id>")
class AlertById(Resource):
    permissions = {"GET": Permission.ALERT_READ}
    path_models = {"alert_id": Alert}

    @blp.response(200, AlertReadSchema)
    def get(self, alert: Alert) -> ReadAlert:
        """Read an alert: its escalation steps, and what was tried the last time for this customer

        `GET /v1/alerts/{alert_id}/notifications` tells what became of each of its rings.
        """
        return ReadAlert(alert, find_previous_recovery(g.session, alert.concern_id, actor=g.actor))


@blp.route("/alerts/<uuid:alert_id>/notifications")
class AlertNotifications(Resource):
    permissions = {"GET": Permission.ALERT_READ}
    path_models = {"alert_id": Alert}

    @blp.arguments(PageQuery, location="query")
    @blp.response(200, page_of(NotificationSchema))
    def get(self, query: dict[str, Any], alert: Alert) -> dict[str, Any]:
        """List the notifications of an alert: on which phone, for whom, and what is known of its delivery

        The first that was queued comes first. `accepted` does not mean that a phone rang; receipts of the app
        do.
        """
        return paginate(Notification.select_of_alert(alert.id), Notification.queued_at, Notification.id, **query)


@blp.route("/notifications/receipts")
class NotificationReceipts(Resource):
    permissions = {"POST": Permission.RECEIPT_SEND}
    sent_by_app = frozenset({"POST"})
    serves_any_app = frozenset({"POST"})

    @blp.arguments(ReceiptsSchema)
    @blp.response(200, ReceiptsAnswerSchema)
    def post(self, data: dict[str, Any]) -> dict[str, Any]:
        """Report what a phone did with notifications; safe to repeat

        A person reports for their own phones. A shared phone reports by itself, with its device secret, also while
        it is locked, and the receipts count for everybody whom the notification is for.
        """
        recorded, unknown = Notification.record_receipts(g.session, data["receipts"], by=g.actor, at=g.now)
        return {"recorded": recorded, "unknown": unknown}
