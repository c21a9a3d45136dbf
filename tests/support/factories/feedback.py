"""Feedback requests: the concern, its link, and the answer of the customer."""

from typing import Any

from werkzeug.test import TestResponse

from tests.support.app import App
from tests.support.factories.organizations import Shop

KNOWN_CUSTOMER = {"customer": {"phone": "912 345 678"}}


def resolved_concern(app: App, shop: Shop, **changes: Any) -> dict[str, Any]:
    """Log a concern that is already recovered."""
    fields = {"mood": 3, "outcome": "recovered", "mood_after": 4, "place": "table-12", **changes}
    answer = app.request("POST", "/v1/concerns", (shop, "floor"), json=fields)
    assert answer.status_code == 201, answer.text
    return answer.json


def request_feedback(app: App, shop: Shop, concern: dict[str, Any], **options: Any) -> TestResponse:
    path = f"/v1/concerns/{concern['id']}/feedback-requests"
    return app.request("POST", path, (shop, "floor"), json=options.pop("json", {}), **options)


def feedback_path(app: App, shop: Shop, concern: dict[str, Any]) -> str:
    """Request feedback; return the path of the new link."""
    answer = request_feedback(app, shop, concern)
    assert answer.status_code == 201, answer.text
    return str(answer.json["link"]).partition(app.flask.config["PUBLIC_URL"])[2]


def answer_feedback(
    app: App, path: str, *, browser: str = "the customer's", by: tuple[Shop, str] | None = None, **answers: Any
) -> TestResponse:
    """Answer in the customer's browser, or in another one, or with somebody's sign-in."""
    return app.request("POST", path, by, data=answers, headers={"User-Agent": browser})


def read_concern(app: App, shop: Shop, concern: dict[str, Any], part: str = "") -> Any:
    answer = app.request("GET", f"/v1/concerns/{concern['id']}{part}", (shop, "manager"))
    assert answer.status_code == 200, answer.text
    return answer.json
