"""Names that stand in addresses and files: short, lower-case, safe to say on the phone."""

import hashlib
import re
import unicodedata

from models.db.text import fold
from models.errors import Invalid

MAX_SLUG_LENGTH = 60
DIGEST_LENGTH = 8  # signs that tell what a slug cannot spell from others
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_LOGIN = re.compile(r"[a-z0-9]+([._@+-]+[a-z0-9]+)*")


def check_slug(value: str, *, pointer: str = "/slug") -> str:
    """The value, when it is a slug; Invalid otherwise."""
    return _checked(_SLUG, value, "a-z, 0-9 and single dashes between them, as in harbour-front", pointer)


def check_login(value: str, *, pointer: str = "/login") -> str:
    """The value, when it is a login; Invalid otherwise."""
    return _checked(_LOGIN, value, "a-z, 0-9 and . _ @ + - between them, as in maria.lopes", pointer)


def slug_from_name(name: str) -> str:
    """A slug made from a name: 'Table 12' is table-12, 'Caixa nº 3' is caixa-no-3. Invalid when nothing is left."""
    return check_slug(_readable(name)[:MAX_SLUG_LENGTH].strip("-"), pointer="/name")


def slug_from_text(text: str) -> str:
    """A slug for anything that can be typed, whatever the case and the accents: 'Crème Brûlée' is creme-brulee.

    What its signs cannot spell, or not to the end, is told from others by a mark.
    """
    plain = fold(text)
    readable = _readable(plain)
    if readable and len(readable) <= MAX_SLUG_LENGTH and all(sign.isascii() for sign in plain if sign.isalnum()):
        return readable
    mark = hashlib.sha256(plain.encode()).hexdigest()[:DIGEST_LENGTH]
    return f"{readable[: MAX_SLUG_LENGTH - DIGEST_LENGTH - 1].strip('-')}-{mark}".strip("-")


def _readable(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")


def _checked(pattern: re.Pattern[str], value: str, accepted: str, pointer: str) -> str:
    if len(value) > MAX_SLUG_LENGTH or not pattern.fullmatch(value):
        raise Invalid(
            f"{value!r} does not fit: at most {MAX_SLUG_LENGTH} characters, of {accepted}, are accepted.",
            pointer=pointer,
        )
    return value
