"""Authentication: from the bearer token of a request to an Actor."""

import structlog
from flask import current_app, g, request
from sqlalchemy.exc import SQLAlchemyError

from api.web.app_version import refuse_old_app
from api.web.problems import HttpProblem
from models.access import Actor, Permission
from models.db.session import Database
from models.staff.authentication import find_actor, record_last_seen
from models.staff.credentials.token import Token

log = structlog.get_logger(__name__)


def authenticate(
    needed: Permission,
    *,
    is_tap: bool,
    without_second_factor: bool = False,
    recent_sign_in: bool = False,
    serves_any_app: bool = False,
) -> Actor | None:
    """Return the actor behind this request, or None where no sign-in is needed.

    Administrators need a second factor where others can reach the service, unless `without_second_factor`. A sign-in on
    a shared phone that is locked may do nothing until its PIN is given; receipts are no use of a person, as the phone
    sends what it has done with notifications.

    Records once a minute when the actor was last seen, and whether they did something (`is_tap`, see `Resource`), which
    keeps a shift from ending. This happens in a transaction of its own, so that a request that reads stays read-only.

    Raises:
        HttpProblem: 401 without a valid token, and `locked` for a sign-in that is locked; 426 for an app that is too
            old, unless `serves_any_app`.
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
    actor, last_use = match
    if actor.is_locked and needed is not Permission.RECEIPT_SEND:
        raise HttpProblem(401, "This sign-in is locked: sign in on this phone with your PIN again.", code="locked")
    if not serves_any_app:
        refuse_old_app(actor.apps)
    actor.require(needed)
    if current_app.config["SECOND_FACTOR_REQUIRED"] and not without_second_factor:
        actor.require_second_factor()
    if recent_sign_in:
        actor.require_recent_sign_in(g.now)
    extends_shift = is_tap and last_use.extends_shift(g.now)
    if extends_shift or last_use.is_old(g.now, is_tap=is_tap):
        _record_last_seen(database, actor, is_tap=is_tap, extends_shift=extends_shift)
    return actor


def find_signed_in() -> Actor | None:
    """Return whose token came with this request, for an address that asks for none; None without a valid one."""
    if g.actor is not None:
        return g.actor
    try:
        token = _token()
    except HttpProblem:
        return None
    database: Database = current_app.extensions["database"]
    with database.reading(token.organization_id) as session:
        match = find_actor(session, token, g.now)
    return match[0] if match else None


def _record_last_seen(database: Database, actor: Actor, *, is_tap: bool, extends_shift: bool) -> None:
    """Record when the actor was last seen; a failure is logged only, so that reading works when the disk is full."""
    try:
        with database.writing(actor.organization_id) as session:
            record_last_seen(session, actor, g.now, is_tap=is_tap, extends_shift=extends_shift)
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
