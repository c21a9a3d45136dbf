"""Import of customers: whom a line describes, what it changes, and what refuses it."""

from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa

from models.access import Actor
from models.customers.customer import Customer
from models.customers.external_id import ExternalId
from models.errors import Forbidden
from models.operations.imports.csv_table import CsvTable
from models.operations.imports.customers import CustomerImport
from models.operations.imports.engine import run_import
from models.organizations.organization import Organization
from tests.support.app import App
from tests.support.assertions import assert_problem
from tests.support.factories.customers import make_customer
from tests.support.factories.imports import counts, csv_text, faults, import_csv, verdicts
from tests.support.factories.organizations import Shop
from tests.support.threads import at_once

COLUMNS = ("source", "reference", "name", "phone", "email", "loyalty_number", "preferred_name", "languages", "tags")
COLUMNS += ("store", "phone_extension")
ANA = {"source": "crm", "reference": "1", "name": "Ana", "phone": "+351 912 345 678"}
RUI = {"source": "crm", "reference": "2", "name": "Rui", "email": "Rui@Example.com", "loyalty_number": "L-2"}


def send(app: App, shop: Shop, *rows: dict[str, str], **options: Any) -> Any:
    return import_csv(app, shop, "customers", csv_text(COLUMNS, rows), **options)


def profile(app: App, shop: Shop, reference: str, source: str = "crm") -> Any:
    """Return the profile with this reference, or None."""
    body = {"reference": {"source": source, "reference": reference}}
    (*found,) = app.request("POST", "/v1/customers/search", (shop, "admin"), json=body).json["items"]
    return found[0] if found else None


def how_many(app: App, shop: Shop) -> tuple[int, int]:
    """Return the number of customers and of their references."""
    with app.back_office.reading(shop.organization_id) as session:
        tables = (Customer, ExternalId)
        customers, references = (
            session.scalars(sa.select(sa.func.count()).select_from(table)).one() for table in tables
        )
    return customers, references


def test_new_customers_are_created_with_all_that_the_file_says(app: App, shop: Shop) -> None:
    full = {**RUI, "preferred_name": "Mr Rui", "languages": "pt; en", "tags": "regular; =1+1; regular"}
    answer = send(app, shop, ANA, full)
    assert counts(answer) == {"created": 2}
    assert answer.json["lines"] == 2
    assert answer.json["kind"] == "customers"
    assert answer.json["dry_run"] is False
    assert [(item["line"], item["reference"]) for item in answer.json["items"]] == [(2, "1"), (3, "2")]
    assert profile(app, shop, "1")["phone"] == "+351912345678"
    rui = profile(app, shop, "2")
    assert (rui["email"], rui["loyalty_number"], rui["preferred_name"]) == ("rui@example.com", "L-2", "Mr Rui")
    assert (rui["languages"], rui["tags"], rui["consent"]) == (["pt", "en"], ["regular", "=1+1"], None)
    assert rui["references"] == [{"source": "crm", "reference": "2"}]


def test_the_same_file_twice_leaves_everything_as_it_is(app: App, shop: Shop) -> None:
    send(app, shop, ANA, RUI)
    before = profile(app, shop, "1"), how_many(app, shop)
    assert counts(send(app, shop, ANA, RUI)) == {"unchanged": 2}
    assert (profile(app, shop, "1"), how_many(app, shop)) == before


def test_a_customer_with_the_reference_is_updated_and_blank_cells_leave_what_is_there(app: App, shop: Shop) -> None:
    send(app, shop, {**ANA, "tags": "regular"})
    answer = send(app, shop, {"source": "crm", "reference": "1", "name": "Ana Sousa", "email": "ana@example.com"})
    assert verdicts(answer) == ["updated"]
    ana = profile(app, shop, "1")
    assert (ana["name"], ana["phone"], ana["email"]) == ("Ana Sousa", "+351912345678", "ana@example.com")
    assert (ana["tags"], ana["version"]) == (["regular"], 2)


def test_a_customer_found_by_a_contact_gets_the_reference_and_is_updated(app: App, shop: Shop) -> None:
    customer_id = make_customer(app, shop, "Anna", phone="912 345 678")
    assert verdicts(send(app, shop, ANA)) == ["updated"]
    ana = profile(app, shop, "1")
    assert (ana["id"], ana["name"], ana["version"]) == (customer_id, "Ana", 2)
    assert ana["consent"]["contact"] is True
    assert counts(send(app, shop, ANA)) == {"unchanged": 1}


def test_a_reference_alone_makes_a_new_version(app: App, shop: Shop) -> None:
    make_customer(app, shop, "Ana", phone="912 345 678", agrees=None)
    assert verdicts(send(app, shop, ANA)) == ["updated"]
    assert profile(app, shop, "1")["version"] == 2


def test_a_customer_may_have_references_of_several_sources(app: App, shop: Shop) -> None:
    send(app, shop, ANA)
    assert verdicts(send(app, shop, {**ANA, "source": "till", "reference": "900"})) == ["updated"]
    assert profile(app, shop, "900", "till")["id"] == profile(app, shop, "1")["id"]


def test_contacts_of_others_are_refused(app: App, shop: Shop) -> None:
    send(app, shop, ANA, RUI)
    answer = send(
        app,
        shop,
        {**ANA, "email": "rui@example.com"},  # Rui's
        {"source": "till", "reference": "7", "phone": "+351912345678", "loyalty_number": "L-2"},  # of two customers
        {"source": "crm", "reference": "3", "phone": "+351912345678"},  # of somebody who is 1 in the same source
    )
    assert_problem(answer, 422, "invalid")
    assert faults(answer) == [
        ("2/email", "in-use"),
        ("3/phone", "in-use"),
        ("3/loyalty_number", "in-use"),
        ("4/phone", "in-use"),
    ]


def test_two_lines_of_one_customer_are_refused(app: App, shop: Shop) -> None:
    make_customer(app, shop, "Anna", phone="912 345 678", loyalty_number="A-1")
    answer = send(
        app,
        shop,
        ANA,
        {**ANA, "name": "Anna", "phone": ""},  # the reference of line 2
        {**RUI, "phone": ANA["phone"]},  # the phone of line 2
        {"source": "till", "reference": "7", "loyalty_number": "A-1"},  # the customer of line 2
        {**ANA, "source": "till", "reference": "1", "phone": ""},  # another source, so another reference
    )
    assert faults(answer) == [
        ("3/reference", "duplicate-line"),
        ("4/phone", "duplicate-line"),
        ("5/reference", "duplicate-line"),
    ]
    details = [error["detail"] for error in answer.json["errors"]]
    assert details == [
        "Lines 2 and 3 have the same reference.",
        "Lines 2 and 4 have the same phone.",
        "Lines 2 and 5 describe the same customer.",
    ]


def test_a_contact_of_a_merged_profile_is_its_survivors(app: App, shop: Shop) -> None:
    survivor, merged = (make_customer(app, shop, "Ana", phone=phone) for phone in ("912 345 678", "912 000 000"))
    body = {"customer_id": merged}
    assert app.request("POST", f"/v1/customers/{survivor}/merge", (shop, "admin"), json=body).status_code == 200
    assert verdicts(send(app, shop, {**ANA, "phone": "+351 912 000 000"})) == ["updated"]
    ana = profile(app, shop, "1")
    assert (ana["id"], ana["phone"]) == (survivor, "+351912000000")
    assert counts(send(app, shop, {**ANA, "phone": "+351 912 000 000"})) == {"unchanged": 1}


def test_a_phone_is_read_with_the_country_of_the_store_or_of_the_organization(app: App, shop: Shop) -> None:
    national = {**ANA, "phone": "912 345 678"}
    assert faults(send(app, shop, national)) == [("2/phone", "invalid")]
    assert faults(send(app, shop, {**national, "store": "third"})) == [("2/store", "unknown")]
    assert verdicts(send(app, shop, {**national, "store": "first"})) == ["created"]
    with app.back_office.writing(shop.organization_id) as session:
        session.get_one(Organization, shop.organization_id).phone_region = "PT"
    assert verdicts(send(app, shop, national)) == ["unchanged"]


def test_a_new_profile_is_known_to_the_store_of_its_line(app: App, shop: Shop) -> None:
    send(app, shop, {**ANA, "store": "second"}, RUI)
    answers = {
        login: app.request("POST", "/v1/customers/search", (shop, login), json={"name": "ana"}).json["items"]
        for login in ("floor", "elsewhere")
    }
    assert (answers["floor"], [customer["name"] for customer in answers["elsewhere"]]) == ([], ["Ana"])


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ({"source": ""}, ("2/source", "missing-value")),
        ({"source": "C R M"}, ("2/source", "invalid")),
        ({"source": "c" * 61}, ("2/source", "too-long")),
        ({"reference": ""}, ("2/reference", "missing-value")),
        ({"reference": "1" * 101}, ("2/reference", "too-long")),
        ({"name": "A" * 201}, ("2/name", "too-long")),
        ({"name": "A\x00a"}, ("2/name", "invalid-character")),
        ({"name": "", "phone": ""}, ("2", "missing-value")),
        ({"phone": "by night"}, ("2/phone", "invalid")),
        ({"phone": "+351 12"}, ("2/phone", "invalid")),
        ({"phone": "+" + "1" * 40}, ("2/phone", "too-long")),
        ({"email": "ana.example.com"}, ("2/email", "invalid")),
        ({"email": "ana@example"}, ("2/email", "invalid")),
        ({"email": "a@" + "b" * 260 + ".com"}, ("2/email", "invalid")),
        ({"loyalty_number": "1" * 61}, ("2/loyalty_number", "too-long")),
        ({"preferred_name": "A" * 201}, ("2/preferred_name", "too-long")),
        ({"languages": "portuguese!"}, ("2/languages", "invalid")),
        ({"languages": ";".join(f"x-{n}" for n in range(11))}, ("2/languages", "too-long")),
        ({"tags": "t" * 41}, ("2/tags", "too-long")),
        ({"tags": " ; "}, ("2/tags", "invalid")),
        ({"store": "third"}, ("2/store", "unknown")),
        ({"store": "Third Store"}, ("2/store", "invalid")),
    ],
)
def test_a_cell_that_cannot_be_is_named(app: App, shop: Shop, cells: dict[str, str], expected: tuple[str, str]) -> None:
    answer = send(app, shop, {**ANA, **cells}, RUI, dry_run=True)
    assert faults(answer) == [expected]
    assert verdicts(answer) == ["refused", "created"]


def test_every_fault_of_a_line_is_named(app: App, shop: Shop) -> None:
    send(app, shop, RUI)
    line = {"source": "?", "reference": "", "phone": "12", "email": "rui@", "languages": "?", "store": "x"}
    assert faults(send(app, shop, {**line, "source": "till", "reference": "8"})) == [
        ("2/email", "invalid"),
        ("2/languages", "invalid"),
        ("2/store", "unknown"),
    ]
    assert faults(send(app, shop, line)) == [
        ("2/source", "invalid"),
        ("2/reference", "missing-value"),
        ("2/email", "invalid"),
        ("2/languages", "invalid"),
        ("2/store", "unknown"),
    ]


def test_consent_is_never_imported(app: App, shop: Shop) -> None:
    file = csv_text((*COLUMNS, "consent"), [{**ANA, "consent": "true"}])
    assert faults(import_csv(app, shop, "customers", file)) == [("1/consent", "unknown-column")]


def test_a_sign_in_for_some_stores_imports_no_customers(app: App, shop: Shop) -> None:
    table = CsvTable.read(csv_text(COLUMNS, [ANA]).encode(), max_rows=1)
    limited = Actor(shop.organization_id, frozenset(), frozenset({shop.store_id}))
    with app.database.writing(shop.organization_id) as session, pytest.raises(Forbidden, match="whole organization"):
        run_import(CustomerImport, session, table, dry_run=False, by=limited, at=app.clock())


def test_a_key_may_import_customers_and_a_manager_may_not(app: App, shop: Shop) -> None:
    assert send(app, shop, ANA, login="key").status_code == 200
    assert_problem(send(app, shop, ANA, login="manager"), 403, "forbidden")
    assert_problem(send(app, shop, ANA, login="reports-key"), 403, "forbidden")


def test_whoever_may_not_read_customers_learns_from_no_import_whose_contact_is_known(app: App, shop: Shop) -> None:
    """Neither from one that is only tried, nor from one that is refused."""
    send(app, shop, ANA, RUI)
    two_known = {"source": "till", "reference": "7", "phone": "+351912345678", "loyalty_number": "L-2"}
    two_unknown = {**two_known, "phone": "+351912345679", "loyalty_number": "L-3"}
    body = {"name": "crm", "scopes": ["customers:write"]}
    shop.tokens["crm"] = app.request("POST", "/v1/api-keys", (shop, "admin"), json=body).json["token"]
    for dry_run in (True, False):
        answers = [send(app, shop, row, login="crm", dry_run=dry_run) for row in (two_known, two_unknown)]
        for answer in answers:
            assert_problem(answer, 403, "forbidden")
        assert len(answers[0].data) == len(answers[1].data)
    body["scopes"] = ["customers:read", "customers:write"]
    shop.tokens["crm"] = app.request("POST", "/v1/api-keys", (shop, "admin"), json=body).json["token"]
    assert send(app, shop, two_unknown, login="crm").status_code == 200


def test_the_same_file_at_once_is_imported_once(app: App, shop: Shop) -> None:
    rows = [{**ANA, "reference": str(number), "phone": f"+351 9120{number:05}"} for number in range(50)]
    answers = at_once([partial(send, app, shop, *rows)] * 4)
    verdicts_of_all = [counts(answer) for answer in answers if answer.status_code == 200]
    assert verdicts_of_all.count({"created": 50}) == 1
    assert len(verdicts_of_all) + [answer.status_code for answer in answers].count(409) == 4
    assert verdicts_of_all.count({"unchanged": 50}) == len(verdicts_of_all) - 1
    assert how_many(app, shop) == (50, 50)


def test_callers_behind_one_switchboard_are_two_customers(app: App, shop: Shop) -> None:
    switchboard = "+351 21 000 0020"
    twelve = {**ANA, "phone": f"{switchboard} ext. 12"}
    thirty_four = {**RUI, "phone": switchboard, "phone_extension": "34"}
    assert verdicts(send(app, shop, twelve, thirty_four)) == ["created", "created"]
    assert [profile(app, shop, reference)["phone_extension"] for reference in "12"] == ["12", "34"]
    assert verdicts(send(app, shop, twelve, thirty_four)) == ["unchanged", "unchanged"]
    assert verdicts(send(app, shop, {**ANA, "phone": switchboard})) == ["unchanged"]  # blank, it leaves what is there
    moved = send(app, shop, {**ANA, "phone": "+351 21 000 0021"})
    assert (verdicts(moved), profile(app, shop, "1")["phone_extension"]) == (["updated"], None)


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ({"phone": "+1 555 0199"}, "2/phone"),
        ({"phone": "+351 999 999 999"}, "2/phone"),
        ({"phone_extension": "the lodge"}, "2/phone_extension"),
        ({"phone": "", "phone_extension": "12"}, "2/phone_extension"),
        ({"loyalty_number": "000"}, "2/loyalty_number"),
    ],
)
def test_a_contact_that_identifies_nobody_is_refused(
    app: App, shop: Shop, cells: dict[str, str], expected: str
) -> None:
    assert faults(send(app, shop, {**ANA, **cells})) == [(expected, "invalid")]
