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
from api.web.pagination import page
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
    needs = {"GET": Permission.STORE_READ}

    @blp.arguments(PageQuery, location="query")
    @blp.response(200, page_of(RegionSchema))
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """List the regions within reach"""
        return page(Store.regions_within_reach(g.actor), Region.slug, **query)


@blp.route("/stores")
class Stores(Resource):
    needs = {"GET": Permission.STORE_READ}

    @blp.arguments(StoreQuery, location="query")
    @blp.response(200, page_of(StoreSchema))
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """List the stores within reach, with their places"""
        chosen = {name: query.pop(name) for name in ("region_id", "group_id") if name in query}
        return page(Store.listed(g.actor, **chosen), Store.slug, **query)


@blp.route("/stores/<uuid:store_id>")
class StoreById(Resource):
    needs = {"GET": Permission.STORE_READ, "PATCH": Permission.STORE_WRITE}
    finds = {"store_id": Store}

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
    needs = {"GET": Permission.STAFF_READ}
    finds = {"store_id": Store}

    @blp.response(200, PausesSchema)
    def get(self, store: Store) -> dict[str, Any]:
        """List who needs a moment at present

        For who leads the shift and for the managers (403 for others): so that they can look after them.
        """
        return {"items": Shift.paused(g.session, store, by=g.actor, at=g.now)}


@blp.route("/staff")
class StaffList(Resource):
    needs = {"GET": Permission.STAFF_READ}

    @blp.arguments(StaffQuery, location="query")
    @blp.response(200, page_of(StaffSchema))
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """List the colleagues within reach"""
        store_id = query.pop("store_id", None)
        return page(Staff.listed(g.actor, store_id=store_id), Staff.name, Staff.id, **query)


@blp.route("/staff/<uuid:staff_id>")
class StaffById(Resource):
    needs = {"GET": Permission.STAFF_READ}
    finds = {"staff_id": Staff}

    @blp.response(200, StaffSchema)
    def get(self, staff: Staff) -> Staff:
        """Read a colleague"""
        return staff


@blp.route("/categories")
class Categories(Resource):
    needs = {"GET": Permission.VOCABULARY_READ}

    @blp.arguments(PageQuery, location="query")
    @blp.response(200, page_of(CategorySchema))
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """List the categories with their causes"""
        return page(Category.listed(), Category.slug, **query)
