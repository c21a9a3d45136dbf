"""Dead letters: an unexpected error is tried again, then the message is dead-lettered and reported."""

from models.alerts.notification import NotificationState
from models.db.session import ALL_TENANTS
from models.outbox.admin import count_by_state
from models.outbox.message import OutboxKind, OutboxMessage
from models.staff.device import AddressKind
from notifications.channels.base import DeliveryResult, Message
from tests.support.app import App
from tests.support.databases import only_on_sqlite
from tests.support.factories.concerns import log_concern
from tests.support.factories.organizations import Shop
from tests.support.factories.staff import give_phone
from tests.support.rows import notifications, pending_messages, rows
from tests.support.worker import RecordingChannel, for_all_kinds, running_worker, work_until_idle

pytestmark = only_on_sqlite  # a rule of ours, the same on both databases


def test_an_unexpected_error_is_tried_five_times_and_dead_lettered_where_it_is_seen(app: App, shop: Shop) -> None:
    channel, phone = RecordingChannel(), "phone-1"
    give_phone(app.back_office, shop, "manager", phone, kind=AddressKind.FCM_TOKEN)
    give_phone(app.back_office, shop, "manager", "phone-2")
    channel.answers["phone-2"] = DeliveryResult.sent()
    log_concern(app, shop)
    with running_worker(app, for_all_kinds(_Breaks(channel, phone))) as worker:
        for _ in range(20):
            work_until_idle(worker)
            app.clock.move(seconds=30)
    (aside,) = [row for row in rows(app, OutboxMessage) if row.dead_lettered_at]
    assert (aside.kind, aside.failures, aside.last_error) == (OutboxKind.DELIVER_RING, 5, "ZeroDivisionError")
    assert [message.recipient.address for message in channel.messages].count(phone) == 5
    failed = next(row for row in notifications(app) if row.id == aside.notification_id)
    assert (failed.state, failed.failure) == (NotificationState.FAILED, "set-aside")
    assert pending_messages(app) == []
    with app.back_office.reading(ALL_TENANTS) as session:
        assert count_by_state(session, at=app.clock())["dead_lettered"] == 1


class _Breaks(RecordingChannel):
    """Channel that breaks on the messages to one address."""

    def __init__(self, channel: RecordingChannel, address: str) -> None:
        super().__init__()
        self.channel, self.address = channel, address

    def deliver(self, message: Message) -> DeliveryResult:
        result = self.channel.deliver(message)
        if message.recipient.address == self.address:
            raise ZeroDivisionError
        return result
