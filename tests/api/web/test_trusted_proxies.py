"""Whose X-Forwarded-For is believed."""

from ipaddress import ip_network

import pytest

from api.web.trusted_proxies import TrustedProxies

PROXIES = TrustedProxies(lambda *_: [], [ip_network(text) for text in ("127.0.0.1", "10.0.0.0/8", "2001:db8::/64")])


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", "192.0.2.1", "192.0.2.1"),
        ("::ffff:127.0.0.1", "192.0.2.1", "192.0.2.1"),
        ("192.0.2.9", "192.0.2.1", "192.0.2.9"),  # no proxy of ours: it may say what it likes
        ("127.0.0.1", "192.0.2.1, 198.51.100.1", "198.51.100.1"),  # what stands before was made up
        ("127.0.0.1", "192.0.2.1, 198.51.100.1, 10.1.2.3", "198.51.100.1"),  # through two of ours
        ("127.0.0.1", "192.0.2.1, 127.0.0.1, 198.51.100.1", "198.51.100.1"),  # a name of ours does not help
        ("2001:db8::5", "2001:DB8:1::7", "2001:db8:1::7"),
        ("127.0.0.1", "10.0.0.7", "10.0.0.7"),  # somebody in the network of the proxies
        ("127.0.0.1", "192.0.2.1:4711", "192.0.2.1"),
        ("127.0.0.1", "[2001:db8:1::7]:4711", "2001:db8:1::7"),
        ("127.0.0.1", "192.0.2.1, unknown", "127.0.0.1"),
        ("", "192.0.2.1", ""),
    ],
)
def test_the_client_is_whom_the_outermost_trusted_proxy_saw(peer: str, forwarded: str, client: str) -> None:
    assert PROXIES.client_of(peer, forwarded.split(",")) == client
