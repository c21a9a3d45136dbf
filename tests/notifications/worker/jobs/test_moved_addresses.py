"""One push address in two organizations: it rings for the one that registered it last, and the other is told."""

from typing import Any

import pytest

from models.alerts.notification import NotificationKind
from models.staff.device import Device
from notifications.channels.base import DeliveryResult
from tests.support.app import App
from tests.support.factories.concerns import log_concern
from tests.support.factories.organizations import Shop, make_shop
from tests.support.rows import notifications, rows
from tests.support.worker import RecordingChannel, for_all_kinds, running_worker, work_until_idle


def register(app: App, shop: Shop, address: str = "one phone", installation: str = "installation") -> None:
    phone = {"platform": "android", "address": address, "address_kind": "fcm_token"}
    answer = app.request("PUT", f"/v1/me/devices/{installation}", (shop, "manager"), json=phone)
    assert answer.status_code == 200, answer.text


def addresses(app: App) -> dict[Any, tuple[str | None, str | None]]:
    return {row.organization_id: (row.address, row.retired_reason) for row in rows(app, Device)}


@pytest.mark.parametrize("sent", [True, False])
def test_an_address_that_is_registered_in_another_organization_stops_here_and_the_phone_is_told(
    app: App, shop: Shop, *, sent: bool
) -> None:
    other, channel = make_shop(app.back_office, "other"), RecordingChannel()
    with running_worker(app, for_all_kinds(channel)) as worker:
        register(app, shop)
        work_until_idle(worker)
        app.clock.move(seconds=11)
        register(app, other)
        assert addresses(app)[shop.organization_id] == ("one phone", None)  # the web of another organization cannot
        channel.result = DeliveryResult.sent() if sent else DeliveryResult.refused("invalid-payload")
        for _ in range(2):
            work_until_idle(worker)
            app.clock.move(seconds=11)
        assert addresses(app) == {
            shop.organization_id: (None, "elsewhere"),
            other.organization_id: ("one phone", None),
        }
        (told,) = notifications(app)
        assert (told.organization_id, told.kind) == (shop.organization_id, NotificationKind.PHONE_ELSEWHERE)
        assert channel.messages[0].title == "This phone no longer rings here"
        log_concern(app, shop)
        work_until_idle(worker)
        assert len(channel.messages) == 1
        channel.result = DeliveryResult.sent()
        register(app, shop)  # whoever opens the app here again has it back
        app.clock.move(seconds=11)
        work_until_idle(worker)
    assert addresses(app)[shop.organization_id] == ("one phone", None)
    assert addresses(app)[other.organization_id] == (None, "elsewhere")


def test_however_late_a_worker_comes_no_moved_address_is_forgotten(
    app: App, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor do phones that were told already, and wait for a push service that is away, keep the next one waiting."""
    monkeypatch.setattr("notifications.decide.moved_addresses.MOVED_BATCH", 1)
    other, channel = make_shop(app.back_office, "other"), RecordingChannel()
    channel.result = DeliveryResult.later("away")
    for address in ("first phone", "second phone"):
        register(app, shop, address, installation=address.replace(" ", "-"))
    for address in ("first phone", "second phone"):
        app.clock.move(seconds=11)
        register(app, other, address, installation=address.replace(" ", "-"))
    app.clock.move(days=2)
    with running_worker(app, for_all_kinds(channel)) as worker:
        for _ in range(2):
            worker.work_once()
            app.clock.move(seconds=11)
    assert {row.device.address for row in notifications(app) if row.device} == {"first phone", "second phone"}
