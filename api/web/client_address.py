"""The address that a limit counts a request at."""

from ipaddress import IPv6Network, ip_address
from typing import Final

from flask import request

NETWORK_BITS: Final = 64  # of an IPv6 address: what one customer of a provider has at least


def client_address() -> str:
    """Return the address of the client; of IPv6 its network, within which anybody has endless addresses."""
    return counted_address(request.remote_addr or "")


def counted_address(address: str) -> str:
    """Return an IPv4 address as it is, also one mapped into IPv6, and any other IPv6 address without its end."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return str(parsed)
    return str(parsed.ipv4_mapped or IPv6Network((int(parsed), NETWORK_BITS), strict=False))
