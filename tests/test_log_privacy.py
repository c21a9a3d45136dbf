"""The watch over what the suite makes the application log."""

import pytest

from models.staff.credentials.token import Token
from tests.support.factories.organizations import PASSWORD, Shop
from tests.support.log_privacy import PINS, check_log, fail_if_personal, personal_data_in


def report_of(*logged: str) -> pytest.TestReport:
    sections = [("Captured stdout call", line) for line in logged]
    where = ("tests/test_log_privacy.py", 1, "test_something")
    return pytest.TestReport(where[2], where, {}, "passed", None, "call", sections)


@pytest.mark.parametrize("kind", "skied")
def test_a_token_of_any_kind_is_found(shop: Shop, kind: str) -> None:
    token = Token.new("s", shop.organization_id).text.replace("amd_s_", f"amd_{kind}_")
    assert [*personal_data_in(f"asked for /v1/stores?key={token}&limit=1")] == [
        f"a token, code or device secret: {token}"
    ]


@pytest.mark.parametrize(
    "line",
    [
        f"sign-in failed password={PASSWORD}",
        f"sign-in failed: {PINS[0]}",
        "{'staff_id': 'x', 'pin': '305817'}",
        "told Manager of acme",
        "mail to ana.floor@example.com was refused",
        "search for +351912345678",
        "push to 'address of floor in ours'",
    ],
)
def test_a_test_that_makes_the_application_log_it_fails(line: str) -> None:
    assert fail_if_personal(report_of("answered route=/v1/me", line)).failed
    with pytest.raises(AssertionError, match="the log holds"):
        check_log(["answered", line])


def test_a_log_of_ids_and_routes_is_fine() -> None:
    line = "[info] answered api_key=None ms=148.291 route=/v1/concerns/<uuid:concern_id> status=201"
    assert fail_if_personal(report_of(line)).passed
    check_log([line, "rows stuck count=271829 pinned=0"])
