"""Names that stand in addresses and files: short, lower-case, safe to say on the phone."""

import re
import unicodedata

from models.errors import Invalid

LONGEST = 60
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
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return slug(re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:LONGEST].strip("-"), pointer="/name")


def _checked(pattern: re.Pattern[str], value: str, accepted: str, pointer: str) -> str:
    if len(value) > LONGEST or not pattern.fullmatch(value):
        raise Invalid(
            f"{value!r} does not fit: at most {LONGEST} characters, of {accepted}, are accepted.", pointer=pointer
        )
    return value
