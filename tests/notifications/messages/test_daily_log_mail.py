"""The daily log by mail: to subscribers who may read it, once, with numbers and nothing else."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError

from models.alerts.notification import NotificationKind
from models.organizations.store import Store
from models.outbox.message import OUTBOX_LEASE, OutboxKind, OutboxMessage
from models.policy_defaults import DAY_END_DELAY
from models.staff.device import Device
from models.staff.staff import Staff, StaffStore
from notifications.channels.base import DeliveryResult, Message
from notifications.worker.worker import Worker
from tests.support.app import App
from tests.support.assertions import assert_invalid_value
from tests.support.factories.concerns import log_concern, move
from tests.support.factories.organizations import Shop, make_shop
from tests.support.factories.staff import give_phone
from tests.support.rows import notifications, pending_messages, rows
from tests.support.worker import RecordingChannel, for_all_kinds, running_worker, work_until_idle

DAY = date(2026, 3, 3)
END = datetime(2026, 3, 4, 4, tzinfo=UTC)
TOLD_AT = END + DAY_END_DELAY
QUIET = "A quiet day: nobody told of a concern."


@pytest.fixture
def shop(app: App) -> Shop:
    """Nobody is on shift; the manager and the regional manager want the log of the first store."""
    shop = make_shop(app.back_office, on_shift=())
    for login in ("manager", "regional"):
        assert want(app, shop, login, shop.store_id).status_code == 200
    return shop


@pytest.fixture
def channel() -> RecordingChannel:
    return RecordingChannel()


@pytest.fixture
def worker(app: App, shop: Shop, channel: RecordingChannel) -> Iterator[Worker]:
    with running_worker(app, for_all_kinds(channel)) as worker:
        work_until_idle(worker)
        yield worker


def want(app: App, shop: Shop, login: str, *stores: Any) -> Any:
    wish = {"email": f"{login}@example.org", "daily_logs": [str(store_id) for store_id in stores]}
    return app.request("PATCH", "/v1/me", (shop, login), json=wish, headers={"If-Match": "*"})


def change(app: App, shop: Shop, what: type[Store | Staff | Device], id_: Any, **columns: Any) -> None:
    with app.back_office.writing(shop.organization_id) as session:
        row = session.get_one(what, (shop.organization_id, id_))
        for name, value in columns.items():
            setattr(row, name, value)


def mails(channel: RecordingChannel) -> dict[str, Message]:
    by_address = {
        message.recipient.address: message for message in channel.messages if message.recipient.channel == "email"
    }
    assert len(by_address) == len(channel.messages)
    return by_address


def end_the_day(app: App, worker: Worker) -> None:
    app.clock.at = TOLD_AT
    work_until_idle(worker)


def test_who_asked_for_it_gets_one_mail_a_little_after_the_day_is_over(
    app: App, shop: Shop, worker: Worker, channel: RecordingChannel
) -> None:
    app.clock.at = TOLD_AT - timedelta(seconds=1)
    work_until_idle(worker)
    assert channel.messages == []
    for hours in (0, 1, 20):
        app.clock.at = TOLD_AT + timedelta(hours=hours)
        work_until_idle(worker)
    assert mails(channel).keys() == {"manager@example.org", "regional@example.org"}
    assert {row.business_date for row in rows(app, OutboxMessage)} == {DAY}


def test_it_shows_the_figures_and_what_waits(app: App, shop: Shop, worker: Worker, channel: RecordingChannel) -> None:
    concern = {"customer": {"name": "Planted Person"}, "their_words": "Planted words", "place": "Planted place"}
    first = log_concern(app, shop, "manager", **concern)
    app.clock.move(minutes=3)
    move(app, shop, first, "take")
    move(app, shop, first, "resolve")
    log_concern(app, shop, "manager", **{**concern, "mood": 3, "customer": {"name": "Planted too"}})
    log_concern(app, shop, "manager", mood=5, kind="praise")
    channel.messages.clear()
    end_the_day(app, worker)
    message = mails(channel)["manager@example.org"]
    assert message.title == "Recovery log: First, March 3, 2026"
    assert (message.text or "").split("\n") == [
        "Recovery log: First, March 3, 2026",
        "",
        "Concerns: 2",
        "Unhappy: 1",
        "Recovered: 1",
        "Lost: 0",
        "Open: 1",
        "Told too late to ring: 0",
        "Minutes until somebody took it, median: 3",
        "",
        "Needs you now:",
        "Concerns to resolve: 1",
        "",
        "The day is not signed yet.",
    ]
    assert message.path is None  # a browser has no token for the log


def test_a_quiet_day_is_mailed_too_with_whether_it_is_signed(
    app: App, shop: Shop, worker: Worker, channel: RecordingChannel
) -> None:
    change(app, shop, Store, shop.store_id, hours={"weekly": [], "exceptions": []})
    app.clock.at = END - timedelta(minutes=1)
    with app.back_office.writing(shop.organization_id) as session:
        store = session.get_one(Store, (shop.organization_id, shop.store_id))
        assert store.closing_time(DAY) == END  # on a day without an opening it ends with the day
    app.clock.at = END
    log = f"/v1/stores/{shop.store_id}/recovery-logs/{DAY}"
    again = app.request("POST", f"{log}/sign-off", (shop, "manager"))
    assert again.status_code == 200, again.text
    end_the_day(app, worker)
    text = (mails(channel)["manager@example.org"].text or "").split("\n")
    assert text[2:] == [QUIET, "", "Nothing waits for you.", "", "The day is signed."]


@pytest.mark.parametrize(
    ("locale", "title", "line"),
    [
        ("pt-BR", "Registo do dia: First, 3 de março de 2026", "Um dia calmo: ninguém comunicou um problema."),
        ("es", "Registro del día: First, 3 de marzo de 2026", "Un día tranquilo: nadie comunicó un problema."),
    ],
)
def test_it_is_in_the_language_of_the_phone_they_used_last(
    app: App, shop: Shop, worker: Worker, channel: RecordingChannel, locale: str, title: str, line: str
) -> None:
    old = give_phone(app.back_office, shop, "manager", "old")
    new = give_phone(app.back_office, shop, "manager", "new", at=app.clock() + timedelta(hours=1))
    change(app, shop, Device, old, locale="ja")
    change(app, shop, Device, new, locale=locale)
    end_the_day(app, worker)
    message = mails(channel)["manager@example.org"]
    assert (message.title, (message.text or "").split("\n")[2]) == (title, line)
    assert QUIET in (mails(channel)["regional@example.org"].text or "")


@pytest.mark.parametrize(("zone", "hour"), [("Europe/Lisbon", 4), ("America/New_York", 9), ("Asia/Tokyo", -5)])
def test_the_day_ends_where_the_store_is(app: App, shop: Shop, channel: RecordingChannel, zone: str, hour: int) -> None:
    change(app, shop, Store, shop.store_id, time_zone=zone)
    told_at = datetime(2026, 3, 4, tzinfo=UTC) + timedelta(hours=hour) + DAY_END_DELAY
    with running_worker(app, for_all_kinds(channel)) as worker:
        work_until_idle(worker)
        app.clock.at = told_at - timedelta(seconds=1)
        work_until_idle(worker)
        assert channel.messages == []
        app.clock.at = told_at + timedelta(seconds=5)
        work_until_idle(worker)
    assert len(mails(channel)) == 2


def lose_the_store(app: App, shop: Shop) -> None:
    with app.back_office.writing(shop.organization_id) as session:
        session.execute(delete(StaffStore).where(StaffStore.staff_id == shop.staff["manager"]))


LOSSES = {
    "moved": lose_the_store,
    "left": lambda app, shop: change(app, shop, Staff, shop.staff["manager"], left_at=app.clock()),
    "no mailbox": lambda app, shop: change(app, shop, Staff, shop.staff["manager"], email=None),
    "no wish": lambda app, shop: want(app, shop, "manager"),
}


@pytest.mark.parametrize("loss", LOSSES)
def test_who_may_not_read_it_or_does_not_want_it_any_more_gets_none(
    app: App, shop: Shop, worker: Worker, channel: RecordingChannel, loss: str
) -> None:
    LOSSES[loss](app, shop)
    end_the_day(app, worker)
    assert [*mails(channel)] == ["regional@example.org"]


@pytest.mark.parametrize("loss", LOSSES)
def test_nor_does_who_lost_it_while_the_mail_waited(
    app: App, shop: Shop, worker: Worker, channel: RecordingChannel, loss: str
) -> None:
    channel.answers["manager@example.org"] = DeliveryResult.later("busy", retry_after=timedelta(minutes=2))
    end_the_day(app, worker)
    channel.messages.clear()
    LOSSES[loss](app, shop)
    app.clock.move(hours=1)
    work_until_idle(worker)
    assert channel.messages == []
    assert [row.failure for row in notifications(app)] == ["out-of-reach", None]
    assert pending_messages(app) == []


def test_a_mail_that_could_not_leave_before_the_next_day_is_over_is_let_go(
    app: App, shop: Shop, worker: Worker, channel: RecordingChannel
) -> None:
    want(app, shop, "regional")
    channel.result = DeliveryResult.later("busy", retry_after=timedelta(hours=6))
    end_the_day(app, worker)
    (row,) = notifications(app)
    assert (row.kind, row.device_id, row.expires_at) == (NotificationKind.DAILY_LOG, None, END + timedelta(days=1))
    for _ in range(5):
        app.clock.move(hours=6)
        work_until_idle(worker)
    assert notifications(app)[0].state == "expired"


def test_of_a_week_without_a_worker_only_the_last_day_is_mailed(
    app: App, shop: Shop, worker: Worker, channel: RecordingChannel
) -> None:
    app.clock.at = TOLD_AT + timedelta(days=7, hours=3)
    work_until_idle(worker)
    assert len(mails(channel)) == 2
    assert {row.business_date for row in rows(app, OutboxMessage)} == {DAY + timedelta(days=7)}


def test_two_workers_and_one_that_was_killed_send_it_once(app: App, shop: Shop, channel: RecordingChannel) -> None:
    with (
        running_worker(app, for_all_kinds(channel), name="a") as one,
        running_worker(app, for_all_kinds(channel), name="b") as other,
    ):
        work_until_idle(one)
        app.clock.at = TOLD_AT
        assert one._day_end.run() == 2  # then it is killed
        assert len(one._claims.claim((OutboxKind.FIND_READERS,), limit=1)) == 1  # and again
        app.clock.at += OUTBOX_LEASE + timedelta(seconds=1)
        work_until_idle(other)
        work_until_idle(one)
    assert len(mails(channel)) == 2


def test_the_database_keeps_one_mail_for_a_person_a_store_and_a_date(
    app: App, shop: Shop, worker: Worker, channel: RecordingChannel
) -> None:
    end_the_day(app, worker)
    message = next(row for row in rows(app, OutboxMessage) if row.kind is OutboxKind.DELIVER_INFO)
    same = {
        name: getattr(message, name) for name in ("kind", "notification_kind", "staff_id", "store_id", "business_date")
    }
    with app.back_office.writing(shop.organization_id) as session:
        session.add(OutboxMessage(**same, created_at=app.clock(), due_at=app.clock()))
        with pytest.raises(IntegrityError):
            session.flush()
        session.rollback()


def test_floor_staff_are_mailed_what_their_own_log_shows(
    app: App, shop: Shop, worker: Worker, channel: RecordingChannel
) -> None:
    want(app, shop, "colleague", shop.store_id)
    for sensitive in (True, False):
        log_concern(app, shop, "manager", mood=3, sensitive=sensitive)
    channel.messages.clear()
    end_the_day(app, worker)
    for login, waiting in {"colleague": 1, "manager": 2}.items():
        message = mails(channel)[f"{login}@example.org"]
        log = app.request("GET", f"/v1/stores/{shop.store_id}/recovery-logs/{DAY}", (shop, login)).json
        assert len(log["needs_you_now"]["open_concerns"]) == waiting
        assert f"\nConcerns to resolve: {waiting}\n" in str(message.text)
        assert f"\nConcerns: {log['figures']['concerns']}\n" in str(message.text)


def test_a_person_says_whose_log_they_want(app: App, shop: Shop) -> None:
    stores = sorted(map(str, (shop.store_id, shop.other_store_id)))
    assert want(app, shop, "hq", *stores, stores[0]).json["daily_logs"] == stores
    assert want(app, shop, "hq", shop.store_id).json["daily_logs"] == [str(shop.store_id)]
    assert app.request("GET", "/v1/me", (shop, "hq")).json["daily_logs"] == [str(shop.store_id)]
    assert want(app, shop, "hq").json["daily_logs"] == []


def test_a_store_out_of_reach_cannot_be_asked_for(app: App, shop: Shop) -> None:
    answer = want(app, shop, "manager", shop.store_id, shop.other_store_id)
    assert_invalid_value(answer, "body", "/daily_logs/1", "not-found")
    stranger = make_shop(app.back_office, "stranger")
    assert want(app, shop, "hq", stranger.store_id).status_code == 422
    assert app.request("GET", "/v1/me", (shop, "manager")).json["daily_logs"] == [str(shop.store_id)]
