"""Passwords: hashed with argon2id, and compared in the same time whether or not there is a person."""

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


def password_matches(password_hash: str | None, password: str) -> bool:
    """Return whether the password matches the hash. It takes as long without a hash, when there is no such person."""
    return matching_spelling(password_hash, password) is not None


def matching_spelling(password_hash: str | None, password: str) -> str | None:
    """Return the password as it matches the hash: in NFC, or as it was typed, which was hashed before 0.2.0.

    It takes as long without a hash: how often is compared depends on what was typed only.
    """
    matching = [text for text in dict.fromkeys((normalize("NFC", password), password)) if _verify(password_hash, text)]
    return matching[0] if matching and password_hash is not None else None


def _verify(password_hash: str | None, text: str) -> bool:
    try:
        return password_hasher.verify(password_hash or _dummy_hash(), text)
    except VerifyMismatchError:
        return False


@cache
def _dummy_hash() -> str:
    """Return the hash that an unknown login is checked against, so that it takes the same time as a known one."""
    return password_hasher.hash("nobody has this password")
