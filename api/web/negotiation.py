"""Content negotiation (RFC 9110): in which form a caller wants an answer."""

from flask import request

from api.web.problems import HttpProblem

JSON, HTML = "application/json", "text/html"


def negotiate(*offered: str) -> str:
    """Which of the media types on offer the caller prefers, the first of them where they do not mind.

    HttpProblem 406 when the caller takes none of them.
    """
    if not request.accept_mimetypes:
        return offered[0]
    spelled = [spelling for media_type in offered for spelling in (media_type, f"{media_type}; charset=utf-8")]
    best = request.accept_mimetypes.best_match(spelled)
    if best is None:
        raise HttpProblem(406, f"This is given as {' or '.join(offered)}.")
    return best.partition(";")[0]
