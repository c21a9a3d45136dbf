"""Two organizations with rows in every table, behind all isolation layers together or behind one of them alone."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import sqlalchemy as sa

from models.db.session import ScopedSession, filter_by_tenant
from tests.support.app import App
from tests.support.databases import Databases
from tests.support.factories.full_organization import FullOrganization, full_organizations, make_full_organization
from tests.support.rows import rows_of_organization, tenant_tables, versions_of_organization


@dataclass
class IsolatedOrganizations:
    """An application with two organizations, `ours` and `theirs`, and a connection as the owner of the tables."""

    app: App
    owner: sa.Engine
    ours: FullOrganization
    theirs: FullOrganization
    filtered: bool
    before: dict[str, Any]
    alone: bool  # one layer without the others
    others: list[tuple[FullOrganization, set[str]]] = field(default_factory=list)

    @contextlib.contextmanager
    def standing(self) -> Iterator[None]:
        """Deactivate the layers that are not tested for as long as the block lasts."""
        with contextlib.nullcontext() if self.filtered else without_session_filter():
            yield

    def traces(self) -> dict[str, Any]:
        """Of ours."""
        return versions_of_organization(self.owner, self.ours.shop.organization_id)

    def others_without(self, ids: set[str]) -> FullOrganization:
        """A third organization, to whose things anything may happen, and which calls nothing by these ids yet."""
        org, used = next((other for other in self.others if not ids & other[1]), (None, set()))
        if org is None:  # to make one takes longer than all that the test does with it
            org = make_full_organization(self.app, f"others-{len(self.others)}")
            self.others.append((org, used))
        used |= ids
        return org


@contextlib.contextmanager
def without_session_filter() -> Iterator[None]:
    sa.event.remove(ScopedSession, "do_orm_execute", filter_by_tenant)
    try:
        yield
    finally:
        sa.event.listen(ScopedSession, "do_orm_execute", filter_by_tenant)


@pytest.fixture(scope="module")
def layer(request: pytest.FixtureRequest) -> str:
    """The active isolation layers: `every layer`, `row level security`, `session filter` or `none`."""
    return str(request.param)


@pytest.fixture(scope="module")
def tenants(databases: Databases, database_kind: str, layer: str) -> Iterator[IsolatedOrganizations]:
    """Tests leave it as it was: each looks at its traces, and when all have run every row is the one it was."""
    with full_organizations(databases, database_kind, "ours", "theirs") as (app, (ours, theirs)):
        owner = sa.create_engine(app.url)
        if layer in ("session filter", "none") and database_kind == "postgresql":
            with owner.begin() as connection:
                for table in tenant_tables():
                    connection.execute(sa.text(f'ALTER TABLE "{table.name}" DISABLE ROW LEVEL SECURITY'))
        every_row = rows_of_organization(owner, ours.shop.organization_id)
        before = versions_of_organization(owner, ours.shop.organization_id)
        filtered, alone = layer in ("every layer", "session filter"), layer != "every layer"
        yield IsolatedOrganizations(app, owner, ours, theirs, filtered=filtered, before=before, alone=alone)
        assert rows_of_organization(owner, ours.shop.organization_id) == every_row
        owner.dispose()
