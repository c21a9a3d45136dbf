"""No retired name or word of docs/glossary.toml is used in code, documents or log events."""

import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Self

import pytest

from tests.support.databases import ROOT

GLOSSARY = ROOT / "docs" / "glossary.md"
RETIRED = ROOT / "docs" / "glossary.toml"
SCANNED = (
    "*.py",
    "*.md",
    "Makefile",
    "pyproject.toml",
    "requirements*.txt",
    ".ci/*",
    "api/**/*.py",
    "models/**/*.py",
    "notifications/**/*.py",
    "migrations/**/*.py",
    "tests/**/*.py",
    "bench/**/*.py",
    "docs/**/*.md",
    "docs/operations/*.*",
)
NOT_SCANNED = {GLOSSARY, RETIRED, ROOT / "tests" / "test_glossary.py"}
ENGLISH = re.compile("[A-Z]?[a-z]+")
BEFORE_A_NAME = ("class ", "import ", "def ", "as ", ".")
CAMEL_CASE = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


@dataclass(frozen=True)
class Retired:
    """Every retired word with what to use instead, and how to find them."""

    uses: dict[str, str]
    names: re.Pattern[str]
    words: re.Pattern[str]
    patterns: dict[str, re.Pattern[str]]

    @classmethod
    def read(cls) -> Self:
        lists = tomllib.loads(RETIRED.read_text(encoding="utf-8"))
        patterns = {entry["word"]: entry for entry in lists["patterns"]}
        longest_first = sorted(lists["words"], key=len, reverse=True)
        return cls(
            {**lists["names"], **lists["words"], **{word: entry["use"] for word, entry in patterns.items()}},
            re.compile(rf"(?<![\w-])({'|'.join(map(_name_pattern, lists['names']))})(?![\w-])"),
            re.compile(rf"\b({'|'.join('[ -]+'.join(word.split()) for word in longest_first)})s?\b"),
            {word: re.compile(entry["pattern"]) for word, entry in patterns.items()},
        )

    def find(self, text: str) -> Iterator[tuple[int, str]]:
        """Yield the number of the line and the word of each use."""
        for match in self.names.finditer(text):
            yield _line_at(text, match), re.split("[ .]", match[1])[-1] if match[1] not in self.uses else match[1]
        words = split_identifiers(text).lower()
        for match in self.words.finditer(words):
            yield _line_at(words, match), " ".join(re.split("[ -]+", match[1]))
        for word, pattern in self.patterns.items():
            for match in pattern.finditer(text):
                yield text.count("\n", 0, match.end()) + 1, word


def _name_pattern(name: str) -> str:
    """Return a pattern for a name; an English word counts only where it is code."""
    if not ENGLISH.fullmatch(name):
        return re.escape(name)
    return rf"(?:{'|'.join(map(re.escape, BEFORE_A_NAME))}){name}|{name}(?=[(\[]|\.\w)"


def _line_at(text: str, match: re.Match[str]) -> int:
    return text.count("\n", 0, match.start()) + 1


@dataclass(frozen=True)
class Allowed:
    """A place where a retired word is right."""

    word: str
    path: str
    reason: str
    text: str = ""

    def covers(self, word: str, path: str, line: str) -> bool:
        return self.word == word and fnmatch(path, self.path) and re.search(self.text, line) is not None


@dataclass(frozen=True, order=True)
class Hit:
    """A retired word in a line of a file."""

    path: str
    line: int
    word: str
    use: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.word} -> use {self.use}"


def allowed_places() -> list[Allowed]:
    return [Allowed(**entry) for entry in tomllib.loads(RETIRED.read_text(encoding="utf-8"))["allow"]]


def split_identifiers(line: str) -> str:
    """Return a line with `snake_case` and `CamelCase` taken apart: `_AuditorJob` becomes ` Auditor Job`."""
    return CAMEL_CASE.sub(" ", line.replace("_", " "))


def hits_in(path: str, text: str, retired: Retired, allowed: list[Allowed]) -> list[Hit]:
    lines = text.splitlines()
    return sorted(
        Hit(path, number, word, retired.uses[word])
        for number, word in set(retired.find(text))
        if not any(place.covers(word, path, lines[number - 1]) for place in allowed)
    )


def scanned_files() -> list[Path]:
    paths = {path for pattern in SCANNED for path in ROOT.glob(pattern) if path.is_file()}
    return sorted(path for path in paths - NOT_SCANNED if not {".venv", "__pycache__"} & set(path.parts))


def all_hits() -> list[Hit]:
    retired, allowed = Retired.read(), allowed_places()
    files = [(str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")) for path in scanned_files()]
    return [hit for path, text in files for hit in hits_in(path, text, retired, allowed)]


def test_no_retired_word_is_used():
    hits = all_hits()
    assert not hits, "\n".join([f"{len(hits)} retired words, see docs/glossary.md:", *map(str, hits)])


def words_of_column(number: int) -> set[str]:
    rows = [line.split("|") for line in GLOSSARY.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    return {word for row in rows for word in re.findall(r"`([^`]+)`", row[number])}


def test_every_name_of_the_glossary_is_used():
    used = "\n".join(path.read_text(encoding="utf-8") for path in [*scanned_files(), ROOT / "openapi.json"])
    names = {word.removesuffix("()") for word in words_of_column(3)}
    assert [name for name in sorted(names) if not re.search(rf"(?<!\w){re.escape(name)}(?!\w)", used)] == []


def test_every_retired_word_of_the_glossary_is_in_the_list():
    listed = Retired.read().uses.keys()
    assert words_of_column(4) - listed == set()
    assert len(listed) >= 40


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ('log.error("set aside", outbox_id=id_)', "set aside"),
        ("class AuditorJob:", "auditor"),
        ("from models.reports.stats.percentiles import Spread", "Spread"),
        ("alert.hurry(at=now)", "hurry"),
        ("def running_house(url):", "house"),
        ("# What has to leave the house.", "house"),
        ("rows = session.scalars(select(KeptDay))", "KeptDay"),
        ("INSERT INTO rollup_dirty VALUES", "rollup_dirty"),
        ("    for one in rows:", "one (loop variable)"),
        ("    found = session.scalars(stmt)", "found (variable)"),
    ],
)
def test_a_retired_word_is_found_in_identifiers_comments_and_log_events(line: str, word: str):
    hits = hits_in("models/example.py", f"first line\n{line}", Retired.read(), allowed_places())
    assert [(hit.line, hit.word) for hit in hits if hit.word == word] == [(2, word)]
    assert str(hits[0]).startswith("models/example.py:2: ")
    assert " -> use " in str(hits[0])


@pytest.mark.parametrize(
    "line",
    [
        "dead_lettered_at = at",
        "A dead letter failed five times.",
        "Send 1 to 255 letters, digits or signs.",
        '"House wine", "house-wine"',
        'clock = "wall"',
        "the role floor",
        "Sums of `cost` are right over all rows.",
        "In a hurry, with reason.",
        'asked = fields.Nested(MoneySchema, attribute="requested_cost")',
        "follow_up.keep(by=actor, at=now)",
        "question = Question(slug=slug)",
        "a warehouse reads the export",
    ],
)
def test_a_word_that_is_right_in_another_meaning_is_left_alone(line: str):
    assert hits_in("models/example.py", line, Retired.read(), allowed_places()) == []


def test_every_exception_names_a_retired_word_and_a_reason():
    listed = Retired.read().uses.keys()
    for place in allowed_places():
        assert place.word in listed, place
        assert place.reason, place


if __name__ == "__main__":
    sys.stdout.writelines(f"{hit}\n" for hit in all_hits())
