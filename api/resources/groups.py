"""Groups of stores, by which head office compares."""

from typing import Any

from flask import g

from api.schemas.base import PageQuery, page_of
from api.schemas.groups import EditGroupSchema, NewGroupSchema, StoreGroupSchema
from api.web.blueprint import Blueprint
from api.web.idempotency import idempotent
from api.web.pagination import paginate
from api.web.resource import Resource
from models.access import Permission
from models.organizations.store_group import StoreGroup

blp = Blueprint("groups", __name__, "Groups of stores: what head office compares by")


@blp.route("/groups")
class Groups(Resource):
    permissions = {"GET": Permission.STORE_READ, "POST": Permission.STORE_WRITE}

    @blp.arguments(PageQuery, location="query")
    @blp.response(200, page_of(StoreGroupSchema))
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """List the groups that have a store within reach

        With the ids of those of its stores that are within reach.
        """
        return paginate(StoreGroup.select_visible(g.actor), StoreGroup.slug, **query)

    @blp.arguments(NewGroupSchema)
    @blp.response(201, StoreGroupSchema)
    @idempotent(StoreGroup, status=201)
    def post(self, data: dict[str, Any]) -> StoreGroup:
        """Put stores together in a group

        A store may be in several groups, whatever its region.
        """
        return StoreGroup.create(g.session, by=g.actor, **data)


@blp.route("/groups/<uuid:group_id>")
class GroupById(Resource):
    permissions = {"GET": Permission.STORE_READ, "PATCH": Permission.STORE_WRITE}
    path_models = {"group_id": StoreGroup}

    @blp.response(200, StoreGroupSchema)
    def get(self, group: StoreGroup) -> StoreGroup:
        """Read a group

        With the ids of those of its stores that are within reach.
        """
        return group

    @blp.arguments(EditGroupSchema)
    @blp.response(200, StoreGroupSchema)
    def patch(self, data: dict[str, Any], group: StoreGroup) -> StoreGroup:
        """Change a group, or which stores are in it

        Reports use the present groups for all days, also for past ones. A group without stores stays.
        """
        group.edit(g.session, by=g.actor, **data)
        return group
