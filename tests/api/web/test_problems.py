"""Refusals: their status, their precedence, and a problem document that says what to change."""

import itertools
from typing import Any

import pytest
from markupsafe import escape

from api.web.problem_advice import ADVICE
from api.web.problems import PROBLEM_CODES
from tests.api.conftest import UnchangedOrganization
from tests.support.app import App
from tests.support.assertions import assert_invalid_value, assert_problem, etag_version
from tests.support.factories.organizations import Shop

LIMIT = 256 * 1024
NOT_JSON = ["{", '{"mood": }', "[" * 5000, '{"mood": 1e999}', '{"mood": NaN}', '{"their_words": "\\ud800"}', "\xff"]


# Each makes the request deserve one refusal; in the order in which they are answered.
WRONG = {
    401: lambda request: request["headers"].update({"Authorization": "Bearer amd_s_nonsense"}),
    403: lambda request: request.update(by="hq"),
    404: lambda request: request.update(path="/v1/concerns/01a2057b-741c-7631-8cca-22605be163db"),
    413: lambda request: request.update(data=b'{"mood": 1, "stake": "' + b"x" * LIMIT + b'"}'),
    415: lambda request: request["headers"].update({"Content-Type": "text/plain"}),
    400: lambda request: request.update(data=b"{" + request["data"]),
    428: lambda request: request["headers"].pop("If-Match"),
    412: lambda request: request["headers"].update({"If-Match": '"999"'}),
    422: lambda request: request.update(data=request["data"].replace(b'"mood"', b'"mod"')),
}
CODES = {400: "bad-request", 401: "unauthorized", 403: "forbidden", 404: "not-found", 412: "stale-version"}
CODES |= {413: "body-too-large", 415: "unsupported-media-type", 422: "invalid", 428: "version-required"}
# A version that is missing cannot be an old one.
PAIRS = [pair for pair in itertools.combinations_with_replacement(WRONG, 2) if pair != (428, 412)]


@pytest.mark.parametrize(("earlier", "later"), PAIRS)
def test_of_two_refusals_the_earlier_one_is_answered(
    unchanged: UnchangedOrganization, earlier: int, later: int
) -> None:
    request: dict[str, Any] = {
        "by": "floor",
        "path": f"/v1/concerns/{unchanged.concern['id']}",
        "headers": {"Content-Type": "application/json", "If-Match": f'"{unchanged.concern["version"]}"'},
        "data": b'{"mood": 1, "stake": "birthday"}',
    }
    for status in {later, earlier}:
        WRONG[status](request)
    answer = unchanged.ask("PATCH", request.pop("path"), request.pop("by"), **request)
    problem = assert_problem(answer, earlier, CODES[earlier])
    if earlier == 412:
        assert problem["current_version"] == unchanged.concern["version"]
    if earlier == 401:
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_the_request_those_were_made_from_is_accepted(app: App, shop: Shop) -> None:
    floor = (shop, "floor")
    concern = app.request("POST", "/v1/concerns", floor, json={"mood": 2}).json
    headers = {"If-Match": f'"{concern["version"]}"'}
    answer = app.request(
        "PATCH", f"/v1/concerns/{concern['id']}", floor, headers=headers, json={"mood": 1, "stake": "birthday"}
    )
    assert answer.status_code == 200
    assert etag_version(answer) == concern["version"] + 1


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Basic Zm9vOmJhcg==", "Bearer x", "Bearer amd_s_" + "0" * 32 + "_secret"]
)
def test_without_a_valid_token_it_is_401_and_says_how_to_get_one(
    unchanged: UnchangedOrganization, header: str | None
) -> None:
    headers = {} if header is None else {"Authorization": header}
    problem = assert_problem(unchanged.ask("GET", "/v1/concerns", None, headers=headers), 401, "unauthorized")
    assert "token" in problem["detail"]


def test_a_path_that_holds_no_id_is_no_address_at_all(unchanged: UnchangedOrganization) -> None:
    """An unknown address needs no sign-in: there is nothing to protect, and nothing is revealed."""
    for by in (None, "floor"):
        assert_problem(unchanged.ask("GET", "/v1/concerns/not-an-id", by), 404, "not-found")
        assert_problem(unchanged.ask("GET", "/v1/nothing", by), 404, "not-found")


def test_another_method_is_405_and_names_those_there_are(unchanged: UnchangedOrganization) -> None:
    answer = unchanged.ask("PUT", f"/v1/concerns/{unchanged.concern['id']}", "floor", json={})
    assert "GET, HEAD, OPTIONS, PATCH" in assert_problem(answer, 405, "method-not-allowed")["detail"]
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS", "PATCH"}


@pytest.mark.parametrize("data", NOT_JSON)
def test_what_is_not_json_is_400_and_says_where(unchanged: UnchangedOrganization, data: str) -> None:
    sent = {"data": data.encode("latin-1"), "headers": {"Content-Type": "application/json"}}
    answer = unchanged.ask("POST", "/v1/concerns", "floor", **sent)
    problem = assert_problem(answer, 400, "bad-request")
    assert problem["detail"].startswith("The body is not JSON: ")


@pytest.mark.parametrize("data", ["[]", "null", "1", '"text"', "true", '[{"mood": 1}]'])
def test_json_that_is_no_object_is_422(unchanged: UnchangedOrganization, data: str) -> None:
    sent = {"data": data, "headers": {"Content-Type": "application/json"}}
    assert_invalid_value(unchanged.ask("POST", "/v1/concerns", "floor", **sent), "body", "")


def test_no_body_is_as_good_as_an_empty_one(unchanged: UnchangedOrganization) -> None:
    assert_invalid_value(unchanged.ask("POST", "/v1/concerns"), "body", "/mood", "required")
    # The manager's own second tap: 200, and nothing is done again.
    assert unchanged.ask("POST", f"/v1/concerns/{unchanged.concern['id']}/take", "manager").status_code == 200


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/concerns"), ("DELETE", "/v1/me/shift"), ("GET", "/v1/me")])
def test_a_body_where_none_belongs_is_422(unchanged: UnchangedOrganization, method: str, path: str) -> None:
    for data in ("{}", "text", "x" * (LIMIT + 1)):
        assert_invalid_value(unchanged.ask(method, path, "floor", data=data), "body", "", "unknown-field")


def test_a_parameter_given_twice_is_422_and_neither_is_taken(unchanged: UnchangedOrganization) -> None:
    assert_invalid_value(unchanged.ask("GET", "/v1/concerns?order=one&order=two", "floor"), "query", "/order")


@pytest.mark.parametrize("lying", [True, False])
def test_a_body_that_is_too_large_is_413_also_in_chunks(unchanged: UnchangedOrganization, lying: bool) -> None:  # noqa: FBT001
    token = unchanged.org.shop.tokens["floor"]
    environ: dict[str, Any] = {
        "HTTP_AUTHORIZATION": f"Bearer {token}",
        "CONTENT_TYPE": "application/json",
        "HTTP_TRANSFER_ENCODING": "chunked",
        "wsgi.input_terminated": True,  # how servers say that the body ends by itself
    }
    if lying:
        environ["CONTENT_LENGTH"] = "10"
    body = b'{"mood": 1, "stake": "' + b"x" * LIMIT + b'"}'
    client = unchanged.app.flask.test_client()
    problem = assert_problem(client.post("/v1/concerns", data=body, environ_overrides=environ), 413, "body-too-large")
    assert str(LIMIT) in problem["detail"]


def test_a_body_of_just_the_size_is_read(unchanged: UnchangedOrganization) -> None:
    frame = b'{"mood": 1, "stake": ""}'
    data = frame[:-2] + b"x" * (LIMIT - len(frame)) + frame[-2:]
    answer = unchanged.ask("POST", "/v1/concerns", "floor", data=data, content_type="application/json")
    assert_invalid_value(answer, "body", "/stake")


def test_the_type_of_a_problem_leads_to_an_explanation(unchanged: UnchangedOrganization) -> None:
    for code, (status, title) in PROBLEM_CODES.items():
        answer = unchanged.ask("GET", f"/problems/{code}", None)
        assert (answer.status_code, answer.json["title"], answer.json["status"]) == (200, title, status)
        page = unchanged.ask("GET", f"/problems/{code}", None, headers={"Accept": "text/html"})
        assert (page.status_code, page.mimetype) == (200, "text/html")
        assert f"<h1>{escape(title)}</h1>" in page.text
        assert str(escape(answer.json["detail"])) in page.text
    assert {*PROBLEM_CODES} == {*ADVICE}
    assert_problem(unchanged.ask("GET", "/problems/nothing", None), 404, "not-found")


def test_what_its_state_does_not_allow_is_409_and_names_the_state(unchanged: UnchangedOrganization) -> None:
    answer = unchanged.ask("POST", f"/v1/concerns/{unchanged.concern['id']}/reopen")
    assert assert_problem(answer, 409, "not-now")["state"] == "taken"


def test_who_comes_second_learns_who_was_first(unchanged: UnchangedOrganization) -> None:
    problem = assert_problem(
        unchanged.ask("POST", f"/v1/concerns/{unchanged.concern['id']}/take"), 409, "already-taken"
    )
    assert problem["taken_by"] == {"id": str(unchanged.org.shop.staff["manager"]), "name": "Manager of acme"}
