"""A language made of our English texts with other letters, in brackets: a text of ours without them is in no catalogue.

Its tag is that of Esperanto, in which Babel writes dates and numbers, and in which we have no catalogue.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from functools import cache
from gettext import NullTranslations
from html.parser import HTMLParser
from typing import Any, Final

import pytest
from babel import Locale
from babel.messages.pofile import read_po

from api.pages import page, tables
from api.schemas import problem_language
from api.schemas.problem_language import ProblemCatalogue
from config import ROOT
from notifications.messages import translations

TAG: Final = "eo"
CATALOGUES: Final = (
    "api/pages/locales",
    "api/pages/locales/tables",
    "notifications/messages/locales",
    "api/schemas/locales",
)
_PLACE = re.compile(r"(\{[^}]*\})")
_ASCII: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_WIDE: Final = str.maketrans({letter: chr(ord(letter) + 0xFEE0) for letter in _ASCII})
_WORD = re.compile(r"[A-Za-z]{2,}")
_WORD_FOR_PROGRAMS = re.compile(r"[a-z0-9_./:-]*")
_FOR_MACHINES = re.compile(
    r"https?://\S+|/[a-z][a-z0-9_/{}.-]+(\?\S*)?|\b[0-9a-f]{8}-[0-9a-f-]{27}\b|\b[A-Za-z0-9_-]{40,}(\.[A-Za-z0-9_-]+)?"
    r"|\b[a-z]+:[a-z]+\b|\b[a-z]+/[a-z0-9+.-]+\b|\b\d{4}-\d\d-\d\dT[0-9:.]+Z|\b[A-Z][a-z]+/[A-Z][A-Za-z_]+\b"
    r"|\b(EUR|GBP|USD|UTC)\b|\bW1[A-Za-z0-9_-]+|\{[a-z_]+\}"
)
"""Addresses, ids, cursors, permissions, media types, times, time zones and currencies."""


def pseudo(text: str) -> str:
    """Return a text of ours in the pseudo-language; `{places}` of values stay."""
    parts = _PLACE.split(text)
    return "⟦" + "".join(part if part.startswith("{") else part.translate(_WIDE) for part in parts) + "⟧"


def english_texts(folder: str) -> set[str]:
    """Return the English texts that the catalogues of a folder translate, with their context before them."""
    with (ROOT / folder / "pt.po").open("rb") as file:
        messages = [message for message in read_po(file) if message.id and message.string]
    return {f"{message.context}: {message.id}" if message.context else str(message.id) for message in messages}


class PseudoCatalogue(NullTranslations):
    """Catalogue of exactly those texts that Portuguese has, too."""

    def __init__(self, folder: str) -> None:
        super().__init__()
        self._known = english_texts(folder)

    def gettext(self, message: str) -> str:
        return pseudo(message) if message in self._known else message

    def pgettext(self, context: str, message: str) -> str:
        return pseudo(message) if f"{context}: {message}" in self._known else message


def speak_pseudo_language(monkeypatch: pytest.MonkeyPatch) -> None:
    """Add the pseudo-language to every catalogue of ours."""
    pages, columns, messages, problems = CATALOGUES
    monkeypatch.setitem(page.CATALOGUES, TAG, PseudoCatalogue(pages))
    monkeypatch.setitem(page.LANGUAGES, TAG, "Esperanto")
    monkeypatch.setitem(tables.CATALOGUES, TAG, PseudoCatalogue(columns))
    monkeypatch.setitem(translations.CATALOGUES, TAG, PseudoCatalogue(messages))
    sentences = {text: pseudo(text) for text in english_texts(problems)}
    monkeypatch.setitem(problem_language.PROBLEM_CATALOGUES, TAG, ProblemCatalogue.of(sentences))


def words_of(texts: Iterable[str]) -> set[str]:
    """Return the words of texts, such as names and what people wrote."""
    return {word for text in texts for word in _WORD.findall(text)}


def untranslated(text: str, known: Collection[str]) -> list[str]:
    """Return the words of a text that are English and not among the `known` ones."""
    words = _WORD.findall(_FOR_MACHINES.sub(" ", text))
    return [word for word in words if word not in known and word.lower() not in _BABEL]


def remaining_english(text: str, language: str) -> bool:
    """Tell whether a text is or has one of ours in English although this language has another one for it."""
    english = _texts_that_differ(language)
    return text in english or any(sentence in text for sentence in english if " " in sentence and "{" not in sentence)


@cache
def _texts_that_differ(language: str) -> set[str]:
    texts = set()
    for folder in CATALOGUES:
        with (ROOT / folder / f"{language}.po").open("rb") as file:
            texts |= {str(it.id) for it in read_po(file) if it.id and it.string and str(it.id) != str(it.string)}
    return texts


def texts_of_answer(answer: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield every text of a JSON answer that is more than a word for programs, with the names that lead to it.

    What the organization calls a word in its first language stands beside its names in the others and is left out.
    """
    if isinstance(answer, dict):
        own_words = ("name", "text") if "names" in answer else ()
        for name, value in answer.items():
            if name not in (*own_words, "names"):
                yield from texts_of_answer(value, f"{path}/{name}")
    elif isinstance(answer, list):
        for value in answer:
            yield from texts_of_answer(value, path)
    elif isinstance(answer, str) and not _WORD_FOR_PROGRAMS.fullmatch(answer):
        yield path, answer


def texts_of_page(page_text: str) -> list[str]:
    """Return every text that a browser shows or reads aloud."""
    reader = _PageReader()
    reader.feed(page_text)
    return reader.texts


class _PageReader(HTMLParser):
    SHOWN = ("alt", "title", "placeholder", "aria-label", "content")
    HIDDEN = ("style", "script")

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in self.HIDDEN
        self.texts += [value for name, value in attrs if name in self.SHOWN and value and tag != "meta"]

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in self.HIDDEN

    def handle_data(self, data: str) -> None:
        if not self._hidden and data.strip():
            self.texts.append(" ".join(data.split()))


def _words_of_babel() -> set[str]:
    """Return the words with which dates and numbers are written in Esperanto."""
    locale = Locale.parse(TAG)
    names = [
        name
        for kinds in (locale.months, locale.days, locale.day_periods)
        for width in kinds.values()
        for form in width.values()
        for name in (form.values() if hasattr(form, "values") else [form])
    ]
    patterns = [str(pattern) for pattern in (*locale.date_formats.values(), *locale.datetime_formats.values())]
    return {word.lower() for text in (*map(str, names), *patterns, "la de UTC") for word in _WORD.findall(text)}


_BABEL: Final = _words_of_babel()
