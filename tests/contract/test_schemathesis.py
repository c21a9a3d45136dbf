"""The whole document against the whole application: what it says is what happens, for sound and for broken requests.

The quick profile tries a few examples of each operation on PostgreSQL. The deep one tries every boundary of every value
and some more examples on SQLite. They are always the same ones. `make fuzz` takes FUZZ_EXAMPLES new ones, from a
seed it prints (FUZZ_SEED repeats a run).
"""

import itertools
import os
import secrets
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis
from schemathesis import Case
from schemathesis.checks import CheckContext
from schemathesis.config import SchemathesisConfig
from schemathesis.core.transport import Response

from api.schemas.base import NOTHING_TO_SEE
from api.schemas.sessions import PASSWORD_FIELDS, PIN_FIELDS
from models.db.text import tidy
from tests.contract.conftest import ANSWERS
from tests.support.app import App, rolled_back
from tests.support.databases import Databases
from tests.support.factories.callers import Caller, Scope, all_callers, installation_of
from tests.support.factories.full_organization import PHONE, QUERIES, FullOrganization, full_organizations
from tests.support.factories.ready_objects import add_ready_objects
from tests.support.openapi_document import Operation, document, operations
from tests.support.profiles import by_profile, longer
from tests.support.sound_requests import filled_body

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "0"))
SEED = int(os.environ.get("FUZZ_SEED", "0")) or secrets.randbelow(2**32)

CONFIG = SchemathesisConfig.from_dict(
    {
        # Text with NUL is refused with 422; JSON Schema could only say so in a pattern on every text there is, which
        # generators of clients would turn into code. tests/api/web/test_problems.py sends it.
        "generation": {"allow-x00": False, "deterministic": not EXAMPLES, "database": "none"},
        "checks": {
            # 304 is the answer to an If-None-Match, such as `*`; 410 to a one-time code that is not valid.
            # 412 and 428 are answers to an If-Match that is sound in form; 422 is looked at below, in
            # `a_sound_request_is_refused_by_a_rule_only`.
            "positive_data_acceptance": {
                "expected-statuses": ["2xx", "304", "401", "403", "404", "409", "410", "412", "422", "429"]
            },
            # A broken body is not looked at when the version is another already.
            "negative_data_rejection": {
                "expected-statuses": [
                    "400",
                    "401",
                    "403",
                    "404",
                    "405",
                    "409",
                    "412",
                    "413",
                    "415",
                    "422",
                    "428",
                    "429",
                ]
            },
            # Without If-Match it is 428, as RFC 6585 has it.
            "missing_required_header": {"expected-statuses": ["401", "403", "404", "428"]},
        },
        # There is no state to fuzz without links in the document.
        "phases": {"stateful": {"enabled": False}, "coverage": {"enabled": by_profile(quick=False, deep=True)}},
    }
)
# Rules of the shape that JSON Schema has no words for: `to` is not before `from`, business is done in 2000 to 2999,
# days are not grouped by hour, and a text has something to see in it.
BEYOND_SCHEMA = {("query", name) for name in ("/from", "/to", "/business_date", "/group_by")}
# What of several fields has to be there, and which belong together, is said in words: JSON Schema has only `anyOf` for
# it, which generators of clients turn into classes that nobody can use. A sign-in names the fields.
RULES_IN_WORDS = {
    "An item needs a slug or a name.",
    "Send a password, a PIN or both.",
    "An address and its kind come together.",
    "Give the openings of a week, or say that always is true.",
    "Send exactly one of phone, email, loyalty_number, reference, name and phone_end.",
}
BEYOND_SCHEMA |= {("body", f"/{name}") for name in (*PASSWORD_FIELDS, *PIN_FIELDS, "code", "device_proof")}
SHAPE = "Some values are not valid; `errors` says which and why."


@schemathesis.serializer("text/csv")
def _as_csv(_ctx: Any, value: Any) -> bytes:
    """Send text as it was generated: hardly ever a file, which is what has to be refused well."""
    return str(value).encode()


OPERATIONS = {operation.id: operation for operation in operations()}

schema = schemathesis.openapi.from_dict(document(), config=CONFIG)
playing: list[App] = []  # the tests are collected before there is a database to play on


def _relay(environ: dict[str, Any], start_response: Any) -> Any:
    return playing[-1].flask(environ, start_response)


schema.app = _relay


@schemathesis.check
def a_sound_request_is_refused_by_a_rule_only(ctx: CheckContext, response: Response, case: Case) -> None:
    """What fits the schema may meet a rule that no schema can say (a cursor of another list), but no stricter shape."""
    sound = case.meta is not None and case.meta.generation.mode.is_positive
    if sound and response.status_code == 422 and response.json()["detail"] == SHAPE:
        errors = [
            error
            for error in response.json()["errors"]
            if (error["in"], error["pointer"]) not in BEYOND_SCHEMA
            and error["detail"] not in {NOTHING_TO_SEE, *RULES_IN_WORDS}
        ]
        assert not errors, f"fits the schema, but: {errors}"


@schemathesis.check
def a_problem_helps(ctx: CheckContext, response: Response, case: Case) -> None:
    """Every refusal names itself, says why, and can be found in the log."""
    if response.status_code < 400:
        return
    problem = response.json()
    assert problem["detail"].strip(), problem
    assert problem["status"] == response.status_code
    assert problem["type"] == f"/problems/{problem['code']}"
    assert problem["request_id"] == response.headers["x-request-id"][0]
    assert response.status_code != 422 or "errors" in problem or problem["code"].endswith(("reused", "key")), problem


class Stage:
    """The application that plays, with a thing for every operation in the state that it needs. Nothing stays."""

    def __init__(self, app: App, ours: FullOrganization, theirs: FullOrganization) -> None:
        self.app, self.org = app, ours
        add_ready_objects(app, ours)
        self.callers = [
            caller
            for caller in all_callers(app, ours, theirs)
            if caller.scope is Scope.INSIDE
            and not (caller.signed_in_long_ago or caller.lacks_second_factor or caller.is_locked)
        ]
        self.turn = itertools.count()

    def play(self, case: Case, answers: Counter[str]) -> None:
        """Send one request, judge its answer by the document, and count it by its status."""
        if _is_sound_on_the_wire(case):
            return
        operation = OPERATIONS[case.operation.definition.raw["operationId"]]
        turn = next(self.turn)
        caller = self.caller(operation, turn)
        ids = self.org.ids_for(operation.id)
        if caller and caller.login:
            ids |= {"installation_id": installation_of(self.org, caller.login)}
            ids |= {"session_id": self.org.session_ids[caller.login]}
        if turn % 4:
            _refer(case, ids)
        if turn % 4 > 1:
            _fill_soundly(case, operation, ids, whole=turn % 4 == 3)
        self.app.forget_hits()
        # Nothing between it and the application unpacks what is compressed.
        headers = {"Authorization": f"Bearer {caller and caller.token}", "Accept-Encoding": "identity"}
        answers[str(case.call_and_validate(headers=headers).status_code)] += 1

    def caller(self, operation: Operation, turn: int) -> Caller | None:
        """Return somebody who may do this, each in turn; None where nobody signs in."""
        if operation.permissions is None:
            return None
        may = [
            caller for caller in self.callers if operation.permissions in caller.permissions and not caller.is_locked
        ]
        return may[turn // 4 % len(may)]


def _refer(case: Case, ids: dict[str, str]) -> None:
    """Let what is sound in form refer to something that is there; else all answers were 404."""
    if _sound(case, "path"):
        for name in case.path_parameters:
            case.path_parameters[name] = ids.get(name, case.path_parameters[name])
    if _sound(case, "query"):
        case.query = _referring(case.query, ids)
    if _sound(case, "header") and "If-Match" in case.headers:
        case.headers["If-Match"] = "*"
    if _sound(case, "body") and isinstance(case.body, dict):
        body = _referring(case.body, ids)
        if {"customer", "customer_id"} <= body.keys():
            del body["customer"]  # one of the two: a rule that the schema leaves to the description
        case.body = body


def _fill_soundly(case: Case, operation: Operation, ids: dict[str, str], *, whole: bool) -> None:
    """Put a body that is accepted, and the query that is needed, over what was generated; or `whole` in its place."""
    if _sound(case, "query"):
        needed = QUERIES.get(operation.id, {})
        case.query = needed if whole else {**case.query, **needed}
    if _sound(case, "body"):
        body = filled_body(operation, ids)
        generated = case.body if isinstance(case.body, dict) and isinstance(body, dict) and not whole else {}
        case.body = {**generated, **body} if isinstance(body, dict) else body


def _is_sound_on_the_wire(case: Case) -> bool:
    """Tell whether something that is not sound is so only until it is sent, or until it is tidied as texts are."""
    group_by = case.query.get("group_by")
    if "" in (group_by, *(group_by or ())):
        return True  # `group_by=`: a list of one empty word is the empty list
    if any(value in ([], {}) for value in case.query.values()):
        return True  # nothing is sent of it
    body = case.body if isinstance(case.body, dict) else {}
    texts = [value for value in body.values() if isinstance(value, str)]
    return not _sound(case, "body") and any(len(tidy(text)) < len(text) for text in texts)


def _sound(case: Case, location: str) -> bool:
    components = case.meta.components if case.meta else {}
    return any(place.value == location and info.mode.is_positive for place, info in components.items())


def _referring(body: Any, ids: dict[str, str]) -> Any:
    there = {
        **ids,
        "category": "food",
        "cause": "cold",
        "place": "table-1",
        "question": "what-happened",
        "remedy": "apology",
        "currency": "EUR",
        "outcome": "recovered",
        "phone": PHONE,
    }
    if isinstance(body, list):
        return [_referring(inner, ids) for inner in body]
    if isinstance(body, dict):
        return {
            name: there[name] if name in there and isinstance(inner, str) else _referring(inner, ids)
            for name, inner in body.items()
        }
    return body


@pytest.fixture(scope="module")
def stage(databases: Databases, database_kind: str) -> Iterator[Stage]:
    with full_organizations(databases, database_kind, "ours", "theirs") as (app, (ours, theirs)):
        stage = Stage(app, ours, theirs)
        playing.append(app)
        sys.stdout.write(f"FUZZ_SEED={SEED}\n" if EXAMPLES else "")  # shown with a failure
        with rolled_back(app.database):
            yield stage
        playing.remove(app)


@pytest.fixture
def answers(request: pytest.FixtureRequest) -> Iterator[Counter[str]]:
    """How many answers of one operation fitted the document, by status; `make fuzz` prints them."""
    counted = Counter[str]()
    yield counted
    request.node.user_properties.append((ANSWERS, [request.node.name, dict(counted)]))


@schema.parametrize()
@longer
@hypothesis.settings(
    max_examples=EXAMPLES or by_profile(quick=8, deep=15), suppress_health_check=list(hypothesis.HealthCheck)
)
def test_the_document_says_the_truth(case: Case, stage: Stage, answers: Counter[str]) -> None:
    stage.play(case, answers)


if EXAMPLES:
    test_the_document_says_the_truth = hypothesis.seed(SEED)(test_the_document_says_the_truth)
