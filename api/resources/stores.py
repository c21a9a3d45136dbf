"""Stores: their settings, their places, and who needs a moment there."""

from typing import Any

from flask import g

from api.schemas.base import page_of
from api.schemas.stores import EditStoreSchema, PausesSchema, StoreQuery, StoreSchema
from api.web.pagination import paginate
from api.web.resource import Resource
from api.web.shared_blueprints import organization as blp
from models.access import Permission
from models.organizations.store import Store
from models.staff.shift import Shift


@blp.route("/stores")
class Stores(Resource):
    permissions = {"GET": Permission.STORE_READ}

    @blp.arguments(StoreQuery, location="query")
    @blp.response(200, page_of(StoreSchema))
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """List the stores within reach, with their places"""
        filters = {name: query.pop(name) for name in ("region_id", "group_id") if name in query}
        return paginate(Store.select_visible(g.actor, **filters), Store.slug, **query)


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
        """Change a store's settings: what happens above a limit, and how long a pause may be"""
        store.edit(**data)
        return store


@blp.route("/stores/<uuid:store_id>/pauses")
class StorePauses(Resource):
    permissions = {"GET": Permission.STAFF_READ}
    path_models = {"store_id": Store}

    @blp.response(200, PausesSchema)
    def get(self, store: Store) -> dict[str, Any]:
        """List the colleagues who pause at present

        For the shift lead and the managers, so that they can look after them; 403 for others.
        """
        return {"items": Shift.paused(g.session, store, by=g.actor, at=g.now)}
