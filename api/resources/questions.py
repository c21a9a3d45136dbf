"""Open questions that help customers to tell their story."""

from typing import Any

from flask import g

from api.schemas.base import page_of
from api.schemas.questions import EditQuestionSchema, NewQuestionSchema, QuestionQuery, QuestionSchema
from api.schemas.reader_language import order_for_reader
from api.web.blueprint import Blueprint
from api.web.idempotency import idempotent
from api.web.pagination import paginate_sorted
from api.web.resource import Resource
from models.access import Permission
from models.organizations.store import Store
from models.organizations.vocabulary import Question

blp = Blueprint("questions", __name__, "Open questions that help people to tell their story")


@blp.route("/questions")
class Questions(Resource):
    permissions = {"GET": Permission.VOCABULARY_READ, "POST": Permission.VOCABULARY_WRITE}

    @blp.arguments(QuestionQuery, location="query")
    @blp.response(200, page_of(QuestionSchema))
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """List the open questions, also the retired ones; `category` filters by category

        They are in order by position, then by their text in the language of the reader.
        """
        kind = Store.kind_within_reach(g.session, query.pop("store_id", None), actor=g.actor)
        questions = Question.select_visible(category=query.pop("category", None), store_kind=kind)
        return paginate_sorted(g.session.scalars(questions), order_for_reader, **query)

    @blp.arguments(NewQuestionSchema)
    @blp.response(201, QuestionSchema)
    @idempotent(Question, status=201)
    def post(self, data: dict[str, Any]) -> Question:
        """Add a question, for all concerns or for a category

        409 `already-exists` for a slug that a question has or had.
        """
        return Question.create(g.session, at=g.now, **data)


@blp.route("/questions/<uuid:question_id>")
class QuestionById(Resource):
    permissions = {"GET": Permission.VOCABULARY_READ, "PATCH": Permission.VOCABULARY_WRITE}
    path_models = {"question_id": Question}

    @blp.response(200, QuestionSchema)
    def get(self, question: Question) -> Question:
        """Read a question

        A retired one is read as well.
        """
        return question

    @blp.arguments(EditQuestionSchema)
    @blp.response(200, QuestionSchema)
    def patch(self, data: dict[str, Any], question: Question) -> Question:
        """Change a question or its category; retire it, or bring it back

        409 `already-exists` for a slug that another question has or had.
        """
        question.edit(g.session, at=g.now, **data)
        return question
