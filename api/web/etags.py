"""Versions of shared objects over HTTP: ETag out, If-Match in."""

from typing import Any

from flask import request

from api.web.problems import HttpProblem
from models.db.base import Aggregate
from models.errors import VersionConflict


def etag_header(shown: Any) -> dict[str, str]:
    """The ETag header of one object that has a version; nothing for lists and the rest."""
    return {"ETag": f'"{shown.version}"'} if isinstance(shown, Aggregate) else {}


def check_if_match(current: Aggregate) -> None:
    """Refuse a change that does not say which version it changes (428), or names an old one (412)."""
    if "If-Match" not in request.headers:
        raise HttpProblem(428, f'Send the version you read as If-Match: "{current.version}" is the present one.')
    if not request.if_match.contains(str(current.version)):
        raise VersionConflict(
            "The object has changed since you read it; read it again.", current_version=current.version
        )
