"""Limits that hold: nothing costless, no remedy and no currency without a limit, none that one action can pass."""

from typing import Any

import pytest

from models.access import Role
from models.organizations.store_limits import StoreLimits
from models.recovery.remedy import Remedy, RemedyKind
from tests.support.app import App
from tests.support.assertions import assert_invalid_value
from tests.support.factories.concerns import log_concern
from tests.support.factories.full_organization import BODIES
from tests.support.factories.organizations import Shop
from tests.support.factories.vocabulary import create_word, edit_word, words
from tests.support.sign_in import sign_in_again

MONEY = ("refund", "discount", "voucher", "gift")
ANY_VERSION = {"If-Match": "*"}


def euros(amount: float, currency: str = "EUR") -> dict[str, Any]:
    return {"amount": round(amount * 100), "currency": currency}


def give(app: App, shop: Shop, concern: dict[str, Any], remedy: str, by: str = "floor", **fields: Any) -> Any:
    body = {"remedy": remedy, **fields}
    return app.request("POST", f"/v1/concerns/{concern['id']}/recovery-actions", (shop, by), json=body)


def status(app: App, shop: Shop, remedy: str, amount: float, by: str = "floor", **said: Any) -> str:
    """Give something for a concern of its own; return the status of the action."""
    concern = log_concern(app, shop, by, mood=3, **said)
    answer = give(app, shop, concern, remedy, by, cost=euros(amount))
    assert answer.status_code == 201, answer.text
    return str(answer.json["status"])


def set_store(app: App, shop: Shop, **fields: Any) -> Any:
    path = f"/v1/stores/{shop.store_id}"
    answer = app.request("PATCH", path, (shop, "admin"), json=fields, headers=ANY_VERSION)
    assert answer.status_code == 200, answer.text
    return answer.json


def store_limits(per_action: float, per_day: float | None = None, currency: str = "EUR") -> dict[str, Any]:
    day = None if per_day is None else euros(per_day, currency)
    return {"per_action": euros(per_action, currency), "per_day": day, "after_hours": euros(100, currency)}


def set_limits(app: App, shop: Shop, remedy: str = "voucher", **roles: float) -> None:
    """Let each role give that much of a remedy, to a customer and to all."""
    limits = [{"role": role, "per_customer": euros(most), "per_staff": None} for role, most in roles.items()]
    assert edit_word(app, shop, "remedies", remedy, limits=limits).status_code == 200


def test_money_and_gifts_have_a_cost(app: App, shop: Shop) -> None:
    """A refund without a cost was done, outside of every limit and report."""
    for kind in MONEY:
        assert create_word(app, shop, "remedies", f"any-{kind}", kind=kind).status_code == 201
    concern = log_concern(app, shop, mood=3)
    for kind in MONEY:
        for nothing in ({}, {"cost": euros(0)}):
            assert_invalid_value(give(app, shop, concern, f"any-{kind}", **nothing), "body", "/cost")
    assert give(app, shop, concern, "voucher").json["cost"] == euros(10)  # what it costs by default
    free = [{"remedy": f"any-{kind}"} for kind in MONEY]
    logged = log_concern(app, shop, mood=3, recovery_actions=[*free, {"remedy": "apology"}])
    assert (logged["as_typed"], "recovery_actions" in logged["missing"]) == ({"recovery_actions": free}, True)


def test_every_kind_that_costs_has_limits(app: App, shop: Shop) -> None:
    for kind in ("gift", "replacement", "other", "apology"):
        create_word(app, shop, "remedies", f"a-{kind}", kind=kind)
    for remedy in ("a-gift", "a-replacement", "a-other", "remake", "voucher"):
        assert status(app, shop, remedy, 25) == "done"
        assert status(app, shop, remedy, 25.01) == "pending", remedy
        app.clock.move(days=1)  # all remedies together count for a person, too
    assert status(app, shop, "a-apology", 1) == "pending"  # words have no limit, because they cost nothing
    assert status(app, shop, "voucher", 25.01, by="manager") == "done"
    floor, manager = ({"role": role, "unused": False} for role in ("floor", "manager"))
    floor |= {"per_customer": euros(25), "per_staff": euros(100)}
    manager |= {"per_customer": euros(150), "per_staff": euros(600)}
    assert words(app, shop, "remedies")["a-gift"]["limits"] == [floor, manager, {**manager, "role": "regional"}]


def test_no_role_passes_the_ceiling_of_one_action_without_somebody_else(app: App, shop: Shop) -> None:
    """A gift of ten million was done; so it was where a store acts first."""
    create_word(app, shop, "remedies", "present", kind="gift")
    set_limits(app, shop, "present", floor=10**8, manager=10**8, regional=10**8)
    set_store(app, shop, above_limit="act_first", limits=[store_limits(150)])
    for by in ("floor", "manager", "regional"):
        here = {"store_id": str(shop.store_id)}
        assert status(app, shop, "present", 150, by, **here) == "done"
        assert status(app, shop, "present", 150.01, by, **here) == "pending"
        assert status(app, shop, "present", 10**7, by, **here) == "pending"
    concern = log_concern(app, shop, mood=3)
    pending = give(app, shop, concern, "present", "manager", cost=euros(200)).json
    approve = f"/v1/recovery-actions/{pending['id']}/approve"
    assert app.request("POST", approve, (shop, "manager"), json={}).status_code == 403
    assert app.request("POST", approve, (shop, "regional"), json={}).json["status"] == "done"


def test_a_store_gives_no_more_than_so_much_in_a_day(app: App, shop: Shop) -> None:
    set_limits(app, shop, floor=10**4)
    set_store(app, shop, limits=[store_limits(150, 200)])
    assert [status(app, shop, "voucher", 90) for _ in range(3)] == ["done", "done", "pending"]
    assert status(app, shop, "remake", 20, by="colleague") == "done"  # all remedies and people together
    assert status(app, shop, "remake", 0.01, by="colleague") == "pending"
    app.clock.move(days=1)
    assert status(app, shop, "remake", 20, by="colleague") == "done"


def test_of_several_that_come_with_a_concern_each_counts_for_the_next(app: App, shop: Shop) -> None:
    vouchers = [{"remedy": "voucher", "cost": euros(15)}] * 2
    actions = log_concern(app, shop, mood=3, recovery_actions=vouchers)["recovery_actions"]
    assert sorted(action["status"] for action in actions) == ["done", "pending"]


def test_a_currency_without_limits_asks_first_until_somebody_sets_them(app: App, shop: Shop) -> None:
    concern = log_concern(app, shop, mood=3)
    set_store(app, shop, currency="CHF", above_limit="act_first")
    app.clock.move(days=1)
    sign_in_again(app, shop, "admin")
    francs = {"cost": euros(0.01, "CHF")}
    assert give(app, shop, concern, "voucher", **francs).json["status"] == "pending"
    limit = {"role": "floor", "per_customer": euros(20, "CHF")}
    remedy = edit_word(app, shop, "remedies", "voucher", limits=[limit, {**limit, "per_customer": euros(20, "GBP")}])
    unused = {limit["per_customer"]["currency"]: limit["unused"] for limit in remedy.json["limits"]}
    assert unused == {"CHF": False, "GBP": True}
    assert give(app, shop, concern, "voucher", **francs).json["status"] == "pending"
    set_store(app, shop, limits=[store_limits(150, 500, "CHF")])
    assert give(app, shop, concern, "voucher", **francs).json["status"] == "done"


def test_limits_come_with_the_first_store_of_a_currency(app: App, shop: Shop) -> None:
    def currencies(remedy: str = "voucher") -> list[str]:
        limits = words(app, shop, "remedies")[remedy]["limits"]
        return sorted(limit["per_customer"]["currency"] for limit in limits if limit["role"] == "floor")

    region_id = app.request("GET", "/v1/regions", (shop, "admin")).json["items"][0]["id"]
    store = {**BODIES["postStores"], "region_id": region_id}
    for slug, currency in (("bern", "CHF"), ("york", "GBP"), ("bath", "GBP")):
        body = {**store, "slug": slug, "currency": currency}
        answer = app.request("POST", "/v1/stores", (shop, "admin"), json=body)
        expected = StoreLimits.default(currency)
        shown = (
            [{name: answer.json["limits"][0][name]["amount"] for name in ("per_action", "per_day")}] if expected else []
        )
        assert shown == ([{"per_action": 15_000, "per_day": 50_000}] if expected else [])
        if slug == "york":
            assert currencies() == currencies("remake") == ["EUR", "GBP"]
            set_limits(app, shop, floor=5)
    assert currencies() == ["EUR"]  # what somebody took away stays away
    assert currencies("apology") == []
    set_store(app, shop, currency="USD")
    assert currencies() == ["EUR", "USD"]


@pytest.mark.parametrize(
    ("limits", "pointer"),
    [
        ([store_limits(150), store_limits(100)], "/limits/1"),
        ([{**store_limits(150), "per_day": euros(5, "USD")}], "/limits/0/per_day/currency"),
        ([{**store_limits(150), "after_hours": euros(5, "USD")}], "/limits/0/after_hours/currency"),
    ],
)
def test_limits_of_a_store_that_cannot_be_are_refused(
    app: App, shop: Shop, limits: list[dict[str, Any]], pointer: str
) -> None:
    path = f"/v1/stores/{shop.store_id}"
    answer = app.request("PATCH", path, (shop, "admin"), json={"limits": limits}, headers=ANY_VERSION)
    assert_invalid_value(answer, "body", pointer)


@pytest.mark.parametrize("kind", list(RemedyKind))
def test_default_limits_are_for_what_costs_something(kind: RemedyKind) -> None:
    remedy = Remedy(slug="any", name="Any", kind=kind, limits=[])
    is_new = remedy.add_default_limits(["EUR", "CHF"])
    roles = [(limit.role, limit.currency) for limit in remedy.limits]
    free = kind in (RemedyKind.APOLOGY, RemedyKind.EXPLANATION)
    assert is_new is not free
    assert roles == ([] if free else [(role, "EUR") for role in (Role.FLOOR, Role.MANAGER, Role.REGIONAL)])
    assert remedy.add_default_limits(["EUR"]) is False
