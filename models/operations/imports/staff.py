"""Import of staff: people from a personnel system, recognised by their employee number there, or else by their login.

All look-ups see the people as they were before the import, so that the order of lines does not matter.
"""

import re
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import selectinload

from models.access import Actor, Role
from models.db.many_values import is_any_of
from models.db.session import ScopedSession
from models.db.slug import check_login
from models.db.text import MAX_NAME_LENGTH
from models.errors import Forbidden, Invalid, InvalidState
from models.operations.imports.columns import CellError, Column, FaultCode, one_of, slug, text, yes_or_no
from models.operations.imports.engine import ImportKind, Line, LineVerdict
from models.operations.people.change_staff import end_out_of_reach
from models.operations.people.invite_staff import invite_by_mail
from models.operations.people.leave_staff import bring_back, leave
from models.operations.people.open_work import has_open_work, lock_open_work
from models.organizations.organization import Region
from models.organizations.store import Store
from models.policy_defaults import MAX_REGIONS_OF_PERSON, MAX_STAFF, MAX_STORES_OF_PERSON
from models.staff.management_rights import (
    may_manage,
    require_may_give,
    require_may_manage,
    require_other_administrator,
)
from models.staff.staff import MAX_EMPLOYEE_NUMBER_LENGTH, Staff, check_email

MAX_LOGIN_LENGTH: Final = 60
KEYS: Final = ("employee_number", "login")
NEEDED_FOR_NEW: Final = ("login", "name", "role")
FIELDS: Final = ("name", "login", "role", "email", "employee_number")
COLUMN_OF_POINTER: Final = {"/store_ids": "/stores", "/region_ids": "/regions"}
SEPARATORS: Final = re.compile(r"[;\s]+")


def _login(cell: str) -> str:
    return check_login(text(MAX_LOGIN_LENGTH)(cell))


def _email(cell: str) -> str:
    return check_email(text(254)(cell))


def _slugs(max_slugs: int) -> Any:
    """Return a parser of slugs with spaces or semicolons between them."""

    def parse(cell: str) -> list[str]:
        slugs = dict.fromkeys(slug(part) for part in SEPARATORS.split(cell) if part)
        if not slugs or len(slugs) > max_slugs:
            raise CellError(FaultCode.INVALID, f"Write 1 to {max_slugs} slugs, with spaces between them.")
        return list(slugs)

    return parse


class StaffImport(ImportKind):
    """Import of people, each within the rights of whoever imports. Nobody's code is in the answer.

    A blank cell leaves what is there, and whoever is not in the file stays as they are.
    """

    name = "staff"
    key_column = "employee_number"
    columns = (
        Column("employee_number", text(MAX_EMPLOYEE_NUMBER_LENGTH), ("10042", "10043")),
        Column("login", _login, ("maria", "joao")),
        Column("name", text(MAX_NAME_LENGTH), ("Maria Example", "João Example")),
        Column("role", one_of(Role), ("floor", "manager")),
        Column("stores", _slugs(MAX_STORES_OF_PERSON), ("harbour", "harbour market")),
        Column("regions", _slugs(MAX_REGIONS_OF_PERSON)),
        Column("email", _email, ("", "joao@example.com")),
        Column("left", yes_or_no, ("", "no")),
    )

    def __init__(self, session: ScopedSession, *, by: Actor, at: datetime) -> None:
        super().__init__(session, by=by, at=at)
        self._stores: dict[str, Store] = {}
        self._regions: dict[str, Region] = {}
        self._by_number: dict[str, Staff] = {}
        self._by_login: dict[str, Staff] = {}
        self._count = 0
        self._line_of_person: dict[UUID, Line] = {}
        self._line_of_login: dict[str, Line] = {}
        self._uninvited: list[Staff] = []  # new or back, and without a password
        self._changed: list[Staff] = []
        self._moved: list[Staff] = []  # whose role, stores or regions have changed
        self._former_administrators: list[tuple[Line, Staff]] = []
        self._leaving: list[tuple[Line, Staff]] = []
        self._returning: list[Staff] = []

    def key(self, line: Line) -> tuple[str, Hashable] | None:
        return next(((name, line.values[name]) for name in KEYS if name in line.values), None)

    def reference(self, line: Line) -> str | None:
        return line.values.get("employee_number") or line.values.get("login")

    def load(self, lines: Sequence[Line]) -> None:
        self._stores = self._load_all("stores", Store, lines)
        self._regions = self._load_all("regions", Region, lines if self.by.store_ids is None else ())
        self._lock_open_work(lines)
        self._by_number = {str(staff.employee_number): staff for staff in self._people("employee_number", lines)}
        self._by_login = {staff.login: staff for staff in self._people("login", lines)}
        self._count = self.session.scalars(select(func.count()).select_from(Staff).where(Staff.left_at.is_(None))).one()

    def _load_all(self, column: str, model: Any, lines: Sequence[Line]) -> dict[str, Any]:
        return self.rows_by_slug(model, (slug_ for line in lines for slug_ in line.values.get(column, ())))

    def _lock_open_work(self, lines: Sequence[Line]) -> None:
        """Lock what people have open who leave or move, before people are locked. Others go on with their concerns."""
        ids = set()
        for column in KEYS:
            line_of = {line.values[column]: line for line in lines if column in line.values}
            for staff in self._people(column, lines, has_open_work(), lock=False):
                line = line_of[getattr(staff, column)]
                has_other_role = line.values.get("role", staff.role) is not staff.role
                if line.values.get("left") or has_other_role or self._moves(line, staff):
                    ids.add(staff.id)
        lock_open_work(self.session, list(ids))

    def _people(
        self, column: str, lines: Sequence[Line], *criteria: ColumnElement[bool], lock: bool = True
    ) -> Sequence[Staff]:
        """Return the people who have the values of this column, locked unless it is said otherwise."""
        values = [(line.values[column],) for line in lines if column in line.values]
        wanted = is_any_of(self.session, (getattr(Staff, column),), values)
        stmt = select(Staff).where(wanted, *criteria).order_by(Staff.id)
        if lock:
            stmt = stmt.with_for_update(key_share=True)
        links = (selectinload(Staff.store_links), selectinload(Staff.region_links), selectinload(Staff.daily_log_links))
        return self.session.scalars(stmt.options(*links).execution_options(populate_existing=True)).all()

    def apply(self, line: Line) -> LineVerdict:
        if self.key(line) is None and not line.faults:
            line.refuse(None, FaultCode.MISSING_VALUE, "Give an employee number or a login.")
        self._refuse_unknown(line)
        staff = self._recognise(line)
        self._refuse_repeated(line, staff)
        if line.faults:
            return LineVerdict.REFUSED
        with _named_as_columns():
            return self._create(line) if staff is None else self._update(line, staff)

    def _refuse_unknown(self, line: Line) -> None:
        for column, noun, known in (("stores", "store", self._stores), ("regions", "region", self._regions)):
            for slug_ in line.values.get(column, ()):
                if slug_ not in known:
                    line.refuse(
                        column, FaultCode.UNKNOWN, f"There is no {noun} '{slug_}' within reach of this sign-in."
                    )

    def _recognise(self, line: Line) -> Staff | None:
        """Return the person whom a line describes, or None for a new one. Refuse a login that somebody else has."""
        number, login = line.values.get("employee_number"), line.values.get("login")
        by_number, by_login = self._by_number.get(number or ""), self._by_login.get(login or "")
        if by_login is None or by_login is by_number:
            return by_number
        if by_number is None and (number is None or by_login.employee_number is None):
            return by_login
        line.refuse("login", FaultCode.IN_USE, "Somebody with another employee number has this login.")
        return by_number

    def _refuse_repeated(self, line: Line, staff: Staff | None) -> None:
        """Refuse a line with the login or the person of an earlier line: it is unclear which of the two counts."""
        if (login := line.values.get("login")) is not None:
            first = self._line_of_login.setdefault(login, line)
            if first is not line and self.key(first) != self.key(line):
                line.refuse_as_duplicate(first, "login")
        if staff is not None:
            first = self._line_of_person.setdefault(staff.id, line)
            if first is not line and not line.faults:
                detail = f"Lines {first.number} and {line.number} describe the same person."
                line.refuse(None, FaultCode.DUPLICATE_LINE, detail)

    def _create(self, line: Line) -> LineVerdict:
        if line.values.get("left"):
            return LineVerdict.UNCHANGED  # they never worked here, and do not now
        for column in NEEDED_FOR_NEW:
            if column not in line.values:
                line.refuse(column, FaultCode.MISSING_VALUE, "A new person needs a value here.")
        if line.faults:
            return LineVerdict.REFUSED
        self._require_may_give(line.values["role"])
        self._count += 1
        if self._count > MAX_STAFF:
            line.refuse(None, FaultCode.TOO_MANY, f"In an organization work at most {MAX_STAFF:,} people.")
        reach: dict[str, Any] = {"stores": (), "regions": (), **self._reach(line)}
        staff = Staff.build(**reach, **_fields(line), email_set_by_id=self.by.staff_id)
        self.session.add(staff)
        self._uninvited.append(staff)
        return LineVerdict.CREATED

    def _update(self, line: Line, staff: Staff) -> LineVerdict:
        if not may_manage(self.by, staff) and not self._is_visible(staff):
            detail = "Somebody whom this sign-in does not manage has this."
            column = next(name for name in KEYS if name in line.values)
            line.refuse(column, FaultCode.IN_USE, detail)
            return LineVerdict.REFUSED
        require_may_manage(self.by, staff)
        left, has_left = line.values.get("left"), staff.has_left(self.at)
        if has_left and left is None:
            line.refuse("left", FaultCode.INVALID, "This person has left; with no they come back.")
            return LineVerdict.REFUSED
        if has_left and left:
            return LineVerdict.UNCHANGED
        if has_left:
            self._count += 1
            self._returning.append(staff)
        elif left:
            self._leaving.append((line, staff))
        is_changed = self._change(line, staff)
        return LineVerdict.UPDATED if is_changed or has_left or left else LineVerdict.UNCHANGED

    def _change(self, line: Line, staff: Staff) -> bool:
        """Change what the line says of a person; return whether that is anything."""
        changes = {name: value for name, value in _fields(line).items() if getattr(staff, name) != value}
        moves = self._moves(line, staff)
        if not changes and not moves:
            return False
        if "role" in changes or moves:
            if staff.id == self.by.staff_id:
                raise Forbidden("Nobody changes their own role, stores or regions.", pointer="/role")
            self._moved.append(staff)
        if "role" in changes:
            self._require_may_give(changes["role"], staff.role)
            if staff.role is Role.ADMIN:
                self._former_administrators.append((line, staff))
        if "email" in changes:
            changes["email_set_by_id"] = self.by.staff_id
        staff.apply_changes(**changes, **moves)
        self._changed.append(staff)
        return True

    def _moves(self, line: Line, staff: Staff) -> dict[str, list[Any]]:
        """Return the stores and regions that a line gives a person in place of others."""
        reach = self._reach(line)
        if line.values.get("role", staff.role) is not Role.REGIONAL and staff.region_links:
            reach.setdefault("regions", [])
        present = {"stores": staff.store_ids, "regions": staff.region_ids}
        return {name: rows for name, rows in reach.items() if sorted(row.id for row in rows) != present[name]}

    def _require_may_give(self, role: Role, former: Role = Role.FLOOR) -> None:
        try:
            require_may_give(self.by, role, former, at=self.at)
        except Forbidden as error:
            raise Forbidden(error.detail, code=error.code, pointer="/role") from error

    def _is_visible(self, staff: Staff) -> bool:
        """Return whether whoever imports sees this person, and so may be told of them."""
        return self.by.store_ids is None or not self.by.store_ids.isdisjoint(staff.store_ids)

    def _reach(self, line: Line) -> dict[str, list[Any]]:
        """Return the stores and regions that a line names, where it names any; without those that are unknown."""
        known: dict[str, dict[str, Any]] = {"stores": self._stores, "regions": self._regions}
        return {
            name: [rows[it] for it in line.values[name] if it in rows]
            for name, rows in known.items()
            if name in line.values
        }

    def review(self) -> None:
        """Bring people back and let people go; refuse that the organization would be without an administrator."""
        if self._former_administrators or self._leaving or self._returning:
            self._write_changes()
        for staff in self._returning:
            if bring_back(self.session, staff, by=self.by):
                self._uninvited.append(staff)
        for line, staff in self._former_administrators:
            with _refused(line, "role"):
                require_other_administrator(self.session, staff)
        for line, staff in self._leaving:
            with _refused(line, "left"):
                self.work.add(leave(self.session, staff, by=self.by, at=self.at).work)

    def finish(self) -> None:
        self._write_changes()
        self.work.add(end_out_of_reach(self.session, self._moved, by=self.by, at=self.at))
        for staff in self._uninvited:
            invite_by_mail(self.session, staff, at=self.at)

    def _write_changes(self) -> None:
        dirty = self.session.dirty
        self.session.bulk_update(staff for staff in self._changed if staff in dirty)
        self.session.flush()


@contextmanager
def _refused(line: Line, column: str) -> Iterator[None]:
    """Refuse a line when the state of a person, or of the organization, does not allow what it wants."""
    try:
        yield
    except InvalidState as error:
        line.refuse(column, FaultCode.INVALID, error.detail)


@contextmanager
def _named_as_columns() -> Iterator[None]:
    """Let errors point to the columns of the file instead of the fields of the API."""
    try:
        yield
    except Invalid as error:
        raise Invalid(error.detail, pointer=COLUMN_OF_POINTER.get(error.pointer or "", error.pointer)) from error


def _fields(line: Line) -> dict[str, Any]:
    """Return the fields that a line has; a blank cell leaves what is there."""
    return {name: line.values[name] for name in FIELDS if name in line.values}
