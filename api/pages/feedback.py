"""The page behind a feedback link: how was it, in the end?"""

from typing import Any

from flask import Response, g

from api.pages.page import blueprint, database, organization_behind, read_form, render_page
from api.schemas.feedback import AnswerFormSchema
from models.recovery.feedback_request import FeedbackRequest
from notifications.decide.announce import announce

blp = blueprint("feedback-pages")


@blp.get("/f/<token>")
def ask(token: str) -> Response:
    with database().reading(organization_behind(token)) as session:
        return _page(FeedbackRequest.by_token(session, token))


@blp.post("/f/<token>")
def answer(token: str) -> Response:
    said, wrong = read_form(AnswerFormSchema)
    with database().writing(organization_behind(token)) as session:
        asked = FeedbackRequest.by_token(session, token, lock=True)
        if wrong or not asked.is_open(g.now):
            return _page(asked, said=said, wrong=wrong)
        announce(session, asked.answer(**said, at=g.now))
        return _show("thanks.html", asked, worried=asked.concern.unhappy_with_outcome)


def _page(
    asked: FeedbackRequest, *, said: dict[str, Any] | None = None, wrong: dict[str, Any] | None = None
) -> Response:
    """The form, or why there is none any more."""
    if asked.answered_at is not None:
        return _show("answered.html", asked, status=200 if said is None else 409)
    if not asked.is_open(g.now):
        return _show("expired.html", asked, status=410)
    return _show("feedback.html", asked, status=422 if wrong else 200, said=said or {}, wrong=wrong or {})


def _show(template: str, asked: FeedbackRequest, **shown: Any) -> Response:
    customer = asked.concern.customer
    return render_page(template, spoken=customer.languages if customer else (), store=asked.concern.store, **shown)
