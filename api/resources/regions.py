"""Regions of an organization."""

from typing import Any

from flask import g

from api.schemas.base import PageQuery, page_of
from api.schemas.regions import EditRegionSchema, NewRegionSchema, RegionSchema
from api.web.idempotency import idempotent
from api.web.pagination import paginate
from api.web.resource import Resource
from api.web.shared_blueprints import organization as blp
from models.access import Permission
from models.organizations.organization import Region
from models.organizations.store import Store


@blp.route("/regions")
class Regions(Resource):
    permissions = {"GET": Permission.STORE_READ, "POST": Permission.STORE_WRITE}

    @blp.arguments(PageQuery, location="query")
    @blp.response(200, page_of(RegionSchema))
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """List the regions within reach

        Those of the stores within reach, by slug; all of them for whoever reaches every store.
        """
        return paginate(Store.select_visible_regions(g.actor), Region.slug, **query)

    @blp.arguments(NewRegionSchema)
    @blp.response(201, RegionSchema)
    @idempotent(Region, status=201)
    def post(self, data: dict[str, Any]) -> Region:
        """Add a region

        Stores are put into it, and regional managers made responsible for it, afterwards.
        """
        return Region.create(g.session, **data)


@blp.route("/regions/<uuid:region_id>")
class RegionById(Resource):
    permissions = {"PATCH": Permission.STORE_WRITE}
    path_models = {"region_id": Region}

    @blp.arguments(EditRegionSchema)
    @blp.response(200, RegionSchema)
    def patch(self, data: dict[str, Any], region: Region) -> Region:
        """Rename a region

        Its slug stays.
        """
        region.edit(**data)
        return region
