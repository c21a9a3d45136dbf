"""Versions of shared objects over HTTP: ETag out, If-Match in."""

from typing import Any

from flask import request

from api.web.problems import Refusal
from models.db.base import Aggregate
from models.errors import Stale


def etag_of(shown: Any) -> dict[str, str]:
    """The ETag header of one object that has a version; nothing for lists and the rest."""
    return {"ETag": f'"{shown.version}"'} if isinstance(shown, Aggregate) else {}


def must_match(current: Aggregate) -> None:
    """Refuse a change that does not say which version it changes (428), or names an old one (412)."""
    if "If-Match" not in request.headers:
        raise Refusal(428, f'Send the version you read as If-Match: "{current.version}" is the present one.')
    if not request.if_match.contains(str(current.version)):
        raise Stale("The object has changed since you read it; read it again.", current_version=current.version)
