"""Stores: their settings, their places, and who needs a moment there."""

from typing import Any

from flask import g

from api.schemas.base import page_of
from api.schemas.stores import EditStoreSchema, NewStoreSchema, PausesSchema, StoreQuery, StoreSchema
from api.web.idempotency import idempotent
from api.web.pagination import paginate
from api.web.resource import Resource
from api.web.shared_blueprints import organization as blp
from models.access import Permission
from models.operations.change_store import add_store, close_store, edit_store
from models.organizations.organization import Region
from models.organizations.store import Store
from models.staff.shift import Shift
from notifications.decide.announce import announce_all


@blp.route("/stores")
class Stores(Resource):
    permissions = {"GET": Permission.STORE_READ, "POST": Permission.STORE_WRITE}

    @blp.arguments(StoreQuery, location="query")
    @blp.response(200, page_of(StoreSchema))
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """List the stores within reach, with their places

        Also those that are out of business: they have `closed_at`.
        """
        filters = {name: query.pop(name) for name in ("region_id", "group_id") if name in query}
        return paginate(Store.select_visible(g.actor, **filters), Store.slug, **query)

    @blp.arguments(NewStoreSchema)
    @blp.response(201, StoreSchema)
    @idempotent(Store, status=201)
    def post(self, data: dict[str, Any]) -> Store:
        """Add a store

        Its `hours` have to be given, if only as `always`: while a store is closed, only people on shift are rung. The
        first store with EUR, GBP or USD gives every remedy that costs something its usual limits; in any other currency
        everything asks first until somebody sets limits, of the remedies and of the store.
        409 `too-many` when the organization has as many stores as it may have.
        """
        region = Region.get_visible(g.session, data.pop("region_id"), actor=g.actor, pointer="/region_id")
        return add_store(g.session, region=region, **data)


@blp.route("/stores/<uuid:store_id>")
class StoreById(Resource):
    permissions = {"GET": Permission.STORE_READ, "PATCH": Permission.STORE_WRITE}
    path_models = {"store_id": Store}

    @blp.response(200, StoreSchema)
    def get(self, store: Store) -> Store:
        """Read a store

        Its `version` is what a change of it names in `If-Match`.
        """
        return store

    @blp.arguments(EditStoreSchema)
    @blp.response(200, StoreSchema)
    def patch(self, data: dict[str, Any], store: Store) -> Store:
        """Change a store: its name, region, kind, country, settings, or time zone, day start and currency

        These three are kept with the business date from which they hold: the next one. The day before it is longer or
        shorter, and no earlier day changes. A second change before that date replaces the first. A store that moves to
        another region is seen by whoever looks after that one, with all its past; reports by region count all of its
        days there.
        """
        edit_store(g.session, store, data, by=g.actor, at=g.now)
        return store


@blp.route("/stores/<uuid:store_id>/close")
class CloseStore(Resource):
    permissions = {"POST": Permission.STORE_WRITE}
    path_models = {"store_id": Store}
    locks_itself = frozenset({"POST"})

    @blp.response(200, StoreSchema)
    @idempotent(Store, status=200)
    def post(self, store: Store) -> Store:
        """Close a store: it is out of business

        Its shifts end, what people had taken in them is given back and rings again, nobody can check in, and it sends
        no mails of its days. It stays in lists and reports. What occurred before is logged as ever. What occurred later
        is kept as well: it rings nobody, and informs the regional managers. 409 `not-now` when it is closed already.
        """
        announce_all(g.session, close_store(g.session, store, by=g.actor, at=g.now))
        return store


@blp.route("/stores/<uuid:store_id>/reopen")
class ReopenStore(Resource):
    permissions = {"POST": Permission.STORE_WRITE}
    path_models = {"store_id": Store}

    @blp.response(200, StoreSchema)
    @idempotent(Store, status=200)
    def post(self, store: Store) -> Store:
        """Take a closed store into business again

        409 `not-now` when it is not closed.
        """
        store.reopen()
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
