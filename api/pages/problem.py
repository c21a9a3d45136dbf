"""Pages that the `type` of a problem refers to: what happened, and what to do."""

from flask import Blueprint
from flask.typing import ResponseReturnValue

from api.pages.page import render_page
from api.web.negotiation import HTML, JSON, negotiate
from api.web.problem_advice import ADVICE
from api.web.problems import PROBLEM_CODES
from models.errors import NotFound

# Not `blueprint()`: what it refuses is a problem, and no page for customers.
blp = Blueprint("problem", __name__, template_folder="templates", static_folder="static", static_url_path="/pages")


@blp.get("/problems/<code>")
def show_problem(code: str) -> ResponseReturnValue:
    """Say what a problem means, to a browser as a page. It is for whoever builds a client, and in English."""
    if code not in PROBLEM_CODES:
        raise NotFound("No problem of ours has this name.")
    status, title = PROBLEM_CODES[code]
    if negotiate(JSON, HTML) == JSON:
        return {"type": f"/problems/{code}", "title": title, "status": status, "detail": ADVICE[code]}
    return render_page("problem.html", fixed_language="en", code=code, of=(status, title), advice=ADVICE[code])
