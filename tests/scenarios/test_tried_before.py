"""What an alert tells of the time before: what was tried for this customer, for those who may see it."""

from typing import Any

from tests.support.app import App
from tests.support.factories.concerns import log_concern, move
from tests.support.factories.organizations import Shop

QUILL = {"customer": {"phone": "+351912345678"}}


def previous(world: App, shop: Shop, concern: Any, by: str = "manager") -> Any:
    answer = world.request("GET", f"/v1/alerts/{concern['alert']['id']}", (shop, by))
    assert (answer.status_code, answer.headers["ETag"]) == (200, f'"{answer.json["version"]}"')
    return answer.json["previous"]


def act(world: App, shop: Shop, concern: Any, remedy: str) -> Any:
    path = f"/v1/concerns/{concern['id']}/recovery-actions"
    return world.request("POST", path, (shop, "manager"), json={"remedy": remedy}).json


def test_the_manager_reads_what_was_tried_the_last_time(world: App, shop: Shop) -> None:
    first = log_concern(world, shop, category="food", **QUILL)
    act(world, shop, first, "remake")
    undone = act(world, shop, first, "voucher")
    world.clock.move(seconds=1)
    act(world, shop, first, "apology")
    world.request("POST", f"/v1/recovery-actions/{undone['id']}/reverse", (shop, "manager"), json={})
    assert previous(world, shop, first) is None
    move(world, shop, first, "resolve")
    world.clock.move(hours=1)
    second = log_concern(world, shop, **QUILL)
    assert previous(world, shop, second) == {
        "concern_id": first["id"],
        "business_date": "2026-03-03",
        "category": "food",
        "outcome": "recovered",
        "mood_after": 4,
        "remedies": ["remake", "apology"],
    }


def test_what_was_tried_is_shown_to_those_who_may_see_that_concern(world: App, shop: Shop) -> None:
    secret = log_concern(world, shop, "manager", sensitive=True, **QUILL)
    world.clock.move(hours=1)
    elsewhere = log_concern(world, shop, "elsewhere", store_id=str(shop.other_store_id), **QUILL)
    world.clock.move(hours=1)
    third = log_concern(world, shop, **QUILL)
    assert previous(world, shop, third, "admin")["concern_id"] == elsewhere["id"]
    assert previous(world, shop, third, "manager") is None
    assert previous(world, shop, elsewhere, "admin")["concern_id"] == secret["id"]
    assert previous(world, shop, elsewhere, "hq") is None


def test_a_list_of_alerts_does_not_show_the_previous_concern(world: App, shop: Shop) -> None:
    log_concern(world, shop)
    (listed,) = world.request("GET", "/v1/alerts", (shop, "manager")).json["items"]
    assert not {"rule", "steps", "reminded_at", "previous"} & listed.keys()
