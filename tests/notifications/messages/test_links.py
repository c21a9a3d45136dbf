"""Links of notifications: each is an address that a phone can read."""

from datetime import date
from uuid import uuid4

import pytest
from werkzeug.routing import Rule

from models.alerts.notification import Notification, NotificationKind
from notifications.messages.links import link_of
from tests.support.app import App
from tests.support.databases import only_on_sqlite

pytestmark = only_on_sqlite
ABOUT = ({"recovery_action_id": True}, {"follow_up_id": True}, {"concern_id": True}, {"store_id": True}, {})
DAY = {"store_id": True, "business_date": date(2026, 3, 3)}


@pytest.mark.parametrize("about", [*ABOUT, DAY])
def test_a_link_can_be_read(app: App, about: dict[str, object]) -> None:
    values = {name: uuid4() if value is True else value for name, value in about.items()}
    for kind in (NotificationKind.FOLLOW_UP, NotificationKind.STILL_HERE):
        link = link_of(Notification(id=uuid4(), kind=kind, **values))
        rule, _ = app.flask.url_map.bind("").match(link, method="GET", return_rule=True)
        assert isinstance(rule, Rule), link
