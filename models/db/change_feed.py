"""Change feed: every committed change, numbered per organization. Sync, export and webhooks read it.

While a transaction runs, `PendingChanges` collects its rows; just before the commit `write_changes` numbers and stores
them. The session's hooks call both: see the table in `models.db.session`.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, TextClause, insert, text, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Mapped, Session, SessionTransaction, mapped_column

from models.db.base import Aggregate, Base, Clock, TenantOwned

Rows = list[dict[str, Any]]
# Ids come from phones, so two objects of different kinds or organizations may share one.
RowIdentity = tuple[UUID, str, UUID]


# What phones show of the whole organization: its people, words and rules. Customers and dishes change all the time.
OF_ALL_STORES: Final = text("store_id IS NULL AND kind NOT IN ('catalogue_item', 'customer')")


class ChangeOp(StrEnum):
    UPSERT = "upsert"
    DELETE = "delete"


class ChangeCounter(Base):
    """Number of an organization's last change. A transaction updates it last, which orders the commits."""

    __tablename__ = "change_counter"

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"), primary_key=True)
    last_seq: Mapped[int] = mapped_column(default=0)


class Change(Base):
    """One object in one committed transaction.

    `seq` has no gaps and follows the order of commits, because the next commit waits for the counter's row. A reader
    that asks for everything after the last number it saw therefore misses nothing.
    """

    __tablename__ = "change"
    __table_args__ = (
        Index("ix_change_store", "organization_id", "store_id", "seq"),
        Index(
            "ix_change_of_all_stores",
            "organization_id",
            "seq",
            postgresql_where=OF_ALL_STORES,
            sqlite_where=OF_ALL_STORES,
        ),
    )

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    store_id: Mapped[UUID | None]
    kind: Mapped[str] = mapped_column(String(40))
    object_id: Mapped[UUID]
    version: Mapped[int]
    op: Mapped[ChangeOp]
    at: Mapped[datetime]


class PendingChanges:
    """Rows that a transaction has changed so far, each once, with the last operation on it."""

    def __init__(self) -> None:
        self._rows: dict[RowIdentity, tuple[Aggregate, ChangeOp]] = {}
        self._before_savepoint: dict[SessionTransaction, dict[RowIdentity, tuple[Aggregate, ChangeOp]]] = {}

    def add(self, row: Aggregate, op: ChangeOp = ChangeOp.UPSERT) -> None:
        """Note a change; it replaces an earlier one of the same row."""
        self._rows[_identity(row)] = row, op

    def add_if_missing(self, row: Aggregate) -> None:
        """Note an upsert unless the row is noted already."""
        self._rows.setdefault(_identity(row), (row, ChangeOp.UPSERT))

    def begin_savepoint(self, savepoint: SessionTransaction) -> None:
        """Remember what was changed before this savepoint."""
        self._before_savepoint[savepoint] = dict(self._rows)

    def roll_back(self, transaction: SessionTransaction) -> None:
        """Forget the changes of this savepoint, or all of them when the whole transaction was rolled back."""
        self._rows = self._before_savepoint.pop(transaction, {})

    def take(self, clock: Clock) -> dict[UUID, Rows]:
        """Return the collected changes by organization, as rows of `Change` without their number, and forget them."""
        changes: dict[UUID, Rows] = defaultdict(list)
        at = clock() if self._rows else None
        for row, op in self._rows.values():
            changes[row.organization_id].append(
                {
                    "store_id": row.feed_store_id,
                    "kind": row.__tablename__,
                    "object_id": row.id,
                    "version": row.version,
                    "op": op,
                    "at": at,
                }
            )
        self._rows = {}
        return changes


def _identity(row: Aggregate) -> RowIdentity:
    return row.organization_id, row.__tablename__, row.id


@dataclass(frozen=True)
class ModelRows:
    """Rows of another table of the same organization that belong to the commit. Each row has all columns."""

    model: type[TenantOwned]
    rows: Rows


def write_changes(session: Session, organization_id: UUID, changes: Rows, *, extra: Sequence[ModelRows] = ()) -> None:
    """Number and insert the changes of one organization, and insert the `extra` rows: the last work before a commit.

    From the counter's update to the commit, the next commit of the organization waits. PostgreSQL can insert what an
    update returns, so there everything is one statement: fewer round trips to the server, less waiting. SQLite cannot,
    hence the branch.
    """
    extra = [inserted for inserted in extra if inserted.rows]
    if changes and session.get_bind().dialect.name == "postgresql":
        _write_in_one_statement(session, organization_id, changes, extra)
        return
    for inserted in extra:
        _insert(session, inserted.model, inserted.rows)
    if not changes:
        return
    last_seq = session.execute(
        update(ChangeCounter)
        .where(ChangeCounter.organization_id == organization_id)
        .values(last_seq=ChangeCounter.last_seq + len(changes))
        .returning(ChangeCounter.last_seq)
        .execution_options(synchronize_session=False)
    ).scalar_one()
    first_seq = last_seq - len(changes) + 1
    numbered = enumerate(changes, start=first_seq)
    _insert(session, Change, [{"organization_id": organization_id, "seq": seq, **change} for seq, change in numbered])


def _insert(session: Session, model: type[Base], rows: Rows) -> None:
    # The plain table instead of the model: one statement, whichever columns are empty.
    session.execute(insert(model.__table__), rows)  # type: ignore[arg-type]  # typed as any FROM clause


def _write_in_one_statement(session: Session, organization_id: UUID, changes: Rows, extra: Sequence[ModelRows]) -> None:
    parameters: dict[str, Any] = {"organization_id": organization_id, "count": len(changes)}
    parameters |= {column: [change[column] for change in changes] for column in changes[0]}
    for inserted in extra:
        for column, parameter in _array_parameters(inserted.model).items():
            parameters[parameter] = [row[column] for row in inserted.rows]
    seqs = session.scalars(_one_statement(*(inserted.model for inserted in extra)), parameters)
    if len(seqs.all()) != len(changes):
        raise LookupError(f"organization {organization_id} has no counter of changes")


@cache
def _array_parameters(model: type[TenantOwned]) -> dict[str, str]:
    """Return the parameter for each column but the organization, which is one parameter for all rows."""
    columns = (column.name for column in model.__table__.columns)
    return {column: f"{model.__tablename__}_{column}" for column in columns if column != "organization_id"}


@cache
def _one_statement(*extra: type[TenantOwned]) -> TextClause:
    """Return the statement that inserts the changes and rows of these models."""
    return text("WITH " + ", ".join([_COUNT, *map(_insert_from_arrays, extra)]) + _INSERT_NUMBERED)


def _insert_from_arrays(model: type[TenantOwned]) -> str:
    dialect, name, parameters = postgresql.dialect(), model.__tablename__, _array_parameters(model)  # type: ignore[no-untyped-call]  # SQLAlchemy's
    types = {column: model.__table__.c[column].type.compile(dialect) for column in parameters}
    arrays = ", ".join(f"CAST(:{parameter} AS {types[column]}[])" for column, parameter in parameters.items())
    columns = ", ".join(parameters)
    select = f"SELECT :organization_id, new.* FROM unnest({arrays}) AS new"  # noqa: S608 names of our columns, no values
    return f"{name}_rows AS (INSERT INTO {name} (organization_id, {columns}) {select})"


_COUNT: Final = """
    counted AS (
        UPDATE change_counter SET last_seq = last_seq + :count
        WHERE organization_id = :organization_id RETURNING last_seq
    )"""
_INSERT_NUMBERED: Final = """
    INSERT INTO change (organization_id, seq, store_id, kind, object_id, version, op, at)
    SELECT :organization_id, counted.last_seq - :count + changed.number,
        changed.store_id, changed.kind, changed.object_id, changed.version, changed.op, changed.at
    FROM counted, unnest(
        CAST(:store_id AS uuid[]), CAST(:kind AS text[]), CAST(:object_id AS uuid[]),
        CAST(:version AS integer[]), CAST(:op AS text[]), CAST(:at AS timestamptz[])
    ) WITH ORDINALITY AS changed (store_id, kind, object_id, version, op, at, number)
    RETURNING seq
    """
