"""Text helpers for names, slugs and catalogue items: folding for look-ups, a column type for prefix search."""

import unicodedata
from typing import Final

from sqlalchemy import String

MAX_NAME_LENGTH: Final = 200
LAST_CODE_POINT: Final = "\U0010ffff"  # every text that begins with a prefix sorts before the prefix and this
# Compared byte by byte on both databases, so that all names with one prefix are one range of an ordinary index.
BYTEWISE_NAME = String(MAX_NAME_LENGTH).with_variant(String(MAX_NAME_LENGTH, collation="C"), "postgresql")


def fold(name: str) -> str:
    """Return a name without accents, capitals and extra spaces, for look-ups: 'Álvaro  Zé' gives 'alvaro ze'."""
    letters = (char for char in unicodedata.normalize("NFKD", name).casefold() if not unicodedata.combining(char))
    return (" ".join("".join(letters).split()) or name)[:MAX_NAME_LENGTH]
