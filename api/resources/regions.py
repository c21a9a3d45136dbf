"""Regions of an organization."""

from typing import Any

from flask import g

from api.schemas.base import PageQuery, page_of
from api.schemas.regions import RegionSchema
from api.web.pagination import paginate
from api.web.resource import Resource
from api.web.shared_blueprints import organization as blp
from models.access import Permission
from models.organizations.organization import Region
from models.organizations.store import Store


@blp.route("/regions")
class Regions(Resource):
    permissions = {"GET": Permission.STORE_READ}

    @blp.arguments(PageQuery, location="query")
    @blp.response(200, page_of(RegionSchema))
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """List the regions within reach"""
        return paginate(Store.select_visible_regions(g.actor), Region.slug, **query)
