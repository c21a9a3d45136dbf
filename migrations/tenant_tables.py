"""How migrations make tables: composite keys, row level security, rights.

Released migrations use it, so it never changes. A later migration that needs something else gets a helper of its own
beside this one.
"""

import sqlalchemy as sa
from alembic import op

INSTANT = sa.DateTime(timezone=True)
# Compared byte by byte on both databases, so that a range of an ordinary index holds every name with one beginning.
NAME_KEY = sa.String(200).with_variant(sa.String(200, collation="C"), "postgresql")

OWN_ROWS = "organization_id = nullif(current_setting('app.organization_id', true), '')::uuid"


def on_postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"


def link(column: str, table: str, *, nullable: bool = False) -> sa.Column:
    """Return a column that holds the id of a row of the same organization; `tenant_table` adds its foreign key."""
    return sa.Column(column, sa.Uuid(), nullable=nullable, info={"links_to": table})


def tenant_table(name: str, *parts: sa.Column | sa.Constraint, append_only: bool = False) -> None:
    """Create a table of rows that belong to an organization, keyed by `(organization_id, id)`, and secure it."""
    links = [part for part in parts if isinstance(part, sa.Column) and "links_to" in part.info]
    op.create_table(
        name,
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        *parts,
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name=f"fk_{name}_organization_id"),
        *(
            sa.ForeignKeyConstraint(
                ["organization_id", column.name],
                [f"{column.info['links_to']}.organization_id", f"{column.info['links_to']}.id"],
                name=f"fk_{name}_{column.name.removesuffix('_id')}",
            )
            for column in links
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=f"pk_{name}"),
    )
    secure(name, append_only=append_only)


def index(name: str, table: str, *columns: str, unique: bool = False, where: str | None = None) -> None:
    """Create an index, partial where a condition is given."""
    condition = None if where is None else sa.text(where)
    op.create_index(name, table, columns, unique=unique, postgresql_where=condition, sqlite_where=condition)


def secure(table: str, *, append_only: bool = False) -> None:
    """Let the web see one organization per transaction and the worker all; nobody changes rows that are append-only."""
    if not on_postgresql():
        return
    rights = "SELECT, INSERT" if append_only else "SELECT, INSERT, UPDATE, DELETE"
    op.execute(f'GRANT {rights} ON "{table}" TO amends_app, amends_worker')
    op.execute(f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY')
    op.execute(f'CREATE POLICY app ON "{table}" TO amends_app USING ({OWN_ROWS}) WITH CHECK ({OWN_ROWS})')
    op.execute(f'CREATE POLICY worker ON "{table}" TO amends_worker USING (true) WITH CHECK (true)')


def grant_global(table: str, *, worker: str = "SELECT, INSERT, UPDATE, DELETE") -> None:
    """Let the web read a table that belongs to no organization, and the worker do what is said."""
    if on_postgresql():
        op.execute(f'GRANT SELECT ON "{table}" TO amends_app')
        op.execute(f'GRANT {worker} ON "{table}" TO amends_worker')


def create_roles() -> None:
    """Create the roles that web and worker become, unless another database of the server has made them."""
    if not on_postgresql():
        return
    for role in ("amends_app", "amends_worker"):
        op.execute(
            f"""
            DO $$ BEGIN
                CREATE ROLE {role} NOLOGIN;
            EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
            END $$
            """
        )
        # Two databases of one server may be migrated at once.
        op.execute("SELECT pg_advisory_xact_lock(1634559342)")
        op.execute(f"GRANT {role} TO CURRENT_USER")
        op.execute(f"GRANT USAGE ON SCHEMA public TO {role}")


def notify_on_insert(table: str, channel: str) -> None:
    """Notify a channel at the commit of whoever inserted into a table, without a statement of their own."""
    if not on_postgresql():
        return
    op.execute(
        f"""
        CREATE FUNCTION {table}_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM pg_notify('{channel}', '');
            RETURN NULL;
        END $$
        """
    )
    op.execute(
        f"CREATE TRIGGER {table}_inserted AFTER INSERT ON {table} FOR EACH STATEMENT"
        f" EXECUTE FUNCTION {table}_inserted()"
    )


def drop_tables(*tables: str) -> None:
    for table in reversed(tables):
        op.drop_table(table)


def drop_function(name: str) -> None:
    if on_postgresql():
        op.execute(f"DROP FUNCTION {name}()")
