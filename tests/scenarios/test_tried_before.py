"""What an alert tells of the time before: what was tried for this customer, for those who may see it."""

from typing import Any

from tests.support.app import App
from tests.support.assertions import etag_version
from tests.support.factories.concerns import log_concern, move
from tests.support.factories.organizations import Shop
from tests.support.sign_in import sign_in_again

QUILL = {"customer": {"phone": "+351912345678"}}


def previous(app: App, shop: Shop, concern: Any, by: str = "manager") -> Any:
    answer = app.request("GET", f"/v1/alerts/{concern['alert']['id']}", (shop, by))
    assert (answer.status_code, etag_version(answer)) == (200, answer.json["version"])
    return answer.json["previous"]


def act(app: App, shop: Shop, concern: Any, remedy: str) -> Any:
    path = f"/v1/concerns/{concern['id']}/recovery-actions"
    return app.request("POST", path, (shop, "manager"), json={"remedy": remedy}).json


def test_the_manager_reads_what_was_tried_the_last_time(app: App, shop: Shop) -> None:
    first = log_concern(app, shop, category="food", **QUILL)
    act(app, shop, first, "remake")
    undone = act(app, shop, first, "voucher")
    app.clock.move(seconds=1)
    act(app, shop, first, "apology")
    app.request("POST", f"/v1/recovery-actions/{undone['id']}/reverse", (shop, "manager"), json={})
    assert previous(app, shop, first) is None
    move(app, shop, first, "resolve")
    app.clock.move(hours=1)
    second = log_concern(app, shop, **QUILL)
    assert previous(app, shop, second) == {
        "concern_id": first["id"],
        "business_date": "2026-03-03",
        "category": "food",
        "outcome": "recovered",
        "mood_after": 4,
        "remedies": ["remake", "apology"],
    }


def test_what_was_tried_is_shown_to_those_who_may_see_that_concern(app: App, shop: Shop) -> None:
    secret = log_concern(app, shop, "manager", sensitive=True, **QUILL)
    app.clock.move(hours=1)
    elsewhere = log_concern(app, shop, "elsewhere", store_id=str(shop.other_store_id), **QUILL)
    app.clock.move(hours=1)
    third = log_concern(app, shop, **QUILL)
    sign_in_again(app, shop)
    assert previous(app, shop, third, "admin")["concern_id"] == elsewhere["id"]
    assert previous(app, shop, third, "manager") is None
    assert previous(app, shop, elsewhere, "admin")["concern_id"] == secret["id"]
    assert previous(app, shop, elsewhere, "hq") is None


def test_a_list_of_alerts_does_not_show_the_previous_concern(app: App, shop: Shop) -> None:
    log_concern(app, shop)
    (listed,) = app.request("GET", "/v1/alerts", (shop, "manager")).json["items"]
    assert not {"rule", "steps", "reminded_at", "previous"} & listed.keys()
