"""Details of HTTP: ETags as proxies rewrite them, repeated parameters, times as RFC 3339 has them."""

from datetime import UTC, datetime

import pytest
from marshmallow import ValidationError

from api.schemas.base import Instant
from tests.api.conftest import UnchangedOrganization
from tests.support.app import App
from tests.support.assertions import assert_invalid_value, assert_problem
from tests.support.factories.organizations import Shop


@pytest.mark.parametrize("sent", ['"{}"', 'W/"{}"', '"{}.abc"', 'W/"{}.0a1b"', '"9", W/"{}.x"', "{}", "*"])
def test_the_version_counts_however_an_etag_is_written(app: App, shop: Shop, sent: str) -> None:
    concern = app.request("POST", "/v1/concerns", (shop, "floor"), json={"mood": 2}).json
    headers = {"If-Match": sent.format(concern["version"])}
    path = f"/v1/concerns/{concern['id']}"
    changed = app.request("PATCH", path, (shop, "floor"), json={"stake": "a train"}, headers=headers)
    assert changed.status_code == 200, changed.text


@pytest.mark.parametrize("sent", ['"{}1"', 'W/"1{}"', '"abc.{}"', '""'])
def test_another_version_is_stale_however_it_is_written(unchanged: UnchangedOrganization, sent: str) -> None:
    headers = {"If-Match": sent.format(unchanged.concern["version"])}
    path = f"/v1/concerns/{unchanged.concern['id']}"
    assert_problem(unchanged.ask("PATCH", path, json={"stake": "a train"}, headers=headers), 412, "stale-version")


def test_dimensions_are_given_with_a_comma_or_one_by_one(unchanged: UnchangedOrganization) -> None:
    path = "/v1/reports/recovery?from=2026-03-01&to=2026-03-03"
    first, second = (
        unchanged.ask("GET", f"{path}&{query}", "hq").json
        for query in ("group_by=region,month", "group_by=region&group_by=month")
    )
    assert first["group_by"] == ["region", "month"]
    assert first["rows"] == second["rows"]
    assert second["group_by"] == first["group_by"]
    for query in ("group_by=region&group_by=region", "group_by=region,month&group_by=day", "group_by=&group_by=moon"):
        answer = unchanged.ask("GET", f"{path}&{query}", "hq")
        assert assert_problem(answer, 422, "invalid")["errors"][0]["pointer"].startswith("/group_by"), query
    assert_invalid_value(unchanged.ask("GET", f"{path}&to=2026-03-02", "hq"), "query", "/to")


def test_an_answer_without_content_has_no_type(app: App, shop: Shop) -> None:
    answer = app.request("DELETE", "/v1/me/shift", (shop, "floor"))
    assert (answer.status_code, answer.data) == (204, b"")
    assert "Content-Type" not in answer.headers


@pytest.mark.parametrize(
    "path", ["/nothing", "/v1", "/v1/concerns/", "/v1//concerns", "/f/", "/favicon.ico", "/docs/x"]
)
def test_an_unknown_address_answers_a_problem(unchanged: UnchangedOrganization, path: str) -> None:
    assert_problem(unchanged.ask("GET", path, None, headers={"Accept": "text/html"}), 404, "not-found")


NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-03T12:00:00Z",
        "2026-03-03t12:00:00z",
        "2026-03-03T13:00:00+01:00",
        "2026-03-03T11:59:60Z",
        "2026-03-03t12:59:60+01:00",
        "2026-03-03T11:59:60.000Z",
    ],
)
def test_times_are_read_as_rfc_3339_has_them(text: str) -> None:
    assert Instant().deserialize(text) == NOON


@pytest.mark.parametrize(
    "text", ["2026-03-03T12:00:61Z", "2026-03-03T12:60:00Z", "9999-12-31T23:59:60", "12:59:60Z", 60]
)
def test_what_is_no_time_is_refused(text: object) -> None:
    with pytest.raises(ValidationError):
        Instant().deserialize(text)


def test_the_last_second_there_is_is_moved_to_one_that_can_be_stored() -> None:
    assert Instant().deserialize("9999-12-31T23:59:60Z").year == 9000
