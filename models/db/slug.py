"""Names that stand in addresses and files: short, lower-case, safe to say on the phone."""

import hashlib
import re
import unicodedata

from models.db.text import folded
from models.errors import Invalid

LONGEST = 60
MARK = 8  # signs that tell what a slug cannot spell from others
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_LOGIN = re.compile(r"[a-z0-9]+([._@+-]+[a-z0-9]+)*")


def slug(value: str, *, pointer: str = "/slug") -> str:
    """The value, when it is a slug; Invalid otherwise."""
    return _checked(_SLUG, value, "a-z, 0-9 and single dashes between them, as in harbour-front", pointer)


def login(value: str, *, pointer: str = "/login") -> str:
    """The value, when it is a login; Invalid otherwise."""
    return _checked(_LOGIN, value, "a-z, 0-9 and . _ @ + - between them, as in maria.lopes", pointer)


def slug_of(name: str) -> str:
    """A slug made from a name: 'Table 12' is table-12, 'Caixa nº 3' is caixa-no-3. Invalid when nothing is left."""
    return slug(_readable(name)[:LONGEST].strip("-"), pointer="/name")


def slug_for(text: str) -> str:
    """A slug for anything that can be typed, whatever the case and the accents: 'Crème Brûlée' is creme-brulee.

    What its signs cannot spell, or not to the end, is told from others by a mark.
    """
    plain = folded(text)
    readable = _readable(plain)
    if readable and len(readable) <= LONGEST and all(sign.isascii() for sign in plain if sign.isalnum()):
        return readable
    mark = hashlib.sha256(plain.encode()).hexdigest()[:MARK]
    return f"{readable[: LONGEST - MARK - 1].strip('-')}-{mark}".strip("-")


def _readable(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")


def _checked(pattern: re.Pattern[str], value: str, accepted: str, pointer: str) -> str:
    if len(value) > LONGEST or not pattern.fullmatch(value):
        raise Invalid(
            f"{value!r} does not fit: at most {LONGEST} characters, of {accepted}, are accepted.", pointer=pointer
        )
    return value
