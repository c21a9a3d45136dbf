"""Regions, stores, people, and the words an organization uses."""

from typing import Any

from flask import g

from api.schemas.base import PageQuery, page_of
from api.schemas.organization import (
    CategorySchema,
    EditStoreSchema,
    RegionSchema,
    StaffQuery,
    StoreQuery,
    StoreSchema,
)
from api.schemas.sessions import PausesSchema, StaffSchema
from api.web.blueprint import Blueprint
from api.web.pagination import paginate
from api.web.resource import Resource
from models.access import Permission
from models.organizations.organization import Region
from models.organizations.store import Store
from models.organizations.vocabulary import Category
from models.staff.shift import Shift
from models.staff.staff import Staff

blp = Blueprint("organization", __name__, "Regions, stores, people, and the words an organization uses")


@blp.route("/regions")
class Regions(Resource):
    permissions = {"GET": Permission.STORE_READ}

    @blp.arguments(PageQuery, location="query")
    @blp.response(200, page_of(RegionSchema))
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """List the regions within reach"""
        return paginate(Store.select_visible_regions(g.actor), Region.slug, **query)


@blp.route("/stores")
class Stores(Resource):
    permissions = {"GET": Permission.STORE_READ}

    @blp.arguments(StoreQuery, location="query")
    @blp.response(200, page_of(StoreSchema))
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """List the stores within reach, with their places"""
        chosen = {name: query.pop(name) for name in ("region_id", "group_id") if name in query}
        return paginate(Store.select_visible(g.actor, **chosen), Store.slug, **query)


@blp.route("/stores/<uuid:store_id>")
class StoreById(Resource):
    permissions = {"GET": Permission.STORE_READ, "PATCH": Permission.STORE_WRITE}
    path_models = {"store_id": Store}

    @blp.response(200, StoreSchema)
    def get(self, store: Store) -> Store:
        """Read a store"""
        return store

    @blp.arguments(EditStoreSchema)
    @blp.response(200, StoreSchema)
    def patch(self, data: dict[str, Any], store: Store) -> Store:
        """Change how a store works: what happens above a limit, and how long a pause may be"""
        store.edit(**data)
        return store


@blp.route("/stores/<uuid:store_id>/pauses")
class StorePauses(Resource):
    permissions = {"GET": Permission.STAFF_READ}
    path_models = {"store_id": Store}

    @blp.response(200, PausesSchema)
    def get(self, store: Store) -> dict[str, Any]:
        """List who needs a moment at present

        For who leads the shift and for the managers (403 for others): so that they can look after them.
        """
        return {"items": Shift.paused(g.session, store, by=g.actor, at=g.now)}


@blp.route("/staff")
class StaffList(Resource):
    permissions = {"GET": Permission.STAFF_READ}

    @blp.arguments(StaffQuery, location="query")
    @blp.response(200, page_of(StaffSchema))
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """List the colleagues within reach"""
        store_id = query.pop("store_id", None)
        return paginate(Staff.select_visible(g.actor, store_id=store_id), Staff.name, Staff.id, **query)


@blp.route("/staff/<uuid:staff_id>")
class StaffById(Resource):
    permissions = {"GET": Permission.STAFF_READ}
    path_models = {"staff_id": Staff}

    @blp.response(200, StaffSchema)
    def get(self, staff: Staff) -> Staff:
        """Read a colleague"""
        return staff


@blp.route("/categories")
class Categories(Resource):
    permissions = {"GET": Permission.VOCABULARY_READ}

    @blp.arguments(PageQuery, location="query")
    @blp.response(200, page_of(CategorySchema))
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """List the categories with their causes"""
        return paginate(Category.select_visible(), Category.slug, **query)
