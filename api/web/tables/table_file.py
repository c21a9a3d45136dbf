"""A file of tables, whatever its form: its sheets, and what they are about."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from api.web.tables.columns import Column, Kind, Line

LINE = "line"


def key_column(name: str, description: str, kind: Kind = Kind.TEXT) -> Column:
    return Column(name, (name,), kind, (name,), (description,), is_key=True)


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
    about: Mapping[str, str | date]
    sheets: Sequence[Sheet]

    @property
    def columns(self) -> list[Column]:
        """Return the columns of all sheets, each once, in order."""
        return list({column.name: column for sheet in self.sheets for column in sheet.columns}.values())
