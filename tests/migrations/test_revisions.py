"""Migrations that were released stay as they are, and a database that they did not make is refused."""

import hashlib
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.util import CommandError

from tests.support.databases import ROOT, Databases, migrate

MIGRATIONS = ROOT / "migrations"
# sha256sum of what a release contains; a line is added with each release and never changed.
RELEASED = MIGRATIONS / "released.sha256"


def released() -> dict[str, str]:
    lines = RELEASED.read_text(encoding="utf-8").splitlines()
    return {name: digest for digest, name in (line.split("  ", 1) for line in lines)}


def digest_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_released_migration_never_changes():
    assert {name: digest_of(MIGRATIONS / name) for name in released()} == released(), (
        "a released migration was edited: put it back, and write a new one"
    )


def test_the_initial_migration_and_what_it_imports_count_as_released():
    assert released().keys() >= {"versions/1001_initial.py", "tenant_tables.py"}


def test_a_released_revision_id_of_before_is_never_used_again():
    ids = {path.name[:4] for path in (MIGRATIONS / "versions").glob("*.py")}
    assert ids.isdisjoint({f"{number:04}" for number in range(1, 1000)})


@pytest.mark.parametrize("revision", ["0001", "0019", "a newer one"])
def test_a_database_of_an_unknown_revision_is_refused_before_anything_is_written(
    databases: Databases, database_kind: str, revision: str
):
    with databases.empty(database_kind) as url:
        engine = sa.create_engine(url)
        with engine.begin() as connection:
            connection.execute(sa.text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
            connection.execute(sa.text("INSERT INTO alembic_version VALUES (:revision)"), {"revision": revision})
            connection.execute(sa.text("CREATE TABLE concern (id int)"))
        with pytest.raises(CommandError) as refused:
            migrate(url)
        assert str(refused.value).startswith(f"This database has revision {revision}, which this version of Amends")
        assert "nothing was changed" in str(refused.value)
        assert "\n" not in str(refused.value)
        inspector = sa.inspect(engine)
        assert sorted(inspector.get_table_names()) == ["alembic_version", "concern"]
        assert [column["name"] for column in inspector.get_columns("concern")] == ["id"]
        engine.dispose()
