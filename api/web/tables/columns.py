"""Columns of a table, read off the schema of the JSON answer: one name, one kind and one meaning in every form.

The columns depend on the schema and on the query, and never on the data.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Final

from marshmallow import fields, validate

from api.schemas.base import MoneySchema, Schema
from api.schemas.reports.figures import Keyed, Minutes, Ratio
from models.db.minor_units import major_units

Cell = str | bool | int | float | Decimal | date | None  # a datetime is a date
Line = dict[str, Cell]


class Kind(Enum):
    TEXT = "text"
    FLAG = "flag"
    NUMBER = "number"
    RATIO = "ratio"  # of 1
    MINUTES = "minutes"
    MONEY = "money"  # in major units
    CURRENCY = "currency"
    DATE = "date"
    INSTANT = "instant"


COMPARABLE: Final = frozenset({Kind.NUMBER, Kind.RATIO, Kind.MINUTES, Kind.MONEY})
IN_EARLIER_PERIOD: Final = "In the earlier period."
CHANGE_SINCE_EARLIER: Final = "The figure less that of the earlier period; empty where one of them is empty."
IN_PERCENTAGE_POINTS: Final = "In percentage points."
CURRENCY_OF_AMOUNT: Final = "The currency of the amount in the column before (ISO 4217)."
NAME_BESIDE: Final = {"remedies": "remedy_names"}  # where it is not the name of the slug and `_name`
EARLIER: Final = "earlier"  # the member of a row that holds the same group's row of the earlier period


@dataclass(frozen=True)
class Column:
    """A column: where its values stand in a dumped row, what they are, and what they mean.

    `heading` are the names that `name` joins, and `meanings` the sentences of its legend: pages translate each, and
    each of the `choices`, words of ours of which a value is one.
    `for_machines`: ids, versions, and slugs beside a name, which are in CSV alone. `is_key`: what a line is about,
    repeated in each of its lines.
    """

    name: str
    path: tuple[str, ...]
    kind: Kind
    heading: tuple[str, ...]
    meanings: tuple[str, ...]
    for_machines: bool = False
    is_key: bool = False
    is_change: bool = False
    choices: tuple[str, ...] = ()

    @property
    def description(self) -> str:
        return " ".join(self.meanings)

    def cell(self, row: Mapping[str, Any], currency: str | None) -> Cell:
        """Return the value in a row, of its money in this currency."""
        if self.is_change:
            return difference(self._cell(row, self.path, currency), self._cell(row, (EARLIER, *self.path), currency))
        if self.kind is Kind.CURRENCY:
            return currency if currency in self.currencies(row) else None
        return self._cell(row, self.path, currency)

    def currencies(self, row: Mapping[str, Any]) -> set[str]:
        """Return the currencies of a column of money in a row, and in that of the earlier period."""
        paths = (self.path, (EARLIER, *self.path))
        return {money["currency"] for path in paths for money in _monies(_value_at(row, path))}

    def earlier(self) -> "Column":
        earlier = self._renamed("earlier", *self.meanings, IN_EARLIER_PERIOD)
        return replace(earlier, path=(EARLIER, *self.path))

    def change(self) -> "Column":
        unit = [IN_PERCENTAGE_POINTS] if self.kind is Kind.RATIO else []
        return replace(self._renamed("change", CHANGE_SINCE_EARLIER, *unit), is_change=True)

    def currency(self) -> "Column":
        return replace(self._renamed("currency", CURRENCY_OF_AMOUNT), kind=Kind.CURRENCY)

    def _renamed(self, suffix: str, *meanings: str) -> "Column":
        return replace(self, name=f"{self.name}_{suffix}", heading=(*self.heading, suffix), meanings=meanings)

    def _cell(self, row: Mapping[str, Any], path: tuple[str, ...], currency: str | None) -> Cell:
        value = _value_at(row, path)
        if value is None:
            return None
        match self.kind:
            case Kind.MONEY:
                amounts = [major_units(**money) for money in _monies(value) if money["currency"] == currency]
                return amounts[0] if amounts else None
            case Kind.DATE:
                return date.fromisoformat(value)
            case Kind.INSTANT:
                return datetime.fromisoformat(value)
            case Kind.TEXT if isinstance(value, list):
                return ", ".join(map(str, value))
        cell: Cell = value
        return cell


def difference(now: Cell, earlier: Cell) -> Cell:
    """Return the exact decimal difference of two numbers, so that 0.3 less 0.1 is 0.2."""
    if now is None or earlier is None:
        return None
    exact = Decimal(str(now)) - Decimal(str(earlier))
    if isinstance(now, Decimal):
        return exact
    return float(exact) if float in (type(now), type(earlier)) else int(exact)


def lines_of(columns: Iterable[Column], rows: Iterable[Mapping[str, Any]]) -> Iterator[Line]:
    """Yield a line for each dumped row.

    A row with several currencies has a further line for each, in which only its keys and the money are filled in: each
    amount has its currency beside it, and no other figure counts twice in a sum over the lines.
    """
    columns = list(columns)
    of_money = [column for column in columns if column.kind is Kind.CURRENCY]
    of_further_lines = [column for column in columns if column.is_key or column.kind in (Kind.MONEY, Kind.CURRENCY)]
    for row in rows:
        currencies = sorted({currency for column in of_money for currency in column.currencies(row)})
        yield {column.name: column.cell(row, next(iter(currencies), None)) for column in columns}
        for currency in currencies[1:]:
            yield {column.name: column.cell(row, currency) for column in of_further_lines}


def columns_of(schema: Schema, *names: str, is_key: bool = False) -> list[Column]:
    """Return the columns of these fields of a schema, of all without names. Nested fields are joined by `_`."""
    chosen = {name: field for name, field in schema.dump_fields.items() if not names or name in names}
    columns = (column for name, field in chosen.items() for column in _columns_of_field((name,), field, ()))
    return [replace(column, is_key=is_key) for column in columns]


def _columns_of_field(path: tuple[str, ...], field: fields.Field[Any], context: tuple[str, ...]) -> Iterator[Column]:
    """Yield the columns of a field, each with what its parents say about it before its own words."""
    name = "_".join(path).replace(".", "_")
    description = field.metadata.get("description")
    meanings = (*context, description) if description else context
    inner = field.inner if isinstance(field, fields.List) else field
    if isinstance(inner, fields.Nested) and isinstance(inner.schema, MoneySchema):
        money = Column(name, path, Kind.MONEY, path, meanings)
        yield from (money, money.currency())
    elif isinstance(field, fields.Nested):
        for part, nested in field.schema.dump_fields.items():
            yield from _columns_of_field((*path, part), nested, meanings)
    elif isinstance(field, Keyed):
        for key, part in field.parts.items():
            yield from _columns_of_field((*path, key), part, meanings)
    elif not isinstance(inner, fields.Nested | fields.Dict):
        for_machines = _is_for_machines(field, path)
        yield Column(name, path, _kind(field), path, meanings, for_machines=for_machines, choices=_choices(inner))


_KINDS: Final[Mapping[type[fields.Field[Any]], Kind]] = {
    Ratio: Kind.RATIO,
    Minutes: Kind.MINUTES,
    fields.Integer: Kind.NUMBER,
    fields.Float: Kind.NUMBER,
    fields.Boolean: Kind.FLAG,
    fields.Date: Kind.DATE,
    fields.DateTime: Kind.INSTANT,
}


def _kind(field: fields.Field[Any]) -> Kind:
    if field.metadata.get("format") == "date":
        return Kind.DATE
    return next((kind for type_, kind in _KINDS.items() if isinstance(field, type_)), Kind.TEXT)


def _is_for_machines(field: fields.Field[Any], path: tuple[str, ...]) -> bool:
    beside, name = getattr(field.parent, "dump_fields", {}), path[-1]
    is_named = (name == "slug" and "name" in beside) or NAME_BESIDE.get(name, f"{name}_name") in beside
    return isinstance(field, fields.UUID) or name == "version" or is_named


def _choices(field: fields.Field[Any]) -> tuple[str, ...]:
    """Return the words of ours of which the value of a field is one; none where it may be anything."""
    if isinstance(field, fields.Enum):
        return tuple(str(member.value) for member in field.enum)
    choices = (v.choices for v in field.validators if isinstance(v, validate.OneOf))
    return tuple(str(choice) for choice in next(choices, ()))


def _value_at(row: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        if row is None:
            return None
        row = row.get(step)
    return row


def _monies(value: Any) -> list[dict[str, Any]]:
    return value if isinstance(value, list) else [value] if value else []
