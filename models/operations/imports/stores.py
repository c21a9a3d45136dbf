"""Import of stores: their region, their terms, and when they are open."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, select

from models.access import Actor
from models.daily_log.day_end import DayEndSchedule
from models.db.session import ScopedSession
from models.db.text import MAX_NAME_LENGTH
from models.errors import Invalid
from models.operations.imports.columns import CellError, Column, FaultCode, clock_time, one_of, slug, text
from models.operations.imports.engine import ImportKind, Line, LineVerdict
from models.organizations.opening_hours import Hours, WeeklyPeriod, check_hours, parse_weekly
from models.organizations.organization import Region
from models.organizations.store import TERMS_FIELDS, Store, StoreKind, check_codes
from models.policy_defaults import MAX_STORES
from models.recovery.remedy import Remedy

FIELDS: Final = ("name", "kind", "country", *TERMS_FIELDS)
MAX_CODE_LENGTH: Final = 60  # of a time zone, the longest of the codes


def _code(field: str) -> Callable[[str], str]:
    """Return a parser of a time zone, country or currency."""

    def parse(cell: str) -> str:
        code = text(MAX_CODE_LENGTH)(cell)
        try:
            check_codes(**{field: code})
        except Invalid as error:
            raise CellError(FaultCode.UNKNOWN, error.detail) from error
        return code

    return parse


def _weekly(cell: str) -> list[WeeklyPeriod] | None:
    weekly = parse_weekly(cell)
    check_hours({"weekly": weekly, "exceptions": []})
    return weekly


class StoreImport(ImportKind):
    """Import of stores, recognised by their slug. Closed ones stay closed, and holidays and places stay as they are."""

    name = "stores"
    key_column = "slug"
    columns = (
        Column("region", slug, ("north", "north"), required=True),
        Column("slug", slug, ("harbour", "market"), required=True),
        Column("name", text(MAX_NAME_LENGTH), ("Harbour Grill", "Market Hall"), required=True),
        Column("kind", one_of(StoreKind), ("restaurant", "retail"), required=True),
        Column("time_zone", _code("time_zone"), ("Europe/Lisbon", "Europe/Lisbon"), required=True),
        Column("country", _code("country"), ("PT", "PT"), required=True),
        Column("currency", _code("currency"), ("EUR", "EUR"), required=True),
        Column("day_starts_at", clock_time, ("04:00", "")),
        Column("hours", _weekly, ("mon-thu 12:00-23:00; fri-sat 12:00-02:00", "always"), required=True),
    )

    def __init__(self, session: ScopedSession, *, by: Actor, at: datetime) -> None:
        super().__init__(session, by=by, at=at)
        self._regions: dict[str, Region] = {}
        self._stores: dict[str, Store] = {}
        self._count = 0
        self._currencies: set[str] = set()
        self._new_currencies: set[str] = set()
        self._changed: list[Store] = []
        self._with_changed_terms: list[Store] = []

    def load(self, lines: Sequence[Line]) -> None:
        self._regions = self.load_named(Region, lines)
        slugs = (line.values["slug"] for line in lines if "slug" in line.values)
        self._stores = self.rows_by_slug(Store, slugs, lock=True)
        self._count = self.session.scalars(select(func.count(Store.id))).one()
        self._currencies = Store.currencies(self.session)

    def apply(self, line: Line) -> LineVerdict:
        if line.faults:
            return LineVerdict.REFUSED
        store = self._stores.get(line.values["slug"])
        return self._create(line) if store is None else self._update(line, store)

    def _create(self, line: Line) -> LineVerdict:
        self._count += 1
        if self._count > MAX_STORES:
            line.refuse(None, FaultCode.TOO_MANY, f"An organization has {MAX_STORES:,} stores at most.")
        # All that `Store.create` would check is known for all lines by now.
        hours: Hours = {"weekly": line.values["hours"], "exceptions": []}
        self.session.add(Store(**self._fields(line), slug=line.values["slug"], hours=hours))
        self._new_currencies |= {line.values["currency"]} - self._currencies
        return LineVerdict.CREATED

    def _update(self, line: Line, store: Store) -> LineVerdict:
        changes = {name: value for name, value in self._fields(line).items() if getattr(store, name) != value}
        if _unordered(line.values["hours"]) != _unordered(store.opening_hours["weekly"]):
            changes["hours"] = {**store.opening_hours, "weekly": line.values["hours"]}
        if not changes:
            return LineVerdict.UNCHANGED
        store.edit(at=self.at, **changes)
        self._new_currencies |= {store.currency} - self._currencies
        self._changed.append(store)
        if not changes.keys().isdisjoint(TERMS_FIELDS):
            self._with_changed_terms.append(store)
        return LineVerdict.UPDATED

    def _fields(self, line: Line) -> dict[str, Any]:
        """Return what a line says of the store, without slug and hours. A blank cell says nothing."""
        values = {name: line.values[name] for name in FIELDS if name in line.values}
        return {**values, "region_id": self._regions[line.values["region"]].id}

    def finish(self) -> None:
        self.session.bulk_update(self._changed)
        Remedy.add_limits_of_currencies(self.session, self._new_currencies)
        DayEndSchedule.follow_terms(self.session, self._with_changed_terms)


def _unordered(weekly: Sequence[WeeklyPeriod] | None) -> set[tuple[str, str, str]] | None:
    """Return openings in a form that is equal for the same ones in another order; None where it is always open."""
    if weekly is None:
        return None
    return {(period["weekday"], period["opens_at"], period["closes_at"]) for period in weekly}
