"""Spending limits: within them staff act, above them a manager decides."""

from collections.abc import Iterator
from typing import Any

import pytest

from models.alerts.notification import NotificationKind
from tests.support.app import App
from tests.support.assertions import assert_invalid_value, assert_problem
from tests.support.factories.concerns import log_concern, move
from tests.support.factories.organizations import Shop
from tests.support.store_scenario import StoreScenario, store_scenario

TEN_EUROS = {"amount": 1000, "currency": "EUR"}
K = NotificationKind


def ask(app: App, shop: Shop, method: str, path: str, by: str = "floor", **options: Any) -> Any:
    return app.request(method, f"/v1{path}", (shop, by), **options)


def euros(amount: float) -> dict[str, Any]:
    return {"amount": round(amount * 100), "currency": "EUR"}


def limit(app: App, shop: Shop, remedy: str = "voucher", **limits: dict[str, Any]) -> dict[str, Any]:
    """Let each role give at most that much of the remedy; `floor={"per_customer": ..., "per_staff": ...}`."""
    (current,) = (item for item in ask(app, shop, "GET", "/remedies").json["items"] if item["slug"] == remedy)
    body = {"limits": [{"role": role, **most} for role, most in limits.items()]}
    headers = {"If-Match": f'"{current["version"]}"'}
    answer = ask(app, shop, "PATCH", f"/remedies/{current['id']}", "admin", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    updated: dict[str, Any] = answer.json
    return updated


def give(app: App, shop: Shop, concern: dict[str, Any], amount: float, by: str = "floor", **said: Any) -> Any:
    body = {"remedy": "voucher", "cost": euros(amount)} | said
    return ask(app, shop, "POST", f"/concerns/{concern['id']}/recovery-actions", by, json=body)


def given(app: App, shop: Shop, concern: dict[str, Any], amount: float, **options: Any) -> str:
    answer = give(app, shop, concern, amount, **options)
    assert answer.status_code == 201, answer.text
    status: str = answer.json["status"]
    return status


def decide(app: App, shop: Shop, action: dict[str, Any], verb: str, by: str = "manager", **said: Any) -> Any:
    return ask(app, shop, "POST", f"/recovery-actions/{action['id']}/{verb}", by, json=said)


def act_first(app: App, shop: Shop) -> None:
    store = ask(app, shop, "GET", f"/stores/{shop.store_id}", "admin")
    headers = {"If-Match": store.headers["ETag"]}
    answer = ask(
        app, shop, "PATCH", f"/stores/{shop.store_id}", "admin", json={"above_limit": "act_first"}, headers=headers
    )
    assert answer.json["above_limit"] == "act_first"


@pytest.fixture
def limited(app: App, shop: Shop) -> Shop:
    """Floor staff may give vouchers of ten euros, managers of a hundred."""
    limit(app, shop, floor={"per_customer": TEN_EUROS}, manager={"per_customer": euros(100)})
    return shop


@pytest.fixture
def scenario(app: App) -> Iterator[StoreScenario]:
    with store_scenario(app) as scenario:
        scenario.give_phones()
        limit(app, scenario.shop, floor={"per_customer": TEN_EUROS})
        yield scenario


def test_the_admin_says_how_much_and_everybody_sees_it(app: App, shop: Shop) -> None:
    remedy = limit(app, shop, floor={"per_customer": TEN_EUROS, "per_staff": euros(50)})
    (limits,) = remedy["limits"]
    assert limits == {"role": "floor", "per_customer": TEN_EUROS, "per_staff": euros(50), "unused": False}
    assert ask(app, shop, "GET", f"/remedies/{remedy['id']}").json["limits"] == remedy["limits"]
    assert limit(app, shop)["limits"] == []
    for by in ("floor", "manager", "regional", "hq"):
        assert_problem(ask(app, shop, "PATCH", f"/remedies/{remedy['id']}", by, json={}), 403, "forbidden")


def test_a_limit_is_changed_and_another_one_joins_it(app: App, limited: Shop) -> None:
    manager = {"role": "manager", "per_customer": euros(100), "per_staff": None, "unused": False}
    remedy = limit(app, limited, manager={"per_customer": euros(100)}, floor={"per_customer": euros(12)})
    assert remedy["limits"] == [{**manager, "role": "floor", "per_customer": euros(12)}, manager]
    assert limit(app, limited, manager={"per_customer": euros(100)})["limits"] == [manager]


@pytest.mark.parametrize(
    ("limits", "pointer"),
    [
        ([{"role": "floor", "per_customer": TEN_EUROS}] * 2, "/limits/1"),
        (
            [{"role": "floor", "per_customer": TEN_EUROS, "per_staff": {"amount": 1, "currency": "USD"}}],
            "/limits/0/per_staff/currency",
        ),
        ([{"role": "chef", "per_customer": TEN_EUROS}], "/limits/0/role"),
        ([{"role": "floor", "per_customer": {"amount": -1, "currency": "EUR"}}], "/limits/0/per_customer/amount"),
    ],
)
def test_a_limit_that_cannot_be_is_refused(app: App, shop: Shop, limits: list[Any], pointer: str) -> None:
    body = {"slug": "dessert", "name": "Dessert", "kind": "gift", "limits": limits}
    assert_invalid_value(ask(app, shop, "POST", "/remedies", "admin", json=body), "body", pointer)


def test_an_organization_adds_remedies_of_its_own(app: App, shop: Shop) -> None:
    body = {"slug": "dessert", "name": "Dessert on us", "kind": "gift", "default_cost": euros(6)}
    assert ask(app, shop, "POST", "/remedies", "admin", json=body).status_code == 201
    assert_problem(ask(app, shop, "POST", "/remedies", "admin", json=body), 409, "already-exists")
    concern = log_concern(app, shop)
    answer = ask(app, shop, "POST", f"/concerns/{concern['id']}/recovery-actions", json={"remedy": "dessert"})
    assert (answer.json["status"], answer.json["cost"]) == ("done", euros(6))


def test_what_was_given_stays_of_its_kind(app: App, shop: Shop) -> None:
    """The kind of a remedy is fixed: rollups sum costs of gifts and count apologies apart from them."""
    gift = {"slug": "dessert", "name": "Dessert", "kind": "gift"}
    made = ask(app, shop, "POST", "/remedies", "admin", json=gift).json
    path, headers = f"/remedies/{made['id']}", {"If-Match": '"1"'}
    refused = ask(app, shop, "PATCH", path, "admin", json={"kind": "apology"}, headers=headers)
    assert_invalid_value(refused, "body", "/kind", code="unknown-field")
    assert ask(app, shop, "GET", path, "admin").json == made


def test_within_the_limit_they_act_and_above_it_they_ask(app: App, limited: Shop) -> None:
    concern = log_concern(app, limited)
    assert given(app, limited, concern, 6) == "done"
    action = give(app, limited, concern, 5).json
    assert (action["status"], action["cost"], action["beyond"]) == ("pending", euros(5), True)
    assert action["expires_at"] == "2026-03-03T12:15:00Z"
    assert given(app, limited, concern, 4) == "done"
    assert given(app, limited, concern, 90, by="manager") == "done"


def test_what_is_only_asked_for_costs_nothing_yet(app: App, limited: Shop) -> None:
    action = give(app, limited, log_concern(app, limited), 50).json
    assert cost_of_the_day(app, limited) == []
    assert decide(app, limited, action, "approve").json["status"] == "done"
    assert cost_of_the_day(app, limited) == [euros(50)]


def test_a_customer_gets_as_much_in_a_day_whatever_they_raise(app: App, limited: Shop) -> None:
    first = log_concern(app, limited, customer={"phone": "912 345 678"})
    assert given(app, limited, first, 8) == "done"
    second = log_concern(app, limited, customer_id=first["customer_id"])
    assert given(app, limited, second, 8) == "pending"
    app.clock.move(days=1)
    assert given(app, limited, second, 8, by="colleague") == "done"


def test_where_the_customer_is_unknown_the_order_counts_and_else_the_concern(app: App, limited: Shop) -> None:
    order = {"reference": "T-1001", "value": euros(80)}
    assert given(app, limited, log_concern(app, limited, order=order), 8) == "done"
    assert given(app, limited, log_concern(app, limited, order=order), 8) == "pending"
    assert given(app, limited, log_concern(app, limited, order={"reference": "T-1002"}), 8) == "done"
    assert given(app, limited, log_concern(app, limited), 8) == "done"


def test_one_person_gives_no_more_than_so_much_in_a_day(app: App, shop: Shop) -> None:
    limit(app, shop, floor={"per_customer": TEN_EUROS, "per_staff": euros(25)})
    statuses = [given(app, shop, log_concern(app, shop), 10) for _ in range(3)]
    assert statuses == ["done", "done", "pending"]
    assert given(app, shop, log_concern(app, shop), 10, by="colleague") == "done"


def test_what_was_taken_back_may_be_given_again(app: App, limited: Shop) -> None:
    concern = log_concern(app, limited)
    action = give(app, limited, concern, 10).json
    assert decide(app, limited, action, "reverse", "floor").status_code == 200
    assert given(app, limited, concern, 10) == "done"
    app.clock.move(days=1)
    later = give(app, limited, concern, 10).json
    assert later["status"] == "done"


def test_a_reversal_of_yesterday_gives_nobody_more_today(app: App, limited: Shop) -> None:
    concern = log_concern(app, limited)
    yesterday = give(app, limited, concern, 10).json
    app.clock.move(days=1)
    assert given(app, limited, concern, 10) == "done"
    assert decide(app, limited, yesterday, "reverse", "floor").status_code == 200
    assert given(app, limited, concern, 1) == "pending"


def test_nobody_decides_about_their_own_nor_without_the_right_to(app: App, shop: Shop) -> None:
    limit(app, shop, floor={"per_customer": TEN_EUROS}, manager={"per_customer": TEN_EUROS})
    concern = log_concern(app, shop)
    by_floor = give(app, shop, concern, 20).json
    by_manager = give(app, shop, concern, 20, by="manager").json
    assert (by_floor["status"], by_manager["status"]) == ("pending", "pending")
    assert_problem(decide(app, shop, by_floor, "approve", "colleague"), 403, "forbidden")
    assert_problem(decide(app, shop, by_manager, "approve", "manager"), 403, "forbidden")
    assert_problem(
        decide(app, shop, by_floor, "approve", "manager"), 403, "forbidden"
    )  # more than they may give as well
    assert decide(app, shop, by_floor, "approve", "regional").json["status"] == "done"


def test_a_decision_says_who_and_why_and_is_made_once(app: App, limited: Shop) -> None:
    concern = log_concern(app, limited)
    action = give(app, limited, concern, 50).json
    assert_invalid_value(decide(app, limited, action, "decline"), "body", "/note", "required")
    declined = decide(app, limited, action, "decline", note="The dessert is enough here").json
    assert (declined["status"], declined["cost"]) == ("declined", euros(50))
    assert declined["decision"] == {
        "at": "2026-03-03T12:00:00Z",
        "by": {"id": str(limited.staff["manager"]), "name": "Manager of acme"},
        "note": "The dessert is enough here",
    }
    assert_problem(decide(app, limited, action, "approve"), 409, "not-now")
    assert_problem(decide(app, limited, action, "reverse", "floor"), 409, "not-now")
    timeline = ask(app, limited, "GET", f"/concerns/{concern['id']}/events").json["items"]
    assert [step["step"] for step in timeline][-2:] == ["action_recorded", "action_declined"]


def test_a_store_that_acts_first_looks_at_it_afterwards(app: App, limited: Shop) -> None:
    act_first(app, limited)
    done = give(app, limited, log_concern(app, limited), 50).json
    assert (done["status"], done["beyond"], done["decision"]) == ("done", True, None)
    assert cost_of_the_day(app, limited) == [euros(50)]
    declined = decide(app, limited, done, "decline", note="Next time ask first").json
    assert (declined["status"], declined["decision"]["note"]) == ("done", "Next time ask first")
    assert cost_of_the_day(app, limited) == [euros(50)]


def test_what_needs_no_decision_gets_none(app: App, limited: Shop) -> None:
    done = give(app, limited, log_concern(app, limited), 5).json
    assert_problem(decide(app, limited, done, "approve"), 409, "not-now")


def test_the_managers_are_asked_and_whoever_asked_learns_the_answer(scenario: StoreScenario) -> None:
    concern = scenario.log(mood=3)
    action = give(scenario.app, scenario.shop, concern, 50).json
    scenario.let_pass(seconds=1)
    assert scenario.addresses_by_second(K.APPROVAL) == {0: {"manager"}}
    decide(scenario.app, scenario.shop, action, "approve")
    scenario.let_pass(seconds=1)
    assert scenario.addresses_by_second(K.DECISION) == {1: {"floor"}}


def test_what_nobody_decides_in_a_quarter_of_an_hour_is_over(scenario: StoreScenario) -> None:
    concern = scenario.log(mood=3)
    action = give(scenario.app, scenario.shop, concern, 50).json
    scenario.let_pass(minutes=15, seconds=-1)
    assert status_of(scenario, action) == "pending"
    scenario.let_pass(seconds=1)
    assert status_of(scenario, action) == "expired"
    assert scenario.addresses_by_second(K.DECISION) == {900: {"floor"}}
    assert_problem(decide(scenario.app, scenario.shop, action, "approve"), 409, "not-now")


def test_what_came_along_with_the_concern_is_asked_for_too(scenario: StoreScenario) -> None:
    voucher = {"remedy": "voucher", "cost": euros(50)}
    concern = scenario.log(mood=3, handling="mine", recovery_actions=[{"remedy": "apology"}, voucher])
    assert scenario.addresses_by_second(K.APPROVAL) == {0: {"manager"}}
    move(scenario.app, scenario.shop, concern, "resolve", "floor")
    (asked,) = ask(scenario.app, scenario.shop, "GET", "/recovery-actions?status=pending", "manager").json["items"]
    assert decide(scenario.app, scenario.shop, asked, "approve").json["status"] == "done"


def status_of(scenario: StoreScenario, action: dict[str, Any]) -> str:
    path = f"/concerns/{action['concern_id']}/recovery-actions"
    (found,) = ask(scenario.app, scenario.shop, "GET", path).json["items"]
    status: str = found["status"]
    return status


def cost_of_the_day(app: App, shop: Shop) -> list[dict[str, Any]]:
    log = ask(app, shop, "GET", f"/stores/{shop.store_id}/recovery-logs/2026-03-03", "manager").json
    cost: list[dict[str, Any]] = log["figures"]["cost"]
    return cost
