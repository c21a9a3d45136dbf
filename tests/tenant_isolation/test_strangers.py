"""Requests with real ids of another organization get 404, or nothing, and change nothing: on every operation.

tests/tenant_isolation/test_access_matrix.py asks for each address in the name of everybody, behind all layers at once.
Here are the layers alone, and what else of ours a request can carry: ids in bodies and queries, cursors.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from models.access import GRANTS, KEY_GRANTS, Permission, Role
from tests.support.factories.full_organization import QUERIES, FullOrganization
from tests.support.factories.organizations import PEOPLE
from tests.support.openapi_document import Operation, operations
from tests.support.sound_requests import address, body, names_something, put
from tests.tenant_isolation.conftest import IsolatedOrganizations

STANDING = [
    ("sqlite", "every layer"),
    ("postgresql", "every layer"),
    ("postgresql", "row level security"),
    ("postgresql", "session filter"),
]
on_one_layer_alone = pytest.mark.parametrize(("database_kind", "layer"), STANDING[2:], indirect=True, scope="module")
on_all_layers = pytest.mark.parametrize(("database_kind", "layer"), STANDING, indirect=True, scope="module")
# What separates people of one organization is no isolation layer between tenants: it is tested once on each database.
on_both_databases = pytest.mark.parametrize(("database_kind", "layer"), STANDING[:2], indirect=True, scope="module")
STRANGERS = ("floor", "manager", "regional", "hq", "admin", "key")
MIGHTIEST = ("manager", "admin", "key")  # they may do everything between them, which is enough for a layer alone
BY_PERSON = {"reported_by", "taken_by", "owner_id"}  # filters that tell who did what: for readers of names only
NEIGHBOURS = ("elsewhere", "manager-there", "regional-there", "key-there")
ROLES = {**{login: role for login, (role, _) in PEOPLE.items()}, "manager-there": Role.MANAGER}
ROLES["regional-there"] = Role.REGIONAL
EVERY_KEY = frozenset().union(*KEY_GRANTS.values())
KEYS = {"key": EVERY_KEY, "key-there": EVERY_KEY - {Permission.EXPORT_READ}}

# Ids in a path that lead to one concern.
OF_A_CONCERN = frozenset({"concern_id", "alert_id", "recovery_action_id", "follow_up_id", "feedback_request_id"})


def permissions(login: str) -> frozenset[Permission]:
    return KEYS.get(login) or GRANTS[ROLES[login]]


def by_id(found: list[Operation]) -> Any:
    return pytest.mark.parametrize("operation", found, ids=[operation.id for operation in found])


with_path = by_id([operation for operation in operations() if names_something(operation)])
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
    tenants: IsolatedOrganizations,
    operation: Operation,
    by: tuple[FullOrganization, str],
    ids: dict[str, str],
    **options: Any,
) -> Any:
    """The operation in somebody's name, at the address made of these ids, with a body it accepts."""
    path = address(operation, ids)
    org, login = by
    headers = {"If-Match": "*"} if operation.method == "PATCH" else {}
    options["query_string"] = QUERIES.get(operation.id, {}) | options.get("query_string", {})
    if operation.body_schema and "json" not in options:
        options["json"] = body(operation, org.ids)
    with tenants.standing():
        return tenants.app.request(operation.method, path, (org.shop, login), headers=headers, **options)


def body_there(operation: Operation, org: FullOrganization) -> dict[str, Any]:
    """What it accepts, in the org's second store."""
    return body(operation, {**org.ids, "store_id": str(org.shop.other_store_id)})


def refused(answer: Any, operation: Operation, login: str) -> None:
    """404, or 403 where that role may not do such a thing at all."""
    may = operation.permissions is None or operation.permissions in permissions(login)
    assert answer.status_code == (404 if may else 403), (login, answer.text)
    assert answer.json["code"] == ("not-found" if may else "forbidden")


def shows_nothing(answer: Any, org: FullOrganization, *, asked: str = "") -> None:
    shown = {id_ for id_ in org.private - {asked} if id_ in answer.text}
    assert answer.status_code != 200 or not shown, answer.text  # a refusal repeats the id it was asked for


def strangers(tenants: IsolatedOrganizations) -> tuple[str, ...]:
    return MIGHTIEST if tenants.alone else STRANGERS


@pytest.fixture(autouse=True)
def _nothing_changed(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "tenants" in request.fixturenames:
        tenants: IsolatedOrganizations = request.getfixturevalue("tenants")
        assert tenants.traces() == tenants.before


@on_one_layer_alone
@with_path
def test_a_stranger_finds_nothing_at_an_address(tenants: IsolatedOrganizations, operation: Operation) -> None:
    for login in strangers(tenants):
        refused(ask(tenants, operation, (tenants.theirs, login), tenants.ours.ids), operation, login)


@on_all_layers
@with_body_ids
def test_a_stranger_cannot_name_our_things_in_a_body(tenants: IsolatedOrganizations, operation: Operation) -> None:
    for pointer in links(operation):
        for login in strangers(tenants):
            if operation.permissions not in permissions(login):
                continue
            id_ = known(tenants.ours, operation, pointer)
            sent = put(body(operation, tenants.theirs.ids), pointer, id_)
            not_there(ask(tenants, operation, (tenants.theirs, login), tenants.theirs.ids, json=sent), pointer, id_)


@on_both_databases
@with_body_ids_alone
def test_a_neighbour_cannot_name_our_things_in_a_body(tenants: IsolatedOrganizations, operation: Operation) -> None:
    for pointer in links(operation):
        for login in (login for login in NEIGHBOURS if operation.permissions in permissions(login)):
            id_ = known(tenants.ours, operation, pointer)
            sent = put(body_there(operation, tenants.ours), pointer, id_)
            not_there(ask(tenants, operation, (tenants.ours, login), {}, json=sent), pointer, id_)


def not_there(answer: Any, pointer: str, id_: str) -> None:
    if pointer == "/approver/staff_id":  # a PIN is taken on an enrolled phone only, whoever is named
        pointer = "/approver"
    if pointer.endswith(
        "/notification_id"
    ):  # receipts come in bundles: one that is out of reach is reported, not refused
        assert answer.json == {"recorded": 0, "unknown": [id_]}
        return
    pointers = [error["pointer"] for error in answer.json.get("errors", ())]
    assert (answer.status_code, pointers) == (422, [pointer]), answer.text


@on_all_layers
@by_id([operation for operation in operations() if operation.new_ids_in_body])
def test_strangers_may_call_their_new_things_by_our_ids_and_learn_nothing(
    tenants: IsolatedOrganizations, operation: Operation
) -> None:
    named = {pointer: ours_by_new_id(tenants, operation, pointer) for pointer in operation.new_ids_in_body}
    others = tenants.others_without(set(named.values()))
    for number, (pointer, id_) in enumerate(named.items()):
        sent = put(with_new_slugs(body(operation, others.ids), number), pointer, id_)
        login = "manager" if operation.permissions in permissions("manager") else "admin"
        answer = ask(tenants, operation, (others, login), others.ids_for(operation.id), json=sent)
        assert answer.status_code == (200 if operation.method == "PATCH" else 201), answer.text


@on_both_databases
@by_id(
    [
        operation
        for operation in operations()
        if operation.new_ids_in_body
        and not operation.named("path")
        and any(operation.permissions in permissions(login) for login in NEIGHBOURS)
    ]
)
def test_a_neighbour_cannot_take_an_id_of_ours(tenants: IsolatedOrganizations, operation: Operation) -> None:
    for pointer in operation.new_ids_in_body:
        sent = put(body_there(operation, tenants.ours), pointer, ours_by_new_id(tenants, operation, pointer))
        neighbour = next(login for login in NEIGHBOURS if operation.permissions in permissions(login))
        answer = ask(tenants, operation, (tenants.ours, neighbour), {}, json=sent)
        assert (answer.status_code, answer.json["code"]) == (409, "already-exists"), answer.text
        assert answer.json["pointer"] == pointer


def with_new_slugs(made: Any, number: int) -> Any:
    """The body with other slugs for each number: a slug is given out once."""
    if isinstance(made, list):
        return [with_new_slugs(item, number) for item in made]
    if not isinstance(made, dict):
        return made
    return {
        name: f"{inner}-{number}" if name == "slug" else with_new_slugs(inner, number) for name, inner in made.items()
    }


def links(operation: Operation) -> list[str]:
    """Where a body names things, but for a new concern: it is logged without what is out of reach.

    tests/api/resources/concerns/test_never_refused.py has those of other stores and other organizations.
    """
    pointers = [pointer for pointer in operation.ids_in_body if pointer not in operation.new_ids_in_body]
    return ["/store_id"] if operation.id == "postConcerns" else pointers


def known(org: FullOrganization, operation: Operation, pointer: str) -> str:
    *_, above, last = pointer.split("/")
    name = above.removesuffix("s") if last.isdigit() else last  # /staff_ids/0 is a staff_id
    name = {"postMergeCategories": "category_id", "postMergeCauses": "cause_id"}.get(operation.id, name)
    assert name in org.ids, (
        f"tests/support/factories/full_organization.py has to know an id for {pointer} of {operation.id}"
    )
    return org.ids[name]


def ours_by_new_id(tenants: IsolatedOrganizations, operation: Operation, pointer: str) -> str:
    names = {"postConcerns/id": "concern_id", "postCustomers/id": "customer_id", "postChecks/id": "check_id"}
    names |= {"postConcernFollowUps/id": "follow_up_id", "postConcernFeedbackRequests/id": "feedback_request_id"}
    names |= {"postStoreStandingQrs/id": "standing_qr_id", "postFixes/id": "fix_id"}
    names |= {"postLogAmendments/id": "amendment_id", "postStores/id": "store_id", "postRegions/id": "region_id"}
    names |= {"postStaffList/id": "staff_id", "postStorePlaces/id": "place_id", "postApiKeys/id": "api_key_id"}
    names |= {"postQuestions/id": "question_id", "postRemedies/id": "remedy_id"}
    names |= {"postCategories/id": "category_id", "postCategories/causes/0/id": "cause_id"}
    names |= {"patchCategoryById/causes/0/id": "cause_id"}
    names |= {"postStaffInvitations/id": "session_id", "postStoreEnrolments/id": "device_id"}  # what becomes of them
    return tenants.ours.ids[names.get(operation.id + pointer, "recovery_action_id")]


@on_all_layers
@with_query_ids
def test_nobody_outside_filters_a_list_by_our_ids(tenants: IsolatedOrganizations, operation: Operation) -> None:
    outside = [(tenants.theirs, login) for login in strangers(tenants)] + [
        (tenants.ours, login) for login in NEIGHBOURS
    ]
    for org, login in outside:
        for name in operation.ids_in_query:
            assert name in tenants.ours.ids, (
                f"tests/support/factories/full_organization.py has to know an id for {name} of {operation.id}"
            )
            id_ = tenants.ours.ids[name]
            answer = ask(tenants, operation, (org, login), org.ids, query_string={name: id_})
            if operation.permissions not in permissions(login):
                assert answer.status_code == 403
                continue
            if name in BY_PERSON and Permission.CONCERN_WORDS not in permissions(login):
                assert answer.status_code == 403, answer.text
                continue
            assert answer.status_code in (200, 404, 422), answer.text
            rows = answer.json.get("items", answer.json.get("rows"))
            assert not rows, (login, name, answer.text)
            shows_nothing(answer, tenants.ours, asked=id_)


@on_all_layers
@with_cursor
def test_a_strangers_cursor_opens_nothing(tenants: IsolatedOrganizations, operation: Operation) -> None:
    first = ask(tenants, operation, (tenants.ours, "admin"), tenants.ours.ids, query_string={"limit": 1})
    cursor = first.json.get("next_cursor")
    assert cursor, f"tests/support/factories/full_organization.py has to make two rows for {operation.path}"
    for login in strangers(tenants):
        # At the very same address, so that only the tenant tells the lists apart.
        answer = ask(tenants, operation, (tenants.theirs, login), tenants.ours.ids, query_string={"cursor": cursor})
        assert answer.status_code in (403, 404, 422), answer.text
    for login in NEIGHBOURS:
        answer = ask(tenants, operation, (tenants.ours, login), tenants.ours.ids, query_string={"cursor": cursor})
        assert answer.status_code in (200, 403, 404), answer.text
        shows_nothing(answer, tenants.ours)


@on_all_layers
@reading
def test_nothing_of_ours_is_in_what_others_read(tenants: IsolatedOrganizations, operation: Operation) -> None:
    own = [(tenants.theirs, login) for login in strangers(tenants)]
    for org, login in own if operation.named("path") else [*own, *((tenants.ours, login) for login in NEIGHBOURS)]:
        answer = ask(tenants, operation, (org, login), org.ids)
        assert answer.status_code in (200, 403, 404), answer.text
        shows_nothing(answer, tenants.ours)


@on_both_databases
@about_a_concern
def test_a_sensitive_concern_is_not_there_for_those_below_a_manager(
    tenants: IsolatedOrganizations, operation: Operation
) -> None:
    hidden = {name: id_ for name, id_ in tenants.ours.sensitive.items() if name in operation.named("path")}
    for login in ("colleague", "hq", "key"):
        refused(ask(tenants, operation, (tenants.ours, login), {**tenants.ours.ids, **hidden}), operation, login)
    if operation.method == "GET":
        for login in ("floor", "manager", "regional", "admin"):
            assert ask(tenants, operation, (tenants.ours, login), {**tenants.ours.ids, **hidden}).status_code == 200


@on_both_databases
@reading
def test_a_sensitive_concern_is_in_no_list_of_those_below_a_manager(
    tenants: IsolatedOrganizations, operation: Operation
) -> None:
    for login in ("colleague", "hq", "key"):
        answer = ask(tenants, operation, (tenants.ours, login), tenants.ours.ids)
        assert answer.status_code in (200, 403, 404), answer.text  # 404: what one other person was notified of
        shown = {id_ for id_ in tenants.ours.sensitive.values() if id_ in answer.text}
        assert not shown, (login, answer.text)
