"""Alerts over HTTP: lists, the state of delivery, receipts."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from models.alerts.escalation_policy import RecipientGroup, policy_step
from models.staff.staff import Staff
from notifications.channels.base import DeliveryResult
from notifications.worker.worker import Worker
from tests.support.app import App
from tests.support.factories.concerns import log_concern, move
from tests.support.factories.organizations import Shop, set_escalation_steps
from tests.support.factories.staff import give_phone
from tests.support.rows import notifications
from tests.support.worker import RecordingChannel, for_all_kinds, running_worker, work_until_idle


@pytest.fixture
def channel() -> RecordingChannel:
    return RecordingChannel()


@pytest.fixture
def worker(app: App, channel: RecordingChannel) -> Iterator[Worker]:
    with running_worker(app, for_all_kinds(channel)) as worker:
        yield worker


@pytest.fixture
def phones(app: App, shop: Shop) -> list[str]:
    """Two phones of the manager, by their addresses."""
    addresses = ["phone 1", "phone 2"]
    for address in addresses:
        give_phone(app.back_office, shop, "manager", address)
    return addresses


def get(app: App, shop: Shop, path: str, login: str = "floor") -> Any:
    answer = app.request("GET", path, (shop, login))
    assert answer.status_code == 200, answer.text
    return answer.json


def summary(app: App, shop: Shop, concern: dict[str, Any], login: str = "floor") -> str:
    """Return the summary for the person who waits: the same on the concern and on the alert."""
    alert = get(app, shop, f"/v1/alerts/{concern['alert']['id']}", login)["summary"]
    assert get(app, shop, f"/v1/concerns/{concern['id']}", login)["alert"]["summary"] == alert
    return str(alert)


def send_receipts(app: App, shop: Shop, login: str, *receipts: tuple[str, str, str]) -> Any:
    body = {"receipts": [{"notification_id": id_, "event": event, "at": at} for id_, event, at in receipts]}
    answer = app.request("POST", "/v1/notifications/receipts", (shop, login), json=body)
    assert answer.status_code == 200, answer.text
    return answer.json


@pytest.mark.parametrize(
    ("language", "calling", "coming"),
    [
        ("pt-BR, en;q=0.5", "a pedir ajuda", "Manager of acme vai a caminho"),
        ("es", "pidiendo ayuda", "Manager of acme va de camino"),
        ("fi", "calling for help", "Manager of acme is on the way"),
    ],
)
def test_an_alert_is_summed_up_in_the_language_of_who_reads_it(
    app: App, shop: Shop, phones: list[str], language: str, calling: str, coming: str
) -> None:
    assert phones
    path = f"/v1/alerts/{log_concern(app, shop)['alert']['id']}"

    def read() -> str:
        answer = app.request("GET", path, (shop, "manager"), headers={"Accept-Language": language})
        return str(answer.json["summary"])

    assert read() == calling
    concern_id = app.request("GET", path, (shop, "manager")).json["concern_id"]
    app.request("POST", f"/v1/concerns/{concern_id}/take", (shop, "manager"))
    assert read() == coming


def test_the_reporter_sees_honestly_what_became_of_the_call(
    app: App, shop: Shop, worker: Worker, channel: RecordingChannel, phones: list[str]
) -> None:
    channel.next.append(DeliveryResult.later("unavailable"))
    channel.next.append(DeliveryResult.later("unavailable"))
    concern = log_concern(app, shop)
    assert summary(app, shop, concern) == "calling for help"
    work_until_idle(worker)
    assert summary(app, shop, concern) == "the push service does not answer: walk over"
    app.clock.move(seconds=2)
    work_until_idle(worker)
    assert summary(app, shop, concern) == "sent to 2 phones, none has it yet"
    first, second = (str(row.id) for row in notifications(app))
    send_receipts(app, shop, "manager", (first, "received", "2026-03-03T12:00:03Z"))
    assert summary(app, shop, concern) == "on 1 of 2 phones"
    send_receipts(app, shop, "manager", (second, "opened", "2026-03-03T12:00:05Z"))
    assert summary(app, shop, concern) == "on 2 phones, opened by Manager of acme"
    assert move(app, shop, concern, "take")["alert"]["summary"] == "Manager of acme is on the way"
    assert summary(app, shop, concern) == "Manager of acme is on the way"
    assert move(app, shop, concern, "release")["alert"]["summary"] == "calling for help"
    assert move(app, shop, concern, "resolve", "floor")["alert"]["summary"] == "resolved"


def test_no_phone_reached_is_said_as_such(
    app: App, shop: Shop, worker: Worker, channel: RecordingChannel, phones: Any
) -> None:
    channel.result = DeliveryResult.gone("unregistered")
    concern = log_concern(app, shop)
    work_until_idle(worker)
    assert summary(app, shop, concern) == "no phone reached: walk over"
    app.clock.move(minutes=20)
    work_until_idle(worker)
    assert summary(app, shop, concern) == "nobody answered: walk over"


def test_an_alert_is_read_with_everything_that_is_known_of_it(app: App, shop: Shop, worker: Worker) -> None:
    concern = log_concern(app, shop, mood=1)
    app.clock.move(minutes=20)
    work_until_idle(worker)
    app.clock.move(minutes=1)
    move(app, shop, concern, "take")
    alert = get(app, shop, f"/v1/alerts/{concern['alert']['id']}")
    assert alert.pop("version") > 1
    assert alert == {
        "customer_name": None,
        "category_name": None,
        "place_name": None,
        "id": concern["alert"]["id"],
        "concern_id": concern["id"],
        "store_id": str(shop.store_id),
        "severity": "severe",
        "reason": "mood",
        "state": "taken",
        "summary": "Manager of acme is on the way",
        "raised_at": "2026-03-03T12:00:00Z",
        "next_step_at": "2026-03-03T12:31:00Z",
        "taken_by": {"id": str(shop.staff["manager"]), "name": "Manager of acme"},
        "taken_at": "2026-03-03T12:21:00Z",
        "unanswered_at": "2026-03-03T12:20:00Z",
        "closed_at": None,
        "rule": "very-unhappy",
        "steps": [],  # the worker was away until it was too late
        "reminded_at": None,
        "previous": None,
    }


def test_alerts_are_listed_newest_first_by_state_and_store_and_page_by_page(app: App, shop: Shop) -> None:
    alert_ids = []
    for _ in range(5):
        alert_ids.append(log_concern(app, shop)["alert"]["id"])
        app.clock.move(seconds=10)
    first = get(app, shop, "/v1/alerts?limit=2")
    rest = get(app, shop, f"/v1/alerts?limit=200&cursor={first['next_cursor']}")
    assert [alert["id"] for alert in (*first["items"], *rest["items"])] == alert_ids[::-1]
    assert rest["next_cursor"] is None
    taken = get(app, shop, "/v1/alerts")["items"][0]
    move(app, shop, {"id": taken["concern_id"]}, "take")
    assert [alert["id"] for alert in get(app, shop, "/v1/alerts?state=taken")["items"]] == [taken["id"]]
    assert len(get(app, shop, f"/v1/alerts?state=open&store_id={shop.store_id}")["items"]) == 4
    assert get(app, shop, f"/v1/alerts?store_id={shop.other_store_id}", "hq")["items"] == []
    assert app.request("GET", "/v1/alerts?state=ringing", (shop, "floor")).status_code == 422


def test_an_alert_of_another_store_or_a_sensitive_concern_is_not_there(app: App, shop: Shop) -> None:
    ordinary = f"/v1/alerts/{log_concern(app, shop)['alert']['id']}"
    sensitive = f"/v1/alerts/{log_concern(app, shop, 'manager', sensitive=True)['alert']['id']}"
    assert app.request("GET", ordinary, (shop, "elsewhere")).status_code == 404
    assert app.request("GET", f"{ordinary}/notifications", (shop, "elsewhere")).status_code == 404
    assert app.request("GET", sensitive, (shop, "floor")).status_code == 404
    assert app.request("GET", f"{sensitive}/notifications", (shop, "floor")).status_code == 404
    assert len(get(app, shop, "/v1/alerts", "floor")["items"]) == 1
    assert len(get(app, shop, "/v1/alerts", "manager")["items"]) == 2


def test_what_became_of_each_phone_can_be_read(
    app: App, shop: Shop, worker: Worker, channel: RecordingChannel, phones: Any
) -> None:
    channel.answers["phone 2"] = DeliveryResult.refused("invalid-argument")
    concern = log_concern(app, shop)
    work_until_idle(worker)
    page = get(app, shop, f"/v1/alerts/{concern['alert']['id']}/notifications")
    assert page["next_cursor"] is None
    by_state = {told["state"]: told for told in page["items"]}
    assert by_state.keys() == {"accepted", "failed"}
    accepted, failed = by_state["accepted"], by_state["failed"]
    assert accepted["staff"] == {"id": str(shop.staff["manager"]), "name": "Manager of acme"}
    assert (accepted["step"], accepted["accepted_at"], accepted["failure"]) == (0, "2026-03-03T12:00:00Z", None)
    assert (accepted["queued_at"], accepted["expires_at"]) == ("2026-03-03T12:00:00Z", "2026-03-03T12:10:00Z")
    assert (failed["accepted_at"], failed["failure"]) == (None, "invalid-argument")
    withheld = get(app, shop, f"/v1/alerts/{concern['alert']['id']}/notifications", "hq")
    assert [told["staff"] for told in withheld["items"]] == [None, None]


def test_receipts_come_in_batches_out_of_order_and_twice(app: App, shop: Shop, worker: Worker, phones: Any) -> None:
    concern = log_concern(app, shop)
    work_until_idle(worker)
    first, second = (str(row.id) for row in notifications(app))
    app.clock.move(minutes=2)
    batch = (
        (first, "opened", "2026-03-03T12:00:30Z"),
        (first, "received", "2026-03-03T12:00:10Z"),
        (second, "shown", "2026-03-03T12:00:11Z"),
        (first, "shown", "2026-03-03T12:00:12Z"),
    )
    path = f"/v1/alerts/{concern['alert']['id']}/notifications"
    assert send_receipts(app, shop, "manager", *batch) == {"recorded": 4, "unknown": []}
    once = get(app, shop, path)
    by_id = {told["id"]: told for told in once["items"]}
    assert [by_id[first][name] for name in ("state", "received_at", "shown_at", "opened_at")] == [
        "opened",
        "2026-03-03T12:00:10Z",
        "2026-03-03T12:00:12Z",
        "2026-03-03T12:00:30Z",
    ]
    assert [by_id[second][name] for name in ("state", "received_at", "shown_at")] == [
        "shown",
        None,
        "2026-03-03T12:00:11Z",
    ]
    # The phone did not hear the answer and sends all of it again, with a clock that has moved.
    again = [(id_, event, "2026-03-03T12:01:59Z") for id_, event, _ in batch]
    assert send_receipts(app, shop, "manager", *again) == {"recorded": 4, "unknown": []}
    assert get(app, shop, path) == once


def test_a_phone_whose_clock_is_ahead_does_not_open_things_in_the_future(
    app: App, shop: Shop, worker: Worker, phones: Any
) -> None:
    log_concern(app, shop)
    work_until_idle(worker)
    ahead = (app.clock() + timedelta(hours=3)).isoformat()
    send_receipts(app, shop, "manager", (str(notifications(app)[0].id), "opened", ahead))
    assert notifications(app)[0].opened_at == app.clock()


def test_a_phone_whose_clock_is_behind_got_nothing_before_it_was_sent(
    app: App, shop: Shop, worker: Worker, phones: Any
) -> None:
    log_concern(app, shop)
    work_until_idle(worker)
    sent_at, first = notifications(app)[0].accepted_at, str(notifications(app)[0].id)
    app.clock.move(seconds=5)
    send_receipts(app, shop, "manager", (first, "received", "1970-01-01T00:00:00Z"))
    assert notifications(app)[0].received_at == sent_at


def test_receipts_for_what_is_somebody_elses_or_nobodys_are_unknown(
    app: App, shop: Shop, worker: Worker, phones: Any
) -> None:
    log_concern(app, shop)
    work_until_idle(worker)
    theirs, nobodys = str(notifications(app)[0].id), str(uuid4())
    mine_and_not = [(id_, "opened", "2026-03-03T12:00:01Z") for id_ in (theirs, nobodys)]
    answer = send_receipts(app, shop, "colleague", *mine_and_not)
    assert (answer["recorded"], sorted(answer["unknown"])) == (0, sorted([theirs, nobodys]))
    assert {row.opened_at for row in notifications(app)} == {None}
    assert send_receipts(app, shop, "manager", *mine_and_not) == {"recorded": 1, "unknown": [nobodys]}


def test_a_receipt_for_what_we_took_for_failed_shows_that_it_arrived(
    app: App, shop: Shop, worker: Worker, channel: RecordingChannel, phones: Any
) -> None:
    channel.result = DeliveryResult.refused("invalid-argument")
    concern = log_concern(app, shop)
    work_until_idle(worker)
    assert summary(app, shop, concern) == "no phone reached: walk over"
    send_receipts(app, shop, "manager", (str(notifications(app)[0].id), "shown", "2026-03-03T12:00:01Z"))
    assert summary(app, shop, concern) == "on 1 phone"


def test_a_receipt_has_a_known_event_and_a_time(app: App, shop: Shop) -> None:
    receipt = {"notification_id": str(uuid4()), "event": "opened", "at": "2026-03-03T12:00:00Z"}
    for wrong in ({"event": "eaten"}, {"at": "yesterday"}, {"notification_id": "7"}, {"more": 1}):
        body = {"receipts": [receipt | wrong]}
        answer = app.request("POST", "/v1/notifications/receipts", (shop, "floor"), json=body)
        assert answer.status_code == 422, wrong
    for count in (0, 201):
        body = {"receipts": [receipt] * count}
        assert app.request("POST", "/v1/notifications/receipts", (shop, "floor"), json=body).status_code == 422


def test_an_alert_shows_how_it_escalated_and_what_was_sent_of_it(app: App, shop: Shop, worker: Worker) -> None:
    set_escalation_steps(
        app.back_office, shop, [policy_step(0, RecipientGroup.LEAD), policy_step(60, RecipientGroup.MANAGERS)]
    )
    phone = give_phone(app.back_office, shop, "manager", "phone of the manager")
    with app.back_office.writing(shop.organization_id) as session:
        session.get_one(Staff, (shop.organization_id, shop.staff["manager"])).email = "manager@example.org"
    concern = log_concern(app, shop)
    work_until_idle(worker)
    path = f"/v1/alerts/{concern['alert']['id']}"
    assert get(app, shop, path)["steps"] == [
        {"step": 0, "at": "2026-03-03T12:00:00Z", "phones": 0, "left_out": 0, "why": "nobody"},
        {"step": 1, "at": "2026-03-03T12:00:00Z", "phones": 1, "left_out": 0, "why": None},
    ]
    app.clock.move(minutes=20)
    work_until_idle(worker)
    sent = get(app, shop, f"{path}/notifications")["items"]
    deliveries = {(notification["kind"], notification["device_id"], notification["step"]) for notification in sent}
    assert deliveries == {("ring", str(phone), 1), ("unanswered", str(phone), None), ("unanswered", None, None)}
    move(app, shop, concern, "take")
    app.clock.move(minutes=10)
    work_until_idle(worker)
    assert get(app, shop, path)["reminded_at"] == "2026-03-03T12:30:00Z"
