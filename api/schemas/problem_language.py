"""Language of problems: every refusal is written in English and translated here, where it is answered.

A catalogue names a sentence as the code writes it, with `{name}` where a value stands. The values of an English
sentence are read out of it again, so that whoever refuses something, in models/ or in a library, knows nothing of
languages.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from babel.messages.pofile import read_po
from marshmallow import fields

from api.schemas.reader_language import reader_language

LOCALES = Path(__file__).parent / "locales"
"""Folder of `pt.po` and so on. A further language is a further file, named by its tag in lower case."""
_VALUE = re.compile(r"\{([a-z_0-9]+)\}")


@dataclass(frozen=True)
class SentencePattern:
    """What an English sentence looks like: its names of values, and the words before, between and after them.

    No regular expression, which takes minutes for a long value that was made to look like the sentence around it.
    """

    names: list[str]
    words: list[str]

    @classmethod
    def of(cls, sentence: str) -> "SentencePattern":
        parts = _VALUE.split(sentence)
        return cls(parts[1::2], parts[::2])

    def values_in(self, text: str) -> dict[str, str] | None:
        """Return the values in a text that is this sentence, each as short as can be; None for another text."""
        first, *between, last = self.words
        end = len(text) - len(last)
        if not text.startswith(first) or not text.endswith(last):
            return None
        values, begin = [], len(first)
        for words in between:
            begins_at = text.find(words, begin, end)
            if begins_at < 0:
                return None
            values.append(text[begin:begins_at])
            begin = begins_at + len(words)
        return dict(zip(self.names, [*values, text[begin:end]], strict=True)) if begin <= end else None


@dataclass(frozen=True)
class ProblemCatalogue:
    """Sentences of problems in one language, by the English ones."""

    sentences: dict[str, str]
    patterns: list[tuple["SentencePattern", str]]
    """Sentences with values: what the English one looks like. The most particular comes first."""

    @classmethod
    def of(cls, sentences: dict[str, str]) -> "ProblemCatalogue":
        with_values = [text for text in sentences if _VALUE.search(text)]
        with_values.sort(key=lambda text: len(_VALUE.sub("", text)), reverse=True)
        return cls(sentences, [(SentencePattern.of(text), sentences[text]) for text in with_values])

    def translate(self, text: str) -> str:
        """Return the text in this language; English stays what no catalogue knows."""
        if text in self.sentences:
            return self.sentences[text]
        for pattern, translation in self.patterns:
            values = pattern.values_in(text)
            if values is not None:
                # A value can be words of ours too, such as "place"; names and ids are in no catalogue.
                ours = {name: self.sentences.get(value, value) for name, value in values.items()}
                return _VALUE.sub(lambda place, ours=ours: ours.get(place[1], place[0]), translation)  # type: ignore[misc]
        return text


def load_problem_catalogues(folder: Path) -> dict[str, ProblemCatalogue]:
    """Return the catalogues of a folder, by language tag."""
    return {file.stem: ProblemCatalogue.of(_sentences_of(file)) for file in sorted(folder.glob("*.po"))}


def _sentences_of(file: Path) -> dict[str, str]:
    with file.open("rb") as po_file:
        return {str(message.id): str(message.string) for message in read_po(po_file) if message.id and message.string}


PROBLEM_CATALOGUES = load_problem_catalogues(LOCALES)
_ENGLISH = ProblemCatalogue.of({})


def catalogue_for_reader() -> tuple[str, ProblemCatalogue]:
    """Return the language in which whoever asks reads problems, and its catalogue."""
    language = reader_language(PROBLEM_CATALOGUES)
    return language, PROBLEM_CATALOGUES.get(language, _ENGLISH)


class ProblemText(fields.String):
    """Why something is refused, in the language of whoever asks."""

    def _serialize(self, value: str, *_: Any, **__: Any) -> str:
        return catalogue_for_reader()[1].translate(value)
