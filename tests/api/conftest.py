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

    app: App
    org: FullOrganization
    owner: sa.Engine
    concern: dict[str, Any] = field(default_factory=dict)
    before: dict[str, Any] = field(default_factory=dict)

    def ask(self, method: str, path: str, by: str | None = "floor", **options: Any) -> TestResponse:
        """Send one request as a person of the organization, or as nobody."""
        return self.app.request(method, path, (self.org.shop, by) if by else None, **options)

    def traces(self) -> dict[str, Any]:
        return versions_of_organization(self.owner, self.org.shop.organization_id)


@pytest.fixture(scope="module")
def _unchanged(databases: Databases, database_kind: str) -> Iterator[UnchangedOrganization]:
    with databases.alone(database_kind) as url:
        app = App(url)
        unchanged = UnchangedOrganization(app, make_full_organization(app, "acme"), sa.create_engine(url))
        unchanged.concern = unchanged.ask("GET", f"/v1/concerns/{unchanged.org.ids['concern_id']}").json
        every_row = rows_of_organization(unchanged.owner, unchanged.org.shop.organization_id)
        unchanged.before = unchanged.traces()
        yield unchanged
        assert rows_of_organization(unchanged.owner, unchanged.org.shop.organization_id) == every_row
        app.close()
        unchanged.owner.dispose()


@pytest.fixture
def unchanged(_unchanged: UnchangedOrganization) -> Iterator[UnchangedOrganization]:
    """An organization with a `concern`. A test that changes versions fails; any other change fails the last test."""
    yield _unchanged
    assert _unchanged.traces() == _unchanged.before
