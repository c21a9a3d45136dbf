"""The watch over what the suite makes the application log."""

from typing import Any

import pytest

from models.staff.credentials.token import Token
from tests.support.factories.organizations import PASSWORD, Shop
from tests.support.log_privacy import (
    PINS,
    check_log,
    fail_if_personal,
    forget_secrets,
    personal_data_in,
    remember_secrets,
)


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


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ({"staff_id": "1", "pin": "305817"}, "sign-in failed 305817"),
        ({"items": [{"customer": {"email": "ana(at)home"}}]}, "mail to ana(at)home refused"),
        ({"recovery_codes": ["ABCDEFGH-IJKLMNOP"]}, "accepted ABCDEFGH-IJKLMNOP"),
        ({"their_words": "cold soup, twice"}, "logged 'cold soup, twice'"),
    ],
)
def test_what_is_sent_or_answered_is_not_logged_in_that_test(body: Any, line: str) -> None:
    assert fail_if_personal(report_of(line)).passed
    remember_secrets(body)
    assert fail_if_personal(report_of(line)).failed
    forget_secrets()
    assert fail_if_personal(report_of(line)).passed


def test_a_number_of_six_digits_within_another_is_no_pin() -> None:
    remember_secrets({"pin": "305817"})
    assert fail_if_personal(report_of("ms=1.305817 id=01a305817c")).passed


def test_a_log_of_ids_and_routes_is_fine() -> None:
    line = "[info] answered api_key=None ms=148.291 route=/v1/concerns/<uuid:concern_id> status=201"
    assert fail_if_personal(report_of(line)).passed
    check_log([line, "rows stuck count=271829 pinned=0"])
