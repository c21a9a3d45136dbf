"""Language of whoever reads an answer (RFC 9110): what a request says it accepts."""

from collections.abc import Collection, Sequence

from flask import request

from notifications.messages.translations import closest_language


def accepted_languages() -> list[str]:
    """Return the languages that the request accepts, the preferred first."""
    return [tag for tag, quality in request.accept_languages if quality > 0]


def refused_languages() -> set[str]:
    """Return the languages that the request does not accept, such as pt for `pt;q=0`, in lower case."""
    return {tag.lower() for tag, quality in request.accept_languages if quality == 0}


def reader_language(known: Collection[str], otherwise: Sequence[str] = ()) -> str:
    """Return the known language that is closest to what the request accepts, else to the others, else English."""
    offered = {*known, "en"} - refused_languages()
    wanted = (*accepted_languages(), *otherwise)
    return next((tag for name in wanted if (tag := closest_language(name, offered))), "en")
