"""Assertions about answers: refusals, and reports beside a recount of the rows."""

from typing import Any

from api.web.problems import PROBLEM_CODES


def assert_problem(answer: Any, status: int, code: str) -> dict[str, Any]:
    """Assert that the answer is this refusal; return its problem document."""
    assert answer.status_code == status, answer.text
    assert answer.content_type == "application/problem+json"
    said: dict[str, Any] = answer.json
    assert (said["status"], said["code"], said["type"]) == (status, code, f"/problems/{code}")
    assert said["title"] == PROBLEM_CODES[code][1]
    assert len(said["detail"]) > 8
    assert said["request_id"] == answer.headers["X-Request-Id"]
    return said


def assert_invalid_value(answer: Any, where: str, pointer: str, code: str = "invalid") -> None:
    """Assert that the answer is 422 and points at this value only."""
    said = assert_problem(answer, 422, "invalid")
    found = [(one["in"], one["pointer"], one["code"]) for one in said["errors"]]
    assert found == [(where, pointer, code)], said
    assert all(one["detail"] for one in said["errors"])


def counted_part(answer: dict[str, Any]) -> dict[str, Any]:
    """Return the counted part of a recovery report, without the comparison of stores derived from it."""
    rows = [{name: value for name, value in row.items() if name != "control"} for row in answer["rows"]]
    return {"rows": rows, "totals": answer["totals"]}


def matches_recount(said: Any, counted: Any) -> bool:
    """Return whether a report equals a recount: exactly, but for medians and 90th percentiles, within 1 %."""
    match counted:
        case {"median": median, "p90": p90, "n": n}:
            near = all(_is_near(said[name], value) for name, value in (("median", median), ("p90", p90)))
            return near and bool(said["n"] == n)
        case dict():
            return said.keys() == counted.keys() and all(matches_recount(said[name], counted[name]) for name in counted)
        case list():
            return len(said) == len(counted) and all(matches_recount(*both) for both in zip(said, counted, strict=True))
    return bool(said == counted)


def _is_near(said: float | None, counted: float | None) -> bool:
    if said is None or counted is None:
        return said is counted
    return abs(said - counted) <= counted * 0.01 + 1e-9
