"""The languages: each file in locales/ is one, and a phone's locale says which it wants."""

import re
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LOCALES = Path(__file__).parent / "locales"
"""`pt.po`, `pt-br.po`: another language is another file, named in lower case after its tag."""


def _read(file: Path) -> GNUTranslations:
    # Compiled while it is read: no second file could be forgotten and lag behind the first.
    compiled = BytesIO()
    with file.open("rb") as written:
        write_mo(compiled, read_po(written))
    compiled.seek(0)
    return GNUTranslations(compiled)


ENGLISH = NullTranslations()  # what stands in the code is English
CATALOGUES = {file.stem: _read(file) for file in sorted(LOCALES.glob("*.po"))}


def language_of(locale: str | None) -> NullTranslations:
    """The catalogue for a locale such as `pt-BR`: its own, else the one of `pt`, else English (RFC 4647, look-up)."""
    parts = re.split(r"[-_.@]", (locale or "").lower())
    for known in range(len(parts), 0, -1):
        if catalogue := CATALOGUES.get("-".join(parts[:known])):
            return catalogue
    return ENGLISH
