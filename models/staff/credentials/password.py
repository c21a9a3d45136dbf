"""Passwords: hashed with argon2id, and compared in the same time whether or not there is a person."""

from collections.abc import Callable
from functools import cache
from unicodedata import normalize

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from models.errors import Invalid
from models.policy_defaults import PASSWORD_MIN_LENGTH

# argon2id with the library's current recommendation (RFC 9106, low-memory profile).
password_hasher = PasswordHasher()


def hash_password(password: str, *, min_length: int = PASSWORD_MIN_LENGTH, pointer: str = "/password") -> str:
    """Return the argon2id hash of a password in NFC. Slow on purpose. Invalid for a shorter one than `min_length`.

    `min_length` is the organization's setting; a new organization has the default.
    """
    password = normalize("NFC", password)  # keyboards spell é in one character or in two
    if len(password) < min_length:
        raise Invalid(f"A password needs at least {min_length} characters.", pointer=pointer)
    return password_hasher.hash(password)


def verify_here(password_hash: str, text: str) -> bool:
    """Return whether the text is that of the hash, as this process finds out."""
    try:
        return password_hasher.verify(password_hash, text)
    except VerifyMismatchError:
        return False


def matching_spelling(
    password_hash: str | None, password: str, *, verify: Callable[[str, str], bool] = verify_here
) -> str | None:
    """Return the password as it matches the hash: in NFC, or as it was typed, which was hashed before 0.2.0.

    It takes as long without a hash: how often is compared depends on what was typed only. `verify` compares a hash
    and a text.
    """
    spellings = dict.fromkeys((normalize("NFC", password), password))
    matching = [text for text in spellings if verify(password_hash or _dummy_hash(), text)]
    return matching[0] if matching and password_hash is not None else None


@cache
def _dummy_hash() -> str:
    """Return the hash that an unknown login is checked against, so that it takes the same time as a known one."""
    return password_hasher.hash("nobody has this password")
