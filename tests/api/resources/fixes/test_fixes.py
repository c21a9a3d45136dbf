"""'You said, we did' over HTTP: who raised what is fixed, who is thanked for it, and who reads what of it."""

from typing import Any

from models.access import Role
from tests.support.app import World
from tests.support.assertions import error, problem
from tests.support.factories.concerns import log_concern, move
from tests.support.factories.customers import agree, regular
from tests.support.factories.fixes import (
    COLD,
    DUE,
    ask,
    customers,
    figures,
    fix,
    follow_ups,
    raised_by,
    thank,
    thanked_names,
)
from tests.support.factories.full_organization import hire
from tests.support.factories.organizations import Shop


def test_the_menu_was_wrong_and_who_said_so_is_thanked_by_name(world: World, shop: Shop) -> None:
    beatriz, shiv = regular(world, shop, "Beatriz"), regular(world, shop, "Siobhan", preferred_name="Shiv")
    silent, unasked = regular(world, shop, "Silent", agrees=False), regular(world, shop, "Unasked", agrees=None)
    for customer_id in (beatriz, silent, unasked, shiv):
        world.clock.move(minutes=1)
        move(world, shop, raised_by(world, shop, customer_id), "resolve")
    newest = raised_by(world, shop, beatriz)
    raised_by(world, shop, None)
    world.clock.move(days=7)
    told = fix(world, shop, what="The menu names every nut now.")
    assert told == {
        **COLD,
        "id": told["id"],
        "store_id": str(shop.store_id),
        "what": "The menu names every nut now.",
        "fixed_at": "2026-03-10T12:04:00Z",
        "told_by": {"id": str(shop.staff["manager"]), "name": "Manager of acme"},
        "figures": {**figures(raised=6, left=2), "loop_back_rate": rate(0, 2)},
    }
    first, second = customers(world, shop, told)
    assert first == {
        "customer": {"id": beatriz, "name": "Beatriz", "preferred_name": None, "pronunciation": None},
        "concern": {"id": newest["id"], "store_id": str(shop.store_id), "business_date": "2026-03-03"},
        "thank_you": None,
    }
    assert second["customer"]["preferred_name"] == "Shiv"

    assert thank(world, shop, told)["figures"] == {**figures(raised=6, thanked=2), "loop_back_rate": rate(0, 2)}
    made = follow_ups(world, shop, told)
    assert {one["customer_id"] for one in made} == {beatriz, shiv}
    assert {(one["what"], one["kind"], one["status"]) for one in made} == {
        ("The menu names every nut now.", "message", "open")
    }
    first, second = customers(world, shop, told)
    (hers,) = (one for one in made if one["customer_id"] == beatriz)
    assert (hers["concern_id"], first["thank_you"]) == (newest["id"], {"id": hers["id"], "status": "open"})
    steps = ask(world, shop, "GET", f"/concerns/{newest['id']}/events").json["items"]
    assert (steps[-1]["step"], steps[-1]["details"]["fix_id"]) == ("promised", told["id"])

    ask(world, shop, "POST", f"/follow-ups/{hers['id']}/keep", json={})
    world.clock.move(days=1)
    raised_by(world, shop, shiv)
    expected = {**figures(raised=6, since=1, thanked=2), "loop_back_rate": rate(1, 2)}
    assert ask(world, shop, "GET", f"/fixes/{told['id']}").json["figures"] == expected


def test_the_rate_has_a_value_from_ten_customers_on(world: World, shop: Shop) -> None:
    for number in range(9):
        raised_by(world, shop, regular(world, shop, f"Regular {number}"))
    world.clock.move(days=1)
    few = fix(world, shop)
    raised_by(world, shop, regular(world, shop, "The tenth"))
    world.clock.move(days=1)
    enough = fix(world, shop)
    for told, value in ((few, None), (enough, 0.1)):
        thank(world, shop, told)
        (one, *_) = follow_ups(world, shop, told)
        ask(world, shop, "POST", f"/follow-ups/{one['id']}/keep", json={})
        loop_back = ask(world, shop, "GET", f"/fixes/{told['id']}").json["figures"]["loop_back_rate"]
        assert loop_back == {"value": value, "numerator": 1, "denominator": 9 if value is None else 10}


def test_a_second_call_thanks_only_who_is_lacking(world: World, shop: Shop) -> None:
    early, late = regular(world, shop, "Early"), regular(world, shop, "Late", agrees=None)
    raised_by(world, shop, early)
    raised_by(world, shop, late)
    world.clock.move(days=1)
    told = fix(world, shop)
    thank(world, shop, told)
    agree(world, shop, late)
    assert thanked_names(world, shop, told) == {"Early": "open", "Late": None}
    answer = thank(world, shop, told, kind="call", what="We changed the lamps, come and see.")
    assert answer["figures"]["thanked"] == 2
    thank(world, shop, told)
    made = {one["customer_id"]: (one["kind"], one["what"]) for one in follow_ups(world, shop, told)}
    assert made == {early: ("message", told["what"]), late: ("call", "We changed the lamps, come and see.")}
    assert len(follow_ups(world, shop, told)) == 2


def test_a_repeat_by_key_shows_the_fix_as_it_is(world: World, shop: Shop) -> None:
    raised_by(world, shop, regular(world, shop, "Beatriz"))
    world.clock.move(days=1)
    body = {**COLD, "id": "01a2057b-741c-7631-8cca-22605be163db", "what": "New lamps.", "store_id": str(shop.store_id)}
    made, again = (ask(world, shop, "POST", "/fixes", json=body) for _ in range(2))
    assert (made.status_code, again.status_code, again.json) == (201, 200, made.json)
    path, key = f"/fixes/{body['id']}/thank-yous", {"Idempotency-Key": "k"}
    first, second = (ask(world, shop, "POST", path, json={"due_at": DUE}, headers=key) for _ in range(2))
    assert first.json["figures"]["thanked"] == 1
    assert (second.status_code, second.headers["Idempotent-Replayed"]) == (200, "true")
    assert second.json == first.json


def test_a_cancelled_thank_you_was_not_wanted_and_is_not_made_again(world: World, shop: Shop) -> None:
    raised_by(world, shop, regular(world, shop, "Beatriz"))
    world.clock.move(days=1)
    told = fix(world, shop)
    thank(world, shop, told)
    (made,) = follow_ups(world, shop, told)
    ask(world, shop, "POST", f"/follow-ups/{made['id']}/cancel", json={"note": "No, thank you."})
    thank(world, shop, told)
    assert thanked_names(world, shop, told) == {"Beatriz": "cancelled"}
    assert len(follow_ups(world, shop, told)) == 1


def test_who_praised_or_came_later_or_told_of_something_else_did_not_raise_it(world: World, shop: Shop) -> None:
    for name, said in {
        "Praise": {"kind": "praise"},
        "Another cause": {"category": "waiting-time", "cause": "kitchen"},
        "No cause": {"category": "food", "cause": None},
    }.items():
        raised_by(world, shop, regular(world, shop, name), **said)
    raised_by(world, shop, regular(world, shop, "Asked for it"), kind="request")
    world.clock.move(days=1)
    told = fix(world, shop)
    raised_by(world, shop, regular(world, shop, "The same moment"))
    assert list(thanked_names(world, shop, told)) == ["Asked for it"]
    assert (told["figures"]["raised"], told["figures"]["left"]) == (1, 1)


def test_a_fix_may_be_told_afterwards_and_not_ahead(world: World, shop: Shop) -> None:
    raised_by(world, shop, regular(world, shop, "Before"))
    world.clock.move(days=2)
    raised_by(world, shop, regular(world, shop, "After"))
    told = fix(world, shop, fixed_at="2026-03-04T12:00:00Z")
    assert list(thanked_names(world, shop, told)) == ["Before"]
    assert (told["figures"]["raised"], told["figures"]["raised_since"]) == (1, 1)
    ahead = {**COLD, "what": "Soon.", "store_id": str(shop.store_id), "fixed_at": "2026-03-05T12:00:01Z"}
    error(ask(world, shop, "POST", "/fixes", json=ahead), "body", "/fixed_at")


def test_two_profiles_that_are_one_person_are_thanked_once(world: World, shop: Shop) -> None:
    one, other = regular(world, shop, "Beatriz"), regular(world, shop, "B. Nevoeiro", agrees=None)
    raised_by(world, shop, one)
    world.clock.move(minutes=1)
    newest = raised_by(world, shop, other)
    world.clock.move(days=1)
    told = fix(world, shop)
    merged = ask(world, shop, "POST", f"/customers/{one}/merge", json={"customer_id": other}).json
    assert [item["concern"]["id"] for item in customers(world, shop, told)] == [newest["id"]]
    thank(world, shop, told)
    assert thanked_names(world, shop, told) == {"Beatriz": "open"}
    ask(world, shop, "POST", f"/customers/merges/{merged['id']}/undo")
    agree(world, shop, other)
    assert thanked_names(world, shop, told) == {"Beatriz": None, "B. Nevoeiro": "open"}  # it was about that concern


def test_of_two_who_were_thanked_and_are_one_the_kept_thank_you_is_shown(world: World, shop: Shop) -> None:
    one, other = regular(world, shop, "Beatriz"), regular(world, shop, "B. Nevoeiro")
    for customer_id in (one, other):
        raised_by(world, shop, customer_id)
    world.clock.move(days=1)
    told = fix(world, shop)
    thank(world, shop, told)
    kept = next(made for made in follow_ups(world, shop, told) if made["customer_id"] == other)
    ask(world, shop, "POST", f"/follow-ups/{kept['id']}/keep", json={})
    ask(world, shop, "POST", f"/customers/{one}/merge", json={"customer_id": other})
    (shown,) = customers(world, shop, told)
    assert shown["thank_you"] == {"id": kept["id"], "status": "kept"}
    expected = {**figures(raised=2, thanked=1), "loop_back_rate": rate(1, 1)}
    assert ask(world, shop, "GET", f"/fixes/{told['id']}").json["figures"] == expected


def test_what_is_fixed_everywhere_is_thanked_for_by_each_store_and_nobody_twice(world: World, shop: Shop) -> None:
    shop.staff["manager-there"], shop.tokens["manager-there"] = hire(world, shop, "manager-there", Role.MANAGER)
    here, both = regular(world, shop, "Here"), regular(world, shop, "Both", loyalty_number="4711")
    raised_by(world, shop, here)
    raised_by(world, shop, both)
    world.clock.move(minutes=1)
    there = {"customer": {"loyalty_number": "4711"}, "store_id": str(shop.other_store_id)}
    raised_by(world, shop, None, by="manager-there", **there)
    world.clock.move(days=1)
    error(ask(world, shop, "POST", "/fixes", json={**COLD, "what": "New lamps."}), "body", "/store_id")
    error(ask(world, shop, "POST", "/fixes", "regional", json={**COLD, "what": "New lamps."}), "body", "/store_id")
    told = fix(world, shop, "admin", store_id=None)
    assert (told["store_id"], told["figures"]["raised"]) == (None, 3)
    assert thank(world, shop, told, by="manager-there")["figures"]["thanked"] == 1
    assert thanked_names(world, shop, told, "manager") == {"Both": "open", "Here": None}
    (theirs, _) = customers(world, shop, told, "manager")
    assert theirs["thank_you"] == {"id": None, "status": "open"}  # it belongs to the other store
    assert thank(world, shop, told)["figures"] == {**figures(raised=2, thanked=2), "loop_back_rate": rate(0, 2)}
    assert [one["customer_id"] for one in follow_ups(world, shop, told, "admin")] == [both, here]


def test_fixes_are_listed_newest_first_and_narrowed(world: World, shop: Shop) -> None:
    cold = fix(world, shop)
    world.clock.move(days=1)
    kitchen = fix(world, shop, category="waiting-time", cause="kitchen")
    everywhere = fix(world, shop, "admin", store_id=None, fixed_at="2026-03-04T11:00:00Z")
    assert listed(world, shop) == [kitchen["id"], everywhere["id"], cold["id"]]
    assert listed(world, shop, "elsewhere") == [everywhere["id"]]
    assert listed(world, shop, cause="cold") == [everywhere["id"], cold["id"]]
    assert listed(world, shop, store_id=shop.store_id, cause="cold") == [cold["id"]]
    assert "figures" not in ask(world, shop, "GET", "/fixes").json["items"][0]


def test_a_cause_that_is_not_there_cannot_be_fixed(world: World, shop: Shop) -> None:
    for wrong, pointer in (
        ({"cause": "warm"}, "/cause"),
        ({"category": "allergy"}, "/cause"),
        ({"category": "x"}, "/category"),
    ):
        body = {**COLD, "what": "New lamps.", "store_id": str(shop.store_id), **wrong}
        assert problem(ask(world, shop, "POST", "/fixes", json=body), 404, "not-found")["pointer"] == pointer
    body = {**COLD, "what": "New lamps.", "store_id": str(shop.other_store_id)}
    assert problem(ask(world, shop, "POST", "/fixes", json=body), 404, "not-found")["pointer"] == "/store_id"


def test_an_order_of_who_raised_it_last_goes_on_from_page_to_page(world: World, shop: Shop) -> None:
    names = [f"Regular {number}" for number in range(5)]
    for name in names:
        customer_id = regular(world, shop, name)
        raised_by(world, shop, customer_id)
        world.clock.move(minutes=1)
    again = raised_by(world, shop, log_concern(world, shop, customer={"name": "Nobody"}, mood=3)["customer_id"])
    assert again["status"] == "open"
    world.clock.move(days=1)
    told = fix(world, shop)
    found: list[Any] = []
    cursor: dict[str, str] = {}
    while True:
        page = ask(world, shop, "GET", f"/fixes/{told['id']}/customers", query_string={"limit": 2, **cursor}).json
        found += [item["customer"]["name"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert found == names[::-1]


def listed(world: World, shop: Shop, by: str = "manager", **query: Any) -> list[str]:
    return [one["id"] for one in ask(world, shop, "GET", "/fixes", by, query_string=query).json["items"]]


def rate(numerator: int, denominator: int) -> dict[str, Any]:
    return {"value": None, "numerator": numerator, "denominator": denominator}
