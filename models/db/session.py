"""Scoped session: sees one tenant, stamps new rows, refuses to work without a tenant, and writes the change feed.

What happens without being called, as SQLAlchemy events of `ScopedSession`:

| event                    | function               | what it does                                              |
|--------------------------|------------------------|-----------------------------------------------------------|
| do_orm_execute           | `filter_by_tenant`     | narrows every ORM statement to the session's organization |
| after_begin              | `set_rls_organization` | tells PostgreSQL's row level security the organization    |
| before_flush             | `collect_changes`      | stamps new rows, notes changed rows and dirty days        |
| before_commit            | `write_pending`        | inserts the dirty days, numbers and inserts the changes   |
| after_transaction_create | `note_savepoint`       | remembers what was changed before a savepoint             |
| after_soft_rollback      | `forget_rolled_back`   | forgets the changes that were rolled back                 |

One more hook is in `models.db.base`: a new row gets its id and plain defaults when it is constructed.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, TypeVar, cast
from uuid import UUID

import psycopg
import sqlalchemy as sa
import structlog
from sqlalchemy import Connection, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import (
    InstanceState,
    ORMExecuteState,
    Session,
    SessionTransaction,
    UOWTransaction,
    sessionmaker,
    with_loader_criteria,
)
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.orm.exc import StaleDataError
from sqlalchemy.sql.base import ExecutableOption

from models.db.base import Aggregate, Base, Clock, TenantOwned, system_clock
from models.db.cache import LruCache, TtlCache
from models.db.change_feed import Change, ChangeCounter, ChangeOp, ModelRows, PendingChanges, write_changes
from models.db.dirty_days import DirtyDay, PendingDirtyDays
from models.db.engines import postgresql_engine, sqlite_engines
from models.db.failures import Failure, failure_of
from models.db.schema_check import SchemaMismatch, find_missing

SCHEMA_CHECK_INTERVAL: Final = timedelta(minutes=1)
DAMAGE_SHOWN: Final = timedelta(minutes=1)  # after a statement that met the damage
MAX_RUNS: Final = 3  # of what ended in a deadlock

log = structlog.get_logger(__name__)


class AllTenants:
    """Type of `ALL_TENANTS`."""


ALL_TENANTS: Final = AllTenants()  # passed on purpose by the worker and the command line, never a default
Tenant = UUID | AllTenants
T = TypeVar("T", bound=Base)
Answer = TypeVar("Answer")


class DatabaseRole(StrEnum):
    """Role of a process on PostgreSQL. Neither owns a table; row level security applies to both."""

    APP = "amends_app"
    WORKER = "amends_worker"


class UnsafeRole(Exception):
    """The process would run as a role that row level security does not restrict."""


@dataclass
class SessionState:
    """State of a `ScopedSession` besides its rows: its tenant, its caches, and what its transaction has changed."""

    tenant: Tenant
    clock: Clock
    uses_rls: bool
    answer_cache: TtlCache
    month_totals: LruCache
    changes: PendingChanges = field(default_factory=PendingChanges)
    dirty_days: PendingDirtyDays = field(default_factory=PendingDirtyDays)

    def __post_init__(self) -> None:
        # Code that no type checker reads may pass None. No statement may run for it.
        if not isinstance(self.tenant, UUID | AllTenants):
            raise PermissionError("this session was opened without saying for which organization")


class ScopedSession(Session):
    """A session that sees one organization. Whoever opens it names the organization; there is no default."""

    def __init__(self, *args: Any, state: SessionState, **options: Any) -> None:
        self.state = state
        super().__init__(*args, **options)

    @property
    def tenant(self) -> Tenant:
        return self.state.tenant

    @sa.util.memoized_property
    def tenant_criteria(self) -> Sequence[ExecutableOption]:
        """The criteria that narrow a statement to this organization. To make them takes longer than to add them."""
        tenant = self.tenant
        return [
            with_loader_criteria(model, lambda cls: cls.organization_id == tenant, include_aliases=True)
            for model in (TenantOwned, Change, ChangeCounter)
        ]

    @property
    def month_totals(self) -> LruCache:
        """The process's cache of monthly report totals, of all organizations: the key names the organization."""
        return self.state.month_totals

    def insert_or_ignore(self, model: type[T], **values: Any) -> T | None:
        """Insert a row unless one with the same key or unique value exists. Return the row, or None if one existed."""
        return next(iter(self.bulk_insert_or_ignore(model, [values])), None)

    def bulk_insert_or_ignore(self, model: type[T], rows: Sequence[dict[str, Any]]) -> Sequence[T]:
        """Insert the rows whose key and unique values do not exist yet, and return those that were inserted.

        A concurrent transaction that inserts the same row waits for the first one to end. Both databases have
        ON CONFLICT DO NOTHING; SQLAlchemy offers it per dialect, hence the branch.
        """
        new_rows = [model(**values) for values in rows]
        for row in new_rows:
            self.set_organization(row)
        columns = model.__table__.columns
        values = [{name: value for name, value in row.__dict__.items() if name in columns} for row in new_rows]
        insert = postgresql.insert if self.get_bind().dialect.name == "postgresql" else sqlite.insert
        row_or_rows = values[0] if len(values) == 1 else values  # the statement of one row is compiled once
        inserted = self.scalars(
            insert(model).values(row_or_rows).on_conflict_do_nothing().returning(model),
            execution_options={"populate_existing": True},
        ).all()
        for row in inserted:
            if isinstance(row, Aggregate):
                row.be_born()
            self.note_change(row)
        return inserted

    def bulk_update(self, rows: Iterable[TenantOwned]) -> None:
        """Write the changes of many rows with one statement for all that changed in the same columns.

        A flush sends one statement per row where rows have a version. StaleDataError when a row is another version by
        now than the one that was read.
        """
        changed: dict[tuple[type[TenantOwned], tuple[str, ...]], list[TenantOwned]] = defaultdict(list)
        for row in rows:
            state: InstanceState[Any] = sa.inspect(row)
            unmodified = state.unmodified
            names = tuple(column.key for column in state.mapper.column_attrs if column.key not in unmodified)
            changed[type(row), names].append(row)
        for (model, names), group in changed.items():
            columns = model.__table__.c
            parameters = [{"row": row.id, **{name: getattr(row, name) for name in names}} for row in group]
            criteria = [columns.organization_id == self.tenant, columns.id == sa.bindparam("row")]
            if issubclass(model, Aggregate):
                criteria.append(columns.version == sa.bindparam("read"))
                for row, values in zip(group, parameters, strict=True):
                    values["read"] = next(iter(sa.inspect(row).attrs.version.history.deleted))
            stmt = sa.update(cast("sa.Table", model.__table__)).where(*criteria)
            result = self.connection().execute(stmt.values({name: sa.bindparam(name) for name in names}), parameters)
            if result.rowcount != len(group):
                raise StaleDataError(f"a {model.__tablename__} is another version by now")
            for row in group:
                self.note_change(row)
                for name in names:
                    set_committed_value(row, name, getattr(row, name))

    def expect_many_rows(self) -> None:
        """Have PostgreSQL plan this transaction for thousands of rows, whatever it knows of the tables.

        Before the first ANALYZE, and while a transaction inserts, it takes tables for small. Then a look-up of many
        values compares each with each row, unless joins by nested loops are off; and the check of a foreign key keeps
        the plan of its first time, which may read all rows of the organization for each new one.
        """
        if self.get_bind().dialect.name == "postgresql":
            self.connection().execute(sa.text("SET LOCAL enable_nestloop = off"))
            self.connection().execute(sa.text("DISCARD PLANS"))

    def force_custom_plans(self) -> None:
        """Have PostgreSQL plan each statement of this transaction for the stores and days that it names.

        After about ten executions PostgreSQL keeps one generic plan per statement, which may read whole tables.
        """
        if self.get_bind().dialect.name == "postgresql":
            self.connection().execute(sa.text("SET LOCAL plan_cache_mode = force_custom_plan"))

    def mark_changed(self, rows: Iterable[Aggregate]) -> None:
        """Number these rows in the feed although they did not change: who may see them changed."""
        for row in rows:
            self.state.changes.add_if_missing(row)

    def cached(self, key: Hashable, compute: Callable[[], Answer], *, at: datetime) -> Answer:
        """Return this organization's answer of the last minute, or compute it."""
        return self.state.answer_cache.get_or_compute((self.tenant, key), at=at, compute=compute)

    def note_change(self, row: Any) -> None:
        """Note that an inserted or updated row belongs in the change feed, and that it moves the figures of its day."""
        if isinstance(row, Aggregate):
            self.state.changes.add(row)
        if isinstance(row, TenantOwned):
            self.state.dirty_days.add(row)

    def set_organization(self, row: Any) -> None:
        """Give a new row the session's organization. PermissionError for a row of another one: that is a bug."""
        if isinstance(row, TenantOwned) and isinstance(self.tenant, UUID):
            if row.organization_id not in (None, self.tenant):
                raise PermissionError(f"a {row.__tablename__} of another organization")
            row.organization_id = self.tenant


def table_with_duplicate_id(error: IntegrityError) -> str | None:
    """Return the table that already has a row with the new row's id, or None when another constraint was violated.

    PostgreSQL names the constraint, SQLite its columns, hence the branch.
    """
    cause = error.orig
    if isinstance(cause, psycopg.Error):
        constraint = cause.diag.constraint_name or ""
        return constraint.removeprefix("pk_") if constraint.startswith("pk_") else None
    if getattr(cause, "sqlite_errorname", None) != "SQLITE_CONSTRAINT_PRIMARYKEY":
        return None
    return str(cause).partition(": ")[2].partition(".")[0]


def filter_by_tenant(execution: ORMExecuteState) -> None:
    """First isolation layer: narrow every ORM statement to the session's organization."""
    session = cast("ScopedSession", execution.session)
    if session.tenant is ALL_TENANTS or execution.is_column_load or execution.is_insert:
        return
    execution.statement = execution.statement.options(*session.tenant_criteria)


event.listen(ScopedSession, "do_orm_execute", filter_by_tenant)


@event.listens_for(ScopedSession, "after_begin")
def set_rls_organization(session: ScopedSession, transaction: SessionTransaction, connection: Connection) -> None:
    """Third isolation layer: row level security compares every row with this setting, which ends with the transaction.

    The second layer is the composite keys, see `models.db.base.tenant_fk`.
    """
    if session.state.uses_rls and not transaction.nested and isinstance(session.tenant, UUID):
        connection.execute(
            sa.text("SELECT set_config('app.organization_id', :tenant, true)"), {"tenant": str(session.tenant)}
        )


@event.listens_for(ScopedSession, "before_flush")
def collect_changes(session: ScopedSession, _context: UOWTransaction, _instances: Any) -> None:
    """Stamp new rows with the organization, and note what this flush changes."""
    for row in session.new:
        session.set_organization(row)
        if isinstance(row, Aggregate):
            row.be_born()
    for row in (*session.new, *session.dirty):
        if session.is_modified(row):
            session.note_change(row)
    for row in session.deleted:
        if isinstance(row, Aggregate):
            session.state.changes.add(row, ChangeOp.DELETE)


@event.listens_for(ScopedSession, "before_commit")
def write_pending(session: ScopedSession) -> None:
    """Insert the dirty days and the numbered changes of this transaction.

    Organizations are written in one order, so that two transactions never wait for each other in a circle. The end of
    a savepoint is no commit.
    """
    if session.in_nested_transaction():
        return
    session.flush()
    changes, dirty_days = session.state.changes.take(session.state.clock), session.state.dirty_days.take()
    for organization_id in sorted(changes.keys() | dirty_days.keys()):
        extra = [ModelRows(DirtyDay, dirty_days.get(organization_id, []))]
        write_changes(session, organization_id, changes.get(organization_id, []), extra=extra)


@event.listens_for(ScopedSession, "after_transaction_create")
def note_savepoint(session: ScopedSession, transaction: SessionTransaction) -> None:
    """Remember what was changed before a savepoint, in case it is rolled back."""
    if transaction.nested:
        session.state.changes.begin_savepoint(transaction)


@event.listens_for(ScopedSession, "after_soft_rollback")
def forget_rolled_back(session: ScopedSession, transaction: SessionTransaction) -> None:
    """Forget the changes of a transaction or savepoint that was rolled back."""
    session.state.changes.roll_back(transaction)


class Database:
    """The engines of one process and the sessions made from them."""

    def __init__(self, url: str, role: DatabaseRole, *, pool: int = 8, clock: Clock = system_clock) -> None:
        self.clock = clock
        self.answer_cache = TtlCache()
        self._missing: list[str] = []
        self._damaged_at: datetime | None = None
        self._schema_checked_at: datetime | None = None
        self.month_totals = LruCache()
        self.url = sa.make_url(url)
        # The worker's role sees every row.
        self._uses_rls = role is DatabaseRole.APP and self.url.get_backend_name() == "postgresql"
        if self.url.get_backend_name() == "sqlite":
            self.engine, self.reading_engine = sqlite_engines(self.url, pool)
        else:
            self.engine = postgresql_engine(self.url, role, pool)
            # One snapshot for all statements of a reading transaction, as on SQLite, so that figures add up.
            self.reading_engine = self.engine.execution_options(
                postgresql_readonly=True, isolation_level="REPEATABLE READ"
            )
        for engine in {self.engine, self.reading_engine.engine}:
            event.listen(engine, "handle_error", self._note_damage)
        options: dict[str, Any] = {"class_": ScopedSession, "expire_on_commit": False, "autoflush": False}
        self._writers = sessionmaker(self.engine, **options)
        self._readers = sessionmaker(self.reading_engine, **options)

    @contextmanager
    def writing(self, tenant: Tenant) -> Iterator[ScopedSession]:
        """Open one transaction for one organization. It commits when the block ends and rolls back when it raises."""
        with self._writers(state=self._state(tenant)) as session, session.begin():
            yield session

    @contextmanager
    def reading(self, tenant: Tenant) -> Iterator[ScopedSession]:
        """Open one read-only transaction. On SQLite it never waits for a writer."""
        with self._readers(state=self._state(tenant)) as session, session.begin():
            yield session

    def run(self, tenant: Tenant, do: Callable[[ScopedSession], Answer]) -> Answer:
        """Return what `do` returns in one transaction for one organization, as `writing` opens it.

        Where it and others waited for each other in a circle and the database ended it, `do` runs again, up to
        `MAX_RUNS` times in all. So it must have no effect outside the transaction.
        """
        for run in range(1, MAX_RUNS + 1):
            try:
                with self.writing(tenant) as session:
                    return do(session)
            except DBAPIError as error:
                if failure_of(error) is not Failure.DEADLOCK or run == MAX_RUNS:
                    raise
                log.info("deadlock, run again", run=run)
        raise AssertionError("the last run returns or raises")

    def is_damaged(self, *, at: datetime) -> bool:
        """Whether the database said within the last minute that its file is damaged."""
        return self._damaged_at is not None and timedelta(0) <= at - self._damaged_at < DAMAGE_SHOWN

    def _note_damage(self, context: ExceptionContext) -> None:
        error = context.sqlalchemy_exception
        if isinstance(error, DBAPIError) and failure_of(error) is Failure.DAMAGED:
            self._damaged_at = self.clock()

    def _state(self, tenant: Tenant) -> SessionState:
        return SessionState(tenant, self.clock, self._uses_rls, self.answer_cache, self.month_totals)

    def refuse_unsafe_role(self) -> None:
        """Raise UnsafeRole if row level security would not restrict this process: superuser, BYPASSRLS or an owner."""
        if self.engine.dialect.name != "postgresql":
            return
        with self.engine.connect() as connection:
            role, is_super, bypasses, owns = connection.execute(
                sa.text(
                    "SELECT current_user, rolsuper, rolbypassrls, EXISTS (SELECT FROM pg_class c"
                    " JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public'"
                    " WHERE c.relkind IN ('r', 'p') AND pg_has_role(current_user, c.relowner, 'USAGE'))"
                    " FROM pg_roles WHERE rolname = current_user"
                )
            ).one()
        if is_super or bypasses or owns:
            raise UnsafeRole(
                f"refusing to run as the database role {role!r}: it is a superuser, may bypass row level security "
                "or owns tables, so one tenant could see another"
            )

    def refuse_misfit_schema(self) -> None:
        """Raise SchemaMismatch when the database lacks something that the models name."""
        if missing := self._find_missing():
            raise SchemaMismatch(missing)

    def missing_from_schema(self, *, at: datetime) -> list[str]:
        """Return what the database lacks of what the models name, looked up at most once a minute."""
        if self._schema_checked_at is None or not timedelta(0) <= at - self._schema_checked_at < SCHEMA_CHECK_INTERVAL:
            self._missing, self._schema_checked_at = self._find_missing(), at
        return self._missing

    def _find_missing(self) -> list[str]:
        with self.reading_engine.connect() as connection:
            return find_missing(connection)

    def close(self) -> None:
        self.engine.dispose()
        self.reading_engine.dispose()
