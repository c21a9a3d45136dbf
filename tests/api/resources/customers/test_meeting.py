"""Customers whom another store knows: who they are is seen at once, the rest once somebody says that they are here."""

from typing import Any

import sqlalchemy as sa

from models.customers.customer import CustomerStore
from models.policy_defaults import MAX_MEETINGS_PER_DAY
from tests.support.app import App
from tests.support.assertions import assert_problem
from tests.support.clock import NOON
from tests.support.factories.organizations import Shop

PHONE = "+351912345678"
ANA = {
    "name": "Ana Lima",
    "pronunciation": "AH-na",
    "phone": PHONE,
    "loyalty_number": "4711",
    "tags": ["regular"],
    "preferences": "The quiet table.",
    "references": [{"source": "till", "reference": "9"}],
    "consent": {"contact": True, "source": "in_person"},
    "allergies": "nuts",
    "allergies_consent": True,
}
CONTACTS_AND_NOTES = ("phone", "loyalty_number", "tags", "preferences", "references", "consent")


def ana_of_the_other_store(app: App, shop: Shop) -> str:
    answer = app.request("POST", "/v1/customers", (shop, "elsewhere"), json=ANA)
    assert answer.status_code == 201, answer.text
    return str(answer.json["id"])


def log(app: App, shop: Shop, **customer: str) -> dict[str, Any]:
    answer = app.request("POST", "/v1/concerns", (shop, "floor"), json={"mood": 2, "customer": customer})
    assert answer.status_code == 201, answer.text
    return dict(answer.json)


def profile(app: App, shop: Shop, id_: str, by: str = "floor") -> dict[str, Any]:
    return dict(app.request("GET", f"/v1/customers/{id_}", (shop, by)).json)


def test_a_concern_shows_who_the_customer_is_and_nothing_that_another_store_knows(app: App, shop: Shop) -> None:
    ana = ana_of_the_other_store(app, shop)
    assert log(app, shop, phone=PHONE)["customer_id"] == ana
    seen = profile(app, shop, ana)
    assert (seen["met"], seen["name"], seen["pronunciation"], seen["allergies"]) == (False, "Ana Lima", "AH-na", "nuts")
    assert not any(seen[field] for field in CONTACTS_AND_NOTES)
    for wanted in ({"phone": PHONE}, {"loyalty_number": "4711"}, {"name": "lima"}):
        (found,) = app.request("POST", "/v1/customers/search", (shop, "floor"), json=wanted).json["items"]
        assert (found["id"], found["met"], found["phone"]) == (ana, False, None)
    by_end = app.request("POST", "/v1/customers/search", (shop, "floor"), json={"phone_end": "345678"})
    assert by_end.json["items"] == []
    (listed,) = app.request("GET", "/v1/customers", (shop, "manager")).json["items"]
    assert (listed["met"], listed["phone"]) == (False, None)
    history = app.request("GET", f"/v1/customers/{ana}/history", (shop, "floor")).json
    assert history["customer"] == seen
    assert profile(app, shop, ana, "elsewhere")["met"]
    assert profile(app, shop, ana, "key")["phone"] == PHONE


def test_nothing_is_filled_into_a_profile_that_the_store_could_not_read(app: App, shop: Shop) -> None:
    ana = ana_of_the_other_store(app, shop)
    for _ in range(2):  # the concern before does not open it
        log(app, shop, phone=PHONE, email="waiter@example.org")
    assert profile(app, shop, ana, "elsewhere")["email"] is None
    refused = app.request(
        "PATCH",
        f"/v1/customers/{ana}",
        (shop, "floor"),
        json={"email": "waiter@example.org"},
        headers={"If-Match": "*"},
    )
    assert_problem(refused, 409, "not-met")
    assert app.request("POST", f"/v1/customers/{ana}/meet", (shop, "floor"), json={}).status_code == 200
    log(app, shop, phone=PHONE, email="ana@example.org")
    assert profile(app, shop, ana, "elsewhere")["email"] == "ana@example.org"


def test_what_is_not_met_is_neither_merged_nor_compared(app: App, shop: Shop) -> None:
    ana = ana_of_the_other_store(app, shop)
    log(app, shop, phone=PHONE)
    own = app.request("POST", "/v1/customers", (shop, "floor"), json={"name": "Ana Lima"}).json["id"]
    assert app.request("GET", f"/v1/customers/{own}/duplicates", (shop, "manager")).json["items"] == []
    assert_problem(app.request("GET", f"/v1/customers/{ana}/duplicates", (shop, "manager")), 409, "not-met")
    for survivor, other in ((ana, own), (own, ana)):
        body = {"customer_id": other, "preview": True}
        assert_problem(
            app.request("POST", f"/v1/customers/{survivor}/merge", (shop, "manager"), json=body), 409, "not-met"
        )


def test_somebody_says_that_they_are_here_and_it_is_recorded(app: App, shop: Shop) -> None:
    ana = ana_of_the_other_store(app, shop)
    assert app.request("POST", f"/v1/customers/{ana}/meet", (shop, "floor"), json={}).status_code == 404
    log(app, shop, phone=PHONE)
    met = app.request("POST", f"/v1/customers/{ana}/meet", (shop, "floor"), json={}).json
    assert (met["met"], met["phone"], met["preferences"]) == (True, PHONE, "The quiet table.")
    assert profile(app, shop, ana, "colleague") == met
    with app.database.reading(shop.organization_id) as session:
        (row,) = session.scalars(sa.select(CustomerStore)).all()
    assert (row.store_id, row.opened_at, row.opened_by_id) == (shop.store_id, NOON, shop.staff["floor"])


def test_a_person_meets_so_many_a_day(app: App, shop: Shop) -> None:
    statuses = []
    for number in range(MAX_MEETINGS_PER_DAY + 1):
        app.clock.move(minutes=1)
        phone = f"+3519123456{number:02}"
        app.request("POST", "/v1/customers", (shop, "elsewhere"), json={"phone": phone})
        path = f"/v1/customers/{log(app, shop, phone=phone)['customer_id']}/meet"
        statuses += [app.request("POST", path, (shop, "floor"), json={}).status_code for _ in range(2)]
    assert statuses == [200] * 2 * MAX_MEETINGS_PER_DAY + [429] * 2
