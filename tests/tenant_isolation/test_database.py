"""What the database itself refuses: a look across tenants, a link across tenants, a process with too much power."""

import secrets
from collections.abc import Iterator
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, ProgrammingError

from models.db.session import ALL_TENANTS, Database, DatabaseRole, UnsafeRole
from models.tables import metadata
from tests.support.databases import only_on_postgresql
from tests.support.rows import tenant_tables
from tests.tenant_isolation.conftest import IsolatedOrganizations, without_session_filter

# Of no tenant; `change_counter` and the rest are.
GLOBAL = {"organization", "heartbeat", "watchdog_run", "restore_event", "metric_counter", "rate_limit_counter"}
every_layer = pytest.mark.parametrize("layer", ["every layer"], indirect=True, scope="module")
ONLY_ADDED = ("change", "concern_event", "daily_log_amendment", "daily_log_handover")


def tables_with_a_link() -> Iterator[tuple[sa.Table, sa.ForeignKeyConstraint]]:
    for table in tenant_tables():
        for constraint in table.foreign_key_constraints:
            if constraint.elements[0].column.table.name != "organization":
                yield table, constraint


@every_layer
@pytest.mark.parametrize("database_kind", ["sqlite", "postgresql"], indirect=True, scope="module")
def test_the_database_refuses_every_link_across_tenants(tenants: IsolatedOrganizations) -> None:
    tried = set()
    for table, constraint in tables_with_a_link():
        target = constraint.elements[0].column.table
        (column,) = (column for column in constraint.columns if column.name != "organization_id")
        with tenants.owner.connect() as connection:
            if connection.dialect.name == "sqlite":
                connection.execute(sa.text("PRAGMA foreign_keys=ON"))
            ours = connection.scalars(
                sa.select(target.c.id).where(target.c.organization_id == tenants.ours.shop.organization_id).limit(1)
            ).one()
            row = connection.scalars(
                sa.select(table.c.id).where(table.c.organization_id == tenants.theirs.shop.organization_id).limit(1)
            ).one()
            change = sa.update(table).where(table.c.id == row).values({column.name: ours})
            with pytest.raises(IntegrityError, match=r"(?i)foreign key"):
                connection.execute(change)
        tried.add(f"{table.name}.{column.name}")
    assert len(tried) >= 35  # every composite foreign key there is, see tests/test_structure.py


@every_layer
@pytest.mark.parametrize("database_kind", ["sqlite", "postgresql"], indirect=True, scope="module")
def test_every_table_has_rows_to_hide(tenants: IsolatedOrganizations) -> None:
    assert {name for name, (rows, _) in tenants.before.items() if not rows} == set()
    assert tenants.before.keys() == metadata.tables.keys() - GLOBAL


@every_layer
@only_on_postgresql
def test_every_table_of_a_tenant_is_behind_row_level_security(tenants: IsolatedOrganizations) -> None:
    with tenants.owner.connect() as connection:
        secured = dict(
            connection.execute(
                sa.text(
                    "SELECT c.relname, c.relrowsecurity FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                    " WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p')"
                )
            ).all()
        )
        policies = {
            (table, name, tuple(roles), "app.organization_id" in using and check in (using, None))
            for table, name, roles, using, check in connection.execute(
                sa.text("SELECT tablename, policyname, roles::text[], qual, with_check FROM pg_policies")
            )
        }
    assert {name for name, on in secured.items() if not on} == GLOBAL - {"organization"} | {"alembic_version"}
    assert policies == {
        wanted
        for table in tenant_tables()
        for wanted in (
            (table.name, "app", ("amends_app",), True),
            (table.name, "worker", ("amends_worker",), False),
        )
    } | {
        ("organization", "app_reads", ("amends_app",), True),
        ("organization", "app_changes", ("amends_app",), True),
        ("organization", "worker", ("amends_worker",), False),
    }


@every_layer
@only_on_postgresql
@pytest.mark.parametrize("role", list(DatabaseRole))
def test_a_runtime_role_owns_nothing_and_may_not_pass_by(tenants: IsolatedOrganizations, role: DatabaseRole) -> None:
    with tenants.owner.connect() as connection:
        facts = connection.execute(
            sa.text(
                "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolcanlogin,"
                " EXISTS (SELECT FROM pg_class WHERE relowner = r.oid),"
                " EXISTS (SELECT FROM pg_auth_members WHERE member = r.oid)"
                " FROM pg_roles r WHERE rolname = :role"
            ),
            {"role": str(role)},
        ).one()
    assert not any(facts)


@every_layer
@only_on_postgresql
def test_without_a_tenant_the_web_sees_no_row_and_writes_none(tenants: IsolatedOrganizations) -> None:
    with tenants.app.database.engine.connect() as connection:
        for table in tenant_tables():
            assert connection.scalar(sa.select(sa.func.count()).select_from(table)) == 0, table.name
        with pytest.raises(ProgrammingError, match="row-level security"):
            connection.execute(
                sa.text("INSERT INTO region (organization_id, id, version, slug, name) VALUES (:o, :o, 1, 'x', 'x')"),
                {"o": tenants.ours.shop.organization_id},
            )


@every_layer
@only_on_postgresql
def test_the_web_cannot_move_a_row_to_another_tenant_or_touch_one(tenants: IsolatedOrganizations) -> None:
    ours, theirs = tenants.ours.shop.organization_id, tenants.theirs.shop.organization_id
    with tenants.app.database.engine.connect() as connection:
        connection.execute(sa.text("SELECT set_config('app.organization_id', :o, true)"), {"o": str(theirs)})
        for table in tenant_tables():
            if table.name not in ONLY_ADDED:  # there it may not even try
                gone = connection.execute(sa.delete(table).where(table.c.organization_id == ours))
                assert gone.rowcount == 0
        with pytest.raises(ProgrammingError, match="row-level security"):
            connection.execute(sa.text("UPDATE region SET organization_id = :o"), {"o": ours})


@every_layer
@only_on_postgresql
def test_the_web_reads_its_own_organization_only_and_finds_another_by_its_slug_alone(
    tenants: IsolatedOrganizations,
) -> None:
    ours, theirs = tenants.ours.shop, tenants.theirs.shop
    read_all = sa.text("SELECT id FROM organization")
    find = sa.text("SELECT organization_id_of_slug(:slug)")
    with tenants.app.database.engine.connect() as connection:
        assert connection.scalars(read_all).all() == []
        assert connection.scalar(find, {"slug": ours.slug}) == ours.organization_id
        assert connection.scalar(find, {"slug": "%"}) is None
        connection.execute(
            sa.text("SELECT set_config('app.organization_id', :id, true)"), {"id": str(theirs.organization_id)}
        )
        assert connection.scalars(read_all).all() == [theirs.organization_id]


@every_layer
@only_on_postgresql
@pytest.mark.parametrize("statement", ["INSERT INTO organization DEFAULT VALUES", "DELETE FROM organization"])
def test_the_web_changes_the_settings_of_its_own_organization_only(
    tenants: IsolatedOrganizations, statement: str
) -> None:
    rename = sa.text("UPDATE organization SET name = 'Changed' WHERE id = :id")
    ours, theirs = tenants.ours.shop.organization_id, tenants.theirs.shop.organization_id
    with tenants.app.database.engine.connect() as connection:
        assert connection.execute(rename, {"id": ours}).rowcount == 0
        connection.execute(sa.text("SELECT set_config('app.organization_id', :id, true)"), {"id": str(theirs)})
        assert [connection.execute(rename, {"id": id_}).rowcount for id_ in (ours, theirs)] == [0, 1]
        with pytest.raises(ProgrammingError, match="permission denied"):
            connection.execute(sa.text(statement))


@every_layer
@only_on_postgresql
@pytest.mark.parametrize("table", ONLY_ADDED)
@pytest.mark.parametrize("statement", ['DELETE FROM "{}"', 'UPDATE "{}" SET store_id = store_id', 'TRUNCATE "{}"'])
def test_what_happened_cannot_be_rewritten(tenants: IsolatedOrganizations, table: str, statement: str) -> None:
    for database in (tenants.app.database, tenants.app.back_office):
        with database.engine.connect() as connection, pytest.raises(ProgrammingError, match="permission denied"):
            connection.execute(sa.text(statement.format(table)))


@pytest.mark.parametrize("layer", ["none"], indirect=True, scope="module")
@pytest.mark.parametrize("database_kind", ["sqlite", "postgresql"], indirect=True, scope="module")
def test_without_any_isolation_layer_a_stranger_would_read_it(tenants: IsolatedOrganizations) -> None:
    """Shows that the tests of one layer alone really run without the others."""
    with without_session_filter():
        read = tenants.app.request(
            "GET", f"/v1/concerns/{tenants.ours.ids['concern_id']}", (tenants.theirs.shop, "admin")
        )
    assert read.status_code == 200


@every_layer
@only_on_postgresql
def test_a_process_that_row_level_security_would_not_hold_refuses_to_run(tenants: IsolatedOrganizations) -> None:
    safe = tenants.app.database
    safe.refuse_unsafe_role()
    tenants.app.back_office.refuse_unsafe_role()
    superuser = Database(tenants.app.url, DatabaseRole.APP)
    superuser.engine = sa.create_engine(tenants.app.url)
    with pytest.raises(UnsafeRole, match="superuser"):
        superuser.refuse_unsafe_role()
    superuser.close()


@every_layer
@only_on_postgresql
@pytest.mark.parametrize("too_much", ["BYPASSRLS", "SUPERUSER", "owner of a table", "member of the owner"])
def test_each_way_of_having_too_much_power_is_noticed(tenants: IsolatedOrganizations, too_much: str) -> None:
    role = f"too_much_{secrets.token_hex(4)}"  # roles belong to the whole server
    with tenants.owner.begin() as connection:
        if too_much.isupper() and not connection.scalar(
            sa.text("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        ):
            pytest.skip("only a superuser can make such a role")
        attribute = too_much if too_much.isupper() else ""
        connection.execute(sa.text(f"CREATE ROLE {role} {attribute}"))
        connection.execute(sa.text(f"GRANT USAGE, CREATE ON SCHEMA public TO {role}"))
        if too_much == "owner of a table":
            connection.execute(sa.text(f"CREATE TABLE mine (id int); ALTER TABLE mine OWNER TO {role}"))
        if too_much == "member of the owner":
            connection.execute(sa.text(f"CREATE ROLE {role}_owner; GRANT {role}_owner TO {role}"))
            connection.execute(sa.text(f"GRANT CREATE ON SCHEMA public TO {role}_owner"))
            connection.execute(sa.text(f"CREATE TABLE theirs (id int); ALTER TABLE theirs OWNER TO {role}_owner"))
    unsafe = Database(tenants.app.url, role)  # type: ignore[arg-type]  # a role no process of ours would take
    try:
        with pytest.raises(UnsafeRole, match=role):
            unsafe.refuse_unsafe_role()
    finally:
        unsafe.close()
        with tenants.owner.begin() as connection:
            connection.execute(sa.text("DROP TABLE IF EXISTS mine, theirs"))
            for name in [role, f"{role}_owner"] if too_much == "member of the owner" else [role]:
                connection.execute(sa.text(f"DROP OWNED BY {name}; DROP ROLE {name}"))


@every_layer
@only_on_postgresql
def test_a_session_says_whose_it_is_or_finds_nothing(tenants: IsolatedOrganizations) -> None:
    """The worker sees all because it says so, loudly; no process sees all by forgetting to say anything."""
    with tenants.app.back_office.reading(ALL_TENANTS) as session:
        assert session.scalar(sa.text("SELECT count(DISTINCT organization_id) FROM concern")) == 2
    with tenants.app.database.reading(ALL_TENANTS) as session:
        assert session.scalar(sa.text("SELECT count(*) FROM concern")) == 0
    with tenants.app.database.reading(UUID(int=0)) as session:
        assert session.scalar(sa.text("SELECT count(*) FROM concern")) == 0
