"""A full organization that many tests share, because their requests are refused."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from tests.support.app import App
from tests.support.databases import Databases
from tests.support.factories.full_organization import FullOrganization, make_full_organization
from tests.support.rows import rows_of_organization, versions_of_organization


@dataclass
class UnchangedOrganization:
    """An application and a full organization in which nothing may change."""

    world: App
    scene: FullOrganization
    owner: sa.Engine
    concern: dict[str, Any] = field(default_factory=dict)
    before: dict[str, Any] = field(default_factory=dict)

    def ask(self, method: str, path: str, by: str | None = "floor", **options: Any) -> TestResponse:
        """Send one request as a person of the organization, or as nobody."""
        return self.world.request(method, path, (self.scene.shop, by) if by else None, **options)

    def traces(self) -> dict[str, Any]:
        return versions_of_organization(self.owner, self.scene.shop.organization_id)


@pytest.fixture(scope="module")
def _still(databases: Databases, database_kind: str) -> Iterator[UnchangedOrganization]:
    with databases.alone(database_kind) as url:
        world = App(url)
        still = UnchangedOrganization(world, make_full_organization(world, "acme"), sa.create_engine(url))
        still.concern = still.ask("GET", f"/v1/concerns/{still.scene.ids['concern_id']}").json
        every_row = rows_of_organization(still.owner, still.scene.shop.organization_id)
        still.before = still.traces()
        yield still
        assert rows_of_organization(still.owner, still.scene.shop.organization_id) == every_row
        world.close()
        still.owner.dispose()


@pytest.fixture
def still(_still: UnchangedOrganization) -> Iterator[UnchangedOrganization]:
    """An organization with a `concern`. A test that changes versions fails; any other change fails the last test."""
    yield _still
    assert _still.traces() == _still.before
