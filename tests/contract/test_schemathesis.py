"""The whole document against the whole application: what it says is what happens, for sound and for broken requests.

The quick profile tries a few examples of each operation on PostgreSQL. The deep one tries every boundary of every value
and some more examples on SQLite. They are always the same ones. `make fuzz` takes FUZZ_EXAMPLES new ones, from a
seed it prints (FUZZ_SEED repeats a run).
"""

import itertools
import os
import secrets
import sys
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis
from flask import Flask
from schemathesis import Case
from schemathesis.checks import CheckContext
from schemathesis.config import SchemathesisConfig
from schemathesis.core.transport import Response

from api.schemas.base import NOTHING_TO_SEE
from api.schemas.sessions import PASSWORD_FIELDS, PIN_FIELDS
from models.access import GRANTS, Permission
from tests.support.app import App
from tests.support.databases import Databases
from tests.support.factories.full_organization import BODIES, PHONE, FullOrganization, full_organizations
from tests.support.factories.organizations import PEOPLE
from tests.support.factories.staff import hire
from tests.support.openapi_document import document
from tests.support.profiles import by_profile, longer
from tests.support.sign_in import sign_in_again

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


schema = schemathesis.openapi.from_dict(document(), config=CONFIG)
playing: list[Flask] = []  # the tests are collected before there is a database to play on


def _relay(environ: dict[str, Any], start_response: Any) -> Any:
    return playing[-1](environ, start_response)


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


SIGNS_OUT = {"DELETE /v1/sessions/current", "DELETE /v1/me/sessions", "DELETE /v1/me/sessions/{session_id}"}


class Stage:
    """The application that plays, with real things for what is generated to refer to."""

    def __init__(self, app: App, org: FullOrganization) -> None:
        self.app, self.org = app, org
        hire(app.back_office, org.shop, "spare", at=app.clock())
        # Somebody who may leave, or be moved elsewhere, while the others go on playing.
        self.ids_in_path = {"staff_id": str(org.shop.staff["spare"])}
        self.turn = itertools.count()
        self.playing = ""

    def play(self, case: Case) -> None:
        if "" in (case.query.get("group_by"), *(case.query.get("group_by") or ())):
            return  # `group_by=`: on the wire a list of one empty word is the empty list, which is sound
        if case.operation.label != self.playing:
            self.playing = case.operation.label
            self.open_a_concern()
        self.make_real(case)
        self.app.forget_hits()
        # Nothing between it and the application unpacks what is compressed.
        headers = {"Authorization": f"Bearer {self.token(case)}", "Accept-Encoding": "identity"}
        case.call_and_validate(headers=headers)

    def token(self, case: Case) -> str:
        """Return the token of somebody who may do this, each in turn; who signs out has just signed in."""
        security = case.operation.definition.raw["security"]
        if not security:
            return "nobody"
        needed = Permission(security[0]["bearer"][0])
        may = [login for login, (role, here) in PEOPLE.items() if needed in GRANTS[role] and login != "elsewhere"]
        may = may or ["shared-phone"]
        login = may[next(self.turn) % len(may)]
        if case.operation.label in SIGNS_OUT:
            sign_in_again(self.app, self.org.shop, login)
        return self.org.shop.tokens[login]

    def open_a_concern(self) -> None:
        """Begin each operation signed in, in a store in business, with a concern to take, resolve and put right."""
        sign_in_again(self.app, self.org.shop, *PEOPLE)
        store_id = str(self.org.shop.store_id)
        if self.app.request("POST", f"/v1/stores/{store_id}/reopen", (self.org.shop, "admin")).status_code == 200:
            for login in ("floor", "manager"):
                shift = {"store_id": store_id, "lead": False}
                self.app.request("PUT", "/v1/me/shift", (self.org.shop, login), json=shift)
        body = {"mood": 2, "store_id": store_id, "recovery_actions": [{"remedy": "apology"}]}
        logged = self.app.request("POST", "/v1/concerns", (self.org.shop, "floor"), json=body).json
        actions = self.app.request(
            "GET", f"/v1/concerns/{logged['id']}/recovery-actions", (self.org.shop, "floor")
        ).json["items"]
        self.org.ids |= {"concern_id": logged["id"], "recovery_action_id": actions[0]["id"]}

    def make_real(self, case: Case) -> None:
        """Most of what is sound in form gets to refer to something that is there; else all answers were 404."""
        if next(self.turn) % 4 == 0:
            return
        if _sound(case, "path"):
            for name in case.path_parameters:
                case.path_parameters[name] = (self.org.ids | self.ids_in_path).get(name, case.path_parameters[name])
        if _sound(case, "query"):
            case.query = _referring(case.query, self.org)
        if _sound(case, "header") and "If-Match" in case.headers:
            case.headers["If-Match"] = "*"
        if _sound(case, "body") and case.media_type == "text/csv":
            case.body = BODIES[case.operation.definition.raw["operationId"]]
        if _sound(case, "body") and isinstance(case.body, dict):
            body = _referring(case.body, self.org)
            if {"customer", "customer_id"} <= body.keys():
                del body["customer"]  # one of the two: a rule that the schema leaves to the description
            case.body = body


def _sound(case: Case, location: str) -> bool:
    components = case.meta.components if case.meta else {}
    return any(place.value == location and info.mode.is_positive for place, info in components.items())


def _referring(body: Any, org: FullOrganization) -> Any:
    there = {
        **org.ids,
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
        return [_referring(inner, org) for inner in body]
    if isinstance(body, dict):
        return {
            name: there[name] if name in there and isinstance(inner, str) else _referring(inner, org)
            for name, inner in body.items()
        }
    return body


@pytest.fixture(scope="module")
def stage(databases: Databases, database_kind: str) -> Iterator[Stage]:
    with full_organizations(databases, database_kind, "acme") as (app, (org,)):
        playing.append(app.flask)
        sys.stdout.write(f"FUZZ_SEED={SEED}\n" if EXAMPLES else "")  # shown with a failure
        yield Stage(app, org)
        playing.remove(app.flask)


@schema.parametrize()
@longer
@hypothesis.settings(
    max_examples=EXAMPLES or by_profile(quick=8, deep=15), suppress_health_check=list(hypothesis.HealthCheck)
)
def test_the_document_says_the_truth(case: Case, stage: Stage) -> None:
    stage.play(case)


if EXAMPLES:
    test_the_document_says_the_truth = hypothesis.seed(SEED)(test_the_document_says_the_truth)
