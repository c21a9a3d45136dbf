"""Pages behind static QR codes: a customer's message becomes a concern, and floods are throttled."""

import re
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from uuid_utils.compat import uuid7
from werkzeug.test import TestResponse

from tests.support.app import App
from tests.support.assertions import assert_invalid_value, assert_problem
from tests.support.databases import only_on_postgresql
from tests.support.factories.concerns import move
from tests.support.factories.organizations import Shop
from tests.support.store_scenario import StoreScenario, store_scenario
from tests.support.threads import at_once

MOOD = {"mood": "1", "their_words": "We wait and wait.", "wanted": "Somebody who looks at us."}


def made(app: App, shop: Shop, **said: Any) -> dict[str, Any]:
    answer = app.request("POST", f"/v1/stores/{shop.store_id}/standing-qrs", (shop, "admin"), json=said)
    assert answer.status_code == 201, answer.text
    return answer.json


def page_of(app: App, qr: dict[str, Any]) -> str:
    return str(qr["link"]).partition(app.flask.config["PUBLIC_URL"])[2]


def tell(app: App, path: str, **said: str) -> TestResponse:
    """Send the form; return the page that it leads to."""
    return app.request("POST", path, data={"id": str(uuid7()), **MOOD, **said}, follow_redirects=True)


def concerns(app: App, shop: Shop) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = app.request("GET", "/v1/concerns", (shop, "manager")).json["items"]
    return items


def test_what_a_customer_writes_is_a_concern_and_rings_like_one(scenario: StoreScenario) -> None:
    path = page_of(scenario.app, made(scenario.app, scenario.shop, place="table-12"))
    page = scenario.app.request("GET", path)
    assert (page.status_code, "table 12" in page.text) == (200, True)
    answer = tell(scenario.app, path)
    assert (answer.status_code, "is being called to you" in answer.text) == (200, True)
    (concern,) = concerns(scenario.app, scenario.shop)
    assert (concern["source"], concern["kind"], concern["mood"], concern["place"]) == (
        "customer",
        "concern",
        1,
        "table-12",
    )
    assert (concern["their_words"], concern["wanted"]) == (MOOD["their_words"], MOOD["wanted"])
    assert (concern["reported_by"], concern["taken_by"], concern["status"]) == (None, None, "open")
    assert concern["channel"] == "qr"
    scenario.let_pass(seconds=1)
    assert scenario.addresses_by_second() == {0: {"floor", "colleague", "lead"}}


def test_it_is_taken_and_put_right_like_any_other(scenario: StoreScenario) -> None:
    path = page_of(scenario.app, made(scenario.app, scenario.shop, place="table-12"))
    tell(scenario.app, path)
    (concern,) = concerns(scenario.app, scenario.shop)
    for verb, body in (("take", {}), ("resolve", {"outcome": "recovered", "mood_after": 4})):
        answer = scenario.app.request(
            "POST", f"/v1/concerns/{concern['id']}/{verb}", (scenario.shop, "floor"), json=body
        )
        assert answer.status_code == 200, answer.text
    log = f"/v1/stores/{scenario.shop.store_id}/recovery-logs/{concern['business_date']}"
    figures = scenario.app.request("GET", log, (scenario.shop, "manager")).json["figures"]
    assert (figures["concerns"], figures["recovered"], figures["on_the_spot"]) == (1, 1, 0)


def test_who_is_content_praises_and_nobody_is_rung(scenario: StoreScenario) -> None:
    path = page_of(scenario.app, made(scenario.app, scenario.shop, place="table-12"))
    answer = tell(scenario.app, path, mood="5")
    assert "is being called" not in answer.text
    (concern,) = concerns(scenario.app, scenario.shop)
    assert (concern["kind"], concern["alert"]) == ("praise", None)


def test_a_code_on_a_receipt_names_the_order(app: App, shop: Shop) -> None:
    path = page_of(app, made(app, shop))
    page = app.request("GET", f"{path}?order=4711%22%3E")
    assert 'value="4711&#34;&gt;"' in page.text
    tell(app, path, order="4711")
    (concern,) = concerns(app, shop)
    assert (concern["order"], concern["place"]) == ({"reference": "4711", "value": None}, None)


def test_a_second_tap_logs_nothing_twice(app: App, shop: Shop) -> None:
    path = page_of(app, made(app, shop, place="table-12"))
    (id_,) = re.findall('name="id" value="([^"]+)"', app.request("GET", path).text)
    assert [tell(app, path, id=id_).status_code for _ in range(3)] == [200, 200, 200]
    assert [concern["id"] for concern in concerns(app, shop)] == [id_]


@only_on_postgresql
def test_taps_at_the_same_moment_log_it_once(app: App, shop: Shop) -> None:
    path, id_ = page_of(app, made(app, shop)), str(uuid7())
    answers = at_once([lambda: tell(app, path, id=id_).status_code] * 8)
    assert answers == [200] * 8
    assert len(concerns(app, shop)) == 1


def test_a_code_that_is_hammered_throttles_without_hurting_staff(scenario: StoreScenario) -> None:
    """Two hundred times from a table in ten minutes: four calls at most, and staff log as if nothing was."""
    path = page_of(scenario.app, made(scenario.app, scenario.shop, place="table-12"))
    others = page_of(scenario.app, made(scenario.app, scenario.shop, place="table-1"))
    answers = [tell(scenario.app, path) for _ in range(200)]
    assert [answer.status_code for answer in answers] == [200] * 4 + [429] * 196
    assert all(answer.mimetype == "text/html" and int(answer.headers["Retry-After"]) > 0 for answer in answers[4:])
    assert scenario.log("floor", mood=2)["alert"]["state"] == "open"
    assert tell(scenario.app, others).status_code == 200
    assert len(concerns(scenario.app, scenario.shop)) == 6


@pytest.mark.parametrize("behind", [".", ")", "/"])
def test_a_link_with_something_behind_it_works(app: App, shop: Shop, behind: str) -> None:
    path = page_of(app, made(app, shop, place="table-12")) + behind
    assert app.request("GET", path).status_code == 200
    assert (tell(app, path).status_code, len(concerns(app, shop))) == (200, 1)


@pytest.mark.parametrize(
    "query", ["token=1", "signature=1", "_external=", "_scheme=a", "_method=PUT", "_anchor=a", "endpoint=a", "order=1"]
)
def test_only_the_language_of_a_link_goes_on_to_the_next_page(app: App, shop: Shop, query: str) -> None:
    path = page_of(app, made(app, shop, place="table-12"))
    answer = app.request("POST", f"{path}?lang=pt&{query}", data={"id": str(uuid7()), **MOOD})
    assert answer.status_code == 303
    assert answer.headers["Location"].endswith("?lang=pt")
    assert 'lang="pt"' in app.request("GET", answer.headers["Location"]).text


def test_a_code_that_was_withdrawn_leads_nowhere(app: App, shop: Shop) -> None:
    qr = made(app, shop, place="table-12")
    path = page_of(app, qr)
    assert app.request("DELETE", f"/v1/standing-qrs/{qr['id']}", (shop, "admin")).status_code == 204
    assert app.request("GET", path).status_code == 404
    assert tell(app, path).status_code == 404
    assert_problem(app.request("GET", f"/v1/standing-qrs/{qr['id']}/qr", (shop, "admin")), 404, "not-found")
    listed = app.request("GET", f"/v1/stores/{shop.store_id}/standing-qrs", (shop, "floor"))
    assert (listed.json["items"], concerns(app, shop)) == ([], [])


def test_a_code_names_a_place_of_its_store(app: App, shop: Shop) -> None:
    path = f"/v1/stores/{shop.store_id}/standing-qrs"
    refused = app.request("POST", path, (shop, "admin"), json={"place": "moon"})
    assert_invalid_value(refused, "body", "/place", "not-found")
    assert_invalid_value(
        app.request("POST", path, (shop, "admin"), json={"token": "mine"}), "body", "/token", "unknown-field"
    )
    image = app.request("GET", f"/v1/standing-qrs/{made(app, shop)['id']}/qr", (shop, "floor"))
    assert (image.status_code, image.mimetype) == (200, "image/svg+xml")


@pytest.mark.parametrize(
    "said",
    [{"mood": ""}, {"mood": "0"}, {"mood": "six"}, {"id": "mine"}, {"their_words": "a" * 4001}, {"wanted": "\x00"}],
    ids=lambda said: next(iter(said)),
)
def test_what_cannot_be_read_is_shown_again(app: App, shop: Shop, said: dict[str, str]) -> None:
    path = page_of(app, made(app, shop, place="table-12"))
    page = tell(app, path, **said)
    assert (page.status_code, 'role="alert"' in page.text) == (422, True)
    assert ("We wait and wait." in page.text) is ("their_words" not in said)
    assert concerns(app, shop) == []


def test_an_id_that_is_in_use_reveals_nothing_of_what_it_is(app: App, shop: Shop) -> None:
    """Somebody who knows the id of a concern learns as little as somebody who does not."""
    known = app.request("POST", "/v1/concerns", (shop, "floor"), json={"mood": 1, "their_words": "Private."}).json
    path = page_of(app, made(app, shop, place="table-12"))
    first, second = tell(app, path, id=known["id"], mood="3"), tell(app, path, id=str(uuid4()), mood="3")
    assert (first.status_code, first.text) == (second.status_code, second.text)
    assert len(concerns(app, shop)) == 2


def test_a_concern_by_code_while_the_store_is_closed_informs_and_rings_nobody(scenario: StoreScenario) -> None:
    hours = {"weekly": [{"weekday": "monday", "opens_at": "18:00", "closes_at": "22:00"}]}
    path = f"/v1/stores/{scenario.shop.store_id}/hours"
    assert scenario.app.request("PUT", path, (scenario.shop, "admin"), json=hours).status_code == 200
    answer = tell(scenario.app, page_of(scenario.app, made(scenario.app, scenario.shop)))
    assert (answer.status_code, "is being called" in answer.text) == (200, False)
    scenario.let_pass(minutes=30)
    (concern,) = concerns(scenario.app, scenario.shop)
    assert (concern["alert"]["state"], scenario.addresses_by_second()) == ("late", {})


def test_taps_on_a_form_that_has_arrived_are_thanked_however_many(app: App, shop: Shop) -> None:
    path, id_ = page_of(app, made(app, shop, place="table-12")), str(uuid7())
    assert [tell(app, path, id=id_).status_code for _ in range(10)] == [200] * 10


def test_the_page_follows_the_call(scenario: StoreScenario) -> None:
    app, shop = scenario.app, scenario.shop
    path = page_of(app, made(app, shop, place="table-12"))
    sent = app.request("POST", path, data={"id": str(uuid7()), **MOOD})
    assert (sent.status_code, sent.headers["Cache-Control"]) == (303, "no-store")
    page = partial(app.request, "GET", sent.headers["Location"])
    assert "is being called to you" in page().text
    assert (page().headers["Refresh"], page().headers["Cache-Control"]) == ("10", "no-store")
    scenario.let_pass(minutes=30)
    assert "please wave to us" in page().text
    (concern,) = concerns(app, shop)
    move(app, shop, concern, "take", "floor")
    assert "A colleague is on the way to you." in page().text
    assert "Floor" not in page().text
    move(app, shop, concern, "resolve", "floor")
    assert "put right" in page().text
    assert "Refresh" not in page().headers
    assert "Esperamos" in page(query_string={"lang": "pt"}).text


def test_where_no_phone_can_be_reached_the_guest_waves(app: App) -> None:
    with store_scenario(app) as scenario:  # nobody has a phone
        path = page_of(app, made(app, scenario.shop))
        sent = app.request("POST", path, data={"id": str(uuid7()), **MOOD})
        scenario.let_pass(minutes=1)
        assert "please wave to us" in app.request("GET", sent.headers["Location"]).text


def test_the_page_of_a_call_is_for_whoever_made_it_and_for_a_while(app: App, shop: Shop) -> None:
    path = page_of(app, made(app, shop))
    other = page_of(app, made(app, shop))
    address = app.request("POST", path, data={"id": str(uuid7()), **MOOD}).headers["Location"]
    signature = address.rpartition("/")[2]
    (concern,) = concerns(app, shop)
    for wrong in (
        f"{other}/{signature}",
        f"{path}/{concern['id']}",
        f"{path}/{signature[:-1]}",
        f"/q/nobody/{signature}",
    ):
        assert app.request("GET", wrong).status_code == 404
    assert app.request("GET", f"{address}).").status_code == 200
    app.clock.at += timedelta(hours=4, seconds=1)
    assert app.request("GET", address).status_code == 410
