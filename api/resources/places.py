"""Places of a store, which managers keep up to date: one by one, or as a list."""

from typing import Any
from uuid import UUID

from flask import g

from api.schemas.base import PageQuery, page_of
from api.schemas.places import EditPlaceSchema, NewPlaceSchema, PlaceListSchema, PlaceSchema, PutPlacesSchema
from api.schemas.reader_language import order_for_reader
from api.web.etags import etag_header
from api.web.idempotency import idempotent
from api.web.pagination import paginate_sorted
from api.web.resource import Resource
from api.web.shared_blueprints import organization as blp
from models.access import Permission
from models.organizations.place import Place
from models.organizations.store import Store


@blp.route("/stores/<uuid:store_id>/places")
class StorePlaces(Resource):
    permissions = {"GET": Permission.STORE_READ, "POST": Permission.STORE_RUN, "PUT": Permission.STORE_RUN}
    path_models = {"store_id": Store}

    @blp.arguments(PageQuery, location="query")
    @blp.response(200, page_of(PlaceSchema), headers={"ETag": "ETag"})
    def get(self, query: dict[str, Any], store: Store) -> Any:
        """List the places of a store, also the retired ones

        They are in order by position, then by their name in the language of the reader. The ETag is the version of
        the store, which a change of a place names as If-Match.
        """
        page = paginate_sorted(g.session.scalars(Place.select_of_store(store)), order_for_reader, **query)
        return page, 200, etag_header(store)

    @blp.arguments(NewPlaceSchema)
    @blp.response(201, PlaceSchema)
    @idempotent(Place, status=201)
    def post(self, data: dict[str, Any], store: Store) -> Place:
        """Add a place to a store

        409 `already-exists` for a name or slug that another place has, or a slug that it had: it goes on meaning that
        place, because phones that were offline still send it. A retired place is brought back instead.
        """
        return Place.create(g.session, store, **data)

    @blp.arguments(PutPlacesSchema)
    @blp.response(200, PlaceListSchema, headers={"ETag": "ETag"})
    def put(self, data: dict[str, Any], store: Store) -> Any:
        """Say which places a store has, in their order

        A known place stays and takes the name from the list; it is recognised by its slug, a slug that it had before,
        or else by its name. New ones are added, those that are not in the list are retired, and retired ones that are
        in it come back.
        """
        return {"items": Place.replace_all(g.session, store, data["items"], at=g.now)}, 200, etag_header(store)


@blp.route("/stores/<uuid:store_id>/places/<uuid:place_id>")
class StorePlaceById(Resource):
    permissions = {"PATCH": Permission.STORE_RUN, "DELETE": Permission.STORE_RUN}

    @blp.arguments(EditPlaceSchema)
    @blp.response(200, PlaceSchema, headers={"ETag": "ETag"})
    def patch(self, data: dict[str, Any], store: Store, place: Place) -> Any:
        """Rename or move a place, retire it or bring it back

        If-Match and the ETag name the version of the store. The slug before goes on meaning this place.
        """
        place.edit(g.session, store, at=g.now, **data)
        return place, 200, etag_header(store)

    @blp.response(204)
    def delete(self, store: Store, place: Place) -> None:
        """Retire a place: it is offered no more, and its concerns keep it

        Once more changes nothing. A `PATCH` with `retired` false brings it back.
        """
        place.retire(store, at=g.now)

    def _find(self, path: dict[str, UUID], *, lock: bool) -> dict[str, Any]:
        """Return the store, locked, and its place. A place of another store is 404."""
        store = Store.get_visible(g.session, path["store_id"], actor=g.actor, lock=lock)
        return {"store": store, "place": Place.get_of_store(g.session, store, path["place_id"])}
