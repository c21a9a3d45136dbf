"""Log lines never hold the words of people, their contacts or a secret, whatever happens."""

import io
import logging
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from api.resources import concerns
from config import Config, LogFormat, set_up_logging
from models.staff.credentials.api_key import ApiKey
from tests.support.app import App
from tests.support.factories.organizations import PASSWORD, Shop
from tests.support.log_privacy import log_plain_tracebacks
from tests.support.rows import rows

PLANTED = {
    "name": "Planted Person",
    "phone": "+351919191919",
    "email": "planted@example.com",
    "loyalty_number": "PLANTED-77",
}
QUOTE, STAKE, KEY = "planted quote of a customer", "planted stake", "planted-key-of-a-request"
TYPED = {"place": "planted place", "category": "planted category"}  # which nobody knows
ADDRESS = "planted address of a phone"


@pytest.fixture(params=["console", "json"])
def log(request: pytest.FixtureRequest, app: App) -> Iterator[io.StringIO]:
    """The log as a process of ours writes it."""
    log_format: LogFormat = request.param
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    settings = {"DATABASE_URL": app.url, "SECRET_KEY": "k" * 32, "LOG_FORMAT": log_format}
    set_up_logging(Config.from_env(settings))
    (ours,) = (handler for handler in root.handlers if handler.get_name() == "amends")
    written = io.StringIO()
    ours.setStream(written)
    yield written
    logging.captureWarnings(capture=False)
    log_plain_tracebacks()
    root.handlers, root.level = handlers, level


def test_nothing_planted_is_found_in_the_log(
    app: App, shop: Shop, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed_in = app.request(
        "POST", "/v1/sessions", json={"organization": "acme", "login": "floor", "password": PASSWORD}
    )
    token = shop.tokens["floor"] = signed_in.json["token"]
    wrong = {"organization": "acme", "login": "planted-login", "password": "planted wrong password"}
    assert app.request("POST", "/v1/sessions", json=wrong).status_code == 401
    floor = (shop, "floor")
    phone = {"platform": "ios", "address": ADDRESS, "address_kind": "log"}
    app.request("PUT", "/v1/me/devices/one", floor, json=phone)
    concern = {"mood": 1, "customer": PLANTED, "their_words": QUOTE, "stake": STAKE, **TYPED}
    logged = app.request("POST", "/v1/concerns", floor, json=concern, headers={"Idempotency-Key": KEY})
    assert logged.status_code == 201
    path = f"/v1/concerns/{logged.json['id']}"
    for method, where, body in (
        ("PATCH", path, {"their_words": QUOTE + "!"}),
        ("POST", f"{path}/recovery-actions", {"remedy": "apology", "note": QUOTE}),
        ("POST", f"{path}/resolve", {"outcome": "lost", "mood_after": 1, "note": QUOTE}),
        ("POST", "/v1/customers", PLANTED),  # a conflict
        ("POST", "/v1/customers", {**PLANTED, "colour": QUOTE}),  # not valid
        ("POST", "/v1/customers/search", {"phone": PLANTED["phone"]}),
        ("POST", "/v1/customers/search", {"phone": PLANTED["name"]}),
        ("GET", f"/v1/customers?name={PLANTED['name']}", None),
        ("GET", f"/v1/customers?colour={PLANTED['name']}", None),
        ("GET", f"/v1/{PLANTED['email']}", None),
    ):
        app.request(method, where, floor, headers={"If-Match": "*"}, **({"json": body} if body else {}))

    def break_down(*_: object, **told: object) -> None:
        spoken, secret = (concern, told), QUOTE
        raise RuntimeError(f"broken with {len(spoken)} things in hand" if secret else "")

    monkeypatch.setattr(concerns, "log_concern", break_down)
    assert app.request("POST", "/v1/concerns", floor, json=concern).status_code == 500

    with pytest.raises(DBAPIError) as failed, app.database.writing(shop.organization_id) as session:
        session.execute(sa.text("INSERT INTO customer (phone) VALUES (:phone)"), {"phone": PLANTED["phone"]})
    assert PLANTED["phone"] not in str(failed.value)

    written = log.getvalue()
    assert written.count("answered") >= 14
    assert "broken with 2 things in hand" in written  # a fault of ours is there to be found
    assert logged.headers["X-Request-Id"] in written
    assert str(shop.staff["floor"]) in written  # people by id
    secrets = [*PLANTED.values(), *TYPED.values(), QUOTE, STAKE, KEY, ADDRESS, PASSWORD, token, *wrong.values()]
    secrets.remove("acme")
    assert [secret for secret in secrets if secret in written] == []
    assert token.split("_", 3)[3] not in written  # the secret may have such characters in it too


def test_no_token_or_digest_of_an_api_key_is_found_in_the_log(app: App, shop: Shop, log: io.StringIO) -> None:
    body, headers = {"name": "till", "scopes": ["reports:read"]}, {"Idempotency-Key": KEY}
    created = [app.request("POST", "/v1/api-keys", (shop, "admin"), json=body, headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in created] == [201, 201]
    path = f"/v1/api-keys/{created[0].json['id']}"
    rotated = [app.request("POST", f"{path}/rotate", (shop, "admin"), headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in rotated] == [200, 200]
    tokens = [created[0].json["token"], rotated[0].json["token"]]
    digests = [digest for key in rows(app, ApiKey) for digest in (key.digest, key.previous_digest) if digest]

    def use_both(*, status: int) -> None:
        for token in tokens:
            answer = app.request("GET", "/v1/stores", headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code == status

    use_both(status=200)
    # The token where it does not belong, and a revoked one.
    for where in (f"/v1/api-keys/{tokens[0]}", f"/v1/stores?key={tokens[0]}"):
        app.request("GET", where, (shop, "admin"))
    app.request("POST", "/v1/api-keys", (shop, "admin"), json={**body, "id": tokens[0]})
    assert app.request("POST", f"{path}/revoke", (shop, "admin")).status_code == 200
    use_both(status=401)

    written = log.getvalue()
    assert written.count("answered") == 12
    assert created[0].json["id"] in written  # a machine by its id
    secrets = [token.split("_", 3)[3] for token in tokens]
    forms = [form for digest in digests for form in (digest.hex(), repr(digest)[2:-1])]
    assert [secret for secret in [*tokens, *secrets, *forms, KEY] if secret in written] == []
