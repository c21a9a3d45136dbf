"""Orders: told by tills, named by people, and never refunded beyond what was paid."""

from typing import Any

import pytest

from tests.support.app import App
from tests.support.assertions import assert_invalid_value, assert_problem
from tests.support.factories.concerns import edit, log_concern
from tests.support.factories.organizations import Shop
from tests.support.factories.people import make_code
from tests.support.factories.vocabulary import GENEROUS_LIMITS

MONDAY_NOON, TUESDAY_NOON = "2026-03-02T12:00:00Z", "2026-03-03T12:00:00Z"  # it is Tuesday noon
ANY = {"If-Match": "*"}


@pytest.fixture
def shop(app: App, shop: Shop) -> Shop:
    body = {"slug": "refund", "name": "Money back", "kind": "refund", "limits": GENEROUS_LIMITS}
    assert app.request("POST", "/v1/remedies", (shop, "admin"), json=body).status_code == 201
    return shop


def euros(amount: int) -> dict[str, Any]:
    return {"amount": amount * 100, "currency": "EUR"}


def tell(app: App, shop: Shop, reference: str, euro: int | None = None, *, by: str = "key", **said: Any) -> Any:
    """Tell an order of the till of today's noon."""
    source = said.pop("source", "till")
    body = {"store_id": str(shop.store_id), "opened": TUESDAY_NOON} | ({"value": euros(euro)} if euro else {}) | said
    return app.request("PUT", f"/v1/orders/{source}/{reference}", (shop, by), json=body)


def named(app: App, shop: Shop, reference: str, value: int | None = None, **fields: Any) -> dict[str, Any]:
    """Log a concern about an order."""
    order = {"reference": reference} | ({"value": euros(value)} if value else {})
    return log_concern(app, shop, order=order, **fields)


def refund(app: App, shop: Shop, concern: dict[str, Any], amount: int, by: str = "floor") -> int:
    body = {"remedy": "refund", "cost": euros(amount)}
    answer = app.request("POST", f"/v1/concerns/{concern['id']}/recovery-actions", (shop, by), json=body)
    if answer.status_code == 422:
        assert_invalid_value(answer, "body", "/cost")
    status: int = answer.status_code
    return status


def change(app: App, shop: Shop, concern: dict[str, Any], order: Any, by: str = "floor") -> Any:
    return app.request("PATCH", f"/v1/concerns/{concern['id']}", (shop, by), json={"order": order}, headers=ANY)


def key_with(app: App, shop: Shop, *scopes: str) -> str:
    body = {"name": "another", "scopes": scopes}
    shop.tokens["another"] = app.request("POST", "/v1/api-keys", (shop, "admin"), json=body).json["token"]
    return "another"


def test_a_till_tells_an_order_and_a_repeat_changes_it(app: App, shop: Shop) -> None:
    app.clock.move(hours=2)
    first = tell(app, shop, "A-12", 80, place="table-12", currency="EUR")
    order = {name: first.json[name] for name in ("store_id", "source", "reference", "business_date", "place", "value")}
    assert (first.status_code, order) == (
        201,
        {
            "store_id": str(shop.store_id),
            "source": "till",
            "reference": "A-12",
            "business_date": "2026-03-03",
            "place": "table-12",
            "value": euros(80),
        },
    )
    again = tell(app, shop, "a-12", opened="2026-03-03T12:30:00Z", closed="2026-03-03T13:00:00Z")
    assert (again.status_code, again.json["id"], again.json["closed"]) == (
        200,
        first.json["id"],
        "2026-03-03T13:00:00Z",
    )
    assert again.json["value"] == euros(80)  # a total that was told stays until another one is
    others = [
        tell(app, shop, "A-12", opened=MONDAY_NOON),
        tell(app, shop, "A-12", store_id=str(shop.other_store_id)),
        tell(app, shop, "A-12", source="bar"),
        tell(app, shop, "A-13"),
    ]
    assert [other.status_code for other in others] == [201] * 4
    assert len({first.json["id"], *(other.json["id"] for other in others)}) == 5


def test_a_source_belongs_to_one_key(app: App, shop: Shop) -> None:
    tell(app, shop, "12", 80)
    another = key_with(app, shop, "orders:write")
    for source in ("till", "TILL", "staff", "Staff"):
        assert_problem(tell(app, shop, "12", 90, by=another, source=source), 404, "not-found")
    assert tell(app, shop, "12", 90, by=another, source="bar").status_code == 201
    assert_problem(tell(app, shop, "12", by=key_with(app, shop, "concerns:write")), 403, "forbidden")
    assert_problem(tell(app, shop, "12", by="manager"), 403, "forbidden")


@pytest.mark.parametrize(
    ("said", "pointer"),
    [
        ({"value": {"amount": 1, "currency": "USD"}}, "/value/currency"),
        ({"currency": "USD"}, "/currency"),
        ({"opened": "2026-01-03T12:00:00Z"}, "/opened"),
        ({"opened": "2026-03-03T12:06:00Z"}, "/opened"),
        ({"closed": "2026-03-03T11:59:59Z"}, "/closed"),
    ],
)
def test_an_order_that_cannot_be_is_refused(app: App, shop: Shop, said: dict[str, Any], pointer: str) -> None:
    assert_invalid_value(tell(app, shop, "12", **said), "body", pointer)


def test_an_order_names_a_place_and_a_store_within_reach(app: App, shop: Shop) -> None:
    assert_invalid_value(tell(app, shop, "12", place="moon"), "body", "/place", "not-found")
    elsewhere = tell(app, shop, "12", store_id="01a2057b-741c-7631-8cca-22605be163db")
    assert_invalid_value(elsewhere, "body", "/store_id", "not-found")


def test_a_refund_of_monday_is_not_taken_off_the_order_with_that_number_on_tuesday(app: App, shop: Shop) -> None:
    monday = named(app, shop, "12", 80, occurred_at=MONDAY_NOON)
    tuesday = named(app, shop, "12", 50)
    assert (refund(app, shop, monday, 80), refund(app, shop, tuesday, 50)) == (201, 201)
    assert (refund(app, shop, monday, 1), refund(app, shop, tuesday, 1)) == (422, 422)


def test_an_order_of_one_store_is_none_of_another_with_that_number(app: App, shop: Shop) -> None:
    there = {"login": "elsewhere", "store_id": str(shop.other_store_id)}
    here_first, there_second = named(app, shop, "12", 80), named(app, shop, "12", 50, **there)
    assert (refund(app, shop, there_second, 51, by="elsewhere"), refund(app, shop, here_first, 80)) == (422, 201)
    assert refund(app, shop, there_second, 50, by="elsewhere") == 201
    tell(app, shop, "13", 10)
    assert refund(app, shop, named(app, shop, "13", 90, **there), 90, by="elsewhere") == 201


def test_what_people_type_and_a_till_tells_is_one_order(app: App, shop: Shop) -> None:
    before = named(app, shop, "A-12", 500)
    assert refund(app, shop, before, 50) == 201
    tell(app, shop, "A-12", 80)
    after = named(app, shop, " a-12 ")
    assert (refund(app, shop, after, 31), refund(app, shop, after, 30)) == (422, 201)
    tell(app, shop, "a-12", 90)  # they ordered a dessert
    assert (refund(app, shop, before, 11), refund(app, shop, before, 10)) == (422, 201)


def test_a_lower_total_lowers_the_cap_to_what_was_paid(app: App, shop: Shop) -> None:
    tell(app, shop, "12", 80)
    tell(app, shop, "12", 60)
    concern = named(app, shop, "12", 80)
    assert (refund(app, shop, concern, 61), refund(app, shop, concern, 60)) == (422, 201)
    tell(app, shop, "12", 20)
    assert refund(app, shop, concern, 1) == 422


def test_a_number_of_several_tills_means_the_orders_of_all_of_them(app: App, shop: Shop) -> None:
    """Both began at one this morning, and people type the number only."""
    tell(app, shop, "12", 80)
    tell(app, shop, "12", 20, source="bar", by=key_with(app, shop, "orders:write"))
    concern = named(app, shop, "12")
    assert (refund(app, shop, concern, 101), refund(app, shop, concern, 100)) == (422, 201)


def test_sources_of_one_key_do_not_add_to_each_other(app: App, shop: Shop) -> None:
    """A key told one order under two names, and the cap of what people typed was both."""
    for source, value in (("till", 80), ("bar", 20), ("terrace", 30)):
        tell(app, shop, "12", value, source=source)
    concern = named(app, shop, "12")
    assert (refund(app, shop, concern, 81), refund(app, shop, concern, 80)) == (422, 201)


def test_the_first_value_that_people_told_counts(app: App, shop: Shop) -> None:
    first = named(app, shop, "12", 80)
    app.clock.move(minutes=1)
    second = named(app, shop, "12", 500)
    assert (refund(app, shop, second, 81), refund(app, shop, second, 80)) == (422, 201)
    assert (refund(app, shop, first, 1), refund(app, shop, named(app, shop, "12", 900), 1)) == (422, 422)


@pytest.mark.parametrize(
    "order",
    [
        {"reference": "12", "value": euros(81)},
        {"reference": "12", "value": None},
        {"reference": "13", "value": euros(80)},
        None,
    ],
)
def test_once_something_was_given_somebody_else_loosens_the_cap(app: App, shop: Shop, order: Any) -> None:
    concern = named(app, shop, "12", 80)
    assert refund(app, shop, concern, 10, by="manager") == 201
    for by in ("floor", "colleague", "manager"):  # the manager gave it
        assert_problem(change(app, shop, concern, order, by), 403, "forbidden")
    assert change(app, shop, concern, {"reference": "12", "value": euros(70)}).status_code == 200
    assert change(app, shop, concern, order, "regional").status_code == 200


def test_nor_does_whoever_could_have_acted_as_the_giver(app: App, shop: Shop) -> None:
    """A manager made a code for the floor, gave with it, and corrected the order as themselves."""
    make_code(app, shop, "floor", by="manager")
    by_floor = named(app, shop, "12", 10)
    assert refund(app, shop, by_floor, 10) == 201
    by_key = named(app, shop, "13", 10)
    key_with(app, shop, "concerns:write")
    assert refund(app, shop, by_key, 10, by="another") == 201
    for concern, reference, by in ((by_floor, "12", "manager"), (by_key, "13", "admin")):
        raised = {"reference": reference, "value": euros(50)}
        assert_problem(change(app, shop, concern, raised, by), 403, "forbidden")
        assert change(app, shop, concern, raised, "regional").status_code == 200


def test_what_a_key_tells_of_an_order_that_it_gave_for_raises_no_cap(app: App, shop: Shop) -> None:
    """It gave the whole of an order, told that the order was worth more, and gave again."""
    bot = key_with(app, shop, "concerns:write", "orders:write")
    here = {"store_id": str(shop.store_id)}
    for source in ("till", "other"):  # the second tells an order that only people had typed before
        if source == "till":
            tell(app, shop, "12", 5, by=bot, source="bot")
        concern = named(app, shop, source, 5, **here) if source == "other" else named(app, shop, "12", **here)
        assert refund(app, shop, concern, 5, by=bot) == 201
        answer = tell(app, shop, concern["order"]["reference"], 20, by=bot, source="bot")
        assert (answer.status_code < 300, answer.json["value"]) == (
            True,
            euros(20),
        )  # the total stands, the cap does not
        assert refund(app, shop, concern, 1, by=bot) == 422
        assert tell(app, shop, concern["order"]["reference"], 19, by=bot, source="bot").status_code == 200
        assert refund(app, shop, concern, 1) == 422
    tell(app, shop, "12", 3)  # the till of another key
    assert (refund(app, shop, named(app, shop, "12"), 4), refund(app, shop, named(app, shop, "12"), 3)) == (422, 201)


def test_the_order_and_who_may_approve_are_read_once_for_all_refunds_of_a_concern(app: App, shop: Shop) -> None:
    statements = []
    for count in (1, 5):
        refunds = [{"remedy": "refund", "cost": euros(200)} for _ in range(count)]  # more than the store gives at once
        with app.counting() as sent:
            concern = named(app, shop, f"T-{count}", 1000, recovery_actions=refunds)
        assert [action["status"] for action in concern["recovery_actions"]] == ["pending"] * count
        statements.append(len(sent))
    assert statements[1] - statements[0] <= 4 * 4, statements


def test_what_was_refunded_is_compared_with_the_order_that_it_comes_to(app: App, shop: Shop) -> None:
    """A refund without an order was given first, and its order named afterwards."""
    tell(app, shop, "12", 80)
    first, second, third = (log_concern(app, shop) for _ in range(3))
    assert [refund(app, shop, concern, 50) for concern in (first, second, third)] == [201] * 3
    twelve = {"reference": "12"}
    assert change(app, shop, first, twelve).status_code == 200
    for by in ("floor", "regional"):  # nobody may approve that
        assert_invalid_value(change(app, shop, second, twelve, by), "body", "/order")
    assert change(app, shop, second, {"reference": "13", "value": euros(90)}).status_code == 200
    assert_problem(change(app, shop, second, twelve), 403, "forbidden")
    assert_invalid_value(change(app, shop, second, twelve, "manager"), "body", "/order")
    assert_invalid_value(change(app, shop, third, {"reference": "14", "value": euros(49)}), "body", "/order")
    assert_invalid_value(change(app, shop, second, {"reference": "13", "value": euros(49)}), "body", "/order")
    assert change(app, shop, second, {"reference": "13", "value": euros(50)}).status_code == 200


def test_an_older_concern_raises_no_cap_by_naming_the_order_afterwards(app: App, shop: Shop) -> None:
    older = log_concern(app, shop)
    app.clock.move(minutes=1)
    assert refund(app, shop, named(app, shop, "12", 80), 80) == 201
    raised = {"reference": "12", "value": euros(500)}
    for by in ("floor", "colleague"):
        assert_problem(change(app, shop, older, raised, by), 403, "forbidden")
    assert change(app, shop, older, {"reference": "12", "value": euros(80)}).status_code == 200
    assert refund(app, shop, older, 1) == 422
    assert change(app, shop, older, raised, "manager").status_code == 200
    assert refund(app, shop, older, 1) == 201


def test_before_anything_is_given_whoever_works_there_corrects_an_order(app: App, shop: Shop) -> None:
    concern = named(app, shop, "12", 80)
    for order in ({"reference": "13", "value": euros(90)}, None, {"reference": "12", "value": euros(100)}):
        assert change(app, shop, concern, order).status_code == 200
    assert refund(app, shop, concern, 100) == 201


def test_the_first_value_is_not_taken_back_with_its_concern_either(app: App, shop: Shop) -> None:
    first = named(app, shop, "12", 80)
    app.clock.move(minutes=1)
    assert refund(app, shop, named(app, shop, "12", 500), 80) == 201
    void = app.request("POST", f"/v1/concerns/{first['id']}/void", (shop, "floor"), json={"reason": "twice"})
    assert_problem(void, 403, "forbidden")
    assert_problem(change(app, shop, first, None), 403, "forbidden")


def test_the_value_of_an_order_is_in_the_currency_of_the_store(app: App, shop: Shop) -> None:
    one_dollar = {"amount": 1, "currency": "USD"}
    concern = log_concern(app, shop, order={"reference": "12", "value": one_dollar})
    assert (concern["order"], concern["as_typed"]) == (
        {"reference": "12", "value": None},
        {"order": {"value": one_dollar}},
    )
    assert "order" in concern["missing"]
    refused = change(app, shop, concern, {"reference": "12", "value": one_dollar})
    assert_invalid_value(refused, "body", "/order/value/currency")
    fixed = edit(app, shop, concern, order={"reference": "12", "value": euros(80)})
    assert (fixed["as_typed"], refund(app, shop, concern, 81)) == (None, 422)


def test_what_waited_is_refunded_within_the_order_when_it_is_approved(app: App, shop: Shop) -> None:
    concern = named(app, shop, "12", 300)
    assert [refund(app, shop, concern, 200) for _ in range(2)] == [201, 201]  # each is more than one action may be
    actions = app.request("GET", f"/v1/concerns/{concern['id']}/recovery-actions", (shop, "manager")).json["items"]
    answers = [
        app.request("POST", f"/v1/recovery-actions/{action['id']}/approve", (shop, "regional"), json={})
        for action in actions
    ]
    assert answers[0].json["status"] == "done"
    assert_invalid_value(answers[1], "body", "/cost")


def test_an_inline_refund_beyond_the_order_is_left_out(app: App, shop: Shop) -> None:
    tell(app, shop, "12", 80)
    action = {"remedy": "refund", "cost": euros(81)}
    concern = named(app, shop, "12", recovery_actions=[action])
    assert (concern["as_typed"], "recovery_actions" in concern["missing"]) == ({"recovery_actions": [action]}, True)


def test_an_order_of_before_a_change_of_currency_is_refunded_in_its_own(app: App, shop: Shop) -> None:
    """In euros it was refused because of the store, in dollars because of the order."""
    tell(app, shop, "12", 80)
    concern, other = named(app, shop, "12"), log_concern(app, shop)
    path = f"/v1/stores/{shop.store_id}"
    assert app.request("PATCH", path, (shop, "admin"), json={"currency": "USD"}, headers=ANY).status_code == 200
    app.clock.move(days=1)
    typed = named(app, shop, "12", 90, occurred_at=TUESDAY_NOON)

    def answer(concern: dict[str, Any], remedy: str, amount: int, currency: str = "EUR") -> Any:
        body = {"remedy": remedy, "cost": {"amount": amount * 100, "currency": currency}}
        return app.request("POST", f"/v1/concerns/{concern['id']}/recovery-actions", (shop, "floor"), json=body)

    refused = [answer(concern, "refund", 1, "USD"), answer(concern, "voucher", 1), answer(other, "refund", 1)]
    for each in refused:
        assert_invalid_value(each, "body", "/cost/currency")
    paid = [answer(concern, "refund", 50).json, answer(typed, "refund", 30).json]
    assert [(action["status"], action["cost"]) for action in paid] == [("done", euros(50)), ("done", euros(30))]
    assert_invalid_value(answer(concern, "refund", 1), "body", "/cost")
    assert answer(other, "refund", 1, "USD").status_code == 201
