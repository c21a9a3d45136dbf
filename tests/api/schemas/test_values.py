"""Validation of requests value by value: errors point at the value, and read-only fields cannot be set."""

from typing import Any
from uuid import UUID

import pytest

from models.access import GRANTS, Permission, Role
from tests.api.conftest import UnchangedOrganization
from tests.support.app import App
from tests.support.assertions import assert_invalid_value, assert_problem
from tests.support.factories.organizations import Shop
from tests.support.openapi_document import Operation, operations, resolved

NOBODYS = str(UUID(int=3))


@pytest.mark.parametrize(
    ("sent", "pointer", "code"),
    [
        ({}, "/mood", "required"),
        ({"mood": 0}, "/mood", "invalid"),
        ({"mood": 6}, "/mood", "invalid"),
        ({"mood": "2"}, "/mood", "invalid"),
        ({"mood": True}, "/mood", "invalid"),
        ({"mood": 2.5}, "/mood", "invalid"),
        ({"mood": 2**63 - 1}, "/mood", "invalid"),
        ({"mood": None}, "/mood", "required"),
        ({"mood": 2, "read_back": "yes"}, "/read_back", "invalid"),
        ({"mood": 2, "read_back": 1}, "/read_back", "invalid"),
        ({"mood": 2, "colour": "red"}, "/colour", "unknown-field"),
        ({"mood": 2, "a/b~c": 1}, "/a~1b~0c", "unknown-field"),
        ({"mood": 2, "kind": "Concern"}, "/kind", "invalid"),
        ({"mood": 2, "store_id": "first"}, "/store_id", "invalid"),
        ({"mood": 2, "stake": "a\x00b"}, "/stake", "invalid"),
        ({"mood": 2, "category": "\x00"}, "/category", "invalid"),
        ({"mood": 2, "category": "x" * 301}, "/category", "invalid"),
        ({"mood": 2, "their_words": "x" * 4001}, "/their_words", "invalid"),
        ({"mood": 2, "occurred_at": "2026-03-03T12:00:00"}, "/occurred_at", "invalid"),
        ({"mood": 2, "occurred_at": "yesterday"}, "/occurred_at", "invalid"),
        ({"mood": 2, "occurred_at": 1772539200}, "/occurred_at", "invalid"),
        (
            {"mood": 2, "order": {"reference": "1", "value": {"amount": 1, "currency": "EUR\n"}}},
            "/order/value/currency",
            None,
        ),
        ({"mood": 2, "customer": {"phone": "1" * 41}}, "/customer/phone", "invalid"),
        ({"mood": 2, "customer": {"phone": 912345678}}, "/customer/phone", "invalid"),
        ({"mood": 2, "customer_id": "Ana"}, "/customer_id", "invalid"),
    ],
    ids=str,
)
def test_a_value_that_is_not_valid_is_pointed_at(
    unchanged: UnchangedOrganization, sent: dict[str, Any], pointer: str, code: str | None
) -> None:
    answer = unchanged.ask("POST", "/v1/concerns", "floor", json=sent)
    problem = assert_problem(answer, 422, "invalid")
    assert {(error["in"], error["pointer"]) for error in problem["errors"]} == {("body", pointer)}, problem
    assert code is None or [error["code"] for error in problem["errors"]] == [code]


@pytest.mark.parametrize("number", ["1" + "0" * 300, "-1e300", "18446744073709551616", "1e-300"])
def test_a_number_that_no_column_holds_is_pointed_at(unchanged: UnchangedOrganization, number: str) -> None:
    for frame, pointer in (
        ('{"mood": %s}', "/mood"),
        ('{"mood": 2, "times_told": %s}', "/times_told"),
        ('{"mood": 2, "order": {"reference": "1", "value": {"amount": %s, "currency": "EUR"}}}', "/order/value/amount"),
    ):
        answer = unchanged.ask("POST", "/v1/concerns", data=frame % number, content_type="application/json")
        assert [error["pointer"] for error in assert_problem(answer, 422, "invalid")["errors"]] == [pointer]


@pytest.mark.parametrize(
    ("sent", "pointer"),
    [
        ({"times_told": 0}, "/times_told"),
        ({"items": [{"slug": "a", "quantity": 0}]}, "/items/0/quantity"),
        ({"order": {"reference": "1", "value": {"amount": -1, "currency": "EUR"}}}, "/order/value/amount"),
        ({"order": {"reference": "1", "value": {"amount": 1, "currency": "eur"}}}, "/order/value/currency"),
    ],
    ids=str,
)
def test_a_change_to_what_cannot_be_is_refused(
    unchanged: UnchangedOrganization, sent: dict[str, Any], pointer: str
) -> None:
    path, headers = f"/v1/concerns/{unchanged.concern['id']}", {"If-Match": "*"}
    answer = unchanged.ask("PATCH", path, "floor", json=sent, headers=headers)
    assert [error["pointer"] for error in assert_problem(answer, 422, "invalid")["errors"]] == [pointer]


def test_a_phones_clock_out_of_all_reason_is_no_reason_to_refuse(app: App, shop: Shop) -> None:
    floor = (shop, "floor")
    for at in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1970-01-01T00:00:00Z"):
        logged = app.request("POST", "/v1/concerns", floor, json={"mood": 2, "occurred_at": at})
        assert (logged.status_code, logged.json["time_adjusted"]) == (201, True), logged.text
        path = f"/v1/concerns/{logged.json['id']}/recovery-actions"
        assert app.request("POST", path, floor, json={"remedy": "apology", "acted_at": at}).status_code == 201
        assert app.request("GET", path, floor).status_code == 200
        listed = app.request("GET", "/v1/concerns", floor, query_string={"received_before": at})
        assert listed.status_code == 200


@pytest.mark.parametrize(
    ("sent", "pointer"),
    [
        ({"customer_id": NOBODYS}, "/customer_id"),
        ({"praised_id": NOBODYS}, "/praised_id"),
        ({"linked_id": NOBODYS}, "/linked_id"),
        ({"category": "nothing"}, "/category"),
        ({"category": "food", "cause": "kitchen"}, "/cause"),
        ({"place": "nowhere"}, "/place"),
        ({"place": "Table 12"}, "/place"),
        ({"question": "why"}, "/question"),
    ],
    ids=str,
)
def test_what_a_change_names_and_is_not_there_is_422_with_its_pointer(
    unchanged: UnchangedOrganization, sent: dict[str, Any], pointer: str
) -> None:
    path, headers = f"/v1/concerns/{unchanged.concern['id']}", {"If-Match": "*"}
    assert_invalid_value(
        unchanged.ask("PATCH", path, "floor", json=sent, headers=headers), "body", pointer, "not-found"
    )


def test_a_store_that_is_not_there_is_422_with_its_pointer(unchanged: UnchangedOrganization) -> None:
    answer = unchanged.ask("POST", "/v1/concerns", "floor", json={"mood": 2, "store_id": NOBODYS})
    assert_invalid_value(answer, "body", "/store_id", "not-found")


SERVERS_OWN = {
    "organization_id": str(UUID(int=1)),
    "version": 7,
    "status": "resolved",
    "business_date": "2020-01-01",
    "received_at": "2020-01-01T00:00:00Z",
    "reported_by": str(UUID(int=1)),
    "reported_by_id": str(UUID(int=1)),
    "taken_by": str(UUID(int=1)),
    "source": "customer",
    "reopened_count": 9,
    "role": "admin",
    "created_at": "2020-01-01T00:00:00Z",
    "acted_by": str(UUID(int=1)),
    "staff_id": str(UUID(int=1)),
}
ADMINS_OWN = GRANTS[Role.ADMIN] - GRANTS[Role.MANAGER]
# A column that a file of an import has too much is refused in tests/api/resources/imports.
WRITES = [
    operation
    for operation in operations()
    if operation.method in ("POST", "PUT", "PATCH") and not operation.path.startswith("/v1/imports/")
]


@pytest.mark.parametrize("operation", WRITES, ids=[operation.id for operation in WRITES])
def test_nobody_sets_what_is_the_servers_to_set(unchanged: UnchangedOrganization, operation: Operation) -> None:
    """In any body, also where none belongs; only unknown fields are complained of, because that is looked at first."""
    ids = unchanged.org.ids
    by = "admin" if operation.permissions in ADMINS_OWN else "manager"
    if operation.permissions == Permission.ENROLMENT_USE:
        by = "shared-phone"
    if operation.permissions in {Permission.SHIFT_SYNC, Permission.ORDER_TELL}:
        by = "key"
    own = resolved(operation.body_schema).get("properties", {}).keys()
    for name, value in SERVERS_OWN.items():
        if name in own:
            continue
        headers = {"If-Match": "*"} if operation.method == "PATCH" else {}
        path = operation.path.format(**ids)
        answer = unchanged.ask(operation.method, path, by, json={name: value}, headers=headers)
        problem = assert_problem(answer, 422, "invalid")
        assert ("body", f"/{name}" if operation.body_schema else "", "unknown-field") in {
            (error["in"], error["pointer"], error["code"]) for error in problem["errors"]
        }
