"""The catalogues of messages: complete, valid, and chosen by the locale of a phone."""

import string
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from models.alerts import alert
from models.alerts.notification import NotificationKind
from notifications.channels.base import TITLE_LIMIT
from notifications.messages import texts as words
from notifications.messages.texts import MessageContext
from notifications.messages.translations import CATALOGUES, ENGLISH, LOCALES, translations_for

HERE = Path(words.__file__).parent
ROOM_FOR_A_PLACE = 20


def extracted() -> set[str]:
    """Return the sentences in the code, as `pybabel extract` finds them without a list of keywords."""
    folders = (HERE, Path(alert.__file__).parent)  # an alert sums itself up with the sentences it is handed
    messages = (message for folder in folders for message in extract_from_dir(folder, method_map=[("**.py", "python")]))
    return {message for _file, _line, message, _comments, _context in messages}


def catalogue(language: str) -> Catalog:
    with (LOCALES / f"{language}.po").open("rb") as file:
        return read_po(file, abort_invalid=True)


def fields(text: str) -> set[str | None]:
    return {name for _text, name, _spec, _conversion in string.Formatter().parse(text) if name is not None}


def test_the_languages_are_english_portuguese_and_spanish() -> None:
    assert {"pt", "es"} <= CATALOGUES.keys()
    assert "Unhappy customer" in extracted()


@pytest.mark.parametrize("language", CATALOGUES)
def test_a_catalogue_has_each_sentence_of_the_code_and_no_other(language: str) -> None:
    written = catalogue(language)
    translated = {message.id for message in written if message.id and message.string and not message.fuzzy}
    assert translated == extracted()
    assert not written.obsolete
    assert str(written.locale).replace("_", "-").lower() == language


@pytest.mark.parametrize("language", CATALOGUES)
def test_a_translation_fills_in_what_the_english_sentence_fills_in(language: str) -> None:
    for message in catalogue(language):
        if message.id:
            assert fields(str(message.string)) == fields(str(message.id)), message.id


@pytest.mark.parametrize("language", CATALOGUES)
def test_what_is_chosen_speaks_as_its_file_does(language: str) -> None:
    for message in catalogue(language):
        if message.id:
            assert translations_for(language).gettext(str(message.id)) == message.string


@pytest.mark.parametrize("language", ["en", *CATALOGUES])
@pytest.mark.parametrize("occasion", NotificationKind)
def test_a_title_leaves_space_for_the_place(language: str, occasion: NotificationKind) -> None:
    gists = [
        MessageContext(),
        MessageContext(severity="severe"),
        MessageContext(urgent=True),
        MessageContext(outcome="recovered"),
        MessageContext(outcome="lost"),
    ]
    gists += [
        MessageContext(reason="second_concern"),
        MessageContext(reason="order_value"),
        MessageContext(outcome="recovered", mood_after=5),
    ]
    for gist in gists:
        assert len(words.title(occasion, gist, locale=language)) <= TITLE_LIMIT - ROOM_FOR_A_PLACE


@pytest.mark.parametrize(
    ("locale", "language"),
    [
        ("pt", "pt"),
        ("pt-CV", "pt"),
        ("PT-cv", "pt"),
        ("pt_CV.UTF-8", "pt"),
        ("es-999", "es"),
        ("es-Latn-MX-x-private", "es"),
        ("en-GB", None),
        ("tlh", None),
        ("ptx", None),
        ("../pt", None),
        ("-", None),
        ("", None),
        (None, None),
    ],
)
def test_a_locale_falls_back_to_its_language_and_then_to_english(locale: str | None, language: str | None) -> None:
    assert translations_for(locale) is (CATALOGUES[language] if language else ENGLISH)
