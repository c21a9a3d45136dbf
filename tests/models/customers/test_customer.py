"""Customers: recognised by any contact, however it is spelled, and stored once."""

from functools import partial
from typing import Any

import pytest
from sqlalchemy import func, select
from uuid_utils.compat import uuid7

from models.access import GRANTS, Actor, Role
from models.customers.customer import AmbiguousCustomer, Customer, CustomerStore
from models.errors import Conflict, Invalid
from models.operations.merge_customers import CustomerMerge
from tests.support.app import App
from tests.support.clock import NOON
from tests.support.databases import only_on_sqlite
from tests.support.factories import customers
from tests.support.factories.organizations import Shop
from tests.support.threads import at_once

PHONE = "+351912345678"


def recognise(app: App, shop: Shop, **details: Any) -> Customer:
    with app.database.writing(shop.organization_id) as session:
        return customers.recognise(session, shop.store_id, **details)


def stored(app: App, shop: Shop, customer: Customer) -> dict[str, str | None]:
    with app.database.reading(shop.organization_id) as session:
        row = session.get_one(Customer, (shop.organization_id, customer.id))
        return {name: getattr(row, name) for name in ("name", "phone", "email", "loyalty_number")}


def floor(shop: Shop) -> Actor:
    return Actor(shop.organization_id, GRANTS[Role.FLOOR], frozenset({shop.store_id}), staff_id=shop.staff["floor"])


def count(app: App, shop: Shop, kind: Any = Customer) -> int:
    with app.database.reading(shop.organization_id) as session:
        return session.scalars(select(func.count()).select_from(kind)).one()


SAME = [
    ({"phone": PHONE}, {"phone": "912 345 678"}),
    ({"phone": PHONE}, {"phone": "00351 912-345-678"}),
    ({"phone": PHONE}, {"phone": " (+351) 912.345.678 "}),
    ({"email": "ana@example.org"}, {"email": " Ana@Example.ORG "}),
    ({"loyalty_number": "4711"}, {"loyalty_number": " 4711 "}),
    ({"phone": PHONE, "email": "ana@example.org"}, {"phone": "+351 930 000 000", "email": "ana@example.org"}),
]


@pytest.mark.parametrize(("first", "again"), SAME)
def test_a_customer_is_recognised_again(app: App, shop: Shop, first: dict[str, str], again: dict[str, str]) -> None:
    assert recognise(app, shop, **first).id == recognise(app, shop, **again).id
    assert count(app, shop) == 1


@pytest.mark.parametrize(
    ("first", "other"),
    [
        ({"phone": PHONE}, {"phone": "+34912345678"}),
        ({"loyalty_number": "4711"}, {"loyalty_number": "4711a"}),
        ({"loyalty_number": "4711"}, {"phone": PHONE}),
        ({"name": "Ana"}, {"name": "Ana"}),  # a name alone is nobody in particular
    ],
)
def test_another_customer_is_another(app: App, shop: Shop, first: dict[str, str], other: dict[str, str]) -> None:
    assert recognise(app, shop, **first).id != recognise(app, shop, **other).id


def test_a_national_number_is_read_with_the_country_of_the_store(app: App, shop: Shop) -> None:
    assert stored(app, shop, recognise(app, shop, phone="212 555 0123", country="US"))["phone"] == "+12125550123"
    assert stored(app, shop, recognise(app, shop, phone="212 555 012", country="PT"))["phone"] == "+351212555012"


@pytest.mark.parametrize(
    ("details", "pointer"),
    [
        ({"phone": "no number"}, "/phone"),
        ({"phone": "12"}, "/phone"),
        ({"phone": "+999 999"}, "/phone"),
        ({"name": " ", "phone": ""}, ""),
        ({}, ""),
    ],
)
def test_details_that_identify_nobody_are_invalid(app: App, shop: Shop, details: dict[str, str], pointer: str) -> None:
    with pytest.raises(Invalid) as refused:
        recognise(app, shop, **details)
    assert refused.value.pointer == pointer


def test_a_national_number_without_a_country_says_what_it_lacks(app: App, shop: Shop) -> None:
    with pytest.raises(Invalid, match=r"start with \+"):
        recognise(app, shop, phone="912 345 678", country=None)


def test_what_a_profile_lacks_is_filled_in_and_what_it_has_is_kept(app: App, shop: Shop) -> None:
    first = recognise(app, shop, phone=PHONE, name="Ana")
    again = recognise(app, shop, phone=PHONE, name="Maria", email="ana@example.org")
    assert (again.id, again.version) == (first.id, 2)
    assert stored(app, shop, first) == {
        "name": "Ana",
        "phone": PHONE,
        "email": "ana@example.org",
        "loyalty_number": None,
    }
    assert recognise(app, shop, phone=PHONE, email="ana@example.org").version == 2  # nothing new, nothing changed


def test_a_contact_of_somebody_else_is_not_taken_over(app: App, shop: Shop) -> None:
    ana = recognise(app, shop, phone=PHONE)
    rui = recognise(app, shop, email="rui@example.org", at=app.clock.move(hours=1))
    before = stored(app, shop, ana), stored(app, shop, rui)
    with pytest.raises(AmbiguousCustomer):
        recognise(app, shop, phone=PHONE, email="rui@example.org", loyalty_number="4711")
    assert (stored(app, shop, ana), stored(app, shop, rui)) == before
    assert count(app, shop) == 2


def test_contacts_of_profiles_that_were_merged_are_those_of_one_customer(app: App, shop: Shop) -> None:
    ana = recognise(app, shop, phone=PHONE, loyalty_number="4711")
    also_ana = recognise(app, shop, email="ana@example.org", loyalty_number="4712")
    with app.database.writing(shop.organization_id) as session:
        merge = CustomerMerge.plan_locked(session, ana.id, also_ana.id)
        merge.carry_out(session, id_=uuid7(), by=floor(shop), at=NOON)
    assert recognise(app, shop, phone=PHONE, email="ana@example.org", loyalty_number="4712").id == ana.id


def test_callers_behind_one_switchboard_are_told_apart_by_their_extensions(app: App, shop: Shop) -> None:
    twelve = recognise(app, shop, phone="+351 21 000 0020 ext. 12", name="Ana")
    thirty_four = recognise(app, shop, phone="+351 21 000 0020", phone_extension="34", name="Rui")
    switchboard = recognise(app, shop, phone="21 000 0020", name="Somebody")
    assert len({twelve.id, thirty_four.id, switchboard.id}) == 3
    for spelling in ("+351210000020;ext=12", "21 000 0020 x12", "21 000 0020 #12"):
        assert recognise(app, shop, phone=spelling).id == twelve.id
    assert recognise(app, shop, phone="21 000 0020").id == switchboard.id


def test_a_number_and_its_extension_come_to_a_profile_together(app: App, shop: Shop) -> None:
    ana = recognise(app, shop, email="ana@example.org")
    recognise(app, shop, email="ana@example.org", phone="21 000 0020 ext. 12")
    recognise(app, shop, email="ana@example.org", phone="21 000 0020 ext. 34")
    assert recognise(app, shop, phone="21 000 0020 ext. 12").id == ana.id
    assert recognise(app, shop, phone="21 000 0020 ext. 34").id != ana.id


def test_creating_what_is_there_already_is_a_conflict(app: App, shop: Shop) -> None:
    recognise(app, shop, phone=PHONE)
    data = {"phone": "912 345 678", "name": "Ana", "country": "PT", "store_id": None}
    with pytest.raises(Conflict) as refused, app.database.writing(shop.organization_id) as session:
        Customer.create(session, id_=uuid7(), by=floor(shop), at=NOON, **data)
    assert refused.value.code == "already-exists"
    assert count(app, shop) == 1


def edit(app: App, shop: Shop, customer: Customer, **changes: Any) -> None:
    with app.database.writing(shop.organization_id) as session:
        row = session.get_one(Customer, (shop.organization_id, customer.id))
        row.edit(session, by=floor(shop), at=app.clock(), country="PT", **changes)


def test_editing_changes_and_takes_away(app: App, shop: Shop) -> None:
    ana = recognise(app, shop, phone=PHONE, name="Ana")
    edit(app, shop, ana, phone="930 000 000", name=None, email="Ana@Example.org")
    assert stored(app, shop, ana) == {
        "name": None,
        "phone": "+351930000000",
        "email": "ana@example.org",
        "loyalty_number": None,
    }


def test_a_changed_number_keeps_its_extension_until_that_is_changed_too(app: App, shop: Shop) -> None:
    ana = recognise(app, shop, phone="21 000 0020 ext. 12", name="Ana")

    def after(**changes: Any) -> tuple[str | None, str]:
        edit(app, shop, ana, **changes)
        with app.database.reading(shop.organization_id) as session:
            row = session.get_one(Customer, (shop.organization_id, ana.id))
            return row.phone, row.phone_extension

    assert after(phone="21 000 0021") == ("+351210000021", "12")
    assert after(phone="21 000 0021 ext. 13") == ("+351210000021", "13")
    assert after(phone_extension="14") == ("+351210000021", "14")
    assert after(phone_extension=None) == ("+351210000021", "")
    assert after(phone="21 000 0022", phone_extension="15") == ("+351210000022", "15")
    assert after(phone=None) == (None, "")
    with pytest.raises(Invalid) as refused:
        after(phone_extension="16")
    assert refused.value.pointer == "/phone_extension"


def test_editing_refuses_what_is_anothers_and_the_loss_of_everything(app: App, shop: Shop) -> None:
    ana, rui = recognise(app, shop, phone=PHONE), recognise(app, shop, email="rui@example.org")
    with pytest.raises(Conflict) as refused:
        edit(app, shop, ana, email="RUI@example.org")
    assert refused.value.pointer == "/email"
    edit(app, shop, rui, email="Rui@example.org")  # one's own is no conflict
    with pytest.raises(Invalid):
        edit(app, shop, rui, email=None)


def test_a_customer_is_seen_where_they_were_met(app: App, shop: Shop) -> None:
    ana = recognise(app, shop, phone=PHONE)
    here, there = (
        Actor(shop.organization_id, GRANTS[Role.FLOOR], frozenset({store}), staff_id=uuid7())
        for store in (shop.store_id, shop.other_store_id)
    )

    def sees(actor: Actor) -> list[Any]:
        with app.database.reading(shop.organization_id) as session:
            return list(session.scalars(select(Customer.id).where(*Customer.visible_to(actor))))

    assert (sees(here), sees(there)) == ([ana.id], [])
    with app.database.writing(shop.organization_id) as session:
        customer = Customer.search(
            session, {"phone": "912 345 678"}, by=there, country="PT", store_id=shop.other_store_id, at=NOON
        )
        unknown = {"phone": "+351930000000"}
        nobody = Customer.search(session, unknown, by=here, country="PT", store_id=shop.store_id, at=NOON)
    assert (customer and customer.id, nobody) == (ana.id, None)
    assert sees(there) == [ana.id]
    recognise(app, shop, phone=PHONE)
    assert count(app, shop, CustomerStore) == 1  # met again is not met twice


@only_on_sqlite
def test_a_name_is_found_by_the_index_of_names_on_sqlite_too(app: App, shop: Shop) -> None:
    everywhere = Actor(shop.organization_id, GRANTS[Role.ADMIN], None)
    newest = (
        Customer.select_visible(everywhere, name="Ána")
        .order_by(Customer.created_at.desc(), Customer.id.desc())
        .limit(51)
    )
    recognise(app, shop, name="Ana Lima")
    with app.database.reading(shop.organization_id) as session:
        with app.counting() as statements:
            assert len(session.scalars(newest).all()) == 1
        plan = (
            session.connection()
            .exec_driver_sql("EXPLAIN QUERY PLAN " + statements[0], ("",) * statements[0].count("?"))
            .all()
        )
    assert any("ix_customer_name_key" in step.detail and "name_key>? AND name_key<?" in step.detail for step in plan)


@only_on_sqlite
def test_words_of_names_and_ends_of_numbers_are_ranges_of_an_index_on_sqlite_too(app: App, shop: Shop) -> None:
    everywhere = Actor(shop.organization_id, GRANTS[Role.ADMIN], None)
    recognise(app, shop, name="Ana Lima", phone=PHONE)
    for search, indexed in (
        (
            Customer.select_named(everywhere, "lim an"),
            "ix_customer_name_word_word (organization_id=? AND word>? AND word<?",
        ),
        (
            Customer.select_by_phone_end(everywhere, "345678"),
            "ix_customer_phone_key (organization_id=? AND phone_key>?",
        ),
    ):
        with app.database.reading(shop.organization_id) as session:
            with app.counting() as statements:
                assert len(session.scalars(search).all()) == 1
            explain, blanks = "EXPLAIN QUERY PLAN " + statements[0], ("",) * statements[0].count("?")
            plan = [step.detail for step in session.connection().exec_driver_sql(explain, blanks)]
        assert any(indexed in step for step in plan), plan
        assert not any(step.startswith("SCAN customer") for step in plan), plan


SIMULTANEOUS = {
    "the same phone": [{"phone": PHONE}] * 8,
    "the phone, and something else of each": [
        {"phone": PHONE, "name": "Ana"},
        {"phone": PHONE, "email": "ana@example.org"},
        {"phone": PHONE, "loyalty_number": "4711"},
        {"phone": PHONE},
    ]
    * 2,
}


@pytest.mark.parametrize("case", SIMULTANEOUS)
def test_tills_that_meet_a_newcomer_at_once_end_up_with_one_profile(app: App, shop: Shop, case: str) -> None:
    met = at_once([partial(recognise, app, shop, **details) for details in SIMULTANEOUS[case]])
    assert len({customer.id for customer in met}) == 1
    assert (count(app, shop), count(app, shop, CustomerStore)) == (1, 0)
    expected = {name: value for details in SIMULTANEOUS[case] for name, value in details.items()}
    assert {name: value for name, value in stored(app, shop, met[0]).items() if value} == expected
