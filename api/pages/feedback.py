"""Page behind a feedback link: the customer rates how it was in the end."""

from typing import Any

from flask import Response, g

from api.pages.page import blueprint, database, organization_behind, read_form, render_page
from api.schemas.feedback_requests import AnswerFormSchema
from api.web.origin import origin_of_request
from models.recovery.feedback_request import FeedbackRequest
from notifications.decide.announce import announce

blp = blueprint("feedback-pages")


@blp.get("/f/<token:token>")
def show_form(token: str) -> Response:
    with database().reading(organization_behind(token)) as session:
        return _page(FeedbackRequest.by_token(session, token))


@blp.post("/f/<token:token>")
def answer(token: str) -> Response:
    values, errors = read_form(AnswerFormSchema)
    origin = origin_of_request()
    with database().writing(organization_behind(token)) as session:
        feedback_request = FeedbackRequest.by_token(session, token, lock=True)
        if errors or not feedback_request.is_open(g.now):
            return _page(feedback_request, values=values, errors=errors)
        announce(session, feedback_request.answer(**values, at=g.now, origin=origin))
        return _render("answer_received.html", feedback_request, worried=feedback_request.concern.unhappy_with_outcome)


def _page(
    feedback_request: FeedbackRequest,
    *,
    values: dict[str, Any] | None = None,
    errors: dict[str, Any] | None = None,
) -> Response:
    """Render the form, or the page that says why there is none any more."""
    if feedback_request.answered_at is not None:
        return _render("already_answered.html", feedback_request, status=200 if values is None else 409)
    if not feedback_request.is_open(g.now):
        return _render("expired.html", feedback_request, status=410)
    status = 422 if errors else 200
    return _render("feedback.html", feedback_request, status=status, values=values or {}, errors=errors or {})


def _render(template: str, feedback_request: FeedbackRequest, **context: Any) -> Response:
    concern = feedback_request.concern
    languages = concern.customer.languages if concern.customer else ()
    return render_page(template, customer_languages=languages, store=concern.store, **context)
