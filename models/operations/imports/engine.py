"""Engine of all imports: reads the lines, has each one judged and applied, and keeps all of them or none."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Final, TypeVar

from sqlalchemy import select

from models.access import Actor
from models.db.many_values import is_any_of
from models.db.session import ScopedSession
from models.errors import Conflict, DomainError, Forbidden, Invalid, InvalidState, NotFound
from models.operations.imports.columns import CellError, Column, Fault, FaultCode, parse_cell
from models.operations.imports.csv_table import CsvRow, CsvTable
from models.operations.people.open_work import OpenWork
from models.organizations.organization import Region
from models.organizations.store import Store

T = TypeVar("T", Region, Store)
MAX_SHOWN_LENGTH: Final = 60  # of an unknown column's name in an answer


class LineVerdict(StrEnum):
    """What an import does with a line, or would do."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass
class Line:
    """A line of the file. `values` has the parsed cells that are not blank and not at fault, by column."""

    number: int
    values: dict[str, Any] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    verdict: LineVerdict = LineVerdict.REFUSED
    reference: str | None = None

    @property
    def is_malformed(self) -> bool:
        return any(fault.code is FaultCode.MALFORMED_LINE for fault in self.faults)

    def refuse(self, column: str | None, code: FaultCode, detail: str) -> None:
        self.faults.append(Fault(column, code, detail))

    def refuse_as_duplicate(self, first: "Line", column: str) -> None:
        """Refuse the line because it has the value of an earlier one in this column."""
        noun = column.replace("_", " ")
        detail = f"Lines {first.number} and {self.number} have the same {noun}."
        self.refuse(column, FaultCode.DUPLICATE_LINE, detail)


@dataclass(frozen=True)
class ImportResult:
    """What an import did, or would do. `items` has every line, and the header where it is at fault."""

    kind: str
    dry_run: bool
    lines: int
    items: Sequence[Line]
    work: OpenWork = field(default_factory=OpenWork)  # that has other owners now, for the caller to announce

    @property
    def created(self) -> int:
        return self._count(LineVerdict.CREATED)

    @property
    def updated(self) -> int:
        return self._count(LineVerdict.UPDATED)

    @property
    def unchanged(self) -> int:
        return self._count(LineVerdict.UNCHANGED)

    @property
    def refused(self) -> int:
        return self._count(LineVerdict.REFUSED)

    def _count(self, verdict: LineVerdict) -> int:
        return sum(line.verdict is verdict for line in self.items)


class ImportKind(ABC):
    """Base class of the kinds of files. A kind is one module; an instance serves one import.

    `name`: the kind in the address of the API.
    `columns`: the columns in the order of the template. Others are refused.
    `key_column`: the column that names what a line is about.
    """

    name: ClassVar[str]
    columns: ClassVar[Sequence[Column]]
    key_column: ClassVar[str]

    def __init__(self, session: ScopedSession, *, by: Actor, at: datetime) -> None:
        self.session, self.by, self.at = session, by, at
        self.work = OpenWork()

    def key(self, line: Line) -> tuple[str, Hashable] | None:
        """Return a column and what no second line of the file may have there. None where the line does not say it."""
        value = line.values.get(self.key_column)
        return None if value is None else (self.key_column, value)

    def reference(self, line: Line) -> str | None:
        """Return how the answer calls the line."""
        return line.values.get(self.key_column)

    @abstractmethod
    def load(self, lines: Sequence[Line]) -> None:
        """Look up what the lines refer to, for many lines at once, and refuse what does not exist."""

    @abstractmethod
    def apply(self, line: Line) -> LineVerdict:
        """Create or change what the line describes, and refuse what a rule forbids.

        Lines with faults come too, so that all faults of a line are known. Values may be missing in them.
        """

    def rows_by_slug(self, model: type[T], slugs: Iterable[str], *, lock: bool = False) -> dict[str, T]:
        """Return the rows within reach with these slugs. `lock` keeps others from changing them meanwhile."""
        is_wanted = is_any_of(self.session, (model.slug,), [(slug,) for slug in {*slugs}])
        stmt = select(model).where(is_wanted, *model.visible_to(self.by)).order_by(model.id)
        if lock:
            stmt = stmt.with_for_update(key_share=True).execution_options(populate_existing=True)
        return {row.slug: row for row in self.session.scalars(stmt)}

    def load_named(self, model: type[T], lines: Sequence[Line], *, lock: bool = False) -> dict[str, T]:
        """Return the rows that a column names, which is called like the table. Refuse lines whose slug names none."""
        column = model.__tablename__
        naming = [line for line in lines if column in line.values]
        rows = self.rows_by_slug(model, (line.values[column] for line in naming), lock=lock)
        for line in naming:
            if line.values[column] not in rows:
                detail = f"There is no {column} with this slug within reach of this sign-in."
                line.refuse(column, FaultCode.UNKNOWN, detail)
        return rows

    def review(self) -> None:  # noqa: B027 most kinds have nothing to do here
        """Refuse what shows only when all lines are applied. By default nothing."""

    def finish(self) -> None:  # noqa: B027 the same
        """Write what the flush that follows does not write, when no line is refused. By default nothing."""


def run_import(
    kind_class: type[ImportKind], session: ScopedSession, table: CsvTable, *, dry_run: bool, by: Actor, at: datetime
) -> ImportResult:
    """Import a table, unless a line is at fault or it is a dry run.

    A dry run does the whole work and rolls it back, so that its verdicts are those of the import.
    """
    kind = kind_class(session, by=by, at=at)
    position: dict[str | None, int] = {column.name: number for number, column in enumerate(kind.columns)}
    header, is_complete = _read_header(kind, table)
    lines = [_read_line(kind, table.header, row) for row in table.rows]
    readable = [line for line in lines if not line.is_malformed]
    _refuse_duplicates(kind, readable)
    session.expect_many_rows()
    savepoint = session.begin_nested()
    kind.load(readable)
    if is_complete:
        for line in readable:
            line.verdict = _apply(kind, line)
        kind.review()
    for line in readable:
        if line.faults:
            line.verdict = LineVerdict.REFUSED
        line.faults.sort(key=lambda fault: position.get(fault.column, -1))
    items = [header, *lines] if header.faults else lines
    result = ImportResult(kind.name, dry_run, len(lines), items, kind.work)
    if not result.refused:
        kind.finish()
        session.flush()
    if dry_run or result.refused:
        savepoint.rollback()
        session.expire_all()
    else:
        savepoint.commit()
    return result


def _read_header(kind: ImportKind, table: CsvTable) -> tuple[Line, bool]:
    """Return the header with its faults, and whether it has all columns that every line needs.

    Invalid when it names no column at all: then the file begins with something else.
    """
    header = Line(table.header_line)
    known = {column.name for column in kind.columns}
    if known.isdisjoint(table.header):
        raise Invalid(f"The first line has to name the columns: {', '.join(sorted(known))}.", pointer="")
    for name, count in Counter(table.header).items():
        if name not in known:
            detail = f"There is no such column. Those of {kind.name} are {', '.join(sorted(known))}."
            header.refuse(name[:MAX_SHOWN_LENGTH] or None, FaultCode.UNKNOWN_COLUMN, detail)
        elif count > 1:
            header.refuse(name, FaultCode.REPEATED_COLUMN, f"The column is there {count} times.")
    missing = [column.name for column in kind.columns if column.required and column.name not in table.header]
    for name in missing:
        header.refuse(name, FaultCode.MISSING_COLUMN, "The column is missing; every line needs it.")
    return header, not missing


def _read_line(kind: ImportKind, header: Sequence[str], row: CsvRow) -> Line:
    """Return a line with the values of its cells, and the faults that each cell has by itself."""
    line = Line(row.line)
    if row.cells is None:
        line.refuse(None, FaultCode.MALFORMED_LINE, "The quotation marks of the line do not pair.")
        return line
    if len(row.cells) != len(header):
        detail = f"The line has {len(row.cells)} cells, and the header has {len(header)}."
        line.refuse(None, FaultCode.MALFORMED_LINE, detail)
        return line
    cells = dict(zip(header, row.cells, strict=True))
    for column in kind.columns:
        cell = cells.get(column.name)
        if cell:
            try:
                line.values[column.name] = parse_cell(column, cell)
            except CellError as error:
                line.refuse(column.name, error.code, error.detail)
        elif cell is not None and column.required:
            line.refuse(column.name, FaultCode.MISSING_VALUE, "Every line needs a value here.")
    line.reference = kind.reference(line)
    return line


def _refuse_duplicates(kind: ImportKind, lines: Sequence[Line]) -> None:
    """Refuse each line that has the key of an earlier one."""
    first_with: dict[Hashable, Line] = {}
    for line in lines:
        key = kind.key(line)
        if key is None:
            continue
        first = first_with.setdefault(key, line)
        if first is not line:
            line.refuse_as_duplicate(first, key[0])


def _apply(kind: ImportKind, line: Line) -> LineVerdict:
    try:
        return kind.apply(line)
    except DomainError as error:
        column = (error.pointer or "").removeprefix("/").partition("/")[0]
        code = next((code for class_, code in _CODES.items() if isinstance(error, class_)), FaultCode.INVALID)
        line.refuse(column or None, code, error.detail)
        return LineVerdict.REFUSED


_CODES: Final[dict[type[DomainError], FaultCode]] = {
    NotFound: FaultCode.UNKNOWN,
    Conflict: FaultCode.IN_USE,
    Forbidden: FaultCode.FORBIDDEN,
    InvalidState: FaultCode.TOO_MANY,  # the only states that count here are bounds
}
