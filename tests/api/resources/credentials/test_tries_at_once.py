"""Many tries at a secret at the same moment: no more are checked than the limit says, whoever counts them.

Of five tries three were made already. Then four come at once, and those that are let in meet before their secrets are
checked, so that none of them is counted as wrong before.
"""

import multiprocessing
from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug.test import TestResponse

from api.resources import own_credentials
from api.web.rate_limits import make_rate_limiter
from models.db.session import Database, DatabaseRole
from models.staff.credentials.password import verify_here
from models.staff.staff import Staff
from tests.support.app import App
from tests.support.factories.organizations import Shop
from tests.support.factories.shared_phones import SharedPhone, enrol, set_pins, sign_in_with_pin
from tests.support.threads import TIMEOUT, Meeting

WRONG_PIN = "935172"
BEFORE, AT_ONCE, LEFT = 3, 4, 2


@pytest.fixture
def counted(app: App) -> Iterator[App]:
    """The application that counts in its database."""
    app.limiter = make_rate_limiter("database", app.url)
    yield app
    app.limiter.counter.close()  # type: ignore[attr-defined]


def statuses(answers: list[TestResponse]) -> list[int]:
    return sorted(answer.status_code for answer in answers)


def test_pins_on_several_phones(counted: App, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    phone = enrol(counted, shop)
    set_pins(counted, shop, "floor", "manager")

    def guess() -> TestResponse:
        return sign_in_with_pin(SharedPhone(counted, phone.id, phone.secret, ""), shop, "floor", WRONG_PIN)

    assert statuses([guess() for _ in range(BEFORE)]) == [401] * BEFORE
    with monkeypatch.context() as patch:
        meeting = Meeting(AT_ONCE)
        patch.setattr(counted.database, "writing", meeting.before(counted.database.writing))
        assert statuses(meeting.all_at_once(guess)) == [401] * LEFT + [429] * LEFT
        assert meeting.met == LEFT
    assert sign_in_with_pin(phone, shop, "floor").status_code == 429
    # One that is right is taken back, and shows what is left without it.
    shown = [sign_in_with_pin(phone, shop, "manager").headers["RateLimit-Remaining"] for _ in range(6)]
    assert shown == ["5"] * 6


def test_own_pins(counted: App, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    set_pins(counted, shop, "floor")
    with counted.back_office.writing(shop.organization_id) as session:
        session.get_one(Staff, (shop.organization_id, shop.staff["floor"])).password_hash = None

    def guess() -> TestResponse:
        body = {"pin": "481937", "current_pin": WRONG_PIN}
        return counted.request("PUT", "/v1/me/pin", (shop, "floor"), json=body)

    assert statuses([guess() for _ in range(BEFORE)]) == [422] * BEFORE
    meeting = Meeting(AT_ONCE)
    monkeypatch.setattr(own_credentials, "pin_matches", meeting.before(own_credentials.pin_matches))
    assert statuses(meeting.all_at_once(guess)) == [422] * LEFT + [429] * LEFT
    assert meeting.met == LEFT


def guess_password(app: App, body: dict[str, Any], start: Any, results: Any) -> None:
    """Sign in as another web process does, with connections of its own."""
    database = Database(app.url, DatabaseRole.APP, clock=app.clock)
    flask = app.flask
    flask.extensions |= {"database": database, "limiter": make_rate_limiter("database", app.url)}
    met: list[bool] = []

    def meet_and_verify(password_hash: str, password: str) -> bool:
        met.append(True)
        start.wait(TIMEOUT)
        return verify_here(password_hash, password)

    flask.extensions["password_queues"].strangers.verify = meet_and_verify
    status = flask.test_client().post("/v1/sessions", json=body).status_code
    if not met:
        start.wait(TIMEOUT)
    results.put(status)
    database.close()


def test_passwords_in_four_processes(counted: App, shop: Shop) -> None:
    context = multiprocessing.get_context("fork")
    results, start = context.Queue(), context.Barrier(AT_ONCE)
    body = {"organization": shop.slug, "login": "floor", "password": "not the password"}
    for _ in range(BEFORE):
        assert counted.request("POST", "/v1/sessions", json=body).status_code == 401
    arguments = (counted, body, start, results)
    processes = [context.Process(target=guess_password, args=arguments) for _ in range(AT_ONCE)]
    for process in processes:
        process.start()
    answered = sorted(results.get(timeout=TIMEOUT) for _ in processes)
    for process in processes:
        process.join()
    assert answered == [401] * LEFT + [429] * LEFT
