"""Requests that the operations of the document accept, made from what an organization has."""

import copy
from typing import Any

from tests.support.factories.full_organization import BODIES, QUERIES
from tests.support.openapi_document import Operation

# Operations that make something of one's own at a path one chooses.
OWN_THINGS = {"putStaffByEmployeeNumber", "putMyDevice", "putShiftOfTimeClock", "putOrderOfTill"}
FIXTURES = "tests/support/factories/full_organization.py"


def names_something(operation: Operation) -> bool:
    """Tell whether its path names something that somebody else may have."""
    return bool(operation.named("path")) and operation.id not in OWN_THINGS


def missing_fixtures(operation: Operation, ids: dict[str, str]) -> list[str]:
    """Say what has to be added so that this operation can be asked for."""
    missing = []
    if operation.body_content and operation.id not in BODIES:
        missing += [f"{FIXTURES}: BODIES lacks a body for {operation.id}"]
    if unknown := [name for name in operation.named("path") if name not in ids]:
        missing += [f"{FIXTURES}: `ids` lacks {unknown} for {operation.id}"]
    return missing


def address(operation: Operation, ids: dict[str, str]) -> str:
    """Return its path with these ids."""
    missing = missing_fixtures(operation, ids)
    assert not missing, missing
    return operation.path.format(**ids)


def body(operation: Operation, ids: dict[str, str]) -> dict[str, Any]:
    """Return a body it accepts, for the store among these ids."""
    assert operation.id in BODIES, missing_fixtures(operation, ids)
    made = copy.deepcopy(BODIES[operation.id])
    if "store_id" in made or operation.id == "postConcerns":
        made["store_id"] = ids["store_id"]
    if operation.id == "putShiftOfTimeClock":
        made["staff_id"] = ids["staff_id"]
    if made.get("store_ids") == [None]:
        made["store_ids"] = [ids["store_id"]]
    if "region_id" in made:
        made["region_id"] = ids["region_id"]
    return made


def filled_body(operation: Operation, ids: dict[str, str]) -> Any:
    """Return the body with an id wherever BODIES leave one open, and with what `ids` have by JSON pointer."""
    assert operation.id in BODIES, missing_fixtures(operation, ids)
    if not isinstance(BODIES[operation.id], dict):
        return BODIES[operation.id]
    made = _filled(body(operation, ids), ids)
    for pointer, value in ids.items():
        if pointer.startswith("/"):
            put(made, pointer, value)
    return made


def sound_request(operation: Operation, ids: dict[str, str]) -> dict[str, Any]:
    """Return the whole request as App.request takes it, without anybody's name."""
    request: dict[str, Any] = {"method": operation.method, "path": address(operation, ids)}
    request["query_string"] = QUERIES.get(operation.id, {})
    request["headers"] = {"If-Match": "*"} if operation.method == "PATCH" else {}
    if operation.body_content:
        made = filled_body(operation, ids)
        if isinstance(made, str | bytes):
            request |= {"data": made, "content_type": operation.body_content}
        else:
            request["json"] = made
    return request


def put(made: dict[str, Any], pointer: str, value: str) -> dict[str, Any]:
    """Return the body with this value in this place, whatever stood there."""
    *steps, last = pointer.removeprefix("/").split("/")
    place: Any = made
    for step in steps:
        missing: Any = {"pin": "408357"} if step == "approver" else [{}]
        place = place[int(step)] if isinstance(place, list) else place.setdefault(step, missing)
    place[int(last) if isinstance(place, list) else last] = value
    return made


def _filled(made: Any, ids: dict[str, str]) -> Any:
    if isinstance(made, list):
        return [_filled(inner, ids) for inner in made]
    if isinstance(made, dict):
        return {
            name: ids[name] if inner is None and name in ids else _filled(inner, ids) for name, inner in made.items()
        }
    return made
