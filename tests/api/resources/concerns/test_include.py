"""Screens in one call: a concern with its parts, and lists with the profile of each customer."""

from typing import Any

import pytest

from tests.support.app import App
from tests.support.assertions import assert_invalid_value
from tests.support.factories.concerns import log_concern
from tests.support.factories.organizations import Shop
from tests.support.openapi_document import operations

# Each part of a concern, and the address that answers the same.
ADDRESSES = {
    "customer": "/v1/customers/{customer_id}",
    "actions": "/v1/concerns/{id}/recovery-actions",
    "follow_ups": "/v1/concerns/{id}/follow-ups",
    "events": "/v1/concerns/{id}/events",
    "feedback": "/v1/concerns/{id}/feedback-requests",
}
PARTS = ",".join([*ADDRESSES, "guidance"])
ANA = {"phone": "912 345 678", "name": "Ana Lima"}
LISTS = ("/v1/concerns", "/v1/alerts", "/v1/follow-ups", "/v1/recovery-actions")


def read(app: App, shop: Shop, path: str, by: str = "floor", **query: Any) -> Any:
    answer = app.request("GET", path, (shop, by), query_string=query)
    assert answer.status_code == 200, answer.text
    return answer.json


def make(app: App, shop: Shop, path: str, body: dict[str, Any] | None = None) -> Any:
    answer = app.request("POST", path, (shop, "floor"), json=body)
    assert answer.status_code < 300, answer.text
    return answer.json


def full_concern(app: App, shop: Shop) -> dict[str, Any]:
    """Log a concern with something in each of its parts; it is open again."""
    concern = log_concern(app, shop, mood=1, customer=ANA, category="food", cause="cold")
    path = f"/v1/concerns/{concern['id']}"
    make(app, shop, f"{path}/recovery-actions", {"remedy": "apology"})
    call = {"what": "We call you.", "kind": "call", "due_at": "2026-03-04T12:00:00Z"}
    make(app, shop, f"{path}/follow-ups", call)
    make(app, shop, f"{path}/resolve", {"outcome": "recovered", "mood_after": 4})
    make(app, shop, f"{path}/feedback-requests", {})
    make(app, shop, f"{path}/reopen")
    return concern


def test_a_concern_is_read_with_all_its_parts_as_their_own_addresses_answer_them(app: App, shop: Shop) -> None:
    concern = full_concern(app, shop)
    path = f"/v1/concerns/{concern['id']}"
    plain = read(app, shop, path)
    for by in ("floor", "hq", "admin", "key"):
        whole = read(app, shop, path, by, include=PARTS)
        for name, address in ADDRESSES.items():
            if name != "customer" or by != "hq":  # who may not read customers
                assert whole[name] == read(app, shop, address.format(**plain), by), (by, name)
                assert whole[name].get("items") != [], name
        assert whole.keys() == plain.keys() | {*ADDRESSES, "guidance"}
    assert read(app, shop, path, "hq", include="customer")["customer"] is None
    assert read(app, shop, path, include="events").keys() == plain.keys() | {"events"}
    guidance = read(app, shop, path, include="guidance")["guidance"]
    assert [offer["remedy"] for offer in guidance["offers"]] == ["apology", "remake", "voucher"]
    assert read(app, shop, path, "hq", include="guidance")["guidance"] is None, "they give nothing"


def test_a_part_has_one_page_and_its_own_address_the_rest(app: App, shop: Shop) -> None:
    concern = log_concern(app, shop)
    path = f"/v1/concerns/{concern['id']}"
    for _ in range(51):
        make(app, shop, f"{path}/recovery-actions", {"remedy": "apology"})
    whole = read(app, shop, path, include="actions,events,customer,guidance")
    assert (len(whole["actions"]["items"]), len(whole["events"]["items"]), whole["customer"]) == (50, 50, None)
    for name, rest in (("actions", 1), ("events", 2)):
        following = read(app, shop, ADDRESSES[name].format(**concern), cursor=whole[name]["next_cursor"])
        assert (len(following["items"]), following["next_cursor"]) == (rest, None), name
    make(app, shop, f"{path}/resolve", {"outcome": "recovered"})
    assert read(app, shop, path, include="guidance")["guidance"] is None


def test_the_tag_of_a_concern_is_also_of_its_parts(app: App, shop: Shop) -> None:
    concern = log_concern(app, shop, customer=ANA)
    path = f"/v1/concerns/{concern['id']}"
    tag = app.request("GET", path, (shop, "floor"), query_string={"include": "customer"}).headers["ETag"]
    plain = app.request("GET", path, (shop, "floor")).headers["ETag"]
    profile, headers = f"/v1/customers/{concern['customer_id']}", {"If-Match": "*"}
    app.request("PATCH", profile, (shop, "floor"), json={"preferences": "No music."}, headers=headers)
    unchanged = {"If-None-Match": f"{tag}, {plain}"}
    changed = app.request("GET", f"{path}?include=customer", (shop, "floor"), headers=unchanged)
    assert (changed.status_code, changed.json["customer"]["preferences"]) == (200, "No music.")
    assert app.request("GET", path, (shop, "floor"), headers=unchanged).status_code == 304
    edited = {"If-Match": changed.headers["ETag"]}
    assert app.request("PATCH", path, (shop, "floor"), json={"stake": "a train"}, headers=edited).status_code == 200


def test_a_profile_is_included_as_far_as_the_store_may_read_it(app: App, shop: Shop) -> None:
    known = {**ANA, "pronunciation": "AH-na"}
    assert app.request("POST", "/v1/customers", (shop, "elsewhere"), json=known).status_code == 201
    concern = full_concern(app, shop)
    shown = [read(app, shop, f"/v1/concerns/{concern['id']}", include=PARTS)["customer"]]
    shown += [read(app, shop, path, include="customer")["items"][0]["customer"] for path in LISTS]
    assert [(customer["pronunciation"], customer["met"], customer["phone"]) for customer in shown] == [
        ("AH-na", False, None)
    ] * 5
    make(app, shop, f"/v1/customers/{concern['customer_id']}/meet", {})
    for path in LISTS:
        assert read(app, shop, path, include="customer")["items"][0]["customer"]["phone"] == "+351912345678"


@pytest.mark.parametrize("path", LISTS)
def test_a_list_has_the_profile_of_each_customer(app: App, shop: Shop, path: str) -> None:
    full_concern(app, shop)
    log_concern(app, shop, mood=1)
    plain = read(app, shop, path)
    listed = read(app, shop, path, include="customer")
    assert "customer" not in plain["items"][0]
    assert [entry.pop("customer") and "Ana Lima" for entry in listed["items"]] == [
        "Ana Lima" if entry.get("customer_id") or (path, number) == ("/v1/alerts", 1) else None
        for number, entry in enumerate(listed["items"])
    ]
    assert listed == plain
    assert {entry["customer"] for entry in read(app, shop, path, "hq", include="customer")["items"]} == {None}
    if path != "/v1/alerts":
        table = app.request("GET", f"{path}?include=customer", (shop, "manager"), headers={"Accept": "text/csv"})
        assert table.status_code == 200
        assert "912345678" not in table.text, "tables have the columns they have without it"


@pytest.mark.parametrize("include", ["", "orders", "customer,orders", "customer,customer", "customer,", "*"])
def test_what_cannot_be_included_is_pointed_at(app: App, shop: Shop, include: str) -> None:
    concern = log_concern(app, shop)
    for path in (*LISTS, f"/v1/concerns/{concern['id']}"):
        refused = app.request("GET", path, (shop, "floor"), query_string={"include": include})
        assert_invalid_value(refused, "query", "/include")
    separate = app.request("GET", f"/v1/concerns/{concern['id']}?include=events&include=actions", (shop, "floor"))
    assert {"events", "actions"} <= separate.json.keys()


def test_a_part_costs_few_statements(app: App, shop: Shop) -> None:
    concern = full_concern(app, shop)
    path = f"/v1/concerns/{concern['id']}"
    read(app, shop, path, include="guidance")  # past outcomes are cached for a minute
    costs = {}
    for include in ("", *ADDRESSES, "guidance"):
        with app.counting() as statements:
            read(app, shop, path, **({"include": include} if include else {}))
        costs[include] = len(statements)
    plain = costs.pop("")
    assert {name: cost - plain for name, cost in costs.items()} == {
        "customer": 2,  # it; what others call it
        "actions": 1,
        "follow_ups": 1,
        "events": 1,
        "feedback": 1,
        "guidance": 2,  # the store; the customer's past
    }
    with app.counting() as statements:
        read(app, shop, path, include=PARTS)
    assert len(statements) <= plain + sum(cost - plain for cost in costs.values())


def test_every_list_with_a_customer_behind_it_includes_them() -> None:
    documented = {
        operation.path
        for operation in operations()
        if any(parameter["name"] == "include" for parameter in operation.spec.get("parameters", ()))
    }
    assert documented == {*LISTS, "/v1/concerns/{concern_id}"}
