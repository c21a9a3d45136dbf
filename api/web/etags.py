"""Versions over HTTP (RFC 9110): ETag in answers, If-Match in changes, If-None-Match in reads.

An ETag is "<version>.<digest of the answer>". A change names the version; a read that names all of it is answered 304.
What has no version has another tag: a list the digest alone, a screen "<until when>.<digest of its position>".
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol, Self, runtime_checkable

from flask import Response, request

from api.web.problems import HttpProblem
from models.access import Actor
from models.errors import VersionConflict

# When an answer was worked out, and where the change feed stood. A phone that keeps an older cursor misses nothing.
WORKED_OUT_AT = re.compile(rb'"(generated_at|feed_cursor)":"[^"]*"')
UNTIL = re.compile("[0-9]{1,15}")  # milliseconds since 1970
DIGEST_LENGTH = 16  # hexadecimal digits: enough to tell answers of one version apart


@runtime_checkable
class Versioned(Protocol):
    """An answer that has a version: an aggregate, or a view of one."""

    @property
    def version(self) -> int: ...


LIST: Final = "list"  # in place of a version, until the digest is known


def etag_header(shown: Any, *, is_list: bool = False) -> dict[str, str]:
    """Return the ETag header of a list or of an object that has a version, and no header for the rest."""
    version = LIST if is_list else shown.version if isinstance(shown, Versioned) else None
    return {"ETag": f'"{version}"'} if version is not None else {}


def complete_etag(response: Response) -> Response:
    """Add the digest of the answer to its version in the ETag, and answer 304 to a read that has just this.

    Two readers of one version may see different things, and of a daily log the version is only that of its notes. When
    an answer was worked out is no part of it.
    """
    version, _ = response.get_etag()
    if version is None or "." in version or not request.path.startswith("/v1"):
        return response
    content = WORKED_OUT_AT.sub(b"", response.get_data())
    digest = hashlib.sha256(content).hexdigest()[:DIGEST_LENGTH]
    tag = digest if version == LIST else f"{version}.{digest}"
    response.set_etag(tag)
    if request.method in ("GET", "HEAD") and request.if_none_match.contains_weak(tag):
        response.status_code = 304
        response.set_data(b"")
        for name in ("Content-Type", "Content-Length"):
            response.headers.pop(name, None)
    return response


@dataclass(frozen=True)
class PositionTag:
    """Tag of a screen that is worked out from where it stands, without making the answer.

    The answer changes when its position does, with whoever asks and the language, and by the time: then its ETag has
    the instant until which only the position counts, in milliseconds.
    """

    digest: str

    @classmethod
    def of(cls, position: Sequence[Any], *, actor: Actor) -> Self:
        """Return the tag of a position for this reader."""
        reach = None if actor.store_ids is None else sorted(map(str, actor.store_ids))
        reader = (str(actor.staff_id), actor.role, sorted(actor.permissions), reach, actor.language)
        facts = repr((tuple(position), reader, request.headers.get("Accept-Language", "")))
        return cls(hashlib.sha256(facts.encode()).hexdigest()[:DIGEST_LENGTH])

    def header(self, *, until: datetime) -> dict[str, str]:
        """Return the ETag of an answer that time alone leaves as it is until this instant."""
        return {"ETag": f'"{int(until.timestamp() * 1000)}.{self.digest}"'}

    def unchanged(self, *, at: datetime) -> Response | None:
        """Return the answer 304 if the request names the present answer, else None."""
        for tag in request.if_none_match.as_set(include_weak=True):
            until, _, digest = (tag or "").partition(".")
            if digest == self.digest and UNTIL.fullmatch(until) and at.timestamp() * 1000 < int(until):
                response = Response(status=304)
                response.set_etag(tag)
                return response
        return None


def check_if_match(current: Versioned) -> None:
    """Refuse a change that names no version or an old one.

    The version is the part of an ETag before its first dot. Proxies that compress make an ETag weak: W/"4" is "4".

    Raises:
        HttpProblem: 428 without If-Match.
        VersionConflict: 412 when the object has another version by now.
    """
    if "If-Match" not in request.headers:
        raise HttpProblem(428, f'Send the version you read as If-Match: "{current.version}" is the present one.')
    named = {(tag or "").partition(".")[0] for tag in request.if_match.as_set(include_weak=True)}
    if not request.if_match.star_tag and str(current.version) not in named:
        raise VersionConflict(
            "The object has changed since you read it; read it again.", current_version=current.version
        )
