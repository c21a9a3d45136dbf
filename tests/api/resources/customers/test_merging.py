"""Merging two customers over HTTP: preview, merge, undo."""

from typing import Any

import pytest
from sqlalchemy import select

from models.customers.customer import Customer
from models.db.change_feed import Change
from tests.support.app import App
from tests.support.assertions import assert_problem
from tests.support.factories.concerns import edit, log_concern
from tests.support.factories.organizations import Shop
from tests.support.rows import rows

PHONE, OTHER_PHONE = "+351912345678", "+351930000000"
ANY = {"If-Match": "*"}


def ask(
    app: App, shop: Shop, method: str, path: str, login: str = "manager", *, status: int = 200, **options: Any
) -> Any:
    answer = app.request(method, f"/v1/customers{path}", (shop, login), **options)
    assert answer.status_code == status, answer.text
    return answer.json


def create(app: App, shop: Shop, login: str = "floor", **said: Any) -> str:
    return str(ask(app, shop, "POST", "", login, status=201, json=said)["id"])


def merge(app: App, shop: Shop, survivor: str, other: str, *, status: int = 200, **said: Any) -> Any:
    return ask(app, shop, "POST", f"/{survivor}/merge", status=status, json={"customer_id": other, **said})


def undo(app: App, shop: Shop, merged: Any, *, status: int = 200) -> Any:
    return ask(app, shop, "POST", f"/merges/{merged['id']}/undo", status=status)


def test_a_preview_shows_what_would_move_and_changes_nothing(app: App, shop: Shop) -> None:
    ana = create(app, shop, name="Ana", phone=PHONE, tags=["regular"])
    other = create(app, shop, "elsewhere", name="Ana L.", email="ana@example.org", tags=["vip"])
    ask(app, shop, "POST", "/search", json={"email": "ana@example.org"})
    ask(app, shop, "POST", f"/{other}/meet", json={})
    log_concern(app, shop, "key", customer_id=other)
    reference = {"source": "till", "reference": "1"}
    ask(app, shop, "PATCH", f"/{other}", json={"references": [reference]}, headers=ANY)
    before = [ask(app, shop, "GET", f"/{customer_id}") for customer_id in (ana, other)]
    key = {"Idempotency-Key": "k"}
    options = {"json": {"customer_id": other, "preview": True}, "headers": key}
    for _ in range(2):
        preview = ask(app, shop, "POST", f"/{ana}/merge", **options)
        assert preview == {
            "id": None,
            "customer_id": ana,
            "merged_customer_id": other,
            "moved": {"concerns": 1, "references": 1, "stores": 1},
            "taken_over": ["email"],
            "merged_at": None,
            "undone_at": None,
        }
    assert [ask(app, shop, "GET", f"/{customer_id}") for customer_id in (ana, other)] == before


def test_a_malformed_key_is_refused_with_a_preview_as_with_a_merge(app: App, shop: Shop) -> None:
    ana, other = (create(app, shop, name="Ana", phone=phone) for phone in (PHONE, OTHER_PHONE))
    for preview in (True, False):
        body, headers = {"customer_id": other, "preview": preview}, {"Idempotency-Key": "two words"}
        answer = app.request("POST", f"/v1/customers/{ana}/merge", (shop, "manager"), json=body, headers=headers)
        assert_problem(answer, 422, "invalid-idempotency-key")


def test_the_survivor_gets_what_it_lacks_and_keeps_what_it_has(app: App, shop: Shop) -> None:
    ana = create(app, shop, name="Ana", phone=PHONE, consent={"contact": True, "source": "web"})
    app.clock.move(hours=1)
    refusal = {"contact": False, "source": "phone"}
    allergies = {"allergies": "peanuts", "allergies_consent": True}
    other = create(app, shop, name="Ana L.", phone=OTHER_PHONE, email="ana@example.org", consent=refusal, **allergies)
    concern = log_concern(app, shop, customer_id=other)
    merged = merge(app, shop, ana, other)
    assert merged["taken_over"] == ["email", "consent", "allergies"]
    survivor = ask(app, shop, "GET", f"/{ana}")
    profile = {name: survivor[name] for name in ("name", "phone", "email", "allergies", "version")}
    assert profile == {"name": "Ana", "phone": PHONE, "email": "ana@example.org", "allergies": "peanuts", "version": 2}
    assert survivor["consent"] == {**refusal, "given_at": "2026-03-03T13:00:00Z"}  # the latest word
    moved = app.request("GET", f"/v1/concerns/{concern['id']}", (shop, "floor")).json
    assert (moved["customer_id"], moved["version"]) == (ana, concern["version"] + 1)
    with app.back_office.reading(shop.organization_id) as session:
        last = session.scalars(select(Change).order_by(Change.seq.desc()).limit(3)).all()
    assert {str(change.object_id) for change in last} == {ana, other, concern["id"]}  # phones hear of it


def test_no_allergy_is_lost_from_sight(app: App, shop: Shop) -> None:
    ana, other = (
        create(app, shop, name="Ana", allergies=allergy, allergies_consent=True) for allergy in ("nuts", "sesame")
    )
    merged = merge(app, shop, ana, other)
    assert ask(app, shop, "GET", f"/{ana}")["allergies"] == "nuts; sesame"
    undo(app, shop, merged)
    assert [ask(app, shop, "GET", f"/{customer_id}")["allergies"] for customer_id in (ana, other)] == ["nuts", "sesame"]


def test_who_was_merged_is_not_there_but_their_contacts_lead_to_the_survivor(app: App, shop: Shop) -> None:
    ana, other = create(app, shop, name="Ana", phone=PHONE), create(app, shop, name="Ana", phone=OTHER_PHONE)
    merge(app, shop, ana, other)
    assert ask(app, shop, "GET", f"/{other}", status=404)["merged_into"] == ana
    assert [customer["id"] for customer in ask(app, shop, "GET", "")["items"]] == [ana]
    assert ask(app, shop, "GET", f"/{ana}/duplicates")["items"] == []
    matches = ask(app, shop, "POST", "/search", json={"phone": OTHER_PHONE})
    assert [customer["id"] for customer in matches["items"]] == [ana]
    assert log_concern(app, shop, customer={"phone": OTHER_PHONE})["customer_id"] == ana
    assert log_concern(app, shop, customer_id=other)["customer_id"] == ana  # a phone that had not heard of it
    concern = log_concern(app, shop)
    assert edit(app, shop, concern, customer_id=other)["customer_id"] == ana
    assert ask(app, shop, "POST", "", "floor", status=409, json={"phone": OTHER_PHONE})["code"] == "already-exists"


def test_whoever_met_one_of_the_two_reads_the_survivor(app: App, shop: Shop) -> None:
    ana, other = create(app, shop, name="Ana"), create(app, shop, phone=PHONE)
    first_met_there = create(app, shop, "elsewhere", phone=OTHER_PHONE)
    ask(app, shop, "POST", "/search", "elsewhere", json={"phone": PHONE})
    ask(app, shop, "GET", f"/{ana}", "elsewhere", status=404)
    merged = merge(app, shop, ana, other)
    ask(app, shop, "GET", f"/{ana}", "elsewhere")
    undo(app, shop, merged)
    ask(app, shop, "GET", f"/{ana}", "elsewhere", status=404)
    ask(app, shop, "GET", f"/{other}", "elsewhere")
    ask(app, shop, "POST", "/search", json={"phone": OTHER_PHONE})
    ask(app, shop, "POST", f"/{first_met_there}/meet", json={})
    merge(app, shop, ana, first_met_there)
    ask(app, shop, "GET", f"/{ana}", "elsewhere")


def test_what_was_merged_before_moves_along(app: App, shop: Shop) -> None:
    first, second, third = (create(app, shop, phone=f"+35191234567{n}") for n in range(3))
    inner, outer = merge(app, shop, second, third), merge(app, shop, first, second)
    matches = ask(app, shop, "POST", "/search", json={"phone": "+351912345672"})
    assert [customer["id"] for customer in matches["items"]] == [first]
    undo(app, shop, inner, status=409)
    undo(app, shop, outer)
    undo(app, shop, inner)
    assert {customer["id"] for customer in ask(app, shop, "GET", "")["items"]} == {first, second, third}


def test_merges_into_one_survivor_are_undone_last_first(app: App, shop: Shop) -> None:
    ana, second, third = (create(app, shop, name="Ana") for _ in range(3))
    earlier, later = merge(app, shop, ana, second), merge(app, shop, ana, third)
    undo(app, shop, earlier, status=409)
    for merged in (later, earlier):
        assert undo(app, shop, merged)["undone_at"]
        undo(app, shop, merged, status=409)


def test_a_contact_that_is_in_use_meanwhile_stands_in_the_way(app: App, shop: Shop) -> None:
    ana, other = create(app, shop, name="Ana"), create(app, shop, phone=PHONE)
    merged = merge(app, shop, ana, other)
    ask(app, shop, "PATCH", f"/{ana}", json={"phone": OTHER_PHONE}, headers=ANY)
    rui = create(app, shop, phone=PHONE)
    assert "phone" in undo(app, shop, merged, status=409)["detail"]
    ask(app, shop, "PATCH", f"/{rui}", json={"phone": None, "name": "Rui"}, headers=ANY)
    undo(app, shop, merged)
    assert [ask(app, shop, "GET", f"/{customer_id}")["phone"] for customer_id in (ana, other)] == [OTHER_PHONE, PHONE]


def test_a_survivor_may_be_given_the_contact_of_who_was_merged(app: App, shop: Shop) -> None:
    ana, other = create(app, shop, phone=PHONE), create(app, shop, phone=OTHER_PHONE)
    merged = merge(app, shop, ana, other)
    ask(app, shop, "PATCH", f"/{ana}", json={"phone": OTHER_PHONE}, headers=ANY)
    undo(app, shop, merged, status=409)
    ask(app, shop, "PATCH", f"/{ana}", json={"phone": PHONE}, headers=ANY)
    undo(app, shop, merged)
    assert {row.phone for row in rows(app, Customer)} == {PHONE, OTHER_PHONE}


def test_nobody_is_left_without_a_name_and_a_contact(app: App, shop: Shop) -> None:
    ana, other = create(app, shop, name="Ana"), create(app, shop, phone=PHONE)
    merged = merge(app, shop, ana, other)
    ask(app, shop, "PATCH", f"/{ana}", json={"name": None}, headers=ANY)
    assert "neither" in undo(app, shop, merged, status=409)["detail"]


def test_what_was_logged_since_stays_where_it_is(app: App, shop: Shop) -> None:
    ana, other = create(app, shop, phone=PHONE), create(app, shop, "elsewhere", name="Lima", phone=OTHER_PHONE)
    ask(app, shop, "POST", "/search", json={"phone": OTHER_PHONE})
    ask(app, shop, "POST", f"/{other}/meet", json={})
    merged = merge(app, shop, ana, other)
    ask(app, shop, "PATCH", f"/{ana}", json={"name": "Ana"}, headers=ANY)
    since = log_concern(app, shop, "elsewhere", customer_id=ana, store_id=str(shop.other_store_id))
    undo(app, shop, merged)
    assert ask(app, shop, "GET", f"/{ana}", "elsewhere")["name"] == "Ana"  # met there on their own since
    concern = app.request("GET", f"/v1/concerns/{since['id']}", (shop, "elsewhere")).json
    assert concern["customer_id"] == ana


def test_a_repeated_merge_and_a_repeated_undo_are_answered_again(app: App, shop: Shop) -> None:
    ana, other = create(app, shop, name="Ana"), create(app, shop, name="Ana")
    options = {"headers": {"Idempotency-Key": "k"}}
    merge_options = {"json": {"customer_id": other}, **options}
    first, again = (ask(app, shop, "POST", f"/{ana}/merge", **merge_options) for _ in range(2))
    assert first == again
    undone, repeated = (ask(app, shop, "POST", f"/merges/{first['id']}/undo", **options) for _ in range(2))
    assert undone == repeated


def test_only_managers_and_admins_say_that_two_are_one(app: App, shop: Shop) -> None:
    ana, other = create(app, shop, name="Ana"), create(app, shop, name="Ana")
    for login in ("floor", "hq", "key"):
        ask(app, shop, "POST", f"/{ana}/merge", login, status=403, json={"customer_id": other})
    merge(app, shop, ana, ana, status=422)
    there = create(app, shop, "elsewhere", name="Ana")
    (unknown,) = merge(app, shop, ana, there, status=422)["errors"]
    assert (unknown["in"], unknown["pointer"], unknown["code"]) == ("body", "/customer_id", "not-found")
    for survivor, gone in ((ana, other), (other, ana)):
        merge(app, shop, survivor, gone, status=200 if survivor == ana else 404)


@pytest.mark.parametrize("made_here", [True, False])
def test_a_store_that_read_one_of_the_two_reads_the_survivor_until_the_merge_is_undone(
    app: App, shop: Shop, *, made_here: bool
) -> None:
    """Also where it knew the survivor without having opened their profile."""
    survivor = create(app, shop, "elsewhere", name="Ana", phone=PHONE)
    log_concern(app, shop, "floor", customer={"phone": PHONE})  # met, not opened
    other = create(app, shop, "floor" if made_here else "elsewhere", name="Ana L.", phone=OTHER_PHONE)
    if not made_here:
        log_concern(app, shop, "floor", customer={"phone": OTHER_PHONE})
        ask(app, shop, "POST", f"/{other}/meet", "floor", json={})

    def reads() -> list[bool]:
        seen = [app.request("GET", f"/v1/customers/{id_}", (shop, "floor")) for id_ in (survivor, other)]
        return [bool(answer.json.get("met")) for answer in seen]

    assert reads() == [False, True]
    merged = ask(app, shop, "POST", f"/{survivor}/merge", "admin", json={"customer_id": other})
    assert reads() == [True, False]
    ask(app, shop, "POST", f"/merges/{merged['id']}/undo", "admin")
    assert reads() == [False, True]


def test_a_merge_opens_nothing_to_a_store_that_had_only_found_the_two(app: App, shop: Shop) -> None:
    ana, other = (create(app, shop, "elsewhere", name="Ana", phone=phone) for phone in (PHONE, OTHER_PHONE))
    for phone in (PHONE, OTHER_PHONE):
        assert not ask(app, shop, "POST", "/search", "floor", json={"phone": phone})["items"][0]["met"]
    ask(app, shop, "POST", f"/{ana}/merge", "admin", json={"customer_id": other})
    shown = ask(app, shop, "GET", f"/{ana}", "floor")
    assert (shown["name"], shown["met"], shown["phone"]) == ("Ana", False, None)
