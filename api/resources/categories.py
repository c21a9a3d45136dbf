"""Categories of concerns and their causes: created, changed, retired and merged."""

from typing import Any

from flask import g

from api.schemas.base import page_of
from api.schemas.categories import (
    CategorySchema,
    EditCategorySchema,
    MergeCategorySchema,
    MergeCauseSchema,
    NewCategorySchema,
)
from api.schemas.reader_language import order_for_reader
from api.schemas.vocabulary_words import WordQuery
from api.web.idempotency import idempotent
from api.web.pagination import paginate_sorted
from api.web.resource import Resource
from api.web.shared_blueprints import organization as blp
from models.access import Permission
from models.operations.merge_words import merge_categories, merge_causes
from models.organizations.store import Store
from models.organizations.vocabulary import Category, Cause


@blp.route("/categories")
class Categories(Resource):
    permissions = {"GET": Permission.VOCABULARY_READ, "POST": Permission.VOCABULARY_WRITE}

    @blp.arguments(WordQuery, location="query")
    @blp.response(200, page_of(CategorySchema))
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """List the categories with their causes, also the retired ones

        They are in order by position, then by their name in the language of the reader, as are the causes of each.
        """
        kind = Store.kind_within_reach(g.session, query.pop("store_id", None), actor=g.actor)
        categories = g.session.scalars(Category.select_visible(store_kind=kind))
        return paginate_sorted(categories, order_for_reader, **query)

    @blp.arguments(NewCategorySchema)
    @blp.response(201, CategorySchema)
    @idempotent(Category, status=201)
    def post(self, data: dict[str, Any]) -> Category:
        """Add a category with its causes

        A slug means the same thing for ever: one that another category has, or had, is refused (409).
        """
        return Category.create(g.session, at=g.now, **data)


@blp.route("/categories/<uuid:category_id>")
class CategoryById(Resource):
    permissions = {"GET": Permission.VOCABULARY_READ, "PATCH": Permission.VOCABULARY_WRITE}
    path_models = {"category_id": Category}

    @blp.response(200, CategorySchema)
    def get(self, category: Category) -> Category:
        """Read a category with its causes

        A retired or merged one is read as well: `merged_into` names what it is now.
        """
        return category

    @blp.arguments(EditCategorySchema)
    @blp.response(200, CategorySchema)
    def patch(self, data: dict[str, Any], category: Category) -> Category:
        """Change a category and its causes; retire them, or bring them back

        The causes that are named by id, slug or former slug are created or changed, the others stay. A slug that is
        changed stays an alias, for phones that were offline.
        """
        category.edit(g.session, at=g.now, **data)
        return category


@blp.route("/categories/<uuid:category_id>/merge")
class MergeCategories(Resource):
    permissions = {"POST": Permission.VOCABULARY_WRITE}
    path_models = {"category_id": Category}
    locks_itself = frozenset({"POST"})

    @blp.arguments(MergeCategorySchema)
    @blp.response(200, CategorySchema)
    @idempotent(Category, status=200, on_replay=lambda category, _: category.survivor)
    def post(self, data: dict[str, Any], category: Category) -> Category:
        """Merge a category into another one, which is the answer; this cannot be undone

        From now on every concern, list and report shows the other one, and the slugs of this one mean it. Causes,
        questions and alert rules move along. An urgent category is merged into an urgent one only (422).
        """
        return merge_categories(g.session, category, data["into"], by=g.actor, at=g.now)


@blp.route("/causes/<uuid:cause_id>/merge")
class MergeCauses(Resource):
    permissions = {"POST": Permission.VOCABULARY_WRITE}
    path_models = {"cause_id": Cause}
    locks_itself = frozenset({"POST"})

    @blp.arguments(MergeCauseSchema)
    @blp.response(200, CategorySchema)
    @idempotent(Cause, status=200, on_replay=lambda cause, _: cause.survivor.category)
    def post(self, data: dict[str, Any], cause: Cause) -> Category:
        """Merge a cause into another one, whose category is the answer; this cannot be undone

        From now on every concern, list and report shows the other one with its category, and the slugs of this one
        mean it. Fixes move along.
        """
        return merge_causes(g.session, cause, data["into"], by=g.actor, at=g.now)
