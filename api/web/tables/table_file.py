"""A file of tables, whatever its form: its sheets, and what they are about."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from api.web.tables.columns import Column, Kind, Line

LINE = "line"
About = str | int | date | list[str] | dict[str, str]
"""What a file is about: a list is of words of ours, and a mapping has what it is limited to, by such words."""


def key_column(name: str, description: str, kind: Kind = Kind.TEXT, *, choices: tuple[str, ...] = ()) -> Column:
    return Column(name, (name,), kind, (name,), (description,), is_key=True, choices=choices)


def written(value: About) -> str:
    """Return what a file is about, in English and as programs read it."""
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case list():
            return ", ".join(value)
        case dict():
            return ", ".join(f"{name}: {text}" for name, text in value.items())
    return str(value)


@dataclass(frozen=True)
class Sheet:
    """Lines under columns. `line` says of each what it is, so that a total is never taken for a store."""

    title: str
    columns: Sequence[Column]
    lines: Iterable[Line]


@dataclass(frozen=True)
class TableFile:
    """Sheets to save under a name. `about`: what they cover, and as of when."""

    name: str
    title: str
    about: Mapping[str, About]
    sheets: Sequence[Sheet]

    @property
    def columns(self) -> list[Column]:
        """Return the columns of all sheets, each once, in order."""
        return list({column.name: column for sheet in self.sheets for column in sheet.columns}.values())
