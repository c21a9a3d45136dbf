"""Headers of every answer."""

import re

from tests.api.conftest import UnchangedOrganization


def test_a_request_id_is_taken_over_or_made(unchanged: UnchangedOrganization) -> None:
    sent = unchanged.ask("GET", "/v1/me", "floor", headers={"X-Request-Id": "till-7.2026_03"})
    assert sent.headers["X-Request-Id"] == "till-7.2026_03"
    for bad in ("short", "x" * 65, "spaces in it", "new\tline-and-more"):
        made = unchanged.ask("GET", "/v1/nothing", None, headers={"X-Request-Id": bad})
        assert re.fullmatch("[0-9a-f]{32}", made.headers["X-Request-Id"])
        assert made.json["request_id"] == made.headers["X-Request-Id"]


def test_nothing_about_somebody_is_kept_by_anybody(unchanged: UnchangedOrganization) -> None:
    for method, path, by in (
        ("GET", "/v1/concerns", "floor"),
        ("GET", "/v1/staff", "admin"),
        ("POST", f"/v1/concerns/{unchanged.concern['id']}/take", "hq"),
        ("GET", "/v1/nothing", "floor"),
    ):
        answer = unchanged.ask(method, path, by)
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
