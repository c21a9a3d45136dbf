"""Browser apps of other origins: only those of the setting are let in, and they can read what they need."""

from pathlib import Path

import pytest
from flask.testing import FlaskClient

from api import create_app
from api.web.openapi import HEADERS
from config import Config

OURS, OTHER = "https://floor.example.com", "https://evil.example.com"
PREFLIGHT = {
    "Access-Control-Request-Method": "PATCH",
    "Access-Control-Request-Headers": "authorization,content-type,idempotency-key,if-match,if-none-match,x-request-id",
}


def client(tmp_path: Path, **settings: str) -> FlaskClient:
    environ = {"SECRET_KEY": "a secret of the tests", **settings}
    return create_app(Config.from_env(environ, var=tmp_path)).test_client()


def test_an_app_of_a_named_origin_may_ask_and_read_our_headers(tmp_path: Path) -> None:
    with client(tmp_path, CORS_ORIGINS=f"http://localhost:5173, {OURS}") as browser:
        asked_first = browser.options("/v1/concerns", headers={"Origin": OURS, **PREFLIGHT})
        assert asked_first.status_code == 200
        assert asked_first.headers["Access-Control-Allow-Origin"] == OURS
        assert "PATCH" in asked_first.headers["Access-Control-Allow-Methods"]
        allowed = asked_first.headers["Access-Control-Allow-Headers"].lower().split(", ")
        assert set(PREFLIGHT["Access-Control-Request-Headers"].split(",")) <= set(allowed)
        refused = browser.get("/v1/concerns", headers={"Origin": OURS})
        assert (refused.status_code, refused.headers["Access-Control-Allow-Origin"]) == (401, OURS)
        assert {*HEADERS, "Date", "Content-Disposition"} <= set(
            refused.headers["Access-Control-Expose-Headers"].split(", ")
        )
        assert "Origin" in refused.headers["Vary"].split(", ")
        assert "Access-Control-Allow-Credentials" not in refused.headers, "a bearer is sent, never a cookie"


@pytest.mark.parametrize("origins", ["", OURS])
def test_any_other_origin_reads_nothing(tmp_path: Path, origins: str) -> None:
    with client(tmp_path, CORS_ORIGINS=origins) as browser:
        for origin in (OTHER, f"{OURS}.evil.example.com", "null", "https://floorxexample.com"):
            for answer in (
                browser.options("/v1/concerns", headers={"Origin": origin, **PREFLIGHT}),
                browser.get("/v1/concerns", headers={"Origin": origin}),
            ):
                assert [name for name, _ in answer.headers if name.startswith("Access-Control")] == [], origin
        assert "Access-Control-Allow-Origin" not in browser.get("/healthz", headers={"Origin": OURS}).headers
        without = browser.get("/v1/concerns")
        assert "Access-Control-Allow-Origin" not in without.headers
        assert ("Origin" in without.headers["Vary"]) is bool(origins), "another origin would get another answer"
