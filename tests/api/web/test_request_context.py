"""What every answer carries."""

import re

import pytest

from api.web.problems import PROBLEM_CODES
from tests.api.conftest import Still
from tests.support.assertions import problem


def test_a_request_id_is_taken_over_or_made(still: Still) -> None:
    sent = still.ask("GET", "/v1/me", "floor", headers={"X-Request-Id": "till-7.2026_03"})
    assert sent.headers["X-Request-Id"] == "till-7.2026_03"
    for bad in ("short", "x" * 65, "spaces in it", "new\tline-and-more"):
        made = still.ask("GET", "/v1/nothing", None, headers={"X-Request-Id": bad})
        assert re.fullmatch("[0-9a-f]{32}", made.headers["X-Request-Id"])
        assert made.json["request_id"] == made.headers["X-Request-Id"]


def test_nothing_about_somebody_is_kept_by_anybody(still: Still) -> None:
    for method, path, by in (
        ("GET", "/v1/concerns", "floor"),
        ("GET", f"/v1/concerns/{still.concern['id']}", "floor"),
        ("POST", f"/v1/concerns/{still.concern['id']}/take", "hq"),
        ("GET", "/v1/nothing", "floor"),
    ):
        answer = still.ask(method, path, by)
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_the_type_of_a_problem_leads_to_an_explanation(still: Still) -> None:
    for code, (status, title) in PROBLEM_CODES.items():
        answer = still.ask("GET", f"/problems/{code}", None)
        assert (answer.status_code, answer.json["title"], answer.json["status"]) == (200, title, status)
    problem(still.ask("GET", "/problems/nothing", None), 404, "not-found")


def test_what_its_state_does_not_allow_is_409_and_names_the_state(still: Still) -> None:
    answer = still.ask("POST", f"/v1/concerns/{still.concern['id']}/reopen")
    assert problem(answer, 409, "not-now")["state"] == "taken"


def test_who_comes_second_learns_who_was_first(still: Still) -> None:
    said = problem(still.ask("POST", f"/v1/concerns/{still.concern['id']}/take"), 409, "already-taken")
    assert said["taken_by"] == {"id": str(still.scene.shop.staff["manager"]), "name": "Manager of acme"}


@pytest.mark.parametrize("key", ["", " ", '""', "two words", "x" * 256, "é"])
def test_an_idempotency_key_that_is_none_is_422(still: Still, key: str) -> None:
    headers = {"Idempotency-Key": key.encode().decode("latin-1")}
    answer = still.ask("POST", "/v1/concerns", "floor", json={"mood": 2}, headers=headers)
    problem(answer, 422, "invalid-idempotency-key")


def test_one_key_for_two_bodies_is_422(still: Still) -> None:
    """The key that the scene's first concern was logged with."""
    answer = still.ask("POST", "/v1/concerns", json={"mood": 1}, headers={"Idempotency-Key": "first"})
    problem(answer, 422, "idempotency-key-reused")
