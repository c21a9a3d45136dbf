"""Who asks: from the bearer token to an Actor."""

import structlog
from flask import current_app, g, request
from sqlalchemy.exc import SQLAlchemyError

from api.web.problems import HttpProblem
from models.access import Actor, Permission
from models.db.session import Database
from models.staff.credentials import Token, find_actor, record_last_seen

log = structlog.get_logger(__name__)


def authenticate(needed: Permission) -> Actor | None:
    """The Actor behind this request, allowed to do what is needed; None where anyone may.

    401 without a valid token, Forbidden without the permission. Being seen is written down once a minute, in a
    transaction of its own, so that reading stays reading.
    """
    if needed is Permission.ANYONE:
        return None
    token = _token()
    database: Database = current_app.extensions["database"]
    with database.reading(token.organization_id) as session:
        found = find_actor(session, token, g.now)
    if found is None:
        raise HttpProblem(401, "This token is not valid, has expired or was revoked.")
    actor, unseen_for_a_while = found
    actor.require(needed)
    if unseen_for_a_while:
        _note_seen(database, actor)
    return actor


def _note_seen(database: Database, actor: Actor) -> None:
    """Worth a try and nothing more: a disk that is full must not keep anybody from reading."""
    try:
        with database.writing(actor.organization_id) as session:
            record_last_seen(session, actor, g.now)
    except SQLAlchemyError as error:
        log.warning("last seen not noted", error=type(error).__name__)


def _token() -> Token:
    kind, _, text = request.headers.get("Authorization", "").partition(" ")
    if not text or kind.lower() != "bearer":
        raise HttpProblem(401, "Send the header 'Authorization: Bearer <token>'; POST /v1/sessions gives a token.")
    token = Token.parse(text.strip())
    if token is None:
        raise HttpProblem(401, "This is not a token of this service.")
    return token
