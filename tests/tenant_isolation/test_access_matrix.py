"""The access matrix: every operation of the document in the name of every caller, and the answer that each one gets.

What is expected follows from the document (which permission an operation needs), from models/access.py (who has it) and
from docs/access.md (how far it reaches):

| caller                                              | answer                                                        |
|-----------------------------------------------------|---------------------------------------------------------------|
| without a valid sign-in                             | 401                                                           |
| on a shared phone that is locked                    | 401 `locked` to everything but receipts                       |
| without the permission                              | 403 `forbidden`                                               |
| with it, an administrator without a second factor   | 403 `second-factor-missing`, see WITHOUT_SECOND_FACTOR        |
| with it, signed in long ago                         | 403 `sign-in-again` where the document wants a recent sign-in |
| with it, and the path names what is out of scope    | 404 `not-found`                                               |
| with it, and the path names nothing                 | success, and the answer holds no id of the first store        |
| with it, in scope                                   | the status of success that the document names; see RULES      |

A refusal sends no statement that writes. Every request is rolled back where it would be committed, so that each cell of
the matrix finds the same rows. New operations come in by themselves; what they lack is named by
`test_every_route_stands_in_the_matrix`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.views import MethodView
from werkzeug.test import TestResponse

from api import create_app
from api.cli.access import REACH, Reach, noun_of, reach_of
from api.schemas.stores import EditStoreSchema, StoreSchema
from api.web.blueprint import Blueprint
from api.web.resource import Resource
from api.web.smorest_internals import openapi_spec
from config import Config
from models.access import Permission
from models.db.cache import TtlCache
from models.organizations.store import Store
from tests.support.app import App, rolled_back
from tests.support.databases import Databases
from tests.support.factories.callers import Caller, Scope, all_callers, installation_of, is_needed_for
from tests.support.factories.full_organization import BODIES, FullOrganization, full_organizations
from tests.support.factories.ready_objects import add_ready_objects
from tests.support.openapi_document import Operation, bare_application, operations, operations_of
from tests.support.rows import rows_of_organization
from tests.support.sound_requests import OWN_THINGS, missing_fixtures, names_something, sound_request

THIS_FILE = "tests/tenant_isolation/test_access_matrix.py"
# Where nobody signs in: everything that is no operation of the document.
OPEN_ADDRESSES = {
    "/": "leads to the documentation",
    "/docs": "the documentation",
    "/openapi.json": "the document",
    "/_swagger/<path:name>": "files of the documentation",
    "/problems/<code>": "what a refusal means",
    "/pages/<path:filename>": "styles of the pages for customers",
    "/healthz": "for load balancers",
    "/readyz": "for load balancers",
    "/metrics": "for Prometheus",
    "/f/<token:token>": "for a customer with a link",
    "/q/<token:token>": "for a customer at a QR code",
    "/q/<token>/<token:signature>": "for the customer who wrote it, to see how the call goes",
    "/i/<token:code>": "for a person with a one-time code",
}
HINT = (
    "What succeeds in another state only gets a thing in that state from tests/support/factories/ready_objects.py;"
    f" what a rule of the domain refuses stands in RULES of {THIS_FILE}."
)


class Answer(NamedTuple):
    """Status and problem code (None for a success)."""

    status: int
    code: str | None = None


# Where a rule of the domain refuses what the permission and the scope would allow: operation, caller, answer, reason.
NOT_THEIR_STORE = (Answer(422, "invalid"), "the file names the first store, which does not exist for them")
PRIVATE = (Answer(403, "forbidden"), "private: for those with staff:care and for the lead of the shift")
NOT_THEIR_PHONE = (Answer(404, "not-found"), "a shared phone of the first store is not their own")
NOT_FOR_THEM = (Answer(404, "not-found"), "the manager was notified of it")
MADE_A_CODE = (Answer(403, "forbidden"), "they made a sign-in code for who asks")
RULES: dict[tuple[str, str], tuple[Answer, str]] = {
    ("postReleaseConcern", f"floor {Scope.INSIDE}"): (
        Answer(403, "forbidden"),
        "the manager has taken it, and concern:release-any is theirs",
    ),
    ("postVoidConcern", f"admin {Scope.INSIDE}"): (Answer(403, "forbidden"), "a manager works there who may"),
    ("postApproveRecoveryAction", f"floor {Scope.INSIDE}"): (
        Answer(403, "forbidden"),
        "on an enrolled phone they hand it to a manager, who gives their PIN",
    ),
    ("postApproveRecoveryAction", f"admin {Scope.INSIDE}"): MADE_A_CODE,
    ("postDeclineRecoveryAction", f"admin {Scope.INSIDE}"): MADE_A_CODE,
    ("postReviewRecoveryAction", f"admin {Scope.INSIDE}"): MADE_A_CODE,
    ("getStorePauses", "floor"): PRIVATE,
    ("getStorePauses", "key with staff:write"): PRIVATE,
    ("getStorePauses", "key of one store"): PRIVATE,
    ("deleteShiftById", f"floor {Scope.INSIDE}"): (Answer(403, "forbidden"), "the manager's, and they do not lead"),
    ("putShiftOfTimeClock", f"key of one store {Scope.ELSEWHERE}"): (
        Answer(422, "invalid"),
        "whose shift it is does not work in their store",
    ),
    ("postRevokeDevice", f"floor {Scope.INSIDE}"): NOT_THEIR_PHONE,
    ("postRevokeDevice", f"head_office {Scope.INSIDE}"): NOT_THEIR_PHONE,
    **{
        ("getMyNotificationById", f"{role} {Scope.INSIDE}"): NOT_FOR_THEM
        for role in ("floor", "regional", "head_office", "admin")
    },
    ("postPlacesImport", f"manager {Scope.ELSEWHERE}"): NOT_THEIR_STORE,
    ("postPlacesImport", f"regional {Scope.ELSEWHERE}"): NOT_THEIR_STORE,
    ("postStaffListImport", f"manager {Scope.ELSEWHERE}"): NOT_THEIR_STORE,
    ("postStaffListImport", f"regional {Scope.ELSEWHERE}"): NOT_THEIR_STORE,
    ("postStaffListImport", f"key of one store {Scope.ELSEWHERE}"): NOT_THEIR_STORE,
    ("postCustomersImport", "key of one store"): (
        Answer(403, "forbidden"),
        "customers belong to the whole organization",
    ),
    ("postCustomersImport", "key with customers:write"): (
        Answer(403, "forbidden"),
        "the answer tells which customers there are: customers:read is needed as well",
    ),
}
# All that an administrator without a second factor may do, where other machines reach the service.
WITHOUT_SECOND_FACTOR = {
    "postMySecondFactor",
    "postConfirmMySecondFactor",
    "deleteMySecondFactor",
    "getMe",
    "deleteCurrentSession",
}
# Where an answer to somebody out of scope names something of the first store, and why it may.
SHOWN: dict[tuple[str, Scope], str] = {
    ("postSessions", Scope.NOBODY): "whoever signs in there reads their own profile",
    ("postSessions", Scope.ELSEWHERE): "the same",
    ("postRedeemEnrolment", Scope.NOBODY): "whoever has the code enrols a phone of that store",
    ("postRedeemEnrolment", Scope.ELSEWHERE): "the same",
    ("postCustomerSearch", Scope.ELSEWHERE): "an exact contact finds any profile of the organization",
}


@dataclass
class Matrix:
    """An application with two organizations, and everybody who calls about the first one."""

    app: App
    ours: FullOrganization
    theirs: FullOrganization
    callers: list[Caller]

    def ids_of(self, operation: Operation, caller: Caller) -> dict[str, str]:
        """Return the ids for a request: in the path those of the first store, in the body what the caller has."""
        own = self.theirs if caller.scope is Scope.STRANGER else self.ours
        ids = own.ids_for(operation.id)
        if caller.scope is Scope.ELSEWHERE:
            ids |= {"store_id": str(own.shop.other_store_id)}
        if caller.scope is Scope.INSIDE and caller.login:
            ids |= {"installation_id": installation_of(own, caller.login)}
            ids |= {"session_id": own.session_ids[caller.login]}
        return ids

    def ask(self, operation: Operation, caller: Caller) -> tuple[TestResponse, list[str], set[str]]:
        """Send the operation in the caller's name. Return the answer, the statements that write, and the ids sent."""
        own, ours = self.ids_of(operation, caller), self.ours.ids_for(operation.id)
        request = sound_request(operation, own)
        if caller.scope is not Scope.INSIDE and names_something(operation):
            request["path"] = operation.path.format(**ours)
        if caller.token is not None:
            request["headers"]["Authorization"] = f"Bearer {caller.token}"
        self.app.forget_hits()
        self.app.database.answer_cache = TtlCache()
        self.app.flask.config["SECOND_FACTOR_REQUIRED"] = caller.lacks_second_factor
        with self.app.counting() as statements:
            answer = self.app.request(**request)
        self.app.flask.config["SECOND_FACTOR_REQUIRED"] = False
        writing = [line for line in statements if line.startswith(("INSERT", "UPDATE", "DELETE"))]
        sent = f"{request['path']} {request.get('json')} {request.get('data')}"
        return answer, writing, {id_ for id_ in self.ours.private if id_ in sent}


def expected(operation: Operation, caller: Caller) -> Answer:
    """Return what the matrix says in this cell."""
    needed = operation.permissions
    success = Answer(operation.success)
    if needed is None:
        return success
    if refusal := refused_token(operation, caller):
        return refusal
    if needed not in caller.permissions:
        return Answer(403, "forbidden")
    if refusal := refused_sign_in(operation, caller):
        return refusal
    if names_something(operation) and caller.scope is not Scope.INSIDE:
        shared = caller.scope is Scope.ELSEWHERE and reach_of(operation.method, operation.path) is Reach.ORGANIZATION
        if not shared:
            return Answer(404, "not-found")
    rule = RULES.get((operation.id, f"{caller.name} {caller.scope}")) or RULES.get((operation.id, caller.name))
    return rule[0] if rule else success


def refused_token(operation: Operation, caller: Caller) -> Answer | None:
    """Return the refusal of a token that stands for nobody, or for nobody before their PIN; None for any other."""
    if caller.scope is Scope.NOBODY:
        return Answer(401, "unauthorized")
    if caller.is_locked and operation.permissions != Permission.RECEIPT_SEND:
        return Answer(401, "locked")
    return None


def refused_sign_in(operation: Operation, caller: Caller) -> Answer | None:
    """Return the refusal of a sign-in that has to prove more; None for one that need not."""
    if caller.lacks_second_factor and operation.id not in WITHOUT_SECOND_FACTOR:
        return Answer(403, "second-factor-missing")
    if caller.signed_in_long_ago and operation.needs_recent_sign_in:
        return Answer(403, "sign-in-again")
    if caller.signed_in_long_ago and operation.id == "postMyTestPush":
        return Answer(409, "not-now")  # that sign-in is on no phone
    return None


def differences(matrix: Matrix, operation: Operation, caller: Caller) -> Iterator[str]:
    """Say what is not as the matrix has it in this cell."""
    answer, writing, sent = matrix.ask(operation, caller)
    wanted = expected(operation, caller)
    code = answer.json["code"] if answer.status_code >= 400 else None
    if (answer.status_code, code) != wanted:
        yield f"answers {answer.status_code} {code} instead of {wanted.status} {wanted.code}: {answer.text[:200]}"
    if wanted.status in (401, 403, 404) and writing:
        yield f"writes, and refuses: {writing}"
    if wanted.status == 401 and not answer.headers.get("WWW-Authenticate", "").startswith("Bearer"):
        yield "does not say how to sign in"
    if caller.scope is Scope.INSIDE or (operation.id, caller.scope) in SHOWN:
        return
    if shown := {id_ for id_ in matrix.ours.private - sent if id_ in answer.text}:
        yield f"shows {shown}: {answer.text[:300]}"


@pytest.fixture(scope="module")
def matrix(databases: Databases, database_kind: str) -> Iterator[Matrix]:
    """All cells find the same rows, and when all were asked for, every row is the one it was."""
    with full_organizations(databases, database_kind, "ours", "theirs") as (app, (ours, theirs)):
        callers = all_callers(app, ours, theirs)
        for org in (ours, theirs):
            add_ready_objects(app, org)
        owner = sa.create_engine(app.url)
        before = [rows_of_organization(owner, org.shop.organization_id) for org in (ours, theirs)]
        with rolled_back(app.database):
            yield Matrix(app, ours, theirs, callers)
        assert [rows_of_organization(owner, org.shop.organization_id) for org in (ours, theirs)] == before
        owner.dispose()


@pytest.mark.parametrize("operation", operations(), ids=[operation.id for operation in operations()])
def test_every_caller_gets_the_answer_of_the_matrix(matrix: Matrix, operation: Operation) -> None:
    wrong = [
        f"{operation.method} {operation.path} by {caller}: {difference}"
        for caller in matrix.callers
        if is_needed_for(caller, operation.permissions)
        for difference in differences(matrix, operation, caller)
    ]
    assert not wrong, "\n".join(("", *wrong, HINT))


@pytest.mark.parametrize("login", ["floor", "elsewhere"])
def test_the_phone_of_somebody_else_is_not_there(matrix: Matrix, login: str) -> None:
    of_phones = [
        operation
        for operation in operations()
        if {"installation_id", "device_id"} & {*operation.named("path")} and operation.id not in OWN_THINGS
    ]
    assert {operation.id for operation in of_phones} == {"deleteMyDevice", "postRevokeDevice"}
    caller = next(caller for caller in matrix.callers if (caller.login, caller.name) == (login, "floor"))
    for operation in of_phones:
        ids = matrix.ours.ids | {"installation_id": installation_of(matrix.ours, "manager")}
        request = sound_request(operation, ids)
        request["headers"] |= {"Authorization": f"Bearer {caller.token}"}
        with matrix.app.counting() as statements:
            answer = matrix.app.request(**request)
        assert (answer.status_code, answer.json["code"]) == (404, "not-found"), operation.id
        assert [line for line in statements if line.startswith(("INSERT", "UPDATE", "DELETE"))] == []


def gaps(app: Flask, ids: dict[str, str]) -> list[str]:
    """Say what keeps the routes of an application from standing in the matrix, and which file to edit."""
    document = openapi_spec(app).to_dict()
    lacking: list[str] = []
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
        if not path.startswith("/v1/"):
            if rule.rule not in OPEN_ADDRESSES:
                lacking += [f"{rule.rule} asks for no sign-in: say why in OPEN_ADDRESSES of {THIS_FILE}"]
            continue
        view = getattr(app.view_functions[rule.endpoint], "view_class", object)
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            operations_at = document["paths"].get(path, {})
            if not issubclass(view, Resource) or "security" not in operations_at.get(method.lower(), {}):
                operations_at.pop(method.lower(), None)
                lacking += [
                    f"{method} {path} declares no permission: it has to be a Resource on a Blueprint of api/web"
                ]
    for operation in operations_of(document):
        lacking += missing_fixtures(operation, ids)
        if noun_of(operation.path) not in REACH:
            lacking += [
                f"{operation.path}: say in REACH of api/cli/access.py how far {noun_of(operation.path)} reaches"
            ]
    return lacking


def test_every_route_stands_in_the_matrix(matrix: Matrix) -> None:
    assert gaps(bare_application(), matrix.ours.ids) == []


def test_a_route_without_a_declaration_or_a_fixture_is_named(matrix: Matrix) -> None:
    app = create_app(Config.from_env({"SECRET_KEY": "an application with three routes more"}))
    blp = Blueprint("gadgets", __name__, "Gadgets")

    @blp.route("/gadgets/<uuid:gadget_id>")
    class GadgetById(Resource):
        permissions = {"PATCH": Permission.STORE_WRITE}
        path_models = {"gadget_id": Store}

        @blp.arguments(EditStoreSchema)
        @blp.response(200, StoreSchema)
        def patch(self, data: dict[str, Any], gadget: Store) -> Store:
            """Change a gadget"""
            raise NotImplementedError

    class Undeclared(MethodView):
        def get(self) -> str:
            raise NotImplementedError

    app.extensions["flask-smorest"]["apis"][""]["ext_obj"].register_blueprint(blp)
    app.add_url_rule("/v1/undeclared", view_func=Undeclared.as_view("undeclared"))
    app.add_url_rule("/outside", "outside", lambda: "everybody may read this")

    assert sorted({*gaps(app, matrix.ours.ids)} - {*gaps(bare_application(), matrix.ours.ids)}) == [
        "/outside asks for no sign-in: say why in OPEN_ADDRESSES of tests/tenant_isolation/test_access_matrix.py",
        "/v1/gadgets/{gadget_id}: say in REACH of api/cli/access.py how far gadgets reaches",
        "GET /v1/undeclared declares no permission: it has to be a Resource on a Blueprint of api/web",
        "tests/support/factories/full_organization.py: BODIES lacks a body for patchGadgetById",
        "tests/support/factories/full_organization.py: `ids` lacks ['gadget_id'] for patchGadgetById",
    ]


def test_the_tables_of_this_file_are_about_what_there_is(matrix: Matrix) -> None:
    known = {operation.id for operation in operations()}
    assert known >= BODIES.keys() | OWN_THINGS | {operation for operation, _ in SHOWN}
    callers = {name for caller in matrix.callers for name in (caller.name, str(caller))}
    assert [rule for rule in RULES if rule[0] not in known or rule[1] not in callers] == []
