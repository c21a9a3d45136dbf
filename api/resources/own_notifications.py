"""What the signed-in person was notified of."""

from collections.abc import Sequence
from typing import Any

from flask import g

from api.schemas.base import page_of
from api.schemas.own_notifications import OwnNotificationSchema, OwnNotificationsQuery
from api.schemas.reader_language import reader_language
from api.web.pagination import paginate
from api.web.resource import Resource
from api.web.shared_blueprints import me as blp
from models.access import Permission
from models.alerts.notification import Notification
from models.operations.announcements import select_announcements
from notifications.messages.announcements import Announcement, compose_announcements
from notifications.messages.translations import CATALOGUES


@blp.route("/me/notifications")
class MyNotifications(Resource):
    permissions = {"GET": Permission.ME_USE}

    @blp.arguments(OwnNotificationsQuery, location="query")
    @blp.response(200, page_of(OwnNotificationSchema))
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """List what one was notified of in the last 14 days, newest first

        Each thing once, on however many phones it is and however often a call rang; what shared phones showed for the
        person too. What went by mail is not in it. It was read if any of their phones opened it: send a receipt
        `opened` for its id.
        """
        stmt = select_announcements(g.actor, at=g.now, unread=query.pop("unread", None))
        columns = stmt.selected_columns
        page = paginate(stmt, columns.queued_at, columns.id, descending=True, whole_rows=True, **query)
        return {**page, "items": _in_words(page["items"])}


@blp.route("/me/notifications/<uuid:notification_id>")
class MyNotificationById(Resource):
    permissions = {"GET": Permission.ME_USE}
    path_models = {"notification_id": Notification}

    @blp.response(200, OwnNotificationSchema)
    def get(self, notification: Notification) -> Announcement:
        """Read one thing that one was notified of, by the `notification_id` of the push or of the list

        404 for what the person was not notified of, or more than 14 days ago.
        """
        stmt = select_announcements(g.actor, at=g.now)
        of_it = stmt.selected_columns.announcement_id == notification.announcement_id
        row = g.session.execute(stmt.where(of_it)).first()
        if row is None:
            raise Notification.not_visible_error(notification.id, pointer=None)
        return _in_words([row])[0]


def _in_words(rows: Sequence[Any]) -> list[Announcement]:
    return compose_announcements(g.session, rows, actor=g.actor, language=reader_language(CATALOGUES))
