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


def ask(world: App, shop: Shop, method: str, path: str, by: str = "floor", **options: Any) -> Any:
    return world.request(method, f"/v1{path}", (shop, by), **options)


def euros(amount: float) -> dict[str, Any]:
    return {"amount": round(amount * 100), "currency": "EUR"}


def limit(world: App, shop: Shop, remedy: str = "voucher", **limits: dict[str, Any]) -> dict[str, Any]:
    """Let each role give at most that much of the remedy; `floor={"per_customer": ..., "per_staff": ...}`."""
    (found,) = (one for one in ask(world, shop, "GET", "/remedies").json["items"] if one["slug"] == remedy)
    body = {"limits": [{"role": role, **most} for role, most in limits.items()]}
    headers = {"If-Match": f'"{found["version"]}"'}
    answer = ask(world, shop, "PATCH", f"/remedies/{found['id']}", "admin", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json
    return told


def give(world: App, shop: Shop, concern: dict[str, Any], amount: float, by: str = "floor", **said: Any) -> Any:
    body = {"remedy": "voucher", "cost": euros(amount)} | said
    return ask(world, shop, "POST", f"/concerns/{concern['id']}/recovery-actions", by, json=body)


def given(world: App, shop: Shop, concern: dict[str, Any], amount: float, **options: Any) -> str:
    answer = give(world, shop, concern, amount, **options)
    assert answer.status_code == 201, answer.text
    status: str = answer.json["status"]
    return status


def decide(world: App, shop: Shop, action: dict[str, Any], verb: str, by: str = "manager", **said: Any) -> Any:
    return ask(world, shop, "POST", f"/recovery-actions/{action['id']}/{verb}", by, json=said)


def act_first(world: App, shop: Shop) -> None:
    store = ask(world, shop, "GET", f"/stores/{shop.store_id}", "admin")
    headers = {"If-Match": store.headers["ETag"]}
    answer = ask(
        world, shop, "PATCH", f"/stores/{shop.store_id}", "admin", json={"above_limit": "act_first"}, headers=headers
    )
    assert answer.json["above_limit"] == "act_first"


@pytest.fixture
def limited(world: App, shop: Shop) -> Shop:
    """Floor staff may give vouchers of ten euros, managers of a hundred."""
    limit(world, shop, floor={"per_customer": TEN_EUROS}, manager={"per_customer": euros(100)})
    return shop


@pytest.fixture
def evening(world: App) -> Iterator[StoreScenario]:
    with store_scenario(world) as evening:
        evening.give_phones()
        limit(world, evening.shop, floor={"per_customer": TEN_EUROS})
        yield evening


def test_the_admin_says_how_much_and_everybody_sees_it(world: App, shop: Shop) -> None:
    told = limit(world, shop, floor={"per_customer": TEN_EUROS, "per_staff": euros(50)})
    assert told["limits"] == [{"role": "floor", "per_customer": TEN_EUROS, "per_staff": euros(50)}]
    assert ask(world, shop, "GET", f"/remedies/{told['id']}").json["limits"] == told["limits"]
    assert limit(world, shop)["limits"] == []
    for by in ("floor", "manager", "regional", "hq"):
        assert_problem(ask(world, shop, "PATCH", f"/remedies/{told['id']}", by, json={}), 403, "forbidden")


def test_a_limit_is_changed_and_another_one_joins_it(world: App, limited: Shop) -> None:
    manager = {"role": "manager", "per_customer": euros(100), "per_staff": None}
    told = limit(world, limited, manager={"per_customer": euros(100)}, floor={"per_customer": euros(12)})
    assert told["limits"] == [{"role": "floor", "per_customer": euros(12), "per_staff": None}, manager]
    assert limit(world, limited, manager={"per_customer": euros(100)})["limits"] == [manager]


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
def test_a_limit_that_cannot_be_is_refused(world: App, shop: Shop, limits: list[Any], pointer: str) -> None:
    body = {"slug": "dessert", "name": "Dessert", "kind": "gift", "limits": limits}
    assert_invalid_value(ask(world, shop, "POST", "/remedies", "admin", json=body), "body", pointer)


def test_an_organization_adds_remedies_of_its_own(world: App, shop: Shop) -> None:
    body = {"slug": "dessert", "name": "Dessert on us", "kind": "gift", "default_cost": euros(6)}
    assert ask(world, shop, "POST", "/remedies", "admin", json=body).status_code == 201
    assert_problem(ask(world, shop, "POST", "/remedies", "admin", json=body), 409, "already-exists")
    concern = log_concern(world, shop)
    answer = ask(world, shop, "POST", f"/concerns/{concern['id']}/recovery-actions", json={"remedy": "dessert"})
    assert (answer.json["status"], answer.json["cost"]) == ("done", euros(6))


def test_what_was_given_stays_of_its_kind(world: App, shop: Shop) -> None:
    """The kind of a remedy is fixed: rollups sum costs of gifts and count apologies apart from them."""
    gift = {"slug": "dessert", "name": "Dessert", "kind": "gift"}
    made = ask(world, shop, "POST", "/remedies", "admin", json=gift).json
    path, headers = f"/remedies/{made['id']}", {"If-Match": '"1"'}
    refused = ask(world, shop, "PATCH", path, "admin", json={"kind": "apology"}, headers=headers)
    assert_invalid_value(refused, "body", "/kind", code="unknown-field")
    assert ask(world, shop, "GET", path, "admin").json == made


def test_within_the_limit_they_act_and_above_it_they_ask(world: App, limited: Shop) -> None:
    concern = log_concern(world, limited)
    assert given(world, limited, concern, 6) == "done"
    asked = give(world, limited, concern, 5).json
    assert (asked["status"], asked["cost"], asked["beyond"]) == ("pending", euros(5), True)
    assert asked["expires_at"] == "2026-03-03T12:15:00Z"
    assert given(world, limited, concern, 4) == "done"
    assert given(world, limited, concern, 90, by="manager") == "done"


def test_what_is_only_asked_for_costs_nothing_yet(world: App, limited: Shop) -> None:
    asked = give(world, limited, log_concern(world, limited), 50).json
    assert cost_of_the_day(world, limited) == []
    assert decide(world, limited, asked, "approve").json["status"] == "done"
    assert cost_of_the_day(world, limited) == [euros(50)]


def test_a_customer_gets_as_much_in_a_day_whatever_they_raise(world: App, limited: Shop) -> None:
    first = log_concern(world, limited, customer={"phone": "912 345 678"})
    assert given(world, limited, first, 8) == "done"
    second = log_concern(world, limited, customer_id=first["customer_id"])
    assert given(world, limited, second, 8) == "pending"
    world.clock.move(days=1)
    assert given(world, limited, second, 8, by="colleague") == "done"


def test_where_the_customer_is_unknown_the_order_counts_and_else_the_concern(world: App, limited: Shop) -> None:
    order = {"reference": "T-1001", "value": euros(80)}
    assert given(world, limited, log_concern(world, limited, order=order), 8) == "done"
    assert given(world, limited, log_concern(world, limited, order=order), 8) == "pending"
    assert given(world, limited, log_concern(world, limited, order={"reference": "T-1002"}), 8) == "done"
    assert given(world, limited, log_concern(world, limited), 8) == "done"


def test_one_person_gives_no_more_than_so_much_in_a_day(world: App, shop: Shop) -> None:
    limit(world, shop, floor={"per_customer": TEN_EUROS, "per_staff": euros(25)})
    statuses = [given(world, shop, log_concern(world, shop), 10) for _ in range(3)]
    assert statuses == ["done", "done", "pending"]
    assert given(world, shop, log_concern(world, shop), 10, by="colleague") == "done"


def test_what_was_taken_back_may_be_given_again(world: App, limited: Shop) -> None:
    concern = log_concern(world, limited)
    action = give(world, limited, concern, 10).json
    assert decide(world, limited, action, "reverse", "floor").status_code == 200
    assert given(world, limited, concern, 10) == "done"
    world.clock.move(days=1)
    later = give(world, limited, concern, 10).json
    assert later["status"] == "done"


def test_a_reversal_of_yesterday_gives_nobody_more_today(world: App, limited: Shop) -> None:
    concern = log_concern(world, limited)
    yesterday = give(world, limited, concern, 10).json
    world.clock.move(days=1)
    assert given(world, limited, concern, 10) == "done"
    assert decide(world, limited, yesterday, "reverse", "floor").status_code == 200
    assert given(world, limited, concern, 1) == "pending"


def test_nobody_decides_about_their_own_nor_without_the_right_to(world: App, shop: Shop) -> None:
    limit(world, shop, floor={"per_customer": TEN_EUROS}, manager={"per_customer": TEN_EUROS})
    concern = log_concern(world, shop)
    by_floor = give(world, shop, concern, 20).json
    by_manager = give(world, shop, concern, 20, by="manager").json
    assert (by_floor["status"], by_manager["status"]) == ("pending", "pending")
    assert_problem(decide(world, shop, by_floor, "approve", "colleague"), 403, "forbidden")
    assert_problem(decide(world, shop, by_manager, "approve", "manager"), 403, "forbidden")
    assert_problem(
        decide(world, shop, by_floor, "approve", "manager"), 403, "forbidden"
    )  # more than they may give as well
    assert decide(world, shop, by_floor, "approve", "regional").json["status"] == "done"


def test_a_decision_says_who_and_why_and_is_made_once(world: App, limited: Shop) -> None:
    concern = log_concern(world, limited)
    asked = give(world, limited, concern, 50).json
    assert_invalid_value(decide(world, limited, asked, "decline"), "body", "/note", "required")
    declined = decide(world, limited, asked, "decline", note="The dessert is enough here").json
    assert (declined["status"], declined["cost"]) == ("declined", euros(50))
    assert declined["decision"] == {
        "at": "2026-03-03T12:00:00Z",
        "by": {"id": str(limited.staff["manager"]), "name": "Manager of acme"},
        "note": "The dessert is enough here",
    }
    assert_problem(decide(world, limited, asked, "approve"), 409, "not-now")
    assert_problem(decide(world, limited, asked, "reverse", "floor"), 409, "not-now")
    timeline = ask(world, limited, "GET", f"/concerns/{concern['id']}/events").json["items"]
    assert [step["step"] for step in timeline][-2:] == ["action_recorded", "action_declined"]


def test_a_store_that_acts_first_looks_at_it_afterwards(world: App, limited: Shop) -> None:
    act_first(world, limited)
    done = give(world, limited, log_concern(world, limited), 50).json
    assert (done["status"], done["beyond"], done["decision"]) == ("done", True, None)
    assert cost_of_the_day(world, limited) == [euros(50)]
    declined = decide(world, limited, done, "decline", note="Next time ask first").json
    assert (declined["status"], declined["decision"]["note"]) == ("done", "Next time ask first")
    assert cost_of_the_day(world, limited) == [euros(50)]


def test_what_needs_no_decision_gets_none(world: App, limited: Shop) -> None:
    done = give(world, limited, log_concern(world, limited), 5).json
    assert_problem(decide(world, limited, done, "approve"), 409, "not-now")


def test_the_managers_are_asked_and_whoever_asked_learns_the_answer(evening: StoreScenario) -> None:
    concern = evening.log(mood=3)
    asked = give(evening.world, evening.shop, concern, 50).json
    evening.let_pass(seconds=1)
    assert evening.told(K.APPROVAL) == {0: {"manager", "regional"}}
    decide(evening.world, evening.shop, asked, "approve")
    evening.let_pass(seconds=1)
    assert evening.told(K.DECISION) == {1: {"floor"}}


def test_what_nobody_decides_in_a_quarter_of_an_hour_is_over(evening: StoreScenario) -> None:
    concern = evening.log(mood=3)
    asked = give(evening.world, evening.shop, concern, 50).json
    evening.let_pass(minutes=15, seconds=-1)
    assert status_of(evening, asked) == "pending"
    evening.let_pass(seconds=1)
    assert status_of(evening, asked) == "expired"
    assert evening.told(K.DECISION) == {900: {"floor"}}
    assert_problem(decide(evening.world, evening.shop, asked, "approve"), 409, "not-now")


def test_what_came_along_with_the_concern_is_asked_for_too(evening: StoreScenario) -> None:
    voucher = {"remedy": "voucher", "cost": euros(50)}
    concern = evening.log(mood=3, handling="mine", recovery_actions=[{"remedy": "apology"}, voucher])
    assert evening.told(K.APPROVAL) == {0: {"manager", "regional"}}
    move(evening.world, evening.shop, concern, "resolve", "floor")
    (asked,) = ask(evening.world, evening.shop, "GET", "/recovery-actions?status=pending", "manager").json["items"]
    assert decide(evening.world, evening.shop, asked, "approve").json["status"] == "done"


def status_of(evening: StoreScenario, action: dict[str, Any]) -> str:
    path = f"/concerns/{action['concern_id']}/recovery-actions"
    (found,) = ask(evening.world, evening.shop, "GET", path).json["items"]
    status: str = found["status"]
    return status


def cost_of_the_day(world: App, shop: Shop) -> list[dict[str, Any]]:
    log = ask(world, shop, "GET", f"/stores/{shop.store_id}/recovery-logs/2026-03-03", "manager").json
    cost: list[dict[str, Any]] = log["figures"]["cost"]
    return cost
