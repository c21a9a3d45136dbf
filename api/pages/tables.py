"""Tables as an HTML page to print: the figures, what they cover, and what each of them means."""

import re
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from gettext import NullTranslations
from pathlib import Path
from typing import Final, Self

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal
from flask import Response

from api.pages.page import InlineStyle, language, render_page
from api.web.tables.columns import Cell, Column, Kind, Line
from api.web.tables.table_file import About, Sheet, TableFile
from notifications.messages.translations import ENGLISH, load_catalogues

CATALOGUES = load_catalogues(Path(__file__).parent / "locales" / "tables")
STYLE = InlineStyle.load("tables.css")
WIDEST: Final = 14  # columns of figures that fit beside each other; wider tables are turned
GROUPS_BESIDE: Final = 6  # of a turned table


@dataclass(frozen=True)
class PrintedTable:
    """A table with its lines as rows, or, when it has too many columns, one of several parts with lines as columns."""

    keys: Sequence[Column]
    figures: Sequence[Column]
    lines: Sequence[Line]
    turned: bool


def render_tables(file: TableFile) -> Response:
    """Return the page of a file. Ids are not shown, names are."""
    words = TableWords.in_language(language())
    printer = CellPrinter.of(language(), file.columns, words)
    page = render_page(
        "tables.html",
        sheet=STYLE.sheet,
        title=file.title,
        about={name: _about(value, printer, words) for name, value in file.about.items()},
        tables=[(sheet.title, list(_printed(sheet, file))) for sheet in file.sheets],
        legend=[column for column in file.columns if not column.for_machines],
        words=words,
        printed=printer.printed,
        machine=machine_form,
    )
    page.headers.update(STYLE.headers)
    return page


def _about(value: About, printer: "CellPrinter", words: "TableWords") -> str:
    """Return what a page is about; of a time it says in which zone it is, for no legend does."""
    match value:
        case list():
            return ", ".join(map(words.word, value))
        case dict():
            return ", ".join(f"{words.word(name)}: {printer.choice(text)}" for name, text in value.items())
        case datetime():
            return f"{printer.printed(value)} UTC"
    return printer.printed(value)


def _printed(sheet: Sheet, file: TableFile) -> list[PrintedTable]:
    """Return the tables of a sheet, without the columns that say in each line what the whole page is about."""
    shown = [column for column in sheet.columns if not column.for_machines and column.name not in _columns_about(file)]
    keys, figures = [c for c in shown if c.is_key], [c for c in shown if not c.is_key]
    lines = list(sheet.lines)
    if len(figures) <= WIDEST:
        return [PrintedTable(keys, figures, lines, turned=False)]
    starts = range(0, len(lines), GROUPS_BESIDE)
    return [PrintedTable(keys, figures, lines[start : start + GROUPS_BESIDE], turned=True) for start in starts]


def _columns_about(file: TableFile) -> set[str]:
    return {name.replace(" ", "_") for name in file.about} | {"filters"}


@dataclass(frozen=True)
class TableWords:
    """Headings and legends of tables in the reader's language."""

    catalogue: NullTranslations

    @classmethod
    def in_language(cls, tag: str) -> "TableWords":
        return cls(CATALOGUES.get(tag, ENGLISH))

    def translate(self, text: str) -> str:
        return self.catalogue.gettext(text)

    def choice(self, value: str) -> str:
        """Return a value that is a word of ours; of one thing, where a heading of the same word is of many."""
        return self.catalogue.pgettext("value", value.replace("_", " "))

    def word(self, name: str) -> str:
        """Return a name of ours, such as of a column or a state, as a word."""
        return self.translate(name.replace("_", " "))

    def heading(self, column: Column) -> str:
        return " · ".join(map(self.word, column.heading))

    def legend(self, column: Column) -> str:
        return " ".join(map(self.translate, column.meanings))


@dataclass(frozen=True)
class CellPrinter:
    """Prints cells in the reader's language."""

    language: str
    choices: Mapping[str, str] = field(default_factory=dict)
    """Words of ours that a column can have, in the reader's language."""

    @classmethod
    def of(cls, language: str, columns: Iterable[Column], words: TableWords) -> Self:
        return cls(language, {choice: words.choice(choice) for column in columns for choice in column.choices})

    def printed(self, value: Cell, column: Column | None = None) -> str:
        """Return a value as a reader wants it; `column` says of a number or word what it is."""
        match value:
            case str() if column and column.choices:
                return self.choice(value)
            case None | str():
                return value or ""
            case bool():
                return "✓" if value else ""
            case datetime():
                return format_datetime(value, "d MMM y HH:mm", tzinfo=UTC, locale=self.language)
            case date():
                return format_date(value, "medium", locale=self.language)
        return self._percent(value) if column and column.kind is Kind.RATIO else self._number(value)

    def choice(self, value: str) -> str:
        """Return a word of ours, or several with commas between them; what is none stays as it is."""
        return ", ".join(self.choices.get(word, word) for word in re.split(", ?", value))

    def _number(self, value: float | Decimal) -> str:
        """Return a number with at most three decimals, money with those of its currency."""
        decimals = -int(value.as_tuple().exponent) if isinstance(value, Decimal) else None
        fraction = "###" if decimals is None else "0" * decimals
        return format_decimal(value, f"#,##0.{fraction}" if fraction else "#,##0", locale=self.language)

    def _percent(self, ratio: float) -> str:
        locale = Locale.parse(self.language)
        pattern = copy(locale.percent_formats[None])
        pattern.frac_prec = (0, 1)
        text: str = pattern.apply(ratio, locale)
        return text


def machine_form(value: Cell) -> str:
    """Return a value as programs read it, for the page to carry beside what is printed."""
    match value:
        case bool():
            return str(value).lower()
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return "" if value is None else str(value)
