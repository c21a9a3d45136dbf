"""Text helpers of names, slugs and catalogue items: folding for look-ups, and a column type for prefix search."""

import unicodedata
from typing import Final

from sqlalchemy import String

LONGEST_NAME: Final = 200
LAST_SIGN: Final = "\U0010ffff"  # nothing that begins with a word comes after the word and this
# Compared byte by byte on both databases, so that a range of an ordinary index holds every name with one beginning.
BYTES = String(LONGEST_NAME).with_variant(String(LONGEST_NAME, collation="C"), "postgresql")


def folded(name: str) -> str:
    """A name without accents and capitals, for looking it up: 'Álvaro  Zé' is 'alvaro ze'."""
    letters = (sign for sign in unicodedata.normalize("NFKD", name).casefold() if not unicodedata.combining(sign))
    return (" ".join("".join(letters).split()) or name)[:LONGEST_NAME]
