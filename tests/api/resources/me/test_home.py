"""The home screen of a phone: everything in one call, and 304 until something of it has changed."""

from collections.abc import Iterator
from typing import Any

import pytest

from models.operations import home as home_module
from notifications.worker.worker import Worker
from tests.support.app import App
from tests.support.factories.concerns import log_concern
from tests.support.factories.guidance import limit_vouchers
from tests.support.factories.organizations import Shop
from tests.support.factories.people import make_code
from tests.support.worker import RecordingChannel, for_all_kinds, running_worker, work_until_idle

TOO_MUCH = {"amount": 2500, "currency": "EUR"}
ANA = {"name": "Ana Fado", "phone": "912 345 678"}


@pytest.fixture
def worker(app: App) -> Iterator[Worker]:
    with running_worker(app, for_all_kinds(RecordingChannel())) as worker:
        yield worker


def home(app: App, shop: Shop, login: str = "floor", **headers: str) -> Any:
    return app.request(
        "GET", "/v1/me/home", (shop, login), headers={name.replace("_", "-"): headers[name] for name in headers}
    )


def read(app: App, shop: Shop, login: str = "floor") -> dict[str, Any]:
    answer = home(app, shop, login)
    assert answer.status_code == 200, answer.text
    content: dict[str, Any] = answer.json
    return content


def act(app: App, shop: Shop, login: str, method: str, path: str, **body: Any) -> Any:
    answer = app.request(method, path, (shop, login), json=body or None, headers={"If-Match": "*"})
    assert answer.status_code < 300, answer.text
    return answer.json


def test_one_call_shows_who_calls_who_comes_and_what_waits(app: App, shop: Shop) -> None:
    limit_vouchers(app, shop, 2000)
    app.request("PUT", "/v1/me/shift", (shop, "colleague"), json={"store_id": str(shop.store_id), "lead": True})
    calling = log_concern(app, shop, "colleague", mood=1, customer=ANA, place="table-12", category="food")
    own = log_concern(app, shop, mood=2)
    act(app, shop, "manager", "POST", f"/v1/concerns/{own['id']}/take")
    due = {"what": "Call back.", "kind": "call", "due_at": "2026-03-03T15:00:00Z"}
    promise = act(app, shop, "floor", "POST", f"/v1/concerns/{own['id']}/follow-ups", **due)
    request = act(
        app,
        shop,
        "floor",
        "POST",
        f"/v1/concerns/{calling['id']}/recovery-actions",
        remedy="voucher",
        cost=TOO_MUCH,
    )
    assert request["status"] == "pending"
    shown = read(app, shop)
    assert (shown["person"]["id"], shown["person"]["role"]) == (str(shop.staff["floor"]), "floor")
    assert "concern:take" in shown["person"]["permissions"]
    assert (shown["shift"]["store_id"], shown["shift"]["store_name"]) == (str(shop.store_id), "First")
    assert [(line["staff"]["name"], line["lead"]) for line in shown["colleagues"]] == [("Colleague of acme", True)]
    (call,) = shown["calls"]
    assert (call["id"], call["severity"], call["mood"], call["taken_by"]) == (calling["id"], "severe", 1, None)
    assert (call["place_name"], call["category_name"], call["customer_name"]["name"]) == ("table 12", "Food", "Ana")
    assert (call["alert"]["state"], call["since"]) == ("open", "2026-03-03T12:00:00Z")
    (mine,) = shown["mine"]
    assert (mine["id"], mine["taken_by"]["name"]) == (own["id"], "Manager of acme"), "who is coming"
    assert [(line["id"], line["due_at"]) for line in shown["promises"]] == [(promise["id"], due["due_at"])]
    assert shown["decisions"] == [], "nobody on the floor decides"
    (voucher,) = [offer for offer in shown["offers"] if offer["remedy"] == "voucher"]
    assert voucher["left"] == {"amount": 2000, "currency": "EUR"}
    (decision,) = read(app, shop, "manager")["decisions"]
    assert (decision["id"], decision["cost"]["amount"], decision["remedy_name"]) == (request["id"], 2500, "Voucher")
    assert (decision["asked_by"]["name"], decision["customer_name"]["name"], decision["place_name"]) == (
        "Floor of acme",
        "Ana",
        "table 12",
    )


def test_a_home_takes_eight_statements_whatever_there_is_to_show(app: App, shop: Shop) -> None:
    limit_vouchers(app, shop, 2000)
    app.request("PUT", "/v1/me/shift", (shop, "manager"), json={"store_id": str(shop.store_id)})
    for _ in range(3):
        concern = log_concern(app, shop, "colleague", mood=1, customer=ANA, place="table-12", category="food")
        path = f"/v1/concerns/{concern['id']}"
        act(app, shop, "floor", "POST", f"{path}/recovery-actions", remedy="voucher", cost=TOO_MUCH)
        act(app, shop, "floor", "POST", f"{path}/follow-ups", what="Call.", kind="call", due_at="2026-03-03T15:00:00Z")
        with app.counting() as statements:
            assert home(app, shop, "manager").json["decisions"]
        assert len([line for line in statements if not line.startswith("SELECT set_config")]) == 8


def test_the_own_shift_is_there_among_more_people_than_a_home_has_lines(
    app: App, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(home_module, "MOST_LINES", 1)
    app.clock.move(minutes=1)
    store = {"store_id": str(shop.store_id), "lead": True}
    for login in ("colleague", "manager"):
        app.request("PUT", "/v1/me/shift", (shop, login), json=store)
    shown = read(app, shop)
    assert (shown["shift"]["started_at"], shown["colleagues"]) == ("2026-03-03T12:00:00Z", [])


def test_no_part_hides_what_another_shows(app: App, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(home_module, "MOST_LINES", 1)
    own = log_concern(app, shop, mood=2)
    app.clock.move(minutes=1)
    calling = log_concern(app, shop, "colleague", mood=1)
    app.clock.move(minutes=1)
    log_concern(app, shop, "colleague", mood=4)
    shown = read(app, shop)
    assert ([line["id"] for line in shown["mine"]], [line["id"] for line in shown["calls"]]) == (
        [own["id"]],
        [calling["id"]],
    )


def test_what_is_due_is_not_hidden_by_what_was_broken(
    app: App, shop: Shop, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/v1/concerns/{log_concern(app, shop)['id']}/follow-ups"
    promises = [
        act(app, shop, "floor", "POST", path, what="Call.", kind="call", due_at=f"2026-03-{day}T15:00:00Z")["id"]
        for day in ("03", "04", "08", "09")
    ]
    app.clock.move(hours=30)
    work_until_idle(worker)
    for lines, due in ((1, promises[2:3]), (3, promises[1:]), (4, promises)):
        monkeypatch.setattr(home_module, "MOST_LINES", lines)
        assert [line["id"] for line in read(app, shop)["promises"]] == due


def test_whoever_has_no_store_reads_a_home_without_calls(app: App, shop: Shop) -> None:
    log_concern(app, shop, mood=1)
    for login in ("hq", "admin", "elsewhere"):
        shown = read(app, shop, login)
        assert (shown["calls"], shown["mine"], shown["promises"], shown["shift"]) == ([], [], [], None)


def test_a_sensitive_concern_is_no_call_for_the_floor(app: App, shop: Shop) -> None:
    log_concern(app, shop, "manager", mood=1, sensitive=True, store_id=str(shop.store_id))
    assert read(app, shop)["calls"] == []


def test_an_unchanged_home_is_not_sent_again_and_costs_three_statements(app: App, shop: Shop) -> None:
    log_concern(app, shop, "colleague", mood=1)
    first = home(app, shop)
    assert first.headers["Cache-Control"] == "private, no-cache"
    with app.counting() as statements:
        again = home(app, shop, If_None_Match=first.headers["ETag"])
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", first.headers["ETag"])
    assert len([line for line in statements if not line.startswith("SELECT set_config")]) <= 3
    for other in (
        home(app, shop, If_None_Match=first.headers["ETag"], Accept_Language="pt"),
        home(app, shop, "manager", If_None_Match=first.headers["ETag"]),
    ):
        assert other.status_code == 200, "another language or reader"


def test_a_tag_that_nobody_made_is_no_tag(app: App, shop: Shop) -> None:
    digest = home(app, shop).headers["ETag"].strip('"').partition(".")[2]
    for until in ("9" * 5000, "-1", "", "\u0663" * 13):
        answer = home(app, shop, If_None_Match=f'"{until}.{digest}"'.encode().decode("latin-1"))
        assert answer.status_code == 200, until[:20]


def test_whose_code_was_made_a_day_ago_is_decided_about_again(app: App, shop: Shop) -> None:
    limit_vouchers(app, shop, 2000)
    make_code(app, shop, "colleague", by="manager")
    app.clock.move(hours=1)
    make_code(app, shop, "floor", by="manager")
    app.clock.move(hours=22, minutes=55)
    concern = log_concern(app, shop, "colleague", mood=2)
    path = f"/v1/concerns/{concern['id']}/recovery-actions"
    request = act(app, shop, "colleague", "POST", path, remedy="voucher", cost=TOO_MUCH)
    before = home(app, shop, "manager")
    assert before.json["decisions"] == [], "the manager made the code of whoever asks"
    app.clock.move(minutes=5)
    after = home(app, shop, "manager", If_None_Match=before.headers["ETag"])
    assert after.status_code == 200
    assert [line["id"] for line in after.json["decisions"]] == [request["id"]]


def let_the_shift_of_a_colleague_end(app: App, shop: Shop, worker: Worker) -> None:
    app.clock.move(hours=16, minutes=1)


def push_to_the_manager(app: App, shop: Shop, worker: Worker) -> None:
    work_until_idle(worker)


def set_a_minimum_version(app: App, shop: Shop, worker: Worker) -> None:
    act(app, shop, "admin", "PATCH", "/v1/organization", minimum_app_versions={"ios": "2.0.0"})


def make_a_code_for_who_asks(app: App, shop: Shop, worker: Worker) -> None:
    assert make_code(app, shop, "floor", by="manager").status_code == 201


CHANGES: dict[str, Any] = {
    "colleagues": let_the_shift_of_a_colleague_end,
    "unread": push_to_the_manager,
    "minimum_app_versions": set_a_minimum_version,
    "decisions": make_a_code_for_who_asks,
}


@pytest.mark.parametrize("part", CHANGES)
def test_what_no_concern_tells_is_shown_by_the_next_poll(app: App, shop: Shop, worker: Worker, part: str) -> None:
    limit_vouchers(app, shop, 2000)
    store = {"store_id": str(shop.store_id)}
    app.request("PUT", "/v1/me/shift", (shop, "manager"), json=store)
    app.request("PUT", "/v1/me/shift", (shop, "colleague"), json=store)
    phone = {"platform": "ios", "address": "address", "address_kind": "log"}
    app.request("PUT", "/v1/me/devices/one", (shop, "manager"), json=phone)
    path = f"/v1/concerns/{log_concern(app, shop, mood=1)['id']}/recovery-actions"
    act(app, shop, "floor", "POST", path, remedy="voucher", cost=TOO_MUCH)
    before = home(app, shop, "manager")
    CHANGES[part](app, shop, worker)
    after = home(app, shop, "manager", If_None_Match=before.headers["ETag"])
    assert after.status_code == 200
    assert after.json[part] != before.json[part]
