"""Language of problems: every refusal is written in English and translated here, where it is answered.

A catalogue names a sentence as the code writes it, with `{name}` where a value stands. The values of an English
sentence are read out of it again, so that whoever refuses something, in models/ or in a library, knows nothing of
languages.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from babel.messages.pofile import read_po

from api.schemas.reader_language import reader_language

LOCALES = Path(__file__).parent / "locales"
"""Folder of `pt.po` and so on. A further language is a further file, named by its tag in lower case."""
_VALUE = re.compile(r"\{([a-z_0-9]+)\}")


@dataclass(frozen=True)
class ProblemCatalogue:
    """Sentences of problems in one language, by the English ones."""

    sentences: dict[str, str]
    patterns: list[tuple[re.Pattern[str], str]]
    """Sentences with values: what the English one looks like. The most particular comes first."""

    @classmethod
    def of(cls, sentences: dict[str, str]) -> "ProblemCatalogue":
        with_values = [text for text in sentences if _VALUE.search(text)]
        with_values.sort(key=lambda text: len(_VALUE.sub("", text)), reverse=True)
        return cls(sentences, [(_pattern_of(text), sentences[text]) for text in with_values])

    def translate(self, text: str) -> str:
        """Return the text in this language; English stays what no catalogue knows."""
        if text in self.sentences:
            return self.sentences[text]
        for pattern, translation in self.patterns:
            if match := pattern.fullmatch(text):
                # A value can be words of ours too, such as "place"; names and ids are in no catalogue.
                values = {name: self.sentences.get(value, value) for name, value in match.groupdict().items()}
                return _VALUE.sub(lambda place, values=values: values.get(place[1], place[0]), translation)  # type: ignore[misc]
        return text


def _pattern_of(text: str) -> re.Pattern[str]:
    parts = _VALUE.split(text)
    return re.compile(
        "".join(f"(?P<{part}>.*?)" if number % 2 else re.escape(part) for number, part in enumerate(parts)), re.DOTALL
    )


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
