"""PINs of people on shared phones: six digits, hashed with a key that is not in the database."""

import hmac
import re
from hashlib import sha256
from itertools import pairwise
from uuid import UUID

from models.errors import Invalid

PIN = re.compile(r"[0-9]{6}", re.ASCII)
# A phone keypad from top to bottom and back, and years in front of a day or behind it are what people try first.
KEYPAD_PATHS = frozenset({"147258", "258369", "147369", "369258", "159753", "753159", "456852", "951357", "112233"})
MIN_DISTINCT_DIGITS = 3


def check_pin(pin: str, *, pointer: str = "/pin") -> str:
    """Return the PIN. Invalid, with this pointer, unless it has six digits and is none that people try first."""
    if not PIN.fullmatch(pin):
        raise Invalid("A PIN has six digits.", pointer=pointer)
    if _is_weak(pin):
        raise Invalid("This PIN is easy to guess: take another one.", pointer=pointer)
    return pin


def hash_pin(pin: str, *, key: bytes, staff_id: UUID) -> bytes:
    """Return the digest to store. `key` comes from `derive_key`.

    A million PINs are tried in no time, however slow the hash is. The key keeps them secret instead, and a phone has to
    prove which one it is before anybody may try one there.
    """
    return hmac.digest(key, staff_id.bytes + pin.encode(), sha256)


def pin_matches(digest: bytes | None, pin: str, *, key: bytes, staff_id: UUID) -> bool:
    """Return whether the PIN is that of the digest. It takes as long without a digest, when there is no such person."""
    return hmac.compare_digest(digest or bytes(sha256().digest_size), hash_pin(pin, key=key, staff_id=staff_id))


def _is_weak(pin: str) -> bool:
    steps = {(int(after) - int(before)) % 10 for before, after in pairwise(pin)}
    is_row = len(steps) == 1  # 111111, 123456, 987654, 135791
    is_repeated = pin[:3] == pin[3:] or pin[:2] * 3 == pin  # 123123, 121212
    is_mirrored = pin[:3] == pin[:2:-1]  # 123321
    return is_row or is_repeated or is_mirrored or len(set(pin)) < MIN_DISTINCT_DIGITS or pin in KEYPAD_PATHS
