"""Columns of an import, and what their cells may contain."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import time
from enum import StrEnum
from typing import Any, Final, TypeVar

from models.db.slug import MAX_SLUG_LENGTH, check_slug
from models.errors import Invalid
from models.organizations.names import check_language

T = TypeVar("T")
ENTRY_SEPARATOR: Final = ";"  # between the entries of one cell
_CLOCK_TIME = re.compile("([01][0-9]|2[0-3]):[0-5][0-9]")


class FaultCode(StrEnum):
    """What is wrong with the header, a line or a cell."""

    UNKNOWN_COLUMN = "unknown-column"
    MISSING_COLUMN = "missing-column"
    REPEATED_COLUMN = "repeated-column"
    MALFORMED_LINE = "malformed-line"  # too few or too many cells, or quotation marks that do not pair
    DUPLICATE_LINE = "duplicate-line"
    MISSING_VALUE = "missing-value"
    TOO_LONG = "too-long"
    INVALID_CHARACTER = "invalid-character"
    INVALID = "invalid"
    UNKNOWN = "unknown"  # the value names nothing within reach
    TOO_MANY = "too-many"  # of what an organization or store may have
    IN_USE = "in-use"  # the value belongs to somebody else
    FORBIDDEN = "forbidden"  # whoever imports may not do that


@dataclass(frozen=True)
class Fault:
    """What is wrong with a cell, or with the whole line where `column` is None."""

    column: str | None
    code: FaultCode
    detail: str


class CellError(Exception):
    """What is wrong with a cell, raised while it is parsed."""

    def __init__(self, code: FaultCode, detail: str) -> None:
        super().__init__(detail)
        self.code, self.detail = code, detail


@dataclass(frozen=True)
class Column:
    """A column of a kind of file.

    `parse` returns the value of a cell that is not blank; it raises CellError, or Invalid where another rule of the
    domain is broken. `examples` stand in the template.
    """

    name: str
    parse: Callable[[str], Any]
    examples: tuple[str, str] = ("", "")
    required: bool = False


def text(max_length: int) -> Callable[[str], str]:
    """Return a parser of text, which may be anything: a formula is kept as it was typed."""

    def parse(cell: str) -> str:
        if len(cell) > max_length:
            raise CellError(FaultCode.TOO_LONG, f"At most {max_length} characters are possible; here are {len(cell)}.")
        return cell

    return parse


def slug(cell: str) -> str:
    return check_slug(text(MAX_SLUG_LENGTH)(cell))


def one_of(choices: type[StrEnum]) -> Callable[[str], StrEnum]:
    def parse(cell: str) -> StrEnum:
        try:
            return choices(cell.lower())
        except ValueError:
            raise CellError(FaultCode.UNKNOWN, f"Write one of these: {', '.join(choices)}.") from None

    return parse


def entries(max_entries: int, parse_entry: Callable[[str], T]) -> Callable[[str], list[T]]:
    """Return a parser of a list, such as `regular; vegan`. An entry that is there twice counts once."""

    def parse(cell: str) -> list[T]:
        names = dict.fromkeys(entry.strip() for entry in cell.split(ENTRY_SEPARATOR) if entry.strip())
        if not names:
            raise CellError(FaultCode.INVALID, "There is no entry. A blank cell leaves what is there.")
        if len(names) > max_entries:
            raise CellError(FaultCode.TOO_LONG, f"At most {max_entries} entries are possible; here are {len(names)}.")
        return [parse_entry(name) for name in names]

    return parse


def yes_or_no(cell: str) -> bool:
    try:
        return {"yes": True, "no": False}[cell.lower()]
    except KeyError:
        raise CellError(FaultCode.INVALID, "Write yes or no.") from None


def language(cell: str) -> str:
    return check_language(cell, pointer="")


def clock_time(cell: str) -> time:
    if not _CLOCK_TIME.fullmatch(cell):
        raise CellError(FaultCode.INVALID, "This is no time of day; hours and minutes such as 04:00 are.")
    return time.fromisoformat(cell)


def number(low: int, high: int) -> Callable[[str], int]:
    def parse(cell: str) -> int:
        if not re.fullmatch("[0-9]{1,9}", cell) or not low <= int(cell) <= high:
            raise CellError(FaultCode.INVALID, f"This is no whole number from {low} to {high}.")
        return int(cell)

    return parse


def parse_cell(column: Column, cell: str) -> Any:
    """Return the value of a cell that is not blank. CellError when it has none."""
    if "\x00" in cell:
        raise CellError(FaultCode.INVALID_CHARACTER, "The cell has a NUL character, which cannot be stored.")
    try:
        return column.parse(cell)
    except Invalid as error:
        raise CellError(FaultCode.INVALID, error.detail) from error
