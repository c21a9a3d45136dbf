"""What tests expect of a refusal."""

from typing import Any

from api.web.problems import PROBLEM_CODES


def problem(answer: Any, status: int, code: str) -> dict[str, Any]:
    """The problem document of an answer that has to be this refusal."""
    assert answer.status_code == status, answer.text
    assert answer.content_type == "application/problem+json"
    said: dict[str, Any] = answer.json
    assert (said["status"], said["code"], said["type"]) == (status, code, f"/problems/{code}")
    assert said["title"] == PROBLEM_CODES[code][1]
    assert len(said["detail"]) > 8
    assert said["request_id"] == answer.headers["X-Request-Id"]
    return said


def error(answer: Any, where: str, pointer: str, code: str = "invalid") -> None:
    """That the answer is 422 and names just this value."""
    said = problem(answer, 422, "invalid")
    found = [(one["in"], one["pointer"], one["code"]) for one in said["errors"]]
    assert found == [(where, pointer, code)], said
    assert all(one["detail"] for one in said["errors"])
