"""Requests with real ids of another organization get 404, or nothing, and change nothing: on every operation."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from models.access import GRANTS, KEY_GRANTS, Permission, Role
from tests.support.factories.full_organization import BODIES, QUERIES, FullOrganization
from tests.support.factories.organizations import PEOPLE
from tests.support.openapi_document import Operation, operations
from tests.tenant_isolation.conftest import IsolatedOrganizations

STANDING = [
    ("sqlite", "every wall"),
    ("postgresql", "every wall"),
    ("postgresql", "row level security"),
    ("postgresql", "session filter"),
]
on_all_walls = pytest.mark.parametrize(("database_kind", "wall"), STANDING, indirect=True, scope="module")
# What separates people of one organization is no isolation layer between tenants: it is tested once on each database.
on_both_databases = pytest.mark.parametrize(("database_kind", "wall"), STANDING[:2], indirect=True, scope="module")
STRANGERS = ("floor", "manager", "regional", "hq", "admin", "key")
MIGHTIEST = ("manager", "admin", "key")  # they may do everything between them, which is enough for a layer alone
NEIGHBOURS = ("elsewhere", "manager-there", "regional-there")
ROLES = {**{login: role for login, (role, _) in PEOPLE.items()}, "manager-there": Role.MANAGER}
ROLES["regional-there"] = Role.REGIONAL
EVERY_KEY = frozenset().union(*KEY_GRANTS.values())

# Ids in a path that lead to one concern.
OF_A_CONCERN = frozenset({"concern_id", "alert_id", "recovery_action_id", "follow_up_id", "feedback_request_id"})
# Ids in a path that lead to what all stores of an organization share.
SHARED = frozenset({"alert_rule_id", "item_id", "question_id", "remedy_id"})
# Operations that make one's own thing under a name one chooses.
OWN_THINGS = {"putMyDevice"}


def permissions(login: str) -> frozenset[Permission]:
    return EVERY_KEY if login == "key" else GRANTS[ROLES[login]]


def by_id(found: list[Operation]) -> Any:
    return pytest.mark.parametrize("operation", found, ids=[operation.id for operation in found])


with_path = by_id(
    [operation for operation in operations() if operation.named("path") and operation.id not in OWN_THINGS]
)
with_path_to_a_store = by_id(
    [
        operation
        for operation in operations()
        if operation.named("path") and operation.id not in OWN_THINGS and not SHARED & {*operation.named("path")}
    ]
)
with_body_ids = by_id([operation for operation in operations() if operation.ids_in_body])
# A neighbour has no object of ours in the path to begin with.
with_body_ids_alone = by_id(
    [operation for operation in operations() if operation.ids_in_body and not operation.named("path")]
)
about_a_concern = by_id([operation for operation in operations() if OF_A_CONCERN & {*operation.named("path")}])
with_query_ids = by_id([operation for operation in operations() if operation.ids_in_query])
with_cursor = by_id([operation for operation in operations() if operation.pages])
reading = by_id([operation for operation in operations() if operation.method == "GET"])


def ask(
    walls: IsolatedOrganizations,
    operation: Operation,
    by: tuple[FullOrganization, str],
    ids: dict[str, str],
    **options: Any,
) -> Any:
    """The operation in somebody's name, at the address made of these ids, with a body it accepts."""
    missing = [name for name in operation.named("path") if name not in ids]
    assert not missing, f"tests/support/full_organization.py has to know an id for {missing} of {operation.path}"
    path = operation.path.format(**ids)
    scene, login = by
    headers = {"If-Match": "*"} if operation.method == "PATCH" else {}
    options["query_string"] = QUERIES.get(operation.id, {}) | options.get("query_string", {})
    if operation.body_schema and "json" not in options:
        options["json"] = body(operation, scene)
    with walls.standing():
        return walls.world.request(operation.method, path, (scene.shop, login), headers=headers, **options)


def body(operation: Operation, own: FullOrganization, *, there: bool = False) -> dict[str, Any]:
    """What it accepts, in the scene's first store or (`there`) its second."""
    assert operation.id in BODIES, f"tests/support/full_organization.py has to know a body for {operation.id}"
    made = copy.deepcopy(BODIES[operation.id])
    if "store_id" in made or operation.id == "postConcerns":
        made["store_id"] = str(own.shop.other_store_id) if there else own.ids["store_id"]
    return made


def put(made: dict[str, Any], pointer: str, value: str) -> dict[str, Any]:
    """The body with this value in this place, whatever stood there."""
    *steps, last = pointer.removeprefix("/").split("/")
    place: Any = made
    for step in steps:
        place = place[int(step)] if isinstance(place, list) else place.setdefault(step, [{}])
    place[int(last) if isinstance(place, list) else last] = value
    return made


def refused(answer: Any, operation: Operation, login: str) -> None:
    """404, or 403 where that role may not do such a thing at all."""
    may = operation.permissions is None or operation.permissions in permissions(login)
    assert answer.status_code == (404 if may else 403), (login, answer.text)
    assert answer.json["code"] == ("not-found" if may else "forbidden")


def shows_nothing(answer: Any, scene: FullOrganization, *, asked: str = "") -> None:
    told = {id_ for id_ in scene.private - {asked} if id_ in answer.text}
    assert answer.status_code != 200 or not told, answer.text  # a refusal repeats the id it was asked for


def strangers(walls: IsolatedOrganizations) -> tuple[str, ...]:
    return MIGHTIEST if walls.alone else STRANGERS


@pytest.fixture(autouse=True)
def _nothing_changed(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "walls" in request.fixturenames:
        walls: IsolatedOrganizations = request.getfixturevalue("walls")
        assert walls.traces() == walls.before


@on_all_walls
@with_path
def test_a_stranger_finds_nothing_at_an_address(walls: IsolatedOrganizations, operation: Operation) -> None:
    for login in strangers(walls):
        refused(ask(walls, operation, (walls.theirs, login), walls.ours.ids), operation, login)


@on_both_databases
@with_path_to_a_store
def test_a_neighbour_of_another_store_finds_nothing_at_an_address(
    walls: IsolatedOrganizations, operation: Operation
) -> None:
    for login in NEIGHBOURS:
        refused(ask(walls, operation, (walls.ours, login), walls.ours.ids), operation, login)


@on_all_walls
@with_body_ids
def test_a_stranger_cannot_name_our_things_in_a_body(walls: IsolatedOrganizations, operation: Operation) -> None:
    for pointer in links(operation):
        for login in strangers(walls):
            if operation.permissions not in permissions(login):
                continue
            id_ = known(walls.ours, operation, pointer)
            sent = put(body(operation, walls.theirs), pointer, id_)
            not_there(ask(walls, operation, (walls.theirs, login), walls.theirs.ids, json=sent), pointer, id_)


@on_both_databases
@with_body_ids_alone
def test_a_neighbour_cannot_name_our_things_in_a_body(walls: IsolatedOrganizations, operation: Operation) -> None:
    for pointer in links(operation):
        for login in (login for login in NEIGHBOURS if operation.permissions in permissions(login)):
            id_ = known(walls.ours, operation, pointer)
            sent = put(body(operation, walls.ours, there=True), pointer, id_)
            not_there(ask(walls, operation, (walls.ours, login), {}, json=sent), pointer, id_)


def not_there(answer: Any, pointer: str, id_: str) -> None:
    if pointer.endswith(
        "/notification_id"
    ):  # receipts come in bundles: one that is out of reach is reported, not refused
        assert answer.json == {"recorded": 0, "unknown": [id_]}
    else:
        assert (answer.status_code, answer.json.get("pointer")) == (404, pointer), answer.text


@on_all_walls
@by_id([operation for operation in operations() if operation.new_ids_in_body])
def test_strangers_may_call_their_new_things_by_our_ids_and_learn_nothing(
    walls: IsolatedOrganizations, operation: Operation
) -> None:
    named = {pointer: ours_by_new_id(walls, operation, pointer) for pointer in operation.new_ids_in_body}
    others = walls.others_without(set(named.values()))
    for pointer, id_ in named.items():
        sent = put(body(operation, others), pointer, id_)
        login = "manager" if operation.permissions in permissions("manager") else "admin"
        answer = ask(walls, operation, (others, login), others.ids | others.over.get(operation.id, {}), json=sent)
        assert answer.status_code == 201, answer.text


@on_both_databases
@by_id([operation for operation in operations() if operation.new_ids_in_body and not operation.named("path")])
def test_a_neighbour_cannot_take_an_id_of_ours(walls: IsolatedOrganizations, operation: Operation) -> None:
    for pointer in operation.new_ids_in_body:
        sent = put(body(operation, walls.ours, there=True), pointer, ours_by_new_id(walls, operation, pointer))
        neighbour = next(login for login in NEIGHBOURS if operation.permissions in permissions(login))
        answer = ask(walls, operation, (walls.ours, neighbour), {}, json=sent)
        assert (answer.status_code, answer.json["code"]) == (409, "already-exists"), answer.text
        assert answer.json["pointer"] == pointer


def links(operation: Operation) -> list[str]:
    return [pointer for pointer in operation.ids_in_body if pointer not in operation.new_ids_in_body]


def known(scene: FullOrganization, operation: Operation, pointer: str) -> str:
    *_, above, last = pointer.split("/")
    name = above.removesuffix("s") if last.isdigit() else last  # /staff_ids/0 is a staff_id
    assert name in scene.ids, f"tests/support/full_organization.py has to know an id for {pointer} of {operation.id}"
    return scene.ids[name]


def ours_by_new_id(walls: IsolatedOrganizations, operation: Operation, pointer: str) -> str:
    names = {"postConcerns/id": "concern_id", "postCustomers/id": "customer_id", "postChecks/id": "check_id"}
    names |= {"postConcernFollowUps/id": "follow_up_id", "postConcernFeedbackRequests/id": "feedback_request_id"}
    names |= {"postStoreStandingQrs/id": "standing_qr_id", "postFixes/id": "fix_id"}
    names |= {"postLogAmendments/id": "amendment_id"}
    return walls.ours.ids[names.get(operation.id + pointer, "recovery_action_id")]


@on_all_walls
@with_query_ids
def test_nobody_outside_filters_a_list_by_our_ids(walls: IsolatedOrganizations, operation: Operation) -> None:
    outside = [(walls.theirs, login) for login in strangers(walls)] + [(walls.ours, login) for login in NEIGHBOURS]
    for scene, login in outside:
        for name in operation.ids_in_query:
            assert name in walls.ours.ids, (
                f"tests/support/full_organization.py has to know an id for {name} of {operation.id}"
            )
            id_ = walls.ours.ids[name]
            answer = ask(walls, operation, (scene, login), scene.ids, query_string={name: id_})
            if operation.permissions not in permissions(login):
                assert answer.status_code == 403
                continue
            assert answer.status_code in (200, 404, 422), answer.text
            rows = answer.json.get("items", answer.json.get("rows"))
            assert not rows, (login, name, answer.text)
            shows_nothing(answer, walls.ours, asked=id_)


@on_all_walls
@with_cursor
def test_a_strangers_cursor_opens_nothing(walls: IsolatedOrganizations, operation: Operation) -> None:
    first = ask(walls, operation, (walls.ours, "admin"), walls.ours.ids, query_string={"limit": 1})
    cursor = first.json.get("next_cursor")
    assert cursor, f"tests/support/full_organization.py has to make two rows for {operation.path}"
    for login in strangers(walls):
        # At the very same address, so that only the tenant tells the lists apart.
        answer = ask(walls, operation, (walls.theirs, login), walls.ours.ids, query_string={"cursor": cursor})
        assert answer.status_code in (403, 404, 422), answer.text
    for login in NEIGHBOURS:
        answer = ask(walls, operation, (walls.ours, login), walls.ours.ids, query_string={"cursor": cursor})
        assert answer.status_code in (200, 403, 404), answer.text
        shows_nothing(answer, walls.ours)


@on_all_walls
@reading
def test_nothing_of_ours_is_in_what_others_read(walls: IsolatedOrganizations, operation: Operation) -> None:
    own = [(walls.theirs, login) for login in strangers(walls)]
    for scene, login in own if operation.named("path") else [*own, *((walls.ours, login) for login in NEIGHBOURS)]:
        answer = ask(walls, operation, (scene, login), scene.ids)
        assert answer.status_code in (200, 403, 404), answer.text
        shows_nothing(answer, walls.ours)


@on_both_databases
@about_a_concern
def test_a_sensitive_concern_is_not_there_for_those_below_a_manager(
    walls: IsolatedOrganizations, operation: Operation
) -> None:
    hidden = {name: id_ for name, id_ in walls.ours.sensitive.items() if name in operation.named("path")}
    for login in ("colleague", "hq", "key"):
        refused(ask(walls, operation, (walls.ours, login), {**walls.ours.ids, **hidden}), operation, login)
    if operation.method == "GET":
        for login in ("floor", "manager", "regional", "admin"):
            assert ask(walls, operation, (walls.ours, login), {**walls.ours.ids, **hidden}).status_code == 200


@on_both_databases
@reading
def test_a_sensitive_concern_is_in_no_list_of_those_below_a_manager(
    walls: IsolatedOrganizations, operation: Operation
) -> None:
    for login in ("colleague", "hq", "key"):
        answer = ask(walls, operation, (walls.ours, login), walls.ours.ids)
        assert answer.status_code in (200, 403), answer.text
        told = {id_ for id_ in walls.ours.sensitive.values() if id_ in answer.text}
        assert not told, (login, answer.text)


def test_every_operation_is_covered() -> None:
    """An address or a body nobody knew a fixture for fails above; here, that the fixtures are of what exists."""
    known = {operation.id for operation in operations()}
    assert BODIES.keys() <= known
    assert {operation.id for operation in operations() if operation.body_schema} <= BODIES.keys()
    assert known >= OWN_THINGS
