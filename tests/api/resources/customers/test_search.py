"""The search for customers: exactly one contact anywhere, or a few profiles of one's own stores."""

from typing import Any

import pytest

from models.organizations.store import Store
from tests.support.app import App
from tests.support.factories.organizations import Shop

SWITCHBOARD = "+351 21 000 0020"


def create(app: App, shop: Shop, login: str = "key", **said: Any) -> str:
    answer = app.request("POST", "/v1/customers", (shop, login), json=said)
    assert answer.status_code == 201, answer.text
    return str(answer.json["id"])


def found(app: App, shop: Shop, login: str = "floor", **wanted: Any) -> list[str]:
    answer = app.request("POST", "/v1/customers/search", (shop, login), json=wanted)
    assert answer.status_code == 200, answer.text
    return [customer["id"] for customer in answer.json["items"]]


def refused(app: App, shop: Shop, **wanted: Any) -> str:
    answer = app.request("POST", "/v1/customers/search", (shop, "floor"), json=wanted)
    assert answer.status_code == 422, answer.text
    return str(answer.json["errors"][0]["pointer"])


def test_a_switchboard_and_each_extension_behind_it_are_found_exactly(app: App, shop: Shop) -> None:
    twelve = create(app, shop, phone=f"{SWITCHBOARD} ext. 12")
    thirty_four = create(app, shop, phone=SWITCHBOARD, phone_extension="34")
    assert found(app, shop, phone=SWITCHBOARD) == []
    alone = create(app, shop, phone=SWITCHBOARD)
    assert found(app, shop, phone=SWITCHBOARD) == [alone]
    assert found(app, shop, phone="+351210000020;ext=12") == [twelve]
    assert found(app, shop, phone=SWITCHBOARD, phone_extension="34") == [thirty_four]
    profile = app.request("GET", f"/v1/customers/{twelve}", (shop, "key")).json
    assert (profile["phone"], profile["phone_extension"]) == ("+351210000020", "12")
    assert app.request("GET", f"/v1/customers/{alone}", (shop, "floor")).json["phone_extension"] is None


def test_callers_behind_one_switchboard_are_no_duplicates_of_each_other(app: App, shop: Shop) -> None:
    twelve = create(app, shop, "floor", phone=f"{SWITCHBOARD} ext. 12")
    create(app, shop, "floor", phone=f"{SWITCHBOARD} ext. 34")
    assert app.request("GET", f"/v1/customers/{twelve}/duplicates", (shop, "floor")).json["items"] == []


@pytest.mark.parametrize("phone", ["555-0199", "000 000 0000", "+1 999 999 9999", "112"])
def test_a_number_that_identifies_nobody_is_refused_with_its_pointer(app: App, shop: Shop, phone: str) -> None:
    with app.back_office.writing(shop.organization_id) as session:
        session.get_one(Store, (shop.organization_id, shop.store_id)).country = "US"
    assert refused(app, shop, phone=phone) == "/phone"
    made = app.request("POST", "/v1/customers", (shop, "floor"), json={"name": "Ana", "phone": phone})
    assert (made.status_code, made.json["errors"][0]["pointer"]) == (422, "/phone")
    ana = create(app, shop, "floor", name="Ana")
    changes = {"json": {"phone": phone}, "headers": {"If-Match": "*"}}
    changed = app.request("PATCH", f"/v1/customers/{ana}", (shop, "floor"), **changes)
    assert (changed.status_code, changed.json["errors"][0]["pointer"]) == (422, "/phone")


@pytest.mark.parametrize("email", [" Ana@Exämple.com ", "ana@xn--exmple-cua.com", "\u200bana@EXÄMPLE.com"])
def test_an_address_is_found_in_each_spelling_of_its_domain(app: App, shop: Shop, email: str) -> None:
    ana = create(app, shop, email="ana@exämple.com")
    assert found(app, shop, email=email) == [ana]


def test_a_name_is_found_by_the_beginning_of_any_of_its_words(app: App, shop: Shop) -> None:
    names = (
        "Łukasz Kowalski",
        "Sinéad O’Brien",  # noqa: RUF001
        "Jean-Luc Durand",
        "Đặng Thị Hoa",
        "Işıl Yılmaz",  # noqa: RUF001
        "李小龙",
        "Анна Ёлкина",
    )
    ids = {name: create(app, shop, "floor", name=name) for name in names}
    for typed, name in {
        "lukasz": names[0],
        "KOW": names[0],
        "kowal luk": names[0],
        "o'bri": names[1],
        "brien": names[1],
        "obrien": names[1],
        "Jean Luc": names[2],
        "jean-luc": names[2],
        "durand": names[2],
        "dang": names[3],
        "isil": names[4],
        "李小": names[5],
        "елк": names[6],
    }.items():
        assert found_again(app, shop, name=typed) == [ids[name]], typed
    assert found_again(app, shop, name="kowalski brien") == []


def found_again(app: App, shop: Shop, **wanted: Any) -> list[str]:
    app.clock.move(minutes=1)  # twenty searches a minute are possible
    return found(app, shop, **wanted)


def test_names_and_ends_of_numbers_find_those_met_in_ones_own_stores_only(app: App, shop: Shop) -> None:
    ana = create(app, shop, "floor", name="Ana Lima", phone="+351912345678")
    assert found(app, shop, "elsewhere", name="lima") == []
    assert found(app, shop, "elsewhere", phone_end="345678") == []
    assert found(app, shop, "floor", name="lima") == [ana]
    assert found(app, shop, "floor", phone_end="345 678") == [ana]
    assert found(app, shop, "floor", phone_end="2345679") == []
    assert found(app, shop, "elsewhere", phone="+351912345678") == [ana]  # which meets them
    assert found(app, shop, "elsewhere", name="lima") == [ana]


def test_ten_profiles_are_shown_and_no_more(app: App, shop: Shop) -> None:
    for number in range(12):
        app.clock.move(minutes=1)
        create(app, shop, "floor", name=f"Lima Limão {number}", phone=f"+3519{number:02}345678")
    assert len(set(found(app, shop, name="lim"))) == 10
    assert len(set(found(app, shop, phone_end="345678"))) == 10


@pytest.mark.parametrize(
    ("wanted", "pointer"),
    [
        ({"name": "li"}, "/name"),
        ({"name": "a b c"}, "/name"),
        ({"name": "..."}, "/name"),
        ({"name": "李"}, "/name"),
        ({"phone_end": "12345"}, "/phone_end"),
        ({"phone": SWITCHBOARD, "phone_extension": "the lodge"}, "/phone_extension"),
        ({"phone_extension": "12"}, ""),
        ({"name": "lima", "phone_end": "345678"}, ""),
        ({}, ""),
    ],
)
def test_too_little_or_too_much_is_refused(app: App, shop: Shop, wanted: dict[str, str], pointer: str) -> None:
    assert refused(app, shop, **wanted) == pointer


@pytest.mark.parametrize("wanted", [{"name": "lima"}, {"phone_end": "345678"}, {"phone": "+351912345678"}])
def test_every_search_counts(app: App, shop: Shop, wanted: dict[str, str]) -> None:
    statuses = [
        app.request("POST", "/v1/customers/search", (shop, "floor"), json=wanted).status_code for _ in range(21)
    ]
    assert statuses == [200] * 20 + [429]


def test_a_name_is_found_as_it_is_now(app: App, shop: Shop) -> None:
    ana = create(app, shop, "floor", name="Ana Lima")
    headers = {"If-Match": "*"}
    app.request("PATCH", f"/v1/customers/{ana}", (shop, "floor"), json={"name": "Ana Costa"}, headers=headers)
    assert (found(app, shop, name="lima"), found(app, shop, name="costa")) == ([], [ana])
    nameless = create(app, shop, "floor", phone="+351912345678")
    body = {"customer_id": ana}
    merge = app.request("POST", f"/v1/customers/{nameless}/merge", (shop, "manager"), json=body)
    assert merge.status_code == 200
    assert found(app, shop, name="costa") == [nameless]
    undone = app.request("POST", f"/v1/customers/merges/{merge.json['id']}/undo", (shop, "manager"), json={})
    assert undone.status_code == 200
    assert found(app, shop, name="costa") == [ana]
    concern = {"mood": 3, "customer": {"phone": "+351912345678", "name": "Bia Reis"}}
    assert app.request("POST", "/v1/concerns", (shop, "floor"), json=concern).status_code == 201
    assert found(app, shop, name="reis") == [nameless]


def test_the_whole_list_is_for_managers_who_see_names_of_their_own_stores(app: App, shop: Shop) -> None:
    create(app, shop, "floor", name="Ana")
    create(app, shop, "elsewhere", name="Rui")
    statuses = {
        login: app.request("GET", "/v1/customers", (shop, login)).status_code for login in ("floor", "manager", "admin")
    }
    assert statuses == {"floor": 403, "manager": 200, "admin": 200}
    (seen,) = app.request("GET", "/v1/customers", (shop, "manager")).json["items"]
    assert seen["name"] == "Ana"


def test_an_extension_goes_with_its_number_when_profiles_are_merged_and_comes_back(app: App, shop: Shop) -> None:
    nameless, caller = create(app, shop, "floor", name="Ana"), create(app, shop, "floor", phone=f"{SWITCHBOARD} x12")
    body = {"customer_id": caller}
    merge = app.request("POST", f"/v1/customers/{nameless}/merge", (shop, "manager"), json=body)
    assert merge.json["taken_over"] == ["phone"]
    assert found(app, shop, phone=SWITCHBOARD, phone_extension="12") == [nameless]
    assert found(app, shop, phone=SWITCHBOARD) == []
    undo = app.request("POST", f"/v1/customers/merges/{merge.json['id']}/undo", (shop, "manager"), json={})
    assert undo.status_code == 200
    assert found(app, shop, phone=SWITCHBOARD, phone_extension="12") == [caller]
    assert app.request("GET", f"/v1/customers/{nameless}", (shop, "floor")).json["phone_extension"] is None
