"""Catalogue of dishes, products and articles. It grows with the concerns that name new ones."""

from typing import Any

from flask import g

from api.pages.table_forms import answers_list
from api.schemas.items import CatalogueItemSchema, EditItemSchema, ItemQuery
from api.web.blueprint import Blueprint
from api.web.pagination import paginate
from api.web.resource import Resource
from models.access import Permission
from models.concerns.items_in_reach import require_in_reach
from models.organizations.catalogue_item import CatalogueItem

blp = Blueprint("items", __name__, "Items: the dishes, products and articles that concerns are about")


@blp.route("/items")
class Items(Resource):
    permissions = {"GET": Permission.ITEM_READ}

    @blp.arguments(ItemQuery, location="query")
    @answers_list(blp, CatalogueItemSchema, "Items", by_store=False)
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """List the catalogue by name; `q` completes what somebody types, from the middle of a word too

        With `q`, names that begin with it come first, then those in which a word does, then the others that have it.
        """
        page = {name: query.pop(name) for name in ("limit", "cursor")}
        typed = query.pop("q", None)
        items, by_name = CatalogueItem.select_visible(g.actor, **query), (CatalogueItem.name_key, CatalogueItem.id)
        if typed is None:
            return paginate(items, *by_name, **page)
        has_it, rank = CatalogueItem.matches(typed)
        listed = paginate(items.where(has_it).add_columns(rank, *by_name), rank, *by_name, **page, whole_rows=True)
        return {**listed, "items": [row.CatalogueItem for row in listed["items"]]}


@blp.route("/items/<uuid:item_id>")
class ItemById(Resource):
    permissions = {"GET": Permission.ITEM_READ, "PATCH": Permission.ITEM_WRITE}
    path_models = {"item_id": CatalogueItem}

    def _find(self, path: dict[str, Any], *, lock: bool) -> dict[str, Any]:
        """Return the item; to change it, only what concerns of the actor's stores name is there."""
        subjects = super()._find(path, lock=lock)
        if lock:
            require_in_reach(g.session, subjects["item"], by=g.actor)
        return subjects

    @blp.response(200, CatalogueItemSchema)
    def get(self, item: CatalogueItem) -> CatalogueItem:
        """Read an item

        404 where only whoever may read sensitive concerns may read its name.
        """
        return item

    @blp.arguments(EditItemSchema)
    @blp.response(200, CatalogueItemSchema)
    def patch(self, data: dict[str, Any], item: CatalogueItem) -> CatalogueItem:
        """Rename an item on all concerns that name it, or confirm its name; its slug stays

        Head office reads confirmed names only: what staff type may be a customer's words. Managers change items that
        concerns of their own stores name, administrators all.
        """
        if "name" in data:
            item.rename(data["name"])
        if "confirmed" in data:
            item.confirm(confirmed=data["confirmed"])
        return item
