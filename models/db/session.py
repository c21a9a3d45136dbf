"""Database roles and the scoped session: shows one tenant, stamps new rows, fails closed, keeps the feed."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, TypeVar
from uuid import UUID

import psycopg
import sqlalchemy as sa
from sqlalchemy import Connection, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import (
    ORMExecuteState,
    Session,
    SessionTransaction,
    UOWTransaction,
    sessionmaker,
    with_loader_criteria,
)

from models.db.base import Aggregate, Base, Clock, StoreDate, TenantOwned, system_clock
from models.db.cache import LruCache, TtlCache
from models.db.change_feed import Change, ChangeCounter, ChangeOp, write_changes, write_changes_in_one_statement
from models.db.dirty_days import DirtyDay
from models.db.engines import postgresql_engine, sqlite_engines
from models.db.schema_check import SchemaMismatch, find_missing

SCHEMA_CHECK_INTERVAL: Final = timedelta(minutes=1)


class AllTenants:
    """The loud way to say 'every tenant': for the worker and the command line."""


ALL_TENANTS: Final = AllTenants()
Tenant = UUID | AllTenants
T = TypeVar("T", bound=Base)
Answer = TypeVar("Answer")
Identity = tuple[UUID, str, UUID]  # ids come from phones: two things of different kinds may share one


class DatabaseRole(StrEnum):
    """What a process may do on PostgreSQL: neither of them owns a table or passes by row level security."""

    APP = "amends_app"
    WORKER = "amends_worker"


class UnsafeRole(Exception):
    """The process would run as somebody whom row level security does not hold."""


class ScopedSession(Session):
    """A session that sees one organization. Whoever opens it says which; there is no default."""

    @property
    def tenant(self) -> Tenant:
        tenant: Tenant = self.info["tenant"]
        return tenant

    def insert_or_ignore(self, model: type[T], **values: Any) -> T | None:
        """Insert a row unless one with the same key or unique value exists; the row, or None when it did."""
        return next(iter(self.bulk_insert_or_ignore(model, [values])), None)

    def bulk_insert_or_ignore(self, model: type[T], rows: Sequence[dict[str, Any]]) -> Sequence[T]:
        """Insert those rows of which there is none with the same key or unique value yet; the ones that were inserted.

        A second transaction that inserts the same waits for the first one to end. Both databases know
        ON CONFLICT DO NOTHING; SQLAlchemy spells it per dialect, hence the branch.
        """
        new = [model(**values) for values in rows]
        for row in new:
            self.set_organization(row)
        columns = model.__table__.columns
        values = [{name: value for name, value in row.__dict__.items() if name in columns} for row in new]
        insert = postgresql.insert if self.get_bind().dialect.name == "postgresql" else sqlite.insert
        inserted = self.scalars(
            insert(model).values(values).on_conflict_do_nothing().returning(model),
            execution_options={"populate_existing": True},
        ).all()
        for row in inserted:
            if isinstance(row, Aggregate):
                self.changed_rows[row_identity(row)] = (row, ChangeOp.UPSERT)
            self.mark_dirty(row)
        return inserted

    def force_custom_plans(self) -> None:
        """Have each statement of this transaction planned for the very stores and days it names.

        Of one that it has seen some ten times PostgreSQL keeps a plan for any of them, which may read whole tables.
        """
        if self.get_bind().dialect.name == "postgresql":
            self.connection().execute(sa.text("SET LOCAL plan_cache_mode = force_custom_plan"))

    def mark_changed(self, rows: Iterable[Aggregate]) -> None:
        """Number these in the feed: not they have changed, but who may see them."""
        for row in rows:
            self.changed_rows.setdefault(row_identity(row), (row, ChangeOp.UPSERT))

    def cached(self, what: Hashable, ask: Callable[[], Answer], *, at: datetime) -> Answer:
        """What this process learned of this organization within the last minute, or else what `ask` finds now."""
        memory: TtlCache = self.info["memory"]
        return memory.get_or_compute((self.tenant, what), at=at, ask=ask)

    @property
    def month_totals(self) -> LruCache:
        """What this process has worked out for any organization; who asks says for which."""
        shelf: LruCache = self.info["shelf"]
        return shelf

    @property
    def changed_rows(self) -> dict[Identity, tuple[Aggregate, ChangeOp]]:
        """What this transaction changed, for the feed."""
        touched: dict[Identity, tuple[Aggregate, ChangeOp]] = self.info.setdefault("touched", {})
        return touched

    @property
    def dirty_days(self) -> dict[UUID, set[StoreDate]]:
        """Whose figures of which days this transaction moves, by organization."""
        marked: dict[UUID, set[StoreDate]] = self.info.setdefault("marked", defaultdict(set))
        return marked

    def mark_dirty(self, row: Any) -> None:
        """Note whose figures a change of this row moves."""
        if isinstance(row, TenantOwned) and (day := row.rollup_day) is not None:
            self.dirty_days[row.organization_id].add(day)

    def set_organization(self, row: Any) -> None:
        """Make a new row the session's organization's; a row of another one is a fault of ours."""
        if not isinstance(row, TenantOwned):
            return
        if isinstance(self.tenant, UUID):
            if row.organization_id not in (None, self.tenant):
                raise PermissionError(f"a {row.__tablename__} of another organization")
            row.organization_id = self.tenant


def row_identity(row: Aggregate) -> Identity:
    """What tells a row from any other of any kind and organization."""
    return row.organization_id, row.__tablename__, row.id


def table_with_duplicate_id(error: IntegrityError) -> str | None:
    """The table that has a row with the id of the new one already; None when another rule was broken.

    PostgreSQL names the constraint, SQLite its columns, hence the branch.
    """
    broken = error.orig
    if isinstance(broken, psycopg.Error):
        constraint = broken.diag.constraint_name or ""
        return constraint.removeprefix("pk_") if constraint.startswith("pk_") else None
    if getattr(broken, "sqlite_errorname", None) != "SQLITE_CONSTRAINT_PRIMARYKEY":
        return None
    return str(broken).partition(": ")[2].partition(".")[0]


def filter_by_tenant(execution: ORMExecuteState) -> None:
    """First wall: every ORM statement is narrowed to the session's organization."""
    tenant = execution.session.info.get("tenant")
    if tenant is None:
        raise PermissionError("this session was opened without saying for which organization")
    if tenant is ALL_TENANTS or execution.is_column_load or execution.is_insert:
        return
    execution.statement = execution.statement.options(
        with_loader_criteria(TenantOwned, lambda cls: cls.organization_id == tenant, include_aliases=True),
        with_loader_criteria(Change, lambda cls: cls.organization_id == tenant, include_aliases=True),
        with_loader_criteria(ChangeCounter, lambda cls: cls.organization_id == tenant, include_aliases=True),
    )


event.listen(ScopedSession, "do_orm_execute", filter_by_tenant)


@event.listens_for(ScopedSession, "before_flush")
def _stamp_and_remember(session: ScopedSession, _context: UOWTransaction, _instances: Any) -> None:
    for row in session.new:
        session.set_organization(row)
    for row in (*session.new, *session.dirty):
        if isinstance(row, Aggregate) and session.is_modified(row):
            session.changed_rows[row_identity(row)] = (row, ChangeOp.UPSERT)
        if session.is_modified(row):
            session.mark_dirty(row)
    for row in session.deleted:
        if isinstance(row, Aggregate):
            session.changed_rows[row_identity(row)] = (row, ChangeOp.DELETE)


@event.listens_for(ScopedSession, "before_commit")
def _write_the_feed(session: ScopedSession) -> None:
    """Number what this transaction changed, organizations in one order, so that nobody waits in a circle.

    Only at the end of the whole transaction: the end of a savepoint is no commit. SQLite cannot insert from an update
    and needs two statements, hence the branch.
    """
    if session.in_nested_transaction():
        return
    session.flush()
    write = write_changes_in_one_statement if session.get_bind().dialect.name == "postgresql" else write_changes
    changes: dict[UUID, list[dict[str, Any]]] = defaultdict(list)
    at = session.info["clock"]() if session.changed_rows else None
    for row, op in session.changed_rows.values():
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
    session.changed_rows.clear()
    marked, session.info["marked"] = session.dirty_days, defaultdict(set)
    for organization_id in sorted(changes.keys() | marked.keys()):
        write(
            session, organization_id, changes[organization_id], DirtyDay.rows(organization_id, marked[organization_id])
        )


@event.listens_for(ScopedSession, "after_transaction_create")
def _keep(session: ScopedSession, transaction: SessionTransaction) -> None:
    if transaction.nested:
        session.info.setdefault("touched before", {})[transaction] = dict(session.changed_rows)


@event.listens_for(ScopedSession, "after_soft_rollback")
def _forget(session: ScopedSession, transaction: SessionTransaction) -> None:
    """What was rolled back was not changed; before a savepoint something else may have been."""
    session.info["touched"] = session.info.get("touched before", {}).pop(transaction, {})


@event.listens_for(ScopedSession, "after_begin")
def _tell_the_database(session: ScopedSession, transaction: SessionTransaction, connection: Connection) -> None:
    """Third wall: row level security compares every row the web sees with this setting, which ends with it."""
    if session.info["walled"] and not transaction.nested and isinstance(session.tenant, UUID):
        connection.execute(
            sa.text("SELECT set_config('app.organization_id', :tenant, true)"), {"tenant": str(session.tenant)}
        )


class Database:
    """The engines of one process and the sessions made from them."""

    def __init__(self, url: str, role: DatabaseRole, *, pool: int = 8, clock: Clock = system_clock) -> None:
        self.clock = clock
        self._missing: list[str] = []
        self._schema_checked_at: datetime | None = None
        self.memory = TtlCache()
        self.month_totals = LruCache()
        self.url = sa.make_url(url)
        # Of the worker's role every row is seen.
        self._uses_rls = role is DatabaseRole.APP and self.url.get_backend_name() == "postgresql"
        if self.url.get_backend_name() == "sqlite":
            self.engine, self.reading_engine = sqlite_engines(self.url, pool)
        else:
            self.engine = postgresql_engine(self.url, role, pool)
            # One snapshot for all statements of a reading transaction, as SQLite gives it: figures add up.
            self.reading_engine = self.engine.execution_options(
                postgresql_readonly=True, isolation_level="REPEATABLE READ"
            )
        options: dict[str, Any] = {"class_": ScopedSession, "expire_on_commit": False, "autoflush": False}
        self._writers = sessionmaker(self.engine, **options)
        self._readers = sessionmaker(self.reading_engine, **options)

    @contextmanager
    def writing(self, tenant: Tenant) -> Iterator[ScopedSession]:
        """One transaction for one organization, committed when the block ends and rolled back when it raises."""
        with self._writers(info=self._info(tenant)) as session, session.begin():
            yield session

    @contextmanager
    def reading(self, tenant: Tenant) -> Iterator[ScopedSession]:
        """One read-only transaction; on SQLite it never waits for a writer."""
        with self._readers(info=self._info(tenant)) as session, session.begin():
            yield session

    def _info(self, tenant: Tenant) -> dict[str, Any]:
        kept = {"memory": self.memory, "shelf": self.month_totals}
        return {"tenant": tenant, "clock": self.clock, "walled": self._uses_rls, **kept}

    def refuse_unsafe_role(self) -> None:
        """UnsafeRole when row level security would not hold this process: superuser, BYPASSRLS, or an owner."""
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
