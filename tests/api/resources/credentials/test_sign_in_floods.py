"""Many who guess passwords: they are slowed down, wait in a short queue, and lock nobody out."""

from typing import Any

import pytest
from werkzeug.test import TestResponse

from api.web.password_process import PasswordProcess
from api.web.password_queue import PasswordQueue
from api.web.problems import HttpProblem
from models.staff.credentials.password import hash_password
from models.staff.staff import Staff
from tests.support.app import App
from tests.support.assertions import assert_problem
from tests.support.factories.organizations import PASSWORD, Shop, make_shop
from tests.support.factories.shared_phones import enrol

WRONG = "Summer2026!"


def sign_in(app: App, shop: Shop, login: str = "floor", *, address: str = "192.0.2.1", **body: Any) -> TestResponse:
    body = {"organization": shop.slug, "login": login, "password": PASSWORD, **body}
    return app.request("POST", "/v1/sessions", json=body, environ_base={"REMOTE_ADDR": address})


def test_one_password_tried_at_many_accounts_is_refused(app: App, shop: Shop) -> None:
    statuses = [sign_in(app, shop, f"nobody-{number}", password=WRONG).status_code for number in range(21)]
    assert statuses == [401] * 20 + [429]
    assert sign_in(app, shop).status_code == 429
    assert sign_in(app, shop, address="192.0.2.2").status_code == 201
    app.clock.move(minutes=10)
    assert sign_in(app, shop).status_code == 201


def test_one_account_tried_from_many_addresses_is_refused_and_its_own_phone_signs_in(app: App, shop: Shop) -> None:
    proof = sign_in(app, shop).json["device_proof"]
    for number in range(50):
        assert sign_in(app, shop, address=f"198.51.100.{number}", password=WRONG).status_code == 401
    assert_problem(sign_in(app, shop, address="203.0.113.1"), 429, "too-many-requests")
    assert sign_in(app, shop, "colleague", address="203.0.113.1").status_code == 201
    for nothing in (proof + "x", "", sign_in(app, shop, "manager").json["device_proof"]):
        assert sign_in(app, shop, device_proof=nothing).status_code == 429
    renewed = sign_in(app, shop, device_proof=proof)
    assert renewed.status_code == 201
    assert renewed.json["device_proof"] != proof
    # Its tries are counted too, and no stranger's.
    statuses = [sign_in(app, shop, device_proof=proof, password=WRONG).status_code for _ in range(6)]
    assert statuses == [401] * 5 + [429]
    app.clock.move(days=181)  # then it is a stranger again
    for _ in range(5):
        assert sign_in(app, shop, device_proof=proof, password=WRONG).status_code == 401
    assert sign_in(app, shop).status_code == 429


def test_whoever_guesses_on_the_wi_fi_of_a_shop_meets_its_limits_and_learns_nobody_there(app: App, shop: Shop) -> None:
    signed_in = [sign_in(app, shop, login) for login in ("floor", "colleague", "manager", "regional")]
    proofs = [answer.json["device_proof"] for answer in signed_in]
    logins = ["floor", "nobody", "colleague", "nobody else", "manager", "regional"]
    guesses = [sign_in(app, shop, login, password=WRONG) for login in logins for _ in range(5)]
    assert [answer.status_code for answer in guesses] == [401] * 20 + [429] * 10
    shown = [[guess.headers[f"RateLimit-{name}"] for name in ("Limit", "Remaining")] for guess in guesses[:10]]
    assert shown[:5] == shown[5:] == [["5", str(left)] for left in (4, 3, 2, 1, 0)]
    refused = [sign_in(app, shop, login, password=WRONG) for login in ("regional", "new", "floor", "nobody")]
    assert [(answer.status_code, answer.headers["RateLimit-Limit"]) for answer in refused] == [
        (429, "20"),
        (429, "20"),
        (429, "5"),
        (429, "5"),
    ]
    # No guess counts for the phones of those who work there.
    statuses = [
        sign_in(app, shop, login, device_proof=proof).status_code
        for login, proof in zip(("floor", "colleague", "manager", "regional"), proofs, strict=True)
    ]
    assert statuses == [201] * 4


def test_strangers_wait_in_a_short_queue_of_their_own(app: App, shop: Shop) -> None:
    proof = sign_in(app, shop).json["device_proof"]
    queues = app.flask.extensions["password_queues"]
    places = queues.strangers._places
    taken = [places.acquire(blocking=False) for _ in range(3)]
    try:
        assert taken == [True, True, False]
        refused = sign_in(app, shop)
        assert_problem(refused, 429, "too-many-requests")
        assert refused.headers["Retry-After"] == "1"
        assert sign_in(app, shop, device_proof=proof).status_code == 201
    finally:
        for _ in range(2):
            places.release()
    assert sign_in(app, shop).status_code == 201
    assert queues.known_phones._places._value == 2  # each place was given back


def test_a_pin_needs_no_proof(app: App, shop: Shop) -> None:
    with_proof = {"device_secret": "s", "staff_id": str(shop.staff["floor"]), "pin": "135790", "device_proof": "p"}
    answer = app.request("POST", "/v1/sessions", json=with_proof)
    assert (answer.status_code, [error["pointer"] for error in answer.json["errors"]]) == (422, ["/device_proof"])


def test_the_secret_of_a_shared_phone_makes_it_known_in_its_own_organization_only(app: App, shop: Shop) -> None:
    other = make_shop(app.back_office, "rival")
    secret = enrol(app, shop).secret
    # Elsewhere it is a stranger's, whose right password does not even help.
    assert_problem(sign_in(app, other, device_secret=secret), 401, "wrong-sign-in")
    for _ in range(4):
        assert_problem(sign_in(app, other, device_secret=secret, password=WRONG), 401, "wrong-sign-in")
    assert sign_in(app, other, device_secret=secret, password=WRONG).status_code == 429
    assert sign_in(app, other).status_code == 429  # counted as any other from this address
    assert sign_in(app, shop, device_secret=secret).status_code == 201


def test_a_shared_phone_is_refused_after_many_failures_at_any_accounts(app: App, shop: Shop) -> None:
    secret = enrol(app, shop).secret
    statuses = [
        sign_in(app, shop, f"n-{number}", device_secret=secret, password=WRONG, address=f"192.0.2.{number}").status_code
        for number in range(21)
    ]
    assert statuses == [401] * 20 + [429]
    assert sign_in(app, shop, device_secret=secret).status_code == 429
    app.clock.move(minutes=10)
    assert sign_in(app, shop, device_secret=secret).status_code == 201


def test_an_ipv6_network_counts_as_one_address_and_a_mapped_ipv4_as_itself(app: App, shop: Shop) -> None:
    statuses = [
        sign_in(app, shop, f"n-{number}", password=WRONG, address=f"2001:db8:0:1::{number:x}").status_code
        for number in range(21)
    ]
    assert statuses == [401] * 20 + [429]
    assert sign_in(app, shop, address="2001:db8:0:2::1").status_code == 201
    for number in range(5):
        assert sign_in(app, shop, password=WRONG, address=f"{'::ffff:' * (number % 2)}203.0.113.9").status_code == 401
    assert sign_in(app, shop, address="203.0.113.9").status_code == 429
    assert sign_in(app, shop, address="::ffff:203.0.113.10").status_code == 201


def test_a_proof_ends_with_the_password_and_with_a_sign_out_from_elsewhere_not_with_ones_own(
    app: App, shop: Shop
) -> None:
    first = sign_in(app, shop).json
    own, headers = first["device_proof"], {"Authorization": f"Bearer {first['token']}"}
    for number in range(50):
        sign_in(app, shop, address=f"198.51.100.{number}", password=WRONG)
    app.clock.move(seconds=1)
    assert app.request("DELETE", "/v1/sessions/current", headers=headers).status_code == 204
    second = sign_in(app, shop, device_proof=own).json
    headers = {"Authorization": f"Bearer {second['token']}"}
    app.clock.move(seconds=1)
    assert app.request("DELETE", "/v1/me/sessions", headers=headers).status_code == 204  # a lost phone
    assert [sign_in(app, shop, device_proof=proof).status_code for proof in (own, second["device_proof"])] == [429] * 2
    app.clock.move(hours=1)
    third = sign_in(app, shop).json
    with app.back_office.writing(shop.organization_id) as session:
        staff = session.get_one(Staff, (shop.organization_id, shop.staff["floor"]))
        staff.password_hash = hash_password("another password")
    for _ in range(5):
        sign_in(app, shop, password=WRONG)
    assert sign_in(app, shop, device_proof=third["device_proof"], password="another password").status_code == 429


def test_all_known_phones_of_an_account_have_one_limit(app: App, shop: Shop) -> None:
    proofs = [sign_in(app, shop).json["device_proof"] for _ in range(8)]
    statuses = [
        sign_in(app, shop, device_proof=proof, password=WRONG).status_code for proof in proofs for _ in range(4)
    ]
    assert statuses == [401] * 30 + [429] * 2
    assert sign_in(app, shop, device_secret=enrol(app, shop).secret).status_code == 201
    app.clock.move(hours=1)
    assert sign_in(app, shop, device_proof=proofs[0]).status_code == 201


def test_right_passwords_are_counted_too(app: App, shop: Shop) -> None:
    proof = sign_in(app, shop).json["device_proof"]
    assert [sign_in(app, shop, device_proof=proof).status_code for _ in range(11)] == [201] * 10 + [429]
    assert sign_in(app, shop, "colleague").status_code == 201
    body = {"current_password": PASSWORD, "new_password": PASSWORD}
    statuses = [app.request("PUT", "/v1/me/password", (shop, "manager"), json=body).status_code for _ in range(11)]
    assert statuses == [204] * 10 + [429]


def test_an_account_has_one_place_in_the_queue() -> None:
    queue = PasswordQueue(2, PasswordProcess(niceness=0))
    with queue.turn("acme", "floor"):
        with pytest.raises(HttpProblem), queue.turn("acme", "floor"):
            pass
        assert queue._places._value == 1  # type: ignore[attr-defined]  # nothing was taken
    with queue.turn("acme", "floor"), pytest.raises(HttpProblem), queue.turn("acme", "floor"):
        pass
