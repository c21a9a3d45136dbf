"""Answers to feedback requests that may be by whoever made the link: marked, and left out of the rating figures."""

from typing import Any

import pytest

from models.recovery.feedback_request import FeedbackRequest
from models.staff.device import Device
from tests.support.app import App
from tests.support.factories.feedback import answer_feedback, read_concern, request_feedback, resolved_concern
from tests.support.factories.organizations import Shop
from tests.support.factories.staff import sign_in_on
from tests.support.rows import rows

APP = {"User-Agent": "the app"}


def asked(app: App, shop: Shop, **fields: Any) -> tuple[dict[str, Any], str]:
    """Return a resolved concern, and the path of the link that floor's app made."""
    concern = resolved_concern(app, shop, **fields)
    answer = request_feedback(app, shop, concern, headers=APP)
    return concern, answer.json["link"].partition(app.flask.config["PUBLIC_URL"])[2]


def is_suspect(app: App, shop: Shop, concern: dict[str, Any]) -> bool:
    (request,) = read_concern(app, shop, concern, "/feedback-requests")["items"]
    now = read_concern(app, shop, concern)
    assert (request["rating"], now["rating"]) == (5, 5)
    assert request["suspect"] is now["rating_suspect"]
    return bool(now["rating_suspect"])


@pytest.mark.parametrize(
    ("browser", "seconds", "suspect"),
    [("the app", 0, True), ("the app", 30, True), ("the app", 31, False), ("the customer's", 0, False)],
)
def test_the_same_browser_at_the_same_address_is_suspect_for_half_a_minute(
    app: App, shop: Shop, browser: str, seconds: int, *, suspect: bool
) -> None:
    concern, path = asked(app, shop)
    app.clock.move(seconds=seconds)
    assert answer_feedback(app, path, browser=browser, rating="5").status_code == 200
    assert is_suspect(app, shop, concern) is suspect


@pytest.mark.parametrize(("login", "suspect"), [("floor", True), ("colleague", False)])
def test_the_sign_in_that_made_the_link_is_suspect_at_any_time(
    app: App, shop: Shop, login: str, *, suspect: bool
) -> None:
    concern, path = asked(app, shop)
    app.clock.move(hours=2)
    assert answer_feedback(app, path, by=(shop, login), rating="5").status_code == 200
    assert is_suspect(app, shop, concern) is suspect


def test_so_is_another_sign_in_on_its_phone(app: App, shop: Shop) -> None:
    body = {"platform": "ios", "address": "floor", "address_kind": "fcm_token"}
    assert app.request("PUT", "/v1/me/devices/phone-1", (shop, "floor"), json=body).status_code == 200
    concern, path = asked(app, shop)
    (device,) = rows(app, Device)
    sign_in_on(app.back_office, shop, "colleague", device.id, at=app.clock())
    app.clock.move(minutes=2)
    assert answer_feedback(app, path, by=(shop, "colleague"), rating="5").status_code == 200
    assert is_suspect(app, shop, concern)


def test_a_low_one_is_heard_like_any_other_and_the_next_end_begins_without_a_mark(app: App, shop: Shop) -> None:
    concern, path = asked(app, shop)
    assert answer_feedback(app, path, browser="the app", rating="1").status_code == 200
    now = read_concern(app, shop, concern)
    assert (now["status"], now["rating"], now["rating_suspect"]) == ("open", 1, True)
    body = {"outcome": "recovered", "mood_after": 4}
    assert app.request("POST", f"/v1/concerns/{concern['id']}/resolve", (shop, "floor"), json=body).status_code == 200
    now = read_concern(app, shop, concern)
    assert (now["rating"], now["rating_suspect"]) == (None, False)


def test_nothing_of_address_or_browser_is_kept_after_the_answer_or_shown(app: App, shop: Shop) -> None:
    concern, path = asked(app, shop)
    (request,) = rows(app, FeedbackRequest)
    assert "127.0.0.1" not in str(request.asked_from)
    answer_feedback(app, path, rating="5")
    (request,) = rows(app, FeedbackRequest)
    assert request.asked_from is None
    (shown,) = read_concern(app, shop, concern, "/feedback-requests")["items"]
    assert not {name for name in shown if name.startswith("asked_") and name not in ("asked_at", "asked_by")}
