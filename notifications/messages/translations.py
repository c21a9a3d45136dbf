"""Message catalogues: one file per language, chosen by locale."""

from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from models.organizations.names import closest_language

LOCALES = Path(__file__).parent / "locales"
"""Folder of `pt.po`, `pt-br.po` and so on. A further language is a further file, named by its tag in lower case."""


def _load_catalogue(file: Path) -> GNUTranslations:
    # Compiled when it is read, so that no compiled file can be older than its source.
    compiled = BytesIO()
    with file.open("rb") as po_file:
        write_mo(compiled, read_po(po_file))
    compiled.seek(0)
    return GNUTranslations(compiled)


ENGLISH = NullTranslations()  # the texts in the code are English
SOURCE_LANGUAGE = "en"


def load_catalogues(folder: Path) -> dict[str, GNUTranslations]:
    """Return the catalogues of a folder, by language tag."""
    return {file.stem: _load_catalogue(file) for file in sorted(folder.glob("*.po"))}


CATALOGUES = load_catalogues(LOCALES)


def translations_for(locale: str | None) -> NullTranslations:
    """Return the catalogue for a locale such as `pt-BR`: its own, else the one of `pt`, else English."""
    language = closest_language(locale, CATALOGUES)
    return CATALOGUES[language] if language else ENGLISH
