"""CSV as it comes from spreadsheets: UTF-8 with or without BOM, separated by commas or semicolons."""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from models.db.text import tidy
from models.errors import Invalid, TooLarge

COMMA: Final = ","
SEMICOLON: Final = ";"
MAX_COLUMNS: Final = 100  # more than any kind of file has
LINE_BREAK: Final = re.compile("[\r\n]")
NUL: Final = "\x00"  # refused where the cell is read; without anything else the cell would seem blank


@dataclass(frozen=True)
class CsvRow:
    """A row that is not blank. `line` is where it begins in the file; `cells` is None where it cannot be read."""

    line: int
    cells: list[str] | None

    def fitted(self, width: int) -> "CsvRow":
        """Return the row without the blank cells beyond a width: spreadsheets save columns that were used once."""
        if self.cells is None or len(self.cells) <= width or any(self.cells[width:]):
            return self
        return CsvRow(self.line, self.cells[:width])


@dataclass(frozen=True)
class CsvTable:
    """The names of the columns, which stand in the first row that is not blank, and the rows below it."""

    header_line: int
    header: list[str]
    rows: list[CsvRow]

    @classmethod
    def read(cls, body: bytes, *, max_rows: int) -> "CsvTable":
        """Return the table in a body.

        Invalid when the body is not UTF-8 or has no header. TooLarge when more rows than `max_rows` follow the header.
        """
        text = _decode(body)
        rows: list[CsvRow] = []
        for row in _rows(text, _separator(text)):
            rows.append(row)
            if len(rows) > max_rows + 1:
                raise TooLarge(f"A file may have {max_rows} lines below its header. Send it in parts.")
        if not rows or rows[0].cells is None:
            raise Invalid("The first line has to name the columns; the template shows them.", pointer="")
        header = [name.lower() for name in rows[0].cells]
        while not header[-1]:
            header.pop()
        if len(header) > MAX_COLUMNS:
            raise Invalid(f"The first line names {len(header)} columns; at most {MAX_COLUMNS} are read.", pointer="")
        return cls(rows[0].line, header, [row.fitted(len(header)) for row in rows[1:]])


def _decode(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        detail = f"The file is not UTF-8: line {line} has other bytes. Spreadsheets save it as 'CSV UTF-8'."
        raise Invalid(detail, pointer="") from error


def _separator(text: str) -> str:
    """Return the separator that the first line has more of."""
    header = LINE_BREAK.split(text.lstrip(), maxsplit=1)[0]
    return SEMICOLON if header.count(SEMICOLON) > header.count(COMMA) else COMMA


def _rows(text: str, separator: str) -> Iterator[CsvRow]:
    """Yield the rows that have something in a cell, and those that break the rules of quoting."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = [cell if NUL in cell else tidy(cell) for cell in next(reader)]
        except StopIteration:
            return
        except csv.Error:
            yield CsvRow(line, None)
            continue
        if any(cells):
            yield CsvRow(line, cells)
