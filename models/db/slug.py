"""Slugs and logins: short lower-case names for addresses and files, safe to say on the phone."""

import hashlib
import re

from models.db.text import fold
from models.errors import Invalid

MAX_SLUG_LENGTH = 60
DIGEST_LENGTH = 8  # characters that keep texts apart which a slug cannot spell
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_LOGIN = re.compile(r"[a-z0-9]+([._@+-]+[a-z0-9]+)*")


def check_slug(value: str, *, pointer: str = "/slug") -> str:
    """Return the value if it is a slug. Invalid otherwise."""
    return _check(_SLUG, value, "a-z, 0-9 and single dashes between them, as in harbour-front", pointer)


def check_login(value: str, *, pointer: str = "/login") -> str:
    """Return the value in lower case if it is a login. Invalid otherwise."""
    return _check(_LOGIN, value.lower(), "a-z, 0-9 and . _ @ + - between them, as in maria.lopes", pointer)


def slug_from_name(name: str, *, pointer: str = "/name") -> str:
    """Return a slug for a name: 'Table 12' gives table-12, 'Caixa nº 3' caixa-no-3. Invalid if nothing is left."""
    return check_slug(_hyphenate(fold(name))[:MAX_SLUG_LENGTH].strip("-"), pointer=pointer)


def slug_from_text(text: str) -> str:
    """Return a slug for any text, whatever its case and accents: 'Crème Brûlée' gives creme-brulee.

    A text that a slug cannot spell, or not to its end, gets a digest, so that two such texts have different slugs.
    """
    plain = fold(text)
    readable = _hyphenate(plain)
    if readable and len(readable) <= MAX_SLUG_LENGTH and all(char.isascii() for char in plain if char.isalnum()):
        return readable
    digest = hashlib.sha256(plain.encode()).hexdigest()[:DIGEST_LENGTH]
    return f"{readable[: MAX_SLUG_LENGTH - DIGEST_LENGTH - 1].strip('-')}-{digest}".strip("-")


def _hyphenate(folded: str) -> str:
    """Return a folded text with a dash for whatever a slug cannot spell: '2·5 l' gives 2-5-l, and never 25-l."""
    return re.sub(r"[^a-z0-9]+", "-", folded).strip("-")


def _check(pattern: re.Pattern[str], value: str, accepted: str, pointer: str) -> str:
    if len(value) > MAX_SLUG_LENGTH or not pattern.fullmatch(value):
        raise Invalid(
            f"{value!r} does not fit: at most {MAX_SLUG_LENGTH} characters, of {accepted}, are accepted.",
            pointer=pointer,
        )
    return value
