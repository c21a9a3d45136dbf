"""Addresses of clients behind reverse proxies: `X-Forwarded-For` is believed as far as trusted proxies wrote it."""

import re
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

Network = IPv4Network | IPv6Network

_WITH_PORT: Final = re.compile(r"\[(?P<v6>[^\]]*)\](:[0-9]+)?|(?P<v4>[0-9.]+):[0-9]+")


class TrustedProxies:
    """Middleware that sets the address of a request to that of the client whom the outermost trusted proxy saw.

    Each proxy adds the address that asked it. What stands before the first address that is not a trusted proxy's was
    written by anybody.
    """

    def __init__(self, application: WSGIApplication, networks: Sequence[Network]) -> None:
        self._application, self._networks = application, networks

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ["REMOTE_ADDR"] = self.client_of(
            environ.get("REMOTE_ADDR", ""), environ.get("HTTP_X_FORWARDED_FOR", "").split(",")
        )
        return self._application(environ, start_response)

    def client_of(self, address: str, forwarded: Sequence[str]) -> str:
        """Return the address of the client of a connection from this address, which forwards for these."""
        for before in reversed(forwarded):
            parsed, next_one = _parse(address), _parse(before)
            if parsed is None or next_one is None or not any(parsed in network for network in self._networks):
                break
            address = str(next_one)
        return address


def _parse(text: str) -> IPv4Address | IPv6Address | None:
    """Return an address, some proxies write it with a port; None if it is none. IPv4 mapped into IPv6 is IPv4."""
    match = _WITH_PORT.fullmatch(text.strip())
    try:
        address = ip_address((match["v6"] or match["v4"]) if match else text.strip())
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
