"""Two organizations in full swing, behind all the walls together or behind one of them alone."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa

from models.session import ScopedSession, keep_to_tenant
from tests.databases import Databases
from tests.scene import Scene, make_scene, rows_of, tenant_tables
from tests.world import World


@dataclass
class Walls:
    """A world with two organizations, `ours` and `theirs`, and a connection as the owner of the tables."""

    world: World
    owner: sa.Engine
    ours: Scene
    theirs: Scene
    filtered: bool
    before: dict[str, list[Any]]
    alone: bool  # one wall without the others

    @contextlib.contextmanager
    def standing(self) -> Iterator[None]:
        """Only the walls that are to be tested stand for as long as the block lasts."""
        with contextlib.nullcontext() if self.filtered else without_the_sessions_filter():
            yield

    def rows(self) -> dict[str, list[Any]]:
        """Every row of ours."""
        return rows_of(self.owner, self.ours.shop.organization_id)


@contextlib.contextmanager
def without_the_sessions_filter() -> Iterator[None]:
    sa.event.remove(ScopedSession, "do_orm_execute", keep_to_tenant)
    try:
        yield
    finally:
        sa.event.listen(ScopedSession, "do_orm_execute", keep_to_tenant)


@pytest.fixture(scope="module")
def wall(request: pytest.FixtureRequest) -> str:
    """Which of the walls stand: `every wall`, `row level security`, `session filter` or `none`."""
    return str(request.param)


@pytest.fixture(scope="module")
def walls(databases: Databases, database_kind: str, wall: str) -> Iterator[Walls]:
    """Tests leave it as it was, which they check."""
    with databases.alone(database_kind) as url:
        owner = sa.create_engine(url)
        if wall in ("session filter", "none") and database_kind == "postgresql":
            with owner.begin() as connection:
                for table in tenant_tables():
                    connection.execute(sa.text(f'ALTER TABLE "{table.name}" DISABLE ROW LEVEL SECURITY'))
        world = World(url)
        ours, theirs = make_scene(world, "ours"), make_scene(world, "theirs")
        before = rows_of(owner, ours.shop.organization_id)
        filtered, alone = wall in ("every wall", "session filter"), wall != "every wall"
        yield Walls(world, owner, ours, theirs, filtered=filtered, before=before, alone=alone)
        world.close()
        owner.dispose()
