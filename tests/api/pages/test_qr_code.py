"""Pages behind static QR codes: a customer's message becomes a concern, and floods are throttled."""

import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from uuid_utils.compat import uuid7
from werkzeug.test import TestResponse

from tests.support.app import App
from tests.support.assertions import assert_invalid_value, assert_problem
from tests.support.databases import only_on_postgresql
from tests.support.factories.organizations import Shop
from tests.support.store_scenario import StoreScenario, store_scenario
from tests.support.threads import at_once

MOOD = {"mood": "1", "their_words": "We wait and wait.", "wanted": "Somebody who looks at us."}


@pytest.fixture
def evening(world: App) -> Iterator[StoreScenario]:
    with store_scenario(world) as evening:
        evening.give_phones()
        yield evening


def made(world: App, shop: Shop, **said: Any) -> dict[str, Any]:
    answer = world.request("POST", f"/v1/stores/{shop.store_id}/standing-qrs", (shop, "admin"), json=said)
    assert answer.status_code == 201, answer.text
    return answer.json


def page_of(world: App, qr: dict[str, Any]) -> str:
    return str(qr["link"]).partition(world.app.config["PUBLIC_URL"])[2]


def tell(world: App, path: str, **said: str) -> TestResponse:
    return world.request("POST", path, data={"id": str(uuid7()), **MOOD, **said})


def concerns(world: App, shop: Shop) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = world.request("GET", "/v1/concerns", (shop, "manager")).json["items"]
    return found


def test_what_a_customer_writes_is_a_concern_and_rings_like_one(evening: StoreScenario) -> None:
    path = page_of(evening.world, made(evening.world, evening.shop, place="table-12"))
    page = evening.world.request("GET", path)
    assert (page.status_code, "table 12" in page.text) == (200, True)
    told = tell(evening.world, path)
    assert (told.status_code, "is being called to you" in told.text) == (200, True)
    (concern,) = concerns(evening.world, evening.shop)
    assert (concern["source"], concern["kind"], concern["mood"], concern["place"]) == (
        "customer",
        "concern",
        1,
        "table-12",
    )
    assert (concern["their_words"], concern["wanted"]) == (MOOD["their_words"], MOOD["wanted"])
    assert (concern["reported_by"], concern["taken_by"], concern["status"]) == (None, None, "open")
    evening.let_pass(seconds=1)
    assert evening.told() == {0: {"floor", "colleague", "lead"}}


def test_it_is_taken_and_put_right_like_any_other(evening: StoreScenario) -> None:
    path = page_of(evening.world, made(evening.world, evening.shop, place="table-12"))
    tell(evening.world, path)
    (concern,) = concerns(evening.world, evening.shop)
    for verb, body in (("take", {}), ("resolve", {"outcome": "recovered", "mood_after": 4})):
        answer = evening.world.request(
            "POST", f"/v1/concerns/{concern['id']}/{verb}", (evening.shop, "floor"), json=body
        )
        assert answer.status_code == 200, answer.text
    log = f"/v1/stores/{evening.shop.store_id}/recovery-logs/{concern['business_date']}"
    figures = evening.world.request("GET", log, (evening.shop, "manager")).json["figures"]
    assert (figures["concerns"], figures["recovered"], figures["on_the_spot"]) == (1, 1, 0)


def test_who_is_content_praises_and_nobody_is_rung(evening: StoreScenario) -> None:
    path = page_of(evening.world, made(evening.world, evening.shop, place="table-12"))
    told = tell(evening.world, path, mood="5")
    assert "is being called" not in told.text
    (concern,) = concerns(evening.world, evening.shop)
    assert (concern["kind"], concern["alert"]) == ("praise", None)


def test_a_code_on_a_receipt_names_the_order(world: App, shop: Shop) -> None:
    path = page_of(world, made(world, shop))
    page = world.request("GET", f"{path}?order=4711%22%3E")
    assert 'value="4711&#34;&gt;"' in page.text
    tell(world, path, order="4711")
    (concern,) = concerns(world, shop)
    assert (concern["order"], concern["place"]) == ({"reference": "4711", "value": None}, None)


def test_a_second_tap_logs_nothing_twice(world: App, shop: Shop) -> None:
    path = page_of(world, made(world, shop, place="table-12"))
    (id_,) = re.findall('name="id" value="([^"]+)"', world.request("GET", path).text)
    assert [tell(world, path, id=id_).status_code for _ in range(3)] == [200, 200, 200]
    assert [concern["id"] for concern in concerns(world, shop)] == [id_]


@only_on_postgresql
def test_taps_at_the_same_moment_log_it_once(world: App, shop: Shop) -> None:
    path, id_ = page_of(world, made(world, shop)), str(uuid7())
    answers = at_once([lambda: tell(world, path, id=id_).status_code] * 8)
    assert answers == [200] * 8
    assert len(concerns(world, shop)) == 1


def test_a_code_that_is_hammered_throttles_without_hurting_staff(evening: StoreScenario) -> None:
    """Two hundred times from a table in ten minutes: four calls at most, and staff log as if nothing was."""
    path = page_of(evening.world, made(evening.world, evening.shop, place="table-12"))
    others = page_of(evening.world, made(evening.world, evening.shop, place="table-1"))
    answers = [tell(evening.world, path) for _ in range(200)]
    assert [answer.status_code for answer in answers] == [200] * 4 + [429] * 196
    assert all(answer.mimetype == "text/html" and int(answer.headers["Retry-After"]) > 0 for answer in answers[4:])
    assert evening.log("floor", mood=2)["alert"]["state"] == "open"
    assert tell(evening.world, others).status_code == 200
    assert len(concerns(evening.world, evening.shop)) == 6


def test_a_code_that_was_withdrawn_leads_nowhere(world: App, shop: Shop) -> None:
    qr = made(world, shop, place="table-12")
    path = page_of(world, qr)
    assert world.request("DELETE", f"/v1/standing-qrs/{qr['id']}", (shop, "admin")).status_code == 204
    assert world.request("GET", path).status_code == 404
    assert tell(world, path).status_code == 404
    assert_problem(world.request("GET", f"/v1/standing-qrs/{qr['id']}/qr", (shop, "admin")), 404, "not-found")
    listed = world.request("GET", f"/v1/stores/{shop.store_id}/standing-qrs", (shop, "floor"))
    assert (listed.json["items"], concerns(world, shop)) == ([], [])


def test_a_code_names_a_place_of_its_store(world: App, shop: Shop) -> None:
    path = f"/v1/stores/{shop.store_id}/standing-qrs"
    refused = assert_problem(world.request("POST", path, (shop, "admin"), json={"place": "moon"}), 404, "not-found")
    assert refused["pointer"] == "/place"
    assert_invalid_value(
        world.request("POST", path, (shop, "admin"), json={"token": "mine"}), "body", "/token", "unknown-field"
    )
    image = world.request("GET", f"/v1/standing-qrs/{made(world, shop)['id']}/qr", (shop, "floor"))
    assert (image.status_code, image.mimetype) == (200, "image/svg+xml")


@pytest.mark.parametrize(
    "said",
    [{"mood": ""}, {"mood": "0"}, {"mood": "six"}, {"id": "mine"}, {"their_words": "a" * 4001}, {"wanted": "\x00"}],
    ids=lambda said: next(iter(said)),
)
def test_what_cannot_be_read_is_shown_again(world: App, shop: Shop, said: dict[str, str]) -> None:
    path = page_of(world, made(world, shop, place="table-12"))
    page = tell(world, path, **said)
    assert (page.status_code, 'role="alert"' in page.text) == (422, True)
    assert ("We wait and wait." in page.text) is ("their_words" not in said)
    assert concerns(world, shop) == []


def test_an_id_that_is_in_use_reveals_nothing_of_what_it_is(world: App, shop: Shop) -> None:
    """Somebody who knows the id of a concern learns as little as somebody who does not."""
    known = world.request("POST", "/v1/concerns", (shop, "floor"), json={"mood": 1, "their_words": "Private."}).json
    path = page_of(world, made(world, shop, place="table-12"))
    first, second = tell(world, path, id=known["id"], mood="3"), tell(world, path, id=str(uuid4()), mood="3")
    assert (first.status_code, first.text) == (second.status_code, second.text)
    assert len(concerns(world, shop)) == 2


def test_a_concern_by_code_while_the_store_is_closed_informs_and_rings_nobody(evening: StoreScenario) -> None:
    hours = {"weekly": [{"weekday": "monday", "opens_at": "18:00", "closes_at": "22:00"}]}
    path = f"/v1/stores/{evening.shop.store_id}/hours"
    assert evening.world.request("PUT", path, (evening.shop, "admin"), json=hours).status_code == 200
    told = tell(evening.world, page_of(evening.world, made(evening.world, evening.shop)))
    assert (told.status_code, "is being called" in told.text) == (200, False)
    evening.let_pass(minutes=30)
    (concern,) = concerns(evening.world, evening.shop)
    assert (concern["alert"]["state"], evening.told()) == ("late", {})


def test_taps_on_a_form_that_has_arrived_are_thanked_however_many(world: App, shop: Shop) -> None:
    path, id_ = page_of(world, made(world, shop, place="table-12")), str(uuid7())
    assert [tell(world, path, id=id_).status_code for _ in range(10)] == [200] * 10
