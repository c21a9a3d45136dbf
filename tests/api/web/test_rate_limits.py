"""Whose requests a limit counts, behind reverse proxies and without one."""

import socket
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from sqlalchemy.exc import DBAPIError
from werkzeug.test import TestResponse

from api import create_app
from api.web.rate_limits import make_rate_limiter
from config import Config
from models.db.session import MAX_RUNS, ScopedSession, Tenant
from models.policy_defaults import MAX_MEETINGS_PER_DAY
from tests.support.app import App
from tests.support.factories.organizations import Shop

BY_ONE, BY_MANY = [410] * 20 + [429], [410] * 21


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        ("", "192.0.2.{}", BY_ONE),  # no proxy adds this, so that a client may have made it up
        ("192.0.2.0/24", "192.0.2.{}", BY_ONE),  # nor does this one, which did not ask
        ("127.0.0.1", "192.0.2.{}", BY_MANY),
        ("127.0.0.1", "192.0.2.{}, 198.51.100.1", BY_ONE),  # what stands before what the proxy adds is made up
        ("127.0.0.1, 198.51.100.0/24", "192.0.2.{}, 198.51.100.1", BY_MANY),
    ],
)
def test_limits_count_the_address_that_the_outermost_proxy_saw(
    proxies: str, forwarded: str, expected: list[int]
) -> None:
    settings = {
        "SECRET_KEY": "an application of its own",
        "DATABASE_URL": "sqlite:////tmp/never-opened",
        "RATELIMIT_STORAGE_URL": "memory",
    }
    client = create_app(Config.from_env({**settings, "TRUSTED_PROXIES": proxies})).test_client()
    body = {"code": "no code", "password": "a new and long one"}
    statuses = [
        client.post(
            "/v1/invitations/redeem", json=body, headers={"X-Forwarded-For": forwarded.format(number)}
        ).status_code
        for number in range(21)
    ]
    assert statuses == expected


def test_an_answer_says_what_is_left_of_a_limit(app: App, shop: Shop) -> None:
    answers = [search(app, shop) for _ in range(21)]
    left = [answer.headers["RateLimit-Remaining"] for answer in answers]
    assert left == [str(number) for number in (*range(19, -1, -1), 0)]
    last = answers[-1].headers
    assert (last["RateLimit-Limit"], last["RateLimit-Reset"], last["Retry-After"]) == ("20", "60", "60")
    app.clock.move(minutes=1)
    assert search(app, shop).status_code == 200


def test_hits_outlive_the_process_that_counted_them(app: App, shop: Shop) -> None:
    for expected in ([200] * 12, [200] * 8 + [429], [429]):
        app.limiter = make_rate_limiter("database", app.url)  # of a process that has just started
        assert [search(app, shop).status_code for _ in expected] == expected
        assert app.request("GET", "/readyz").json["rate_limits"] == "ok"
        app.limiter.counter.close()  # type: ignore[attr-defined]


def test_signing_in_goes_on_while_redis_is_away(app: App, shop: Shop) -> None:
    with socket.socket() as nobody_listens:
        nobody_listens.bind(("127.0.0.1", 0))
        app.limiter = make_rate_limiter(f"redis://127.0.0.1:{nobody_listens.getsockname()[1]}/0", app.url)
        sign_in = {"organization": shop.slug, "login": "floor", "password": "not the password"}
        statuses = [app.request("POST", "/v1/sessions", json=sign_in).status_code for _ in range(6)]
        ready = app.request("GET", "/readyz")
    assert statuses == [401] * 5 + [429]
    assert (ready.status_code, ready.json["status"], ready.json["rate_limits"]) == (200, "ok", "degraded")


def test_a_request_that_runs_again_after_deadlocks_counts_once(
    app: App, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone = {"phone": "+351912345678"}
    known = app.request("POST", "/v1/customers", (shop, "elsewhere"), json=phone).json["id"]
    requests = {
        "/v1/concerns": {"mood": 3, "customer": {"phone": "+351912345670"}},
        "/v1/customers": {"phone": "+351912345671"},
        f"/v1/customers/{known}/meet": {},
    }
    app.request("POST", "/v1/concerns", (shop, "floor"), json={"mood": 3, "customer": phone})
    run, runs = app.database.run, []

    def run_thrice(tenant: Tenant, do: Callable[[ScopedSession], Any]) -> Any:
        def do_and_fail(session: ScopedSession) -> Any:
            answer = do(session)
            runs.append(answer)
            if len(runs) % MAX_RUNS:
                raise DBAPIError("COMMIT", {}, psycopg.errors.DeadlockDetected())
            return answer

        return run(tenant, do_and_fail)

    monkeypatch.setattr(app.database, "run", run_thrice)
    answers = [app.request("POST", path, (shop, "floor"), json=body) for path, body in requests.items()]
    assert len(runs) == MAX_RUNS * len(requests)
    assert [(answer.status_code, answer.headers["RateLimit-Remaining"]) for answer in answers] == [
        (201, "18"),
        (201, "17"),
        (200, str(MAX_MEETINGS_PER_DAY - 1)),
    ]


def search(app: App, shop: Shop) -> TestResponse:
    return app.request("POST", "/v1/customers/search", (shop, "floor"), json={"phone": "+351912345678"})
