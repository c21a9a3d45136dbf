"""What was given stays with whom it was given to, whatever happens to the concern and the profiles afterwards."""

from typing import Any

import pytest

from tests.support.app import App
from tests.support.factories.concerns import edit, log_concern
from tests.support.factories.customers import make_customer
from tests.support.factories.organizations import Shop
from tests.support.sign_in import sign_in_again

ANA, RUI = "+351912345678", "+351930000000"
PEOPLE = (("Ana", ANA), ("Ana", RUI), ("Eva", "+351930000001"))


@pytest.fixture
def limited(app: App, shop: Shop) -> Shop:
    """Floor staff may give vouchers of ten euros."""
    remedies = ask(app, shop, "GET", "/remedies", "admin")["items"]
    (voucher,) = (remedy for remedy in remedies if remedy["slug"] == "voucher")
    limits = [{"role": "floor", "per_customer": euros(10)}, {"role": "manager", "per_customer": euros(30)}]
    headers = {"If-Match": f'"{voucher["version"]}"'}
    ask(app, shop, "PATCH", f"/remedies/{voucher['id']}", "admin", json={"limits": limits}, headers=headers)
    return shop


def ask(app: App, shop: Shop, method: str, path: str, by: str = "manager", **options: Any) -> Any:
    answer = app.request(method, f"/v1{path}", (shop, by), **options)
    assert answer.status_code < 300, answer.text
    return answer.json


def euros(amount: int) -> dict[str, Any]:
    return {"amount": amount * 100, "currency": "EUR"}


def give(app: App, shop: Shop, concern: dict[str, Any], amount: int, by: str = "floor") -> dict[str, Any]:
    body = {"remedy": "voucher", "cost": euros(amount)}
    action: dict[str, Any] = ask(app, shop, "POST", f"/concerns/{concern['id']}/recovery-actions", by, json=body)
    return action


def given_to(app: App, shop: Shop, concern: dict[str, Any]) -> list[str | None]:
    actions = ask(app, shop, "GET", f"/concerns/{concern['id']}/recovery-actions")["items"]
    return [action["customer_id"] for action in actions]


def test_a_customer_taken_off_and_put_back_gets_nothing_twice(app: App, limited: Shop) -> None:
    ana = make_customer(app, limited, "Ana", phone=ANA)
    first, second = (log_concern(app, limited, customer_id=ana) for _ in range(2))
    assert give(app, limited, first, 10)["status"] == "done"
    edit(app, limited, first, customer_id=None)
    assert give(app, limited, second, 10)["status"] == "pending"
    edit(app, limited, first, customer_id=ana)
    assert given_to(app, limited, first) == [ana]


def test_another_customer_opens_no_second_budget_for_the_same_concern(app: App, limited: Shop) -> None:
    ana, rui = (make_customer(app, limited, name, phone=phone) for name, phone in (("Ana", ANA), ("Rui", RUI)))
    concern, of_rui = log_concern(app, limited, customer_id=ana), log_concern(app, limited, customer_id=rui)
    give(app, limited, concern, 10)
    edit(app, limited, concern, customer_id=rui)
    assert give(app, limited, concern, 1)["status"] == "pending"
    assert give(app, limited, of_rui, 10)["status"] == "done"  # nothing was given to them
    assert given_to(app, limited, concern) == [ana, rui]


def test_what_was_given_to_somebody_unknown_is_theirs_once_they_are_named(app: App, limited: Shop) -> None:
    ana = make_customer(app, limited, "Ana", phone=ANA)
    concern, other = log_concern(app, limited), log_concern(app, limited, customer_id=ana)
    action = give(app, limited, concern, 10)
    assert action["customer_id"] is None
    edit(app, limited, concern, customer_id=ana)
    (named,) = ask(app, limited, "GET", f"/concerns/{concern['id']}/recovery-actions")["items"]
    assert (named["customer_id"], named["version"]) == (ana, action["version"] + 1)
    edit(app, limited, concern, customer_id=None)
    assert give(app, limited, other, 1)["status"] == "pending"


def test_what_is_only_asked_for_is_for_whom_the_concern_names(app: App, limited: Shop) -> None:
    ana, rui = (make_customer(app, limited, name, phone=phone) for name, phone in (("Ana", ANA), ("Rui", RUI)))
    concern = log_concern(app, limited, customer_id=ana)
    action = give(app, limited, concern, 20)
    edit(app, limited, concern, customer_id=rui)
    assert ask(app, limited, "POST", f"/recovery-actions/{action['id']}/approve", json={})["customer_id"] == rui
    edit(app, limited, concern, customer_id=None)
    assert given_to(app, limited, concern) == [rui]


def test_a_merge_moves_what_was_given_and_its_undoing_moves_it_back(app: App, limited: Shop) -> None:
    ana, twin = (make_customer(app, limited, "Ana", phone=phone) for phone in (ANA, RUI))
    of_ana, of_twin, taken_off = (log_concern(app, limited, customer_id=id_) for id_ in (ana, twin, twin))
    give(app, limited, taken_off, 4)
    edit(app, limited, taken_off, customer_id=ana)  # a concern of one, and what was given to the other
    merged = ask(app, limited, "POST", f"/customers/{ana}/merge", json={"customer_id": twin})
    assert given_to(app, limited, taken_off) == [ana]
    assert give(app, limited, of_ana, 7)["status"] == "pending"
    assert give(app, limited, of_twin, 5)["status"] == "done"  # while they are one person
    ask(app, limited, "POST", f"/customers/merges/{merged['id']}/undo")
    assert [given_to(app, limited, concern) for concern in (taken_off, of_ana, of_twin)] == [[twin], [ana], [twin]]
    assert give(app, limited, of_ana, 10, by="manager")["status"] == "done"
    assert give(app, limited, of_twin, 2)["status"] == "pending"


def test_what_was_the_survivors_before_a_merge_stays_theirs_after_its_undoing(app: App, limited: Shop) -> None:
    ana, twin = (make_customer(app, limited, "Ana", phone=phone) for phone in (ANA, RUI))
    concern = log_concern(app, limited, customer_id=ana)
    give(app, limited, concern, 4)
    edit(app, limited, concern, customer_id=twin)
    merged = ask(app, limited, "POST", f"/customers/{ana}/merge", json={"customer_id": twin})
    ask(app, limited, "POST", f"/customers/merges/{merged['id']}/undo")
    assert given_to(app, limited, concern) == [ana]


def test_what_was_given_in_a_merge_goes_back_though_the_concern_names_somebody_else(app: App, limited: Shop) -> None:
    ana, twin, eva = (make_customer(app, limited, name, phone=phone) for name, phone in PEOPLE)
    concern = log_concern(app, limited, customer_id=twin)
    merged = ask(app, limited, "POST", f"/customers/{ana}/merge", json={"customer_id": twin})
    give(app, limited, concern, 10)
    edit(app, limited, concern, customer_id=eva)
    ask(app, limited, "POST", f"/customers/merges/{merged['id']}/undo")
    assert given_to(app, limited, concern) == [twin]


def test_what_takes_back_goes_with_what_it_takes_back(app: App, limited: Shop) -> None:
    ana, twin, eva = (make_customer(app, limited, name, phone=phone) for name, phone in PEOPLE)
    of_twin, of_ana = (log_concern(app, limited, customer_id=id_) for id_ in (twin, ana))
    actions = [give(app, limited, concern, 4) for concern in (of_twin, of_ana)]
    edit(app, limited, of_twin, customer_id=eva)
    edit(app, limited, of_ana, customer_id=twin)
    merged = ask(app, limited, "POST", f"/customers/{ana}/merge", json={"customer_id": twin})
    for action in actions:
        ask(app, limited, "POST", f"/recovery-actions/{action['id']}/reverse", "floor", json={})
    ask(app, limited, "POST", f"/customers/merges/{merged['id']}/undo")
    assert [given_to(app, limited, concern) for concern in (of_twin, of_ana)] == [[twin, twin], [ana, ana]]


def to_review(app: App, shop: Shop) -> list[str]:
    return [action["id"] for action in ask(app, shop, "GET", "/recovery-actions?beyond=true&reviewed=false")["items"]]


def test_naming_the_customer_afterwards_passes_no_limit(app: App, limited: Shop) -> None:
    """Ten to somebody unknown, five times, and only then they were all for Ana."""
    ana = make_customer(app, limited, "Ana", phone=ANA)
    concerns = [log_concern(app, limited) for _ in range(3)]
    actions = [give(app, limited, concern, 10) for concern in concerns]
    assert [action["beyond"] for action in actions] == [False] * 3
    for concern in concerns:
        edit(app, limited, concern, customer_id=ana)
    assert to_review(app, limited) == [actions[2]["id"], actions[1]["id"]]
    path = f"/stores/{limited.store_id}/recovery-logs/2026-03-03"
    waiting = [action["id"] for action in ask(app, limited, "GET", path)["needs_you_now"]["to_review"]]
    assert sorted(waiting) == sorted(to_review(app, limited))
    states = [ask(app, limited, "GET", f"/concerns/{concern['id']}/recovery-actions")["items"] for concern in concerns]
    assert [action["status"] for (action,) in states] == ["done"] * 3  # given it was: nothing waits, nothing is refused
    ask(app, limited, "POST", f"/recovery-actions/{actions[1]['id']}/review", json={})
    assert to_review(app, limited) == [actions[2]["id"]]


def test_a_merge_passes_no_limit_either(app: App, limited: Shop) -> None:
    ana, twin = (make_customer(app, limited, "Ana", phone=phone) for phone in (ANA, RUI))
    of_ana, of_twin = (log_concern(app, limited, customer_id=id_) for id_ in (ana, twin))
    give(app, limited, of_ana, 6)
    beyond, within = give(app, limited, of_twin, 6), give(app, limited, of_twin, 4)
    ask(app, limited, "POST", f"/customers/{ana}/merge", json={"customer_id": twin})
    assert to_review(app, limited) == [within["id"], beyond["id"]]  # 6 and 4 are 10, but the 6 between counts as well


@pytest.mark.parametrize("unknown_on", [1, 2, 3])
def test_the_third_day_is_the_third_whichever_of_them_is_known_last(app: App, limited: Shop, unknown_on: int) -> None:
    ana = make_customer(app, limited, "Ana", phone=ANA)
    for day in (1, 2, 3):
        concern = log_concern(app, limited, **({} if day == unknown_on else {"customer_id": ana}))
        action = give(app, limited, concern, 1)
        assert action["status"] == "done"
        if day == unknown_on:
            last, hidden = action, concern
        app.clock.move(hours=25)
        sign_in_again(app, limited, "manager")
    edit(app, limited, hidden, customer_id=ana)
    assert to_review(app, limited) == [last["id"]]


def test_naming_the_order_afterwards_passes_no_limit_of_somebody_unknown(app: App, limited: Shop) -> None:
    concerns = [log_concern(app, limited) for _ in range(2)]
    actions = [give(app, limited, concern, 6) for concern in concerns]
    for concern in concerns:
        edit(app, limited, concern, order={"reference": "T-1"})
    assert to_review(app, limited) == [actions[1]["id"]]
