"""Run the migrations: as the owner of the tables, one process at a time."""

from alembic import context
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy import Connection, NullPool, create_engine, event, text

from config import Config
from models.tables import metadata

LOCK = 0x616D656E  # 'amen': any number that all our processes share


def refuse_unknown_revision(connection: Connection) -> None:
    """Raise CommandError, before anything is written, for a database that this chain of migrations did not make."""
    known = {script.revision for script in context.script.walk_revisions()}
    unknown = [head for head in MigrationContext.configure(connection).get_current_heads() if head not in known]
    if unknown:
        raise CommandError(
            f"This database has revision {unknown[0]}, which this version of Amends does not know; nothing was "
            "changed. A database made before 0.1.0 cannot be upgraded: move it away (var/amends.db) or name an empty "
            "one in DATABASE_URL; one made by a newer version needs that version."
        )


def run_migrations(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
        transactional_ddl=True,
    )
    with context.begin_transaction():
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
            connection.execute(text("SET LOCAL lock_timeout = '10s'"))
        refuse_unknown_revision(connection)
        context.run_migrations()


def main() -> None:
    """Upgrade the database named by the caller (`attributes["database_url"]`) or by the environment."""
    url = context.config.attributes.get("database_url") or Config.from_env().database_url
    engine = create_engine(url, poolclass=NullPool)  # a migration that fails leaves no connection behind
    if engine.dialect.name == "sqlite":
        # The driver would open its transaction too late to keep a second process out.
        @event.listens_for(engine, "connect")
        def _disable_driver_transactions(connection, _record):
            connection.isolation_level = None
            connection.execute("PRAGMA busy_timeout=30000")

        @event.listens_for(engine, "begin")
        def _begin(connection):
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    with engine.connect() as connection:
        run_migrations(connection)


main()
