"""Authentication: from the bearer token of a request to an Actor."""

import structlog
from flask import current_app, g, request
from sqlalchemy.exc import SQLAlchemyError

from api.web.problems import HttpProblem
from models.access import Actor, Permission
from models.db.session import Database
from models.staff.authentication import find_actor, record_last_seen
from models.staff.credentials.token import Token

log = structlog.get_logger(__name__)


def authenticate(
    needed: Permission, *, without_second_factor: bool = False, recent_sign_in: bool = False
) -> Actor | None:
    """Return the actor behind this request, or None where no sign-in is needed.

    Administrators need a second factor where others can reach the service, unless `without_second_factor`.

    Records once a minute when the actor was last seen. This happens in a transaction of its own, so that a request that
    reads stays read-only.

    Raises:
        HttpProblem: 401 without a valid token.
        Forbidden: the actor lacks the permission, the second factor, or the recent sign-in.
    """
    if needed is Permission.ANYONE:
        return None
    token = _token()
    database: Database = current_app.extensions["database"]
    with database.reading(token.organization_id) as session:
        match = find_actor(session, token, g.now)
    if match is None:
        raise HttpProblem(401, "This token is not valid, has expired or was revoked.")
    actor, last_seen_is_old = match
    actor.require(needed)
    if current_app.config["SECOND_FACTOR_REQUIRED"] and not without_second_factor:
        actor.require_second_factor()
    if recent_sign_in:
        actor.require_recent_sign_in(g.now)
    if last_seen_is_old:
        _record_last_seen(database, actor)
    return actor


def _record_last_seen(database: Database, actor: Actor) -> None:
    """Record when the actor was last seen; a failure is logged only, so that reading works when the disk is full."""
    try:
        with database.writing(actor.organization_id) as session:
            record_last_seen(session, actor, g.now)
    except SQLAlchemyError as error:
        log.warning("last seen not recorded", error=type(error).__name__)


def _token() -> Token:
    kind, _, text = request.headers.get("Authorization", "").partition(" ")
    if not text or kind.lower() != "bearer":
        raise HttpProblem(401, "Send the header 'Authorization: Bearer <token>'; POST /v1/sessions gives a token.")
    token = Token.parse(text.strip())
    if token is None:
        raise HttpProblem(401, "This is not a token of this service.")
    return token
