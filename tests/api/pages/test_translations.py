"""The catalogues of the pages: complete, valid, and in the same languages as the messages."""

import string

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from api.pages.page import CATALOGUES, LANGUAGES
from config import ROOT
from notifications.messages import translations as languages

PAGES = ROOT / "api" / "pages"


def messages_to_translate() -> set[str]:
    """Every sentence of the pages that is to be translated."""
    extracted = extract_from_dir(PAGES, method_map=[("**.html", "jinja2.ext:babel_extract")], keywords={"_": None})
    return {message for _file, _line, message, _comments, _context in extracted}


def catalogue(language: str) -> Catalog:
    with (PAGES / "locales" / f"{language}.po").open("rb") as file:
        return read_po(file, abort_invalid=True)


def fields(text: str) -> set[str | None]:
    return {name for _text, name, _spec, _conversion in string.Formatter().parse(text) if name is not None}


def test_the_pages_speak_the_languages_of_the_phones() -> None:
    assert CATALOGUES.keys() == languages.CATALOGUES.keys()
    assert LANGUAGES == {"en": "English", "es": "Español", "pt": "Português"}


@pytest.mark.parametrize("language", CATALOGUES)
def test_a_catalogue_has_each_sentence_of_the_pages_and_no_other(language: str) -> None:
    written = catalogue(language)
    translated = {message.id for message in written if message.id and message.string and not message.fuzzy}
    assert translated == messages_to_translate()
    assert not written.obsolete


@pytest.mark.parametrize("language", CATALOGUES)
def test_a_translation_fills_in_what_the_english_sentence_fills_in(language: str) -> None:
    for message in catalogue(language):
        if message.id:
            assert fields(str(message.string)) == fields(str(message.id)), message.id
