"""Content negotiation (RFC 9110): in which form a caller wants an answer."""

from flask import request

from api.web.problems import HttpProblem

JSON, HTML = "application/json", "text/html"


def negotiate(*offered: str) -> str:
    """Return the media type that the caller prefers, the first one offered where they have no preference.

    Raises:
        HttpProblem: 406 when the caller accepts none of them.
    """
    if not request.accept_mimetypes:
        return offered[0]
    media_types = [spelling for media_type in offered for spelling in (media_type, f"{media_type}; charset=utf-8")]
    best = request.accept_mimetypes.best_match(media_types)
    if best is None:
        raise HttpProblem(406, f"This is given as {', '.join(offered)}.")
    return best.partition(";")[0]
