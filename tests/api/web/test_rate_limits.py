"""Whose requests a limit counts, behind reverse proxies and without one."""

import pytest

from api import create_app
from config import Config

BY_ONE, BY_MANY = [410] * 20 + [429], [410] * 21


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        ("0", "192.0.2.{}", BY_ONE),  # no proxy adds this, so that a client may have made it up
        ("1", "192.0.2.{}", BY_MANY),
        ("1", "192.0.2.{}, 198.51.100.1", BY_ONE),  # what stands before the address that the proxy adds is made up
        ("2", "192.0.2.{}, 198.51.100.1", BY_MANY),
    ],
)
def test_limits_count_the_address_that_the_outermost_proxy_saw(
    proxies: str, forwarded: str, expected: list[int]
) -> None:
    settings = {"SECRET_KEY": "an application of its own", "DATABASE_URL": "sqlite:////tmp/never-opened"}
    client = create_app(Config.from_env({**settings, "TRUSTED_PROXIES": proxies})).test_client()
    body = {"code": "no code", "password": "a new and long one"}
    statuses = [
        client.post(
            "/v1/invitations/redeem", json=body, headers={"X-Forwarded-For": forwarded.format(number)}
        ).status_code
        for number in range(21)
    ]
    assert statuses == expected
