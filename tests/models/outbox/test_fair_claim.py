"""Fair claims: one store, organization or alert with much to send takes its share of a worker and no more."""

from collections import Counter
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from models.alerts.alert import Alert
from models.alerts.notification import NotificationKind
from models.db.session import ALL_TENANTS
from models.outbox.message import OutboxKind, OutboxMessage
from tests.support.app import App
from tests.support.factories.concerns import log_concern
from tests.support.factories.organizations import Shop, make_shop

RINGS = [OutboxKind.DELIVER_RING, OutboxKind.DELIVER_INFO]
SECOND = timedelta(seconds=1)


@pytest.fixture
def other(app: App) -> Shop:
    """An organization beside the noisy one."""
    return make_shop(app.back_office, "other")


def alert_of(app: App, shop: Shop, store_id: UUID | None = None) -> UUID:
    return UUID(log_concern(app, shop, "key", store_id=str(store_id or shop.store_id))["alert"]["id"])


def queue_rings(app: App, alert_id: UUID, count: int, *, seconds_ago: int = 0) -> None:
    """Queue so many rings of an alert, each for another phone."""
    with app.back_office.writing(ALL_TENANTS) as session:
        alert = session.scalars(select(Alert).where(Alert.id == alert_id)).one()
        at = app.clock() - seconds_ago * SECOND
        session.add_all(OutboxMessage.for_alert(alert, OutboxKind.DELIVER_RING, at=at) for _ in range(count))


def inform(app: App, shop: Shop, kind: NotificationKind, count: int, *, seconds_ago: int = 0) -> None:
    """Queue so many deliveries that are about no alert."""
    at = app.clock() - seconds_ago * SECOND
    with app.back_office.writing(shop.organization_id) as session:
        for _ in range(count):
            message = OutboxMessage.information(kind, shop.organization_id, at=at)
            message.kind = OutboxKind.DELIVER_INFO
            session.add(message)


def claim(app: App, limit: int = 24, *, oldest_first: bool = False) -> list[OutboxMessage]:
    with app.back_office.writing(ALL_TENANTS) as session:
        return list(OutboxMessage.claim(session, RINGS, at=app.clock(), limit=limit, oldest_first=oldest_first))


def test_an_organization_with_thousands_of_messages_leaves_half_to_another(app: App, shop: Shop, other: Shop) -> None:
    noisy, quiet = alert_of(app, shop), alert_of(app, other)
    queue_rings(app, quiet, 12, seconds_ago=20)
    queue_rings(app, noisy, 300)
    by_alert = Counter(row.alert_id for row in claim(app))
    assert by_alert == {noisy: 12, quiet: 12}


def test_a_store_and_an_alert_have_their_share_within_the_organization(app: App, shop: Shop) -> None:
    many_phones, few_phones = alert_of(app, shop), alert_of(app, shop)
    elsewhere = alert_of(app, shop, shop.other_store_id)
    queue_rings(app, elsewhere, 2, seconds_ago=9)
    queue_rings(app, few_phones, 2, seconds_ago=9)
    queue_rings(app, many_phones, 100)
    by_alert = Counter(row.alert_id for row in claim(app))
    assert by_alert == {many_phones: 20, few_phones: 2, elsewhere: 2}


def test_what_rings_comes_before_what_informs_and_what_is_new_before_what_is_old(app: App, shop: Shop) -> None:
    backlog, fresh = alert_of(app, shop), alert_of(app, shop)
    queue_rings(app, backlog, 8, seconds_ago=60)
    queue_rings(app, fresh, 3)
    inform(app, shop, NotificationKind.OUTCOME, 30)
    inform(app, shop, NotificationKind.APPROVAL, 1, seconds_ago=5)  # it is loud: somebody waits for it
    claimed = [row.alert_id for row in claim(app, limit=12)]
    assert Counter(claimed[:4]) == {fresh: 3, None: 1}
    assert claimed[4:] == [backlog] * 8
    assert {row.notification_kind for row in claim(app, limit=30)} == {NotificationKind.OUTCOME}


def test_of_two_organizations_whose_turn_it_is_the_newest_ring_comes_first(app: App, shop: Shop, other: Shop) -> None:
    alerts = [alert_of(app, each) for each in (shop, other)]
    for old, new in (alerts, reversed(alerts)):
        queue_rings(app, old, 1, seconds_ago=60)
        queue_rings(app, new, 1)
        assert [row.alert_id for row in claim(app, limit=2)] == [new, old]


def test_nothing_waits_for_ever_for_what_is_newer_or_more_urgent(app: App, shop: Shop) -> None:
    """However much comes in meanwhile, what is claimed oldest first gets on."""
    alert = alert_of(app, shop)
    inform(app, shop, NotificationKind.OUTCOME, 5, seconds_ago=120)
    queue_rings(app, alert, 5, seconds_ago=60)
    for _ in range(3):
        queue_rings(app, alert, 30)
        assert {row.alert_id for row in claim(app)} == {alert}
        claim(app, limit=4, oldest_first=True)
        app.clock.move(seconds=1)
    with app.back_office.reading(ALL_TENANTS) as session:
        old = select(OutboxMessage).where(OutboxMessage.created_at < app.clock() - 30 * SECOND)
        old_rows = session.scalars(old.where(OutboxMessage.kind.in_(RINGS))).all()
    assert len(old_rows) == 10
    assert all(row.lease_id for row in old_rows)


def test_thousands_of_newer_messages_of_another_hide_neither_a_call_nor_a_store(
    app: App, shop: Shop, other: Shop
) -> None:
    """However many are newer, of another organization, another store, another alert, or informations of one's own."""
    quiet, elsewhere = alert_of(app, other), alert_of(app, shop, shop.other_store_id)
    noisy, second = alert_of(app, shop), alert_of(app, shop)
    for alert_id in (quiet, elsewhere, second):
        queue_rings(app, alert_id, 2, seconds_ago=60)
    queue_rings(app, noisy, 1_010)
    inform(app, other, NotificationKind.OUTCOME, 1_010)
    assert Counter(row.alert_id for row in claim(app)) == {quiet: 2, elsewhere: 2, second: 2, noisy: 18}


def test_the_clock_of_a_writer_may_be_ahead(app: App, shop: Shop) -> None:
    alert_id = alert_of(app, shop)
    queue_rings(app, alert_id, 2, seconds_ago=-30)
    assert len(claim(app, limit=1)) + len(claim(app, limit=1, oldest_first=True)) == 2
