"""Text helpers for names, slugs and catalogue items: folding for look-ups, a column type for prefix search."""

import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import ColumnElement, String, and_
from sqlalchemy.orm import InstrumentedAttribute

MAX_NAME_LENGTH: Final = 200
LAST_CODE_POINT: Final = "\U0010ffff"  # every text that begins with a prefix sorts before the prefix and this
# Compared byte by byte on both databases, so that all names with one prefix are one range of an ordinary index.
BYTEWISE_NAME = String(MAX_NAME_LENGTH).with_variant(String(MAX_NAME_LENGTH, collation="C"), "postgresql")

# Characters without a shape of their own beside those of the category Cf (Unicode's Default_Ignorable_Code_Point).
_IGNORABLE: Final = frozenset(
    map(chr, (0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0, *range(0x180B, 0x1810), *range(0xFE00, 0xFE10)))
) | frozenset(map(chr, range(0xE0000, 0xE1000)))

# Latin letters that Unicode does not decompose, as CLDR's transform Latin-ASCII spells them
# (https://github.com/unicode-org/cldr/blob/main/common/transforms/Latin-ASCII.xml), and the schwa of Azerbaijani.
_LETTERS: Final = dict(zip("øɵɔđðɖɗħłƚŧƭƀɓƈɛƒǥɠıɨȷƙƞɲƥʉƴƶȥŋəĸ", "oooddddhllttbbcefggiijknnpuyzzneq", strict=True)) | {
    "æ": "ae",
    "œ": "oe",
    "þ": "th",
}
# ' ` \xb4, typographic quotation marks and primes, letters that look like them, of Armenian and Hebrew, full width
_APOSTROPHES: Final = frozenset(
    "'`\xb4\u2018\u2019\u201b\u2032\u2035\u02b9\u02bb\u02bc\u02bd\u02be\u02bf\u02c8\u02ca\u02cb"
) | frozenset("\u055a\u05f3\ua78c\uff07\u1fbd\u1fbf")
_DASHES: Final = frozenset("\u2212\u2043\u02d7")  # minus, bullet and modifier; the others are of the category Pd
_FRACTION_SLASHES: Final = frozenset("\u2044\u2215")
_TATWEEL: Final = "\u0640"  # stretches an Arabic word
# What is left to fold once letters are decomposed, without accents and in lower case, for databases that do the rest.
FOLDED_AS_ONE: Final = (
    {letter: plain for letter, plain in _LETTERS.items() if len(plain) == 1}
    | dict.fromkeys(sorted(_APOSTROPHES), "'")
    | dict.fromkeys(sorted(_DASHES | set("\u2010\u2011\u2012\u2013\u2014\u2015")), "-")
    | dict.fromkeys(sorted(_FRACTION_SLASHES), "/")
)
FOLDED_AS_SEVERAL: Final = {letter: plain for letter, plain in _LETTERS.items() if len(plain) > 1} | {"ß": "ss"}


def begins_with(column: InstrumentedAttribute[Any], prefix: str) -> ColumnElement[bool]:
    """Return the criterion that a text compared byte by byte begins with this one; it is a range of an index."""
    return and_(column >= prefix, column < prefix + LAST_CODE_POINT)


def is_invisible(char: str) -> bool:
    """Return whether a character has no shape and is no space either: zero-width, one of direction, a control."""
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
    """Return a name for look-ups, without accents, capitals and extra spaces: 'Álvaro  Zé' gives 'alvaro ze'.

    Letters of one shape are one: 'Łukasz' gives 'lukasz'. So are all apostrophes, all dashes and the digits of all
    scripts. What stands for a number of its own is kept apart from the digits beside it: '1½' gives '1 1/2'.
    """
    return (fold_text(name) or name)[:MAX_NAME_LENGTH].rstrip()


def fold_text(text: str) -> str:
    """Return a text of any length, folded as names are; empty where nothing is left of it."""
    decomposed = unicodedata.normalize("NFKD", "".join(_separate_numbers(text))).casefold()
    letters = map(_fold_character, unicodedata.normalize("NFKD", decomposed))
    return " ".join("".join(letters).split())


def name_words(name: str) -> set[str]:
    """Return the folded words of a name. A compound one is there in parts and as one: o, brien and obrien."""
    words: set[str] = set()
    for chunk in fold(name).split():
        parts = "".join(char if _is_of_a_word(char) else " " for char in chunk).split()
        words.update(parts, filter(None, ["".join(parts)]))
    return words


def search_words(text: str) -> list[str]:
    """Return the folded words of what somebody typed to find a name, the longest first: a compound one is one."""
    words = ("".join(filter(_is_of_a_word, chunk)) for chunk in fold(text).split())
    return sorted({word for word in words if word}, key=lambda word: (-len(word), word))


def count_letters(word: str) -> int:
    """Count letters and digits. A character as wide as two counts for two: few of them are a whole name."""
    letters = filter(str.isalnum, unicodedata.normalize("NFC", word))
    return sum(2 if unicodedata.east_asian_width(char) == "W" else 1 for char in letters)


def _is_of_a_word(char: str) -> bool:
    return char.isalnum() or unicodedata.category(char).startswith("M")


def _separate_numbers(name: str) -> Iterator[str]:
    """Yield the characters, with spaces beside a fraction, and between a superscript or the like and a digit."""
    for before, char, after in zip(f" {name}", name, f"{name[1:]} ", strict=False):
        if char in _APOSTROPHES:  # some of them decompose into a space and an accent
            yield "'"
        elif char.isascii() or char.isdecimal():
            yield char
        elif unicodedata.decomposition(char).startswith("<fraction>"):
            yield f" {char} "
        else:
            plain = unicodedata.normalize("NFKD", char)
            yield " " if before.isdecimal() and plain[0].isdecimal() else ""
            yield char
            yield " " if after.isdecimal() and plain[-1].isdecimal() else ""


@lru_cache(maxsize=4096)
def _fold_character(char: str) -> str:
    """Return what a decomposed character in lower case is compared as."""
    if unicodedata.combining(char) or is_invisible(char) or char == _TATWEEL:
        return ""
    if char in _APOSTROPHES:
        return "'"
    if char in _DASHES or unicodedata.category(char) == "Pd":
        return "-"
    if char in _FRACTION_SLASHES:
        return "/"
    return str(unicodedata.decimal(char)) if char.isdecimal() else _LETTERS.get(char, char)
