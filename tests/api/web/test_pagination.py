"""Pagination of lists: limits, cursors and filters; reading all pages returns every row once."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.api.conftest import UnchangedOrganization
from tests.support.app import App
from tests.support.assertions import assert_invalid_value
from tests.support.databases import Databases
from tests.support.factories.full_organization import CALL, PHONE, FullOrganization, full_organizations
from tests.support.openapi_document import Operation, operations

LISTS = [operation for operation in operations() if operation.pages and not operation.named("path")]
lists = pytest.mark.parametrize("path", [operation.path for operation in LISTS])


@lists
def test_an_unknown_query_field_is_422(unchanged: UnchangedOrganization, path: str) -> None:
    answer = unchanged.ask("GET", path, "admin", query_string={"colour": "red"})
    assert_invalid_value(answer, "query", "/colour", "unknown-field")


@lists
def test_a_limit_that_is_none_is_422(unchanged: UnchangedOrganization, path: str) -> None:
    for limit in ("0", "-1", "x", "", "1.5"):
        assert_invalid_value(unchanged.ask("GET", path, "admin", query_string={"limit": limit}), "query", "/limit")


@lists
def test_a_limit_that_is_too_large_is_cut_down(unchanged: UnchangedOrganization, path: str) -> None:
    for limit in (201, 10**9, 10**40):
        assert unchanged.ask("GET", path, "admin", query_string={"limit": limit}).status_code == 200


@lists
def test_a_cursor_that_is_none_of_ours_is_422(unchanged: UnchangedOrganization, path: str) -> None:
    for cursor in ("", "x", "W10.abc", "\x00", "é", "a" * 5000):
        assert_invalid_value(unchanged.ask("GET", path, "admin", query_string={"cursor": cursor}), "query", "/cursor")


def test_a_cursor_belongs_to_its_list_and_filters(unchanged: UnchangedOrganization) -> None:
    cursor = unchanged.ask("GET", "/v1/concerns?limit=1&unhappy=true").json["next_cursor"]
    assert unchanged.ask("GET", f"/v1/concerns?limit=2&unhappy=true&cursor={cursor}").status_code == 200
    for other in ("/v1/concerns?", "/v1/concerns?unhappy=false&", "/v1/alerts?", "/v1/recovery-actions?"):
        assert_invalid_value(unchanged.ask("GET", f"{other}cursor={cursor}"), "query", "/cursor")
    # Not the last character: some of its bits count for nothing.
    forged = cursor[:-4] + ("a" if cursor[-4] != "a" else "b") + cursor[-3:]
    assert_invalid_value(unchanged.ask("GET", f"/v1/concerns?unhappy=true&cursor={forged}"), "query", "/cursor")


@pytest.mark.parametrize(
    ("name", "value"), [("store_id", "x"), ("unhappy", "perhaps"), ("received_after", "2026-03-03")]
)
def test_a_filter_that_is_not_valid_is_422(unchanged: UnchangedOrganization, name: str, value: str) -> None:
    assert_invalid_value(unchanged.ask("GET", "/v1/concerns", "floor", query_string={name: value}), "query", f"/{name}")


@pytest.mark.parametrize("id_", ["x" * 201, "a\x00b"])
def test_an_installation_id_that_cannot_be_kept_is_pointed_at(unchanged: UnchangedOrganization, id_: str) -> None:
    body = {"platform": "ios", "address": "a", "address_kind": "log"}
    assert_invalid_value(unchanged.ask("PUT", f"/v1/me/devices/{id_}", "floor", json=body), "path", "/installation_id")


# Where rows come into being while somebody walks: how one more does.
GROWING = {
    "getConcerns": ("/v1/concerns", {"mood": 4}),
    "getAlerts": ("/v1/concerns", {"mood": 1}),
    "getCustomers": ("/v1/customers", {"name": "Somebody"}),
    "getCustomerHistory": ("/v1/concerns", {"mood": 3, "customer": {"phone": PHONE}}),
    "getRecoveryActions": ("/v1/concerns/{concern_id}/recovery-actions", {"remedy": "apology"}),
    "getConcernRecoveryActions": ("/v1/concerns/{concern_id}/recovery-actions", {"remedy": "apology"}),
    "getConcernFollowUps": ("/v1/concerns/{concern_id}/follow-ups", CALL),
    "getFollowUps": ("/v1/concerns/{concern_id}/follow-ups", CALL),
    "getConcernEvents": ("/v1/concerns/{concern_id}/recovery-actions", {"remedy": "voucher"}),
}
READ_BY = {"getApiKeys": "admin"}  # where the manager may not
# What changes has no last page, and is walked in test_exports.
WALKS = [operation for operation in operations() if operation.pages and operation.id != "getExportChanges"]


@dataclass
class Full:
    """An application with several rows of everything, some of the very same instant."""

    app: App
    org: FullOrganization

    def add(self, operation: Operation) -> None:
        if operation.id in GROWING:
            path, said = GROWING[operation.id]
            address = path.format(**self.org.ids)
            assert self.app.request("POST", address, (self.org.shop, "floor"), json=said).status_code == 201

    def page(self, operation: Operation, **query: Any) -> tuple[list[str], str | None]:
        address = operation.path.format(**self.org.ids)
        reader = READ_BY.get(operation.id, "manager")
        answer = self.app.request("GET", address, (self.org.shop, reader), query_string=query)
        assert answer.status_code == 200, answer.text
        cursor = answer.json["next_cursor"]
        following = urlencode({**query, "cursor": cursor})
        assert answer.headers.get("Link") == (f'<{address}?{following}>; rel="next"' if cursor else None)
        return [key_of(row) for row in answer.json["items"]], cursor


def key_of(row: dict[str, Any]) -> str:
    """Return what a row of any list is known by."""
    if "business_date" in row and "store" in row:
        return f"{row['store']['id']} {row['business_date']}"
    return str(row["id"] if "id" in row else row["customer"]["id"])


@pytest.fixture(scope="module")
def full(databases: Databases, database_kind: str) -> Iterator[Full]:
    with full_organizations(databases, database_kind, "acme") as (app, (org,)):
        full = Full(app, org)
        for number in range(3):
            app.clock.move(seconds=number % 2)
            for operation in WALKS:
                full.add(operation)
        yield full


@pytest.mark.parametrize("operation", WALKS, ids=[operation.id for operation in WALKS])
def test_a_walk_sees_every_row_exactly_once_while_others_insert(full: Full, operation: Operation) -> None:
    """Random limits, random inserts in between, at the same instant and later; three walks from one seed."""
    chance = random.Random(operation.id)
    for _ in range(3):
        there_before, _ = full.page(operation, limit=200)
        seen: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            query = {"cursor": cursor} if cursor else {}
            found, cursor = full.page(operation, limit=chance.randint(2, 6), **query)
            assert found or cursor is None
            seen += found
            if chance.random() < 0.2:
                full.app.clock.move(seconds=chance.randint(0, 1))
                full.add(operation)
        assert len(seen) == len(set(seen))
        assert set(there_before) <= set(seen)
        assert [id_ for id_ in seen if id_ in set(there_before)] == there_before


def test_every_kind_of_list_is_walked() -> None:
    assert GROWING.keys() <= {operation.id for operation in WALKS}
    assert {operation.id for operation in WALKS} - GROWING.keys() == {
        "getApiKeys",
        "getDevices",
        "getFeedback",
        "getRecoveryLogs",
        "getMyNotifications",
        "getMySessions",
        "getRegions",
        "getGroups",
        "getStores",
        "getStorePlaces",
        "getStaffList",
        "getCategories",
        "getQuestions",
        "getRemedies",
        "getItems",
        "getAlertRules",
        "getEscalationPolicies",
        "getAlertNotifications",
        "getConcernFeedbackRequests",
        "getFixCustomers",
        "getFixes",
        "getStoreStandingQrs",
    }, "say in GROWING how a row of a new list comes into being"
