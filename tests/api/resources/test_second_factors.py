"""Second factors over HTTP: set up, asked for at the sign-in, used once, lost and removed, obligatory for some."""

from base64 import b32decode
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from api import create_app
from config import Config
from models.alerts.notification import NotificationKind
from models.outbox.message import OutboxMessage
from models.staff.credentials.second_factor import SecondFactor
from models.staff.credentials.staff_session import StaffSession
from tests.support.app import App
from tests.support.assertions import assert_invalid_value, assert_problem
from tests.support.factories.organizations import PASSWORD, Shop
from tests.support.rows import rows
from tests.support.sign_in import code_of, sign_in_again
from tests.support.threads import at_once

MINE = "/v1/me/second-factor"


@pytest.fixture
def others_reach_it(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """The service as it is when HOST is not loopback."""
    monkeypatch.setitem(app.flask.config, "SECOND_FACTOR_REQUIRED", True)


def begin(app: App, shop: Shop, by: str = "admin") -> bytes:
    """Set up a second factor; return its secret."""
    answer = app.request("POST", MINE, (shop, by))
    assert answer.status_code == 201, answer.text
    return b32decode(answer.json["secret"])


def confirm(app: App, shop: Shop, secret: bytes, by: str = "admin", **headers: str) -> Any:
    body = {"code": code_of(secret, app.clock())}
    return app.request("POST", f"{MINE}/confirm", (shop, by), json=body, headers=headers)


def set_up(app: App, shop: Shop, by: str = "admin") -> tuple[bytes, list[str]]:
    """Return the secret of a confirmed second factor and its recovery codes; the code of now is used up."""
    secret = begin(app, shop, by)
    answer = confirm(app, shop, secret, by)
    assert answer.status_code == 200, answer.text
    return secret, answer.json["recovery_codes"]


def sign_in(app: App, shop: Shop, by: str = "admin", password: str = PASSWORD, **code: str) -> Any:
    body = {"organization": shop.slug, "login": by, "password": password, **code}
    return app.request("POST", "/v1/sessions", json=body)


# ----------------------------------------------------------------------------------------------------------- setting up


def test_the_secret_is_shown_once_also_as_the_address_that_apps_read(app: App, shop: Shop) -> None:
    answer = app.request("POST", MINE, (shop, "admin"))
    assert len(b32decode(answer.json["secret"])) == 20
    uri = urlsplit(answer.json["uri"])
    assert (uri.scheme, uri.netloc, unquote(uri.path)) == ("otpauth", "totp", "/Amends:admin")
    assert parse_qs(uri.query)["secret"] == [answer.json["secret"]]
    (stored,) = rows(app, SecondFactor)
    assert b32decode(answer.json["secret"]) not in stored.encrypted_secret


def test_a_second_factor_counts_once_a_code_is_confirmed(app: App, shop: Shop) -> None:
    secret = begin(app, shop)
    assert sign_in(app, shop).status_code == 201
    assert app.request("GET", "/v1/me", (shop, "admin")).json["second_factor_at"] is None
    wrong = app.request("POST", f"{MINE}/confirm", (shop, "admin"), json={"code": "12345"})
    assert_invalid_value(wrong, "body", "/code")
    answer = confirm(app, shop, secret)
    assert (answer.status_code, answer.json["confirmed_at"]) == (200, "2026-03-03T12:00:00Z")
    assert len(set(answer.json["recovery_codes"])) == 10
    assert app.request("GET", "/v1/me", (shop, "admin")).json["second_factor_at"] == "2026-03-03T12:00:00Z"
    assert_problem(sign_in(app, shop), 401, "second-factor-required")


def test_one_that_is_not_confirmed_is_replaced_and_a_confirmed_one_is_not(app: App, shop: Shop) -> None:
    first, second = begin(app, shop), begin(app, shop)
    assert first != second
    assert_invalid_value(confirm(app, shop, first), "body", "/code")
    assert confirm(app, shop, second).status_code == 200
    assert_problem(app.request("POST", MINE, (shop, "admin")), 409, "not-now")
    app.clock.move(seconds=60)
    assert_problem(confirm(app, shop, second), 409, "not-now")


def test_recovery_codes_are_not_shown_again_in_a_replay(app: App, shop: Shop) -> None:
    secret = begin(app, shop)
    first = confirm(app, shop, secret, **{"Idempotency-Key": "once"})
    replay = confirm(app, shop, secret, **{"Idempotency-Key": "once"})
    assert replay.status_code == 200
    assert replay.json == {**first.json, "recovery_codes": None}


def test_nothing_is_confirmed_before_it_is_begun(app: App, shop: Shop) -> None:
    assert_problem(confirm(app, shop, b"nobody's secret here"), 404, "not-found")


def test_the_confirmation_ends_the_other_sign_ins_of_this_person_alone(app: App, shop: Shop) -> None:
    before = sign_in(app, shop).json["token"]
    set_up(app, shop)
    headers = {"Authorization": f"Bearer {before}"}
    assert app.request("GET", "/v1/me", headers=headers).status_code == 401
    assert app.request("GET", "/v1/me", (shop, "admin")).status_code == 200
    assert app.request("GET", "/v1/me", (shop, "manager")).status_code == 200


# ----------------------------------------------------------------------------------------------------------- signing in


def test_signing_in_needs_the_password_and_a_code(app: App, shop: Shop) -> None:
    secret, _ = set_up(app, shop)
    app.clock.move(seconds=60)
    right = code_of(secret, app.clock())
    assert_problem(sign_in(app, shop), 401, "second-factor-required")
    assert_problem(sign_in(app, shop, password="another password"), 401, "wrong-sign-in")
    assert_problem(sign_in(app, shop, password="another password", code=right), 401, "wrong-sign-in")
    assert_problem(sign_in(app, shop, code="000000" if right != "000000" else "000001"), 401, "wrong-sign-in")
    assert sign_in(app, shop, code=right).status_code == 201


def test_a_code_of_the_step_before_or_after_is_accepted_and_no_older_one(app: App, shop: Shop) -> None:
    secret, _ = set_up(app, shop)
    app.clock.move(minutes=10)
    late, before, after = (code_of(secret, app.clock() + timedelta(seconds=it)) for it in (-60, -30, 30))
    assert sign_in(app, shop, code=late).status_code == 401
    assert sign_in(app, shop, code=before).status_code == 201
    assert sign_in(app, shop, code=after).status_code == 201


def test_a_code_is_accepted_once_also_by_two_at_the_same_moment(app: App, shop: Shop) -> None:
    secret, _ = set_up(app, shop)
    assert sign_in(app, shop, code=code_of(secret, app.clock())).status_code == 401  # used for the confirmation
    app.clock.move(seconds=60)
    code = code_of(secret, app.clock())
    answers = at_once([lambda: sign_in(app, shop, code=code)] * 2)
    assert sorted(answer.status_code for answer in answers) == [201, 401]


def test_each_recovery_code_is_accepted_once_however_it_is_typed(app: App, shop: Shop) -> None:
    _, (first, second, *_) = set_up(app, shop)
    assert sign_in(app, shop, code=first).status_code == 201
    assert sign_in(app, shop, code=first).status_code == 401
    assert sign_in(app, shop, code=f" {second.upper().replace('-', ' ')} ").status_code == 201
    answers = at_once([lambda: sign_in(app, shop, code=second)] * 2)
    assert {answer.status_code for answer in answers} <= {401, 429}  # one of them waits for the other, or asks again


def test_wrong_codes_are_counted_with_wrong_passwords(app: App, shop: Shop) -> None:
    set_up(app, shop)
    answers = [sign_in(app, shop, code="abc") for _ in range(5)]
    assert {answer.status_code for answer in answers} == {401}
    assert_problem(sign_in(app, shop, code="abc"), 429, "too-many-requests")


def test_wrong_codes_are_counted_over_all_addresses(app: App, shop: Shop) -> None:
    _, (recovery_code, *_) = set_up(app, shop)
    body = {"organization": shop.slug, "login": "admin", "password": PASSWORD}

    def from_address(number: int, code: str) -> Any:
        environ = {"REMOTE_ADDR": f"192.0.2.{number}"}
        return app.request("POST", "/v1/sessions", json={**body, "code": code}, environ_overrides=environ)

    for number in range(30):
        assert from_address(number, "abc").status_code == 401
    assert_problem(from_address(31, recovery_code), 429, "too-many-requests")


def test_under_another_secret_key_recovery_codes_still_sign_in(
    app: App, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret, (recovery_code, *_) = set_up(app, shop)
    app.clock.move(seconds=60)
    monkeypatch.setitem(app.flask.config, "SECRET_KEY", "another secret of the tests")
    assert sign_in(app, shop, code=code_of(secret, app.clock())).status_code == 401
    assert sign_in(app, shop, code=recovery_code).status_code == 201


# ------------------------------------------------------------------------------------------------------------- removing


def test_a_person_removes_their_own_and_may_set_up_another_one(app: App, shop: Shop) -> None:
    set_up(app, shop, "floor")
    assert app.request("DELETE", MINE, (shop, "floor")).status_code == 204
    assert rows(app, SecondFactor) == []
    assert sign_in(app, shop, "floor").status_code == 201
    assert_problem(app.request("DELETE", MINE, (shop, "floor")), 404, "not-found")
    set_up(app, shop, "floor")


def test_an_administrator_removes_that_of_a_colleague_who_is_told(app: App, shop: Shop) -> None:
    set_up(app, shop, "manager")
    path = f"/v1/staff/{shop.staff['manager']}/second-factor"
    for login in ("manager", "regional", "key"):
        assert_problem(app.request("DELETE", path, (shop, login)), 403, "forbidden")
    assert app.request("DELETE", path, (shop, "admin")).status_code == 204
    (told,) = rows(app, OutboxMessage)
    assert (told.notification_kind, told.staff_id) == (NotificationKind.FACTOR_REMOVED, shop.staff["manager"])
    assert sign_in(app, shop, "manager").status_code == 201


def test_second_factors_need_a_recent_sign_in(app: App, shop: Shop) -> None:
    secret = begin(app, shop, "floor")
    app.clock.move(minutes=10, seconds=1)
    assert_problem(confirm(app, shop, secret, "floor"), 403, "sign-in-again")
    assert_problem(app.request("POST", MINE, (shop, "floor")), 403, "sign-in-again")
    assert_problem(app.request("DELETE", MINE, (shop, "floor")), 403, "sign-in-again")
    of_floor = f"/v1/staff/{shop.staff['floor']}/second-factor"
    assert_problem(app.request("DELETE", of_floor, (shop, "admin")), 403, "sign-in-again")
    sign_in_again(app, shop, "floor")
    assert confirm(app, shop, secret, "floor").status_code == 200


# ----------------------------------------------------------------------------------------------------------- obligatory


def test_an_administrator_without_one_may_do_nothing_but_set_it_up(app: App, shop: Shop, others_reach_it: None) -> None:
    assert_problem(app.request("GET", "/v1/stores", (shop, "admin")), 403, "second-factor-missing")
    assert_problem(app.request("PUT", "/v1/me/devices/one", (shop, "admin"), json={}), 403, "second-factor-missing")
    assert app.request("GET", "/v1/me", (shop, "admin")).status_code == 200
    assert app.request("GET", "/v1/stores", (shop, "manager")).status_code == 200
    assert app.request("GET", "/v1/stores", (shop, "key")).status_code == 200
    set_up(app, shop)
    assert app.request("GET", "/v1/stores", (shop, "admin")).status_code == 200
    assert app.request("DELETE", MINE, (shop, "admin")).status_code == 204
    assert_problem(app.request("GET", "/v1/stores", (shop, "admin")), 403, "second-factor-missing")
    assert app.request("DELETE", "/v1/sessions/current", (shop, "admin")).status_code == 204
    assert all(row.staff_id != shop.staff["admin"] for row in rows(app, StaffSession))


@pytest.mark.parametrize(
    ("host", "public_url", "required"),
    [
        ("127.0.0.1", "", False),
        ("::1", "", False),
        ("127.0.0.1", "http://localhost:8000", False),
        ("0.0.0.0", "", True),
        ("0.0.0.0", "http://localhost:8000", True),
        ("127.0.0.1", "https://amends.example.com", True),  # through a proxy on the same machine
    ],
)
def test_it_is_obligatory_where_other_machines_reach_the_service(host: str, public_url: str, *, required: bool) -> None:
    settings = {"HOST": host, "SECRET_KEY": "an application of its own", "DATABASE_URL": "sqlite:////tmp/never-opened"}
    settings["PUBLIC_URL"] = public_url
    assert create_app(Config.from_env(settings)).config["SECOND_FACTOR_REQUIRED"] is required
