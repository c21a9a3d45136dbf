"""Categories of concerns and their causes."""

from typing import Any

from api.schemas.base import PageQuery, page_of
from api.schemas.categories import CategorySchema
from api.web.pagination import paginate
from api.web.resource import Resource
from api.web.shared_blueprints import organization as blp
from models.access import Permission
from models.organizations.vocabulary import Category


@blp.route("/categories")
class Categories(Resource):
    permissions = {"GET": Permission.VOCABULARY_READ}

    @blp.arguments(PageQuery, location="query")
    @blp.response(200, page_of(CategorySchema))
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """List the categories with their causes"""
        return paginate(Category.select_visible(), Category.slug, **query)
