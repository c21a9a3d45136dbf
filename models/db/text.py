"""Text helpers for names, slugs and catalogue items: folding for look-ups, a column type for prefix search."""

import unicodedata
from typing import Final

from sqlalchemy import String

MAX_NAME_LENGTH: Final = 200
LAST_CODE_POINT: Final = "\U0010ffff"  # every text that begins with a prefix sorts before the prefix and this
# Compared byte by byte on both databases, so that all names with one prefix are one range of an ordinary index.
BYTEWISE_NAME = String(MAX_NAME_LENGTH).with_variant(String(MAX_NAME_LENGTH, collation="C"), "postgresql")


# Characters without a shape of their own beside those of the category Cf (Unicode's Default_Ignorable_Code_Point).
_IGNORABLE: Final = frozenset(
    map(chr, (0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0, *range(0x180B, 0x1810), *range(0xFE00, 0xFE10)))
) | frozenset(map(chr, range(0xE0000, 0xE1000)))


def is_invisible(char: str) -> bool:
    """Return whether a character has no shape and is no space either: zero-width, a mark of direction, a control."""
    category = unicodedata.category(char)
    return char in _IGNORABLE or category == "Cf" or (category == "Cc" and not char.isspace())


def drop_invisible(text: str) -> str:
    """Return a text without its invisible characters: they come along with what is copied."""
    return text if text.isascii() and text.isprintable() else "".join(char for char in text if not is_invisible(char))


def tidy(text: str) -> str:
    """Return a text as it is stored: in NFC, one character per line break, trimmed; empty where nothing is visible."""
    text = unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n").strip()
    return text if any(not char.isspace() and not is_invisible(char) for char in text) else ""


def fold(name: str) -> str:
    """Return a name without accents, capitals and extra spaces, for look-ups: 'Álvaro  Zé' gives 'alvaro ze'."""
    letters = (char for char in unicodedata.normalize("NFKD", name).casefold() if not unicodedata.combining(char))
    return (" ".join("".join(letters).split()) or name)[:MAX_NAME_LENGTH]
