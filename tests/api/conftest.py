"""A world in full swing that many tests look at, because what they ask for is refused."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from tests.support.app import World
from tests.support.databases import Databases
from tests.support.factories.full_organization import Scene, full_organizations
from tests.support.rows import rows_of, traces_of


@dataclass
class Still:
    """A world and a scene in which nothing may move."""

    world: World
    scene: Scene
    owner: sa.Engine
    concern: dict[str, Any] = field(default_factory=dict)
    before: dict[str, Any] = field(default_factory=dict)

    def ask(self, method: str, path: str, by: str | None = "floor", **options: Any) -> TestResponse:
        """One request in the name of somebody of the scene, or of nobody."""
        return self.world.request(method, path, (self.scene.shop, by) if by else None, **options)

    def traces(self) -> dict[str, Any]:
        return traces_of(self.owner, self.scene.shop.organization_id)


@pytest.fixture(scope="module")
def _still(databases: Databases, database_kind: str) -> Iterator[Still]:
    with full_organizations(databases, database_kind, "acme") as (world, (scene,)):
        still = Still(world, scene, sa.create_engine(world.url))
        still.concern = still.ask("GET", f"/v1/concerns/{still.scene.ids['concern_id']}").json
        every_row = rows_of(still.owner, still.scene.shop.organization_id)
        still.before = still.traces()
        yield still
        assert rows_of(still.owner, still.scene.shop.organization_id) == every_row
        still.owner.dispose()


@pytest.fixture
def still(_still: Still) -> Iterator[Still]:
    """A scene with `concern` in it; fails the test that left a trace, and the last one for whatever was changed."""
    yield _still
    assert _still.traces() == _still.before
