"""Text helpers of names, slugs and catalogue items: folding for look-ups, and a column type for prefix search."""

import unicodedata
from typing import Final

from sqlalchemy import String

MAX_NAME_LENGTH: Final = 200
LAST_CODE_POINT: Final = "\U0010ffff"  # nothing that begins with a word comes after the word and this
# Compared byte by byte on both databases, so that a range of an ordinary index holds every name with one beginning.
BYTEWISE_NAME = String(MAX_NAME_LENGTH).with_variant(String(MAX_NAME_LENGTH, collation="C"), "postgresql")


def fold(name: str) -> str:
    """A name without accents and capitals, for looking it up: 'Álvaro  Zé' is 'alvaro ze'."""
    letters = (sign for sign in unicodedata.normalize("NFKD", name).casefold() if not unicodedata.combining(sign))
    return (" ".join("".join(letters).split()) or name)[:MAX_NAME_LENGTH]
