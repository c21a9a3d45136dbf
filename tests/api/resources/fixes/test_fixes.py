"""Fixes over HTTP: who raised the cause, who is thanked, and who reads which fields."""

from typing import Any

from models.access import Role
from tests.support.app import App
from tests.support.assertions import assert_invalid_value
from tests.support.factories.concerns import log_concern, move
from tests.support.factories.customers import make_customer, set_consent
from tests.support.factories.fixes import (
    COLD_FOOD,
    DUE,
    customers_of_fix,
    fix_figures,
    follow_ups_of_fix,
    log_concern_of,
    make_fix,
    make_thank_yous,
    request,
    thank_you_statuses,
)
from tests.support.factories.full_organization import hire_elsewhere
from tests.support.factories.organizations import Shop
from tests.support.sign_in import sign_in_again


def test_the_menu_was_wrong_and_who_said_so_is_thanked_by_name(app: App, shop: Shop) -> None:
    beatriz, shiv = make_customer(app, shop, "Beatriz"), make_customer(app, shop, "Siobhan", preferred_name="Shiv")
    silent, unasked = (
        make_customer(app, shop, "Silent", agrees=False),
        make_customer(app, shop, "Unasked", agrees=None),
    )
    for customer_id in (beatriz, silent, unasked, shiv):
        app.clock.move(minutes=1)
        move(app, shop, log_concern_of(app, shop, customer_id), "resolve")
    newest = log_concern_of(app, shop, beatriz)
    log_concern_of(app, shop, None)
    app.clock.move(days=7)
    fix = make_fix(app, shop, what="The menu names every nut now.")
    assert fix == {
        **COLD_FOOD,
        "id": fix["id"],
        "store_id": str(shop.store_id),
        "what": "The menu names every nut now.",
        "fixed_at": "2026-03-10T12:04:00Z",
        "told_by": {"id": str(shop.staff["manager"]), "name": "Manager of acme"},
        "figures": {**fix_figures(raised=6, left=2), "loop_back_rate": rate(0, 2)},
    }
    first, second = customers_of_fix(app, shop, fix)
    assert first == {
        "customer": {"id": beatriz, "name": "Beatriz", "preferred_name": None, "pronunciation": None},
        "concern": {"id": newest["id"], "store_id": str(shop.store_id), "business_date": "2026-03-03"},
        "thank_you": None,
    }
    assert second["customer"]["preferred_name"] == "Shiv"

    assert make_thank_yous(app, shop, fix)["figures"] == {
        **fix_figures(raised=6, thanked=2),
        "loop_back_rate": rate(0, 2),
    }
    made = follow_ups_of_fix(app, shop, fix)
    assert {follow_up["customer_id"] for follow_up in made} == {beatriz, shiv}
    assert {(follow_up["what"], follow_up["kind"], follow_up["status"]) for follow_up in made} == {
        ("The menu names every nut now.", "message", "open")
    }
    first, second = customers_of_fix(app, shop, fix)
    (hers,) = (follow_up for follow_up in made if follow_up["customer_id"] == beatriz)
    assert (hers["concern_id"], first["thank_you"]) == (newest["id"], {"id": hers["id"], "status": "open"})
    steps = request(app, shop, "GET", f"/concerns/{newest['id']}/events").json["items"]
    assert (steps[-1]["step"], steps[-1]["details"]["fix_id"]) == ("promised", fix["id"])

    request(app, shop, "POST", f"/follow-ups/{hers['id']}/keep", json={})
    app.clock.move(days=1)
    log_concern_of(app, shop, shiv)
    expected = {**fix_figures(raised=6, since=1, thanked=2), "loop_back_rate": rate(1, 2)}
    assert request(app, shop, "GET", f"/fixes/{fix['id']}").json["figures"] == expected


def test_the_rate_has_a_value_from_ten_customers_on(app: App, shop: Shop) -> None:
    for number in range(9):
        log_concern_of(app, shop, make_customer(app, shop, f"Regular {number}"))
    app.clock.move(days=1)
    few = make_fix(app, shop)
    log_concern_of(app, shop, make_customer(app, shop, "The tenth"))
    app.clock.move(days=1)
    enough = make_fix(app, shop)
    for told, value in ((few, None), (enough, 0.1)):
        make_thank_yous(app, shop, told)
        (one, *_) = follow_ups_of_fix(app, shop, told)
        request(app, shop, "POST", f"/follow-ups/{one['id']}/keep", json={})
        loop_back = request(app, shop, "GET", f"/fixes/{told['id']}").json["figures"]["loop_back_rate"]
        assert loop_back == {"value": value, "numerator": 1, "denominator": 9 if value is None else 10}


def test_a_second_call_thanks_only_who_is_lacking(app: App, shop: Shop) -> None:
    early, late = make_customer(app, shop, "Early"), make_customer(app, shop, "Late", agrees=None)
    log_concern_of(app, shop, early)
    log_concern_of(app, shop, late)
    app.clock.move(days=1)
    fix = make_fix(app, shop)
    make_thank_yous(app, shop, fix)
    set_consent(app, shop, late)
    assert thank_you_statuses(app, shop, fix) == {"Early": "open", "Late": None}
    answer = make_thank_yous(app, shop, fix, kind="call", what="We changed the lamps, come and see.")
    assert answer["figures"]["thanked"] == 2
    make_thank_yous(app, shop, fix)
    made = {
        follow_up["customer_id"]: (follow_up["kind"], follow_up["what"])
        for follow_up in follow_ups_of_fix(app, shop, fix)
    }
    assert made == {early: ("message", fix["what"]), late: ("call", "We changed the lamps, come and see.")}
    assert len(follow_ups_of_fix(app, shop, fix)) == 2


def test_a_repeat_by_key_shows_the_fix_as_it_is(app: App, shop: Shop) -> None:
    log_concern_of(app, shop, make_customer(app, shop, "Beatriz"))
    app.clock.move(days=1)
    body = {
        **COLD_FOOD,
        "id": "01a2057b-741c-7631-8cca-22605be163db",
        "what": "New lamps.",
        "store_id": str(shop.store_id),
    }
    made, again = (request(app, shop, "POST", "/fixes", json=body) for _ in range(2))
    assert (made.status_code, again.status_code, again.json) == (201, 200, made.json)
    path, key = f"/fixes/{body['id']}/thank-yous", {"Idempotency-Key": "k"}
    first, second = (request(app, shop, "POST", path, json={"due_at": DUE}, headers=key) for _ in range(2))
    assert first.json["figures"]["thanked"] == 1
    assert (second.status_code, second.headers["Idempotent-Replayed"]) == (200, "true")
    assert second.json == first.json


def test_a_cancelled_thank_you_was_not_wanted_and_is_not_made_again(app: App, shop: Shop) -> None:
    log_concern_of(app, shop, make_customer(app, shop, "Beatriz"))
    app.clock.move(days=1)
    fix = make_fix(app, shop)
    make_thank_yous(app, shop, fix)
    (made,) = follow_ups_of_fix(app, shop, fix)
    request(app, shop, "POST", f"/follow-ups/{made['id']}/cancel", json={"note": "No, thank you."})
    make_thank_yous(app, shop, fix)
    assert thank_you_statuses(app, shop, fix) == {"Beatriz": "cancelled"}
    assert len(follow_ups_of_fix(app, shop, fix)) == 1


def test_who_praised_or_came_later_or_reported_something_else_did_not_raise_it(app: App, shop: Shop) -> None:
    for name, fields in {
        "Praise": {"kind": "praise"},
        "Another cause": {"category": "waiting-time", "cause": "kitchen"},
        "No cause": {"category": "food", "cause": None},
    }.items():
        log_concern_of(app, shop, make_customer(app, shop, name), **fields)
    log_concern_of(app, shop, make_customer(app, shop, "Asked for it"), kind="request")
    app.clock.move(days=1)
    fix = make_fix(app, shop)
    log_concern_of(app, shop, make_customer(app, shop, "The same moment"))
    assert list(thank_you_statuses(app, shop, fix)) == ["Asked for it"]
    assert (fix["figures"]["raised"], fix["figures"]["left"]) == (1, 1)


def test_a_fix_may_be_entered_afterwards_and_not_ahead(app: App, shop: Shop) -> None:
    log_concern_of(app, shop, make_customer(app, shop, "Before"))
    app.clock.move(days=2)
    log_concern_of(app, shop, make_customer(app, shop, "After"))
    fix = make_fix(app, shop, fixed_at="2026-03-04T12:00:00Z")
    assert list(thank_you_statuses(app, shop, fix)) == ["Before"]
    assert (fix["figures"]["raised"], fix["figures"]["raised_since"]) == (1, 1)
    ahead = {**COLD_FOOD, "what": "Soon.", "store_id": str(shop.store_id), "fixed_at": "2026-03-05T12:00:01Z"}
    assert_invalid_value(request(app, shop, "POST", "/fixes", json=ahead), "body", "/fixed_at")


def test_two_profiles_that_are_one_person_are_thanked_once(app: App, shop: Shop) -> None:
    one, other = make_customer(app, shop, "Beatriz"), make_customer(app, shop, "B. Nevoeiro", agrees=None)
    log_concern_of(app, shop, one)
    app.clock.move(minutes=1)
    newest = log_concern_of(app, shop, other)
    app.clock.move(days=1)
    fix = make_fix(app, shop)
    merged = request(app, shop, "POST", f"/customers/{one}/merge", json={"customer_id": other}).json
    assert [item["concern"]["id"] for item in customers_of_fix(app, shop, fix)] == [newest["id"]]
    make_thank_yous(app, shop, fix)
    assert thank_you_statuses(app, shop, fix) == {"Beatriz": "open"}
    request(app, shop, "POST", f"/customers/merges/{merged['id']}/undo")
    set_consent(app, shop, other)
    assert thank_you_statuses(app, shop, fix) == {
        "Beatriz": None,
        "B. Nevoeiro": "open",
    }  # it was about that concern


def test_of_two_who_were_thanked_and_are_one_the_kept_thank_you_is_shown(app: App, shop: Shop) -> None:
    one, other = make_customer(app, shop, "Beatriz"), make_customer(app, shop, "B. Nevoeiro")
    for customer_id in (one, other):
        log_concern_of(app, shop, customer_id)
    app.clock.move(days=1)
    fix = make_fix(app, shop)
    make_thank_yous(app, shop, fix)
    kept_thank_you = next(made for made in follow_ups_of_fix(app, shop, fix) if made["customer_id"] == other)
    request(app, shop, "POST", f"/follow-ups/{kept_thank_you['id']}/keep", json={})
    request(app, shop, "POST", f"/customers/{one}/merge", json={"customer_id": other})
    (shown,) = customers_of_fix(app, shop, fix)
    assert shown["thank_you"] == {"id": kept_thank_you["id"], "status": "kept"}
    expected = {**fix_figures(raised=2, thanked=1), "loop_back_rate": rate(1, 1)}
    assert request(app, shop, "GET", f"/fixes/{fix['id']}").json["figures"] == expected


def test_what_is_fixed_everywhere_is_thanked_for_by_each_store_and_nobody_twice(app: App, shop: Shop) -> None:
    shop.staff["manager-there"], shop.tokens["manager-there"] = hire_elsewhere(app, shop, "manager-there", Role.MANAGER)
    here, both = make_customer(app, shop, "Here"), make_customer(app, shop, "Both", loyalty_number="4711")
    log_concern_of(app, shop, here)
    log_concern_of(app, shop, both)
    app.clock.move(minutes=1)
    there = {"customer": {"loyalty_number": "4711"}, "store_id": str(shop.other_store_id)}
    log_concern_of(app, shop, None, by="manager-there", **there)
    app.clock.move(days=1)
    sign_in_again(app, shop)
    assert_invalid_value(
        request(app, shop, "POST", "/fixes", json={**COLD_FOOD, "what": "New lamps."}), "body", "/store_id"
    )
    assert_invalid_value(
        request(app, shop, "POST", "/fixes", "regional", json={**COLD_FOOD, "what": "New lamps."}),
        "body",
        "/store_id",
    )
    fix = make_fix(app, shop, "admin", store_id=None)
    assert (fix["store_id"], fix["figures"]["raised"]) == (None, 3)
    assert make_thank_yous(app, shop, fix, by="manager-there")["figures"]["thanked"] == 1
    assert thank_you_statuses(app, shop, fix, "manager") == {"Both": "open", "Here": None}
    (theirs, _) = customers_of_fix(app, shop, fix, "manager")
    assert theirs["thank_you"] == {"id": None, "status": "open"}  # it belongs to the other store
    assert make_thank_yous(app, shop, fix)["figures"] == {
        **fix_figures(raised=2, thanked=2),
        "loop_back_rate": rate(0, 2),
    }
    assert [follow_up["customer_id"] for follow_up in follow_ups_of_fix(app, shop, fix, "admin")] == [both, here]


def test_fixes_are_listed_newest_first_and_narrowed(app: App, shop: Shop) -> None:
    cold = make_fix(app, shop)
    app.clock.move(days=1)
    sign_in_again(app, shop)
    kitchen = make_fix(app, shop, category="waiting-time", cause="kitchen")
    everywhere = make_fix(app, shop, "admin", store_id=None, fixed_at="2026-03-04T11:00:00Z")
    assert listed(app, shop) == [kitchen["id"], everywhere["id"], cold["id"]]
    assert listed(app, shop, "elsewhere") == [everywhere["id"]]
    assert listed(app, shop, cause="cold") == [everywhere["id"], cold["id"]]
    assert listed(app, shop, store_id=shop.store_id, cause="cold") == [cold["id"]]
    assert "figures" not in request(app, shop, "GET", "/fixes").json["items"][0]


def test_a_cause_that_is_not_there_cannot_be_fixed(app: App, shop: Shop) -> None:
    for wrong, pointer in (
        ({"cause": "warm"}, "/cause"),
        ({"category": "allergy"}, "/cause"),
        ({"category": "x"}, "/category"),
    ):
        body = {**COLD_FOOD, "what": "New lamps.", "store_id": str(shop.store_id), **wrong}
        assert_invalid_value(request(app, shop, "POST", "/fixes", json=body), "body", pointer, "not-found")
    body = {**COLD_FOOD, "what": "New lamps.", "store_id": str(shop.other_store_id)}
    assert_invalid_value(request(app, shop, "POST", "/fixes", json=body), "body", "/store_id", "not-found")


def test_an_order_of_who_raised_it_last_goes_on_from_page_to_page(app: App, shop: Shop) -> None:
    names = [f"Regular {number}" for number in range(5)]
    for name in names:
        customer_id = make_customer(app, shop, name)
        log_concern_of(app, shop, customer_id)
        app.clock.move(minutes=1)
    again = log_concern_of(app, shop, log_concern(app, shop, customer={"name": "Nobody"}, mood=3)["customer_id"])
    assert again["status"] == "open"
    app.clock.move(days=1)
    fix = make_fix(app, shop)
    names_of_pages: list[Any] = []
    cursor: dict[str, str] = {}
    while True:
        page = request(app, shop, "GET", f"/fixes/{fix['id']}/customers", query_string={"limit": 2, **cursor}).json
        names_of_pages += [item["customer"]["name"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert names_of_pages == names[::-1]


def listed(app: App, shop: Shop, by: str = "manager", **query: Any) -> list[str]:
    return [fix["id"] for fix in request(app, shop, "GET", "/fixes", by, query_string=query).json["items"]]


def rate(numerator: int, denominator: int) -> dict[str, Any]:
    return {"value": None, "numerator": numerator, "denominator": denominator}
