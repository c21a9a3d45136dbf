"""Scoped session: it is opened for one organization, and sees and writes no other one's rows."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Uuid, delete, event, func, insert, select, text, update
from sqlalchemy.engine.interfaces import CacheStats
from sqlalchemy.orm import Session, aliased, joinedload, selectinload
from uuid_utils.compat import uuid7

from models.access import GRANTS, Actor, Role
from models.db.base import Aggregate
from models.db.change_feed import Change, ChangeCounter
from models.db.session import ALL_TENANTS, ScopedSession
from models.errors import NotFound
from models.organizations.catalogue_item import CatalogueItem
from models.organizations.place import Place
from models.organizations.store import Store
from models.recovery.qr_code import QrCode
from tests.support.app import App
from tests.support.databases import only_on_postgresql, only_on_sqlite
from tests.support.factories.organizations import Shop, make_shop, make_store


@pytest.fixture
def other(app: App) -> Shop:
    """A second organization with the same things in it."""
    return make_shop(app.back_office, "other")


def whose(rows: Sequence[Any]) -> set[UUID]:
    return {row.organization_id for row in rows}


def test_a_session_cannot_be_opened_without_a_tenant(app: App) -> None:
    with pytest.raises(TypeError, match="state"):
        ScopedSession(app.database.engine)  # type: ignore[call-arg]
    for opened in (app.database.reading, app.database.writing):
        with pytest.raises(PermissionError, match="without saying"), opened(None):  # type: ignore[arg-type]
            pytest.fail("a session without a tenant")


QUERIES: dict[str, Callable[[Session], Sequence[Any]]] = {
    "select": lambda session: session.scalars(select(Store)).all(),
    "an alias": lambda session: session.scalars(select(aliased(Store))).all(),
    "a join": lambda session: session.scalars(select(Place).join(Store, Place.store_id == Store.id)).all(),
    "a join to something else": lambda session: session.scalars(
        select(Place).join(Store, Place.slug == "table-1")
    ).all(),
    "a subquery": lambda session: session.scalars(
        select(Store).where(Store.id.in_(select(Place.store_id)))
    ).all(),
    "columns": lambda session: session.execute(select(Store.organization_id, Store.name)).all(),
    "a union": lambda session: session.scalars(
        select(Store).from_statement(select(Store).where(Store.slug == "first").union_all(select(Store)))
    ).all(),
    "the change feed": lambda session: session.scalars(select(Change)).all(),
    "its counter": lambda session: session.scalars(select(ChangeCounter)).all(),
}  # fmt: skip


@pytest.mark.parametrize("query", QUERIES)
def test_every_query_is_narrowed_to_the_tenant(app: App, shop: Shop, other: Shop, query: str) -> None:
    for tenant in (shop, other):
        with app.database.reading(tenant.organization_id) as session:
            assert whose(QUERIES[query](session)) == {tenant.organization_id}
    with app.back_office.reading(ALL_TENANTS) as session:
        assert whose(QUERIES[query](session)) == {shop.organization_id, other.organization_id}


def test_no_row_of_another_organization_is_read_by_its_key(app: App, shop: Shop, other: Shop) -> None:
    with app.database.reading(shop.organization_id) as session:
        assert session.get(Store, (other.organization_id, other.store_id)) is None
        assert session.get(Store, (shop.organization_id, other.store_id)) is None
        assert session.get(Store, (shop.organization_id, shop.store_id)) is not None
        stranger = Actor(shop.organization_id, GRANTS[Role.ADMIN], None)
        with pytest.raises(NotFound):
            Store.get_visible(session, other.store_id, actor=stranger)


@pytest.mark.parametrize(("model", "noun"), [(Store, "store"), (CatalogueItem, "item"), (QrCode, "standing qr")])
def test_a_refusal_names_what_is_not_there(app: App, shop: Shop, model: type[Aggregate], noun: str) -> None:
    row_id = uuid7()
    with (
        app.database.reading(shop.organization_id) as session,
        pytest.raises(NotFound, match=f"^There is no {noun} '{row_id}' within reach of this sign-in.$"),
    ):
        model.get_visible(session, row_id, actor=Actor(shop.organization_id, GRANTS[Role.ADMIN], None))


def test_what_is_loaded_along_is_narrowed_too(app: App, shop: Shop, other: Shop) -> None:
    for option in (None, joinedload(Store.places), selectinload(Store.places)):
        with app.database.reading(shop.organization_id) as session:
            stmt = select(Store).where(Store.slug == "first")
            (store,) = session.scalars(stmt if option is None else stmt.options(option)).unique()
            assert whose(store.places) == {shop.organization_id}
            assert len(store.places) == 2
            assert store.region.id == shop.region_id


def test_a_link_to_another_organization_finds_nothing(app: App, shop: Shop, other: Shop) -> None:
    """The database does not store such a link; in memory it finds nothing."""
    with app.database.reading(shop.organization_id) as session:
        store = session.scalars(select(Store).where(Store.slug == "first")).one()
        with session.no_autoflush:
            store.region_id = other.region_id
            session.expire(store, ["region"])
            assert store.region is None
            session.expunge(store)


@pytest.mark.parametrize("statement", [update(Place).values(name="Changed"), delete(Place)], ids=["update", "delete"])
def test_writing_many_rows_at_once_touches_the_tenants_only(app: App, shop: Shop, other: Shop, statement: Any) -> None:
    with app.database.writing(shop.organization_id) as session:
        session.execute(statement)
    with app.back_office.reading(ALL_TENANTS) as session:
        left = {
            (place.organization_id, place.name) for place in session.scalars(select(Place)) if "table" in place.name
        }
    assert left == {(other.organization_id, "table 1"), (other.organization_id, "table 12")}


def test_a_row_of_another_organization_cannot_be_added(app: App, shop: Shop, other: Shop) -> None:
    smuggled = make_store("smuggled", other.region_id)
    smuggled.organization_id = other.organization_id
    with (
        pytest.raises(PermissionError, match="another organization"),
        app.database.writing(shop.organization_id) as session,
    ):
        session.add(smuggled)
    with (
        pytest.raises(PermissionError, match="another organization"),
        app.database.writing(shop.organization_id) as session,
    ):
        session.insert_or_ignore(
            Place, organization_id=other.organization_id, store_id=other.store_id, slug="x", name="x"
        )
    with app.back_office.reading(ALL_TENANTS) as session:
        assert session.scalars(select(func.count()).select_from(Store)).one() == 4


def test_a_new_row_is_stamped_with_the_tenant(app: App, shop: Shop) -> None:
    with app.database.writing(shop.organization_id) as session:
        session.add(added := make_store("third", shop.region_id))
        inserted = session.insert_or_ignore(Place, store_id=shop.store_id, slug="terrace", name="terrace")
        again = session.insert_or_ignore(Place, store_id=shop.store_id, slug="terrace", name="terrace")
    assert added.organization_id == shop.organization_id
    assert inserted is not None
    assert inserted.organization_id == shop.organization_id
    assert again is None


def test_the_statement_that_inserts_a_row_unless_it_exists_is_compiled_once(app: App, shop: Shop) -> None:
    hits = []
    with app.database.writing(shop.organization_id) as session:
        event.listen(
            session.connection(), "before_cursor_execute", lambda *arguments: hits.append(arguments[4].cache_hit)
        )
        for slug in ("terrace", "bar"):
            session.insert_or_ignore(Place, store_id=shop.store_id, slug=slug, name=slug)
    assert hits[1] is CacheStats.CACHE_HIT


WITHOUT_THE_ORM: dict[str, Any] = {
    "text": text("SELECT organization_id FROM store").columns(organization_id=Uuid()),
    "a plain table": select(Store.__table__.c.organization_id),
}


@only_on_sqlite
@pytest.mark.parametrize("way", WITHOUT_THE_ORM)
def test_statements_without_the_models_are_not_narrowed(app: App, shop: Shop, other: Shop, way: str) -> None:
    """The reason for the third isolation layer: on SQLite these see every organization. The application has none."""
    with app.database.reading(shop.organization_id) as session:
        assert whose(session.execute(WITHOUT_THE_ORM[way]).all()) == {shop.organization_id, other.organization_id}


@only_on_postgresql
@pytest.mark.parametrize("way", WITHOUT_THE_ORM)
def test_statements_without_the_models_are_restricted_by_row_level_security(
    app: App, shop: Shop, other: Shop, way: str
) -> None:
    with app.database.reading(shop.organization_id) as session:
        assert whose(session.execute(WITHOUT_THE_ORM[way]).all()) == {shop.organization_id}


@only_on_postgresql
def test_an_insert_without_the_models_is_restricted_too(app: App, shop: Shop, other: Shop) -> None:
    row = {"id": shop.store_id, "organization_id": other.organization_id, "store_id": other.store_id}
    smuggle = insert(Place.__table__).values(**row, slug="x", name="x", position=0)  # type: ignore[arg-type]
    with pytest.raises(Exception, match="row-level security"), app.database.writing(shop.organization_id) as session:
        session.execute(smuggle)


def test_a_reading_session_cannot_write(app: App, shop: Shop) -> None:
    with pytest.raises(Exception, match=r"read-?only"), app.database.reading(shop.organization_id) as session:
        session.add(make_store("third", shop.region_id))


def test_the_scope_ends_with_the_transaction(app: App, shop: Shop, other: Shop) -> None:
    """A connection that goes back to the pool takes no tenant with it."""
    for tenant in (shop, other, shop):
        with app.database.writing(tenant.organization_id) as session:
            assert whose(session.scalars(select(Store)).all()) == {tenant.organization_id}
    if app.database.engine.dialect.name == "postgresql":
        with app.database.engine.connect() as connection:
            assert connection.execute(text("SELECT count(*) FROM store")).scalar_one() == 0
