"""Assertions about answers: refusals, and reports beside a recount of the rows."""

from math import floor, log10
from typing import Any

from api.web.problems import PROBLEM_CODES


def assert_problem(answer: Any, status: int, code: str) -> dict[str, Any]:
    """Assert that the answer is this refusal; return its problem document."""
    assert answer.status_code == status, answer.text
    assert answer.content_type == "application/problem+json"
    document: dict[str, Any] = answer.json
    assert (document["status"], document["code"], document["type"]) == (status, code, f"/problems/{code}")
    assert document["title"] == PROBLEM_CODES[code][1]
    assert len(document["detail"]) > 8
    assert document["request_id"] == answer.headers["X-Request-Id"]
    return document


def assert_invalid_value(answer: Any, where: str, pointer: str, code: str = "invalid") -> None:
    """Assert that the answer is 422 and points at this value only."""
    document = assert_problem(answer, 422, "invalid")
    errors = [(entry["in"], entry["pointer"], entry["code"]) for entry in document["errors"]]
    assert errors == [(where, pointer, code)], document
    assert all(entry["detail"] for entry in document["errors"])


def etag_version(answer: Any) -> int:
    """Return the version in the ETag of an answer."""
    version, dot, digest = answer.headers["ETag"].strip('"').partition(".")
    assert (dot, len(digest)) == (".", 16)
    return int(version)


def counted_part(answer: dict[str, Any]) -> dict[str, Any]:
    """Return the counted part of a recovery report, without the comparison of stores derived from it."""
    rows = [{name: value for name, value in row.items() if name != "control"} for row in answer["rows"]]
    return {"rows": rows, "totals": answer["totals"]}


def matches_recount(reported: Any, counted: Any) -> bool:
    """Return whether a report equals a recount: exactly, but for percentiles: within 1 %, and rounded."""
    match counted:
        case {"median": median, "p90": p90, "n": n}:
            near = all(_is_near(reported[name], value) for name, value in (("median", median), ("p90", p90)))
            return near and bool(reported["n"] == n)
        case dict():
            return reported.keys() == counted.keys() and all(
                matches_recount(reported[name], counted[name]) for name in counted
            )
        case list():
            return len(reported) == len(counted) and all(
                matches_recount(*both) for both in zip(reported, counted, strict=True)
            )
    return bool(reported == counted)


def _is_near(reported: float | None, counted: float | None) -> bool:
    if reported is None or counted is None:
        return reported is counted
    half_a_digit = 0.5 * 10 ** (floor(log10(reported)) - 2) if reported else 0.0  # of three
    return abs(reported - counted) <= counted * 0.01 + half_a_digit + 1e-9
