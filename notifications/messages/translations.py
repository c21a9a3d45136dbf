"""The languages: each file in a folder of catalogues is one, and a locale says which of them somebody wants."""

import re
from collections.abc import Collection
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LOCALES = Path(__file__).parent / "locales"
"""`pt.po`, `pt-br.po`: another language is another file, named in lower case after its tag."""


def _load_catalogue(file: Path) -> GNUTranslations:
    # Compiled while it is read: no second file could be forgotten and lag behind the first.
    compiled = BytesIO()
    with file.open("rb") as written:
        write_mo(compiled, read_po(written))
    compiled.seek(0)
    return GNUTranslations(compiled)


ENGLISH = NullTranslations()  # what stands in the code is English


def load_catalogues(folder: Path) -> dict[str, GNUTranslations]:
    """The languages of a folder."""
    return {file.stem: _load_catalogue(file) for file in sorted(folder.glob("*.po"))}


CATALOGUES = load_catalogues(LOCALES)


def translations_for(locale: str | None) -> NullTranslations:
    """The catalogue for a locale such as `pt-BR`: its own, else the one of `pt`, else English."""
    found = closest_language(locale, CATALOGUES)
    return CATALOGUES[found] if found else ENGLISH


def closest_language(locale: str | None, known: Collection[str]) -> str | None:
    """The closest of the known languages, if one is close at all (RFC 4647, look-up)."""
    parts = re.split(r"[-_.@]", (locale or "").lower())
    tags = ("-".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((tag for tag in tags if tag in known), None)
