"""Own password and PIN: changed with the present one."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import current_app, g

from api.schemas.own_credentials import PutPasswordSchema, PutPinSchema
from api.web.keys import pin_key
from api.web.password_queue import password_queues
from api.web.rate_limits import FAILED_OWN_SECRET_LIMIT, PASSWORD_CHECKS_LIMIT, SecretTry, count_hit
from api.web.resource import Resource
from api.web.shared_blueprints import me as blp
from models.access import Permission
from models.db.session import Database
from models.errors import Conflict, Invalid
from models.operations.people.set_credentials import NewCredentials, change_own
from models.organizations.organization import Organization
from models.staff.credentials.password import hash_password, matching_spelling
from models.staff.credentials.pin import check_pin, hash_pin, pin_matches
from models.staff.staff import Staff


@blp.route("/me/password")
class MyPassword(Resource):
    permissions = {"PUT": Permission.ME_USE}
    without_transaction = frozenset({"PUT"})

    @blp.arguments(PutPasswordSchema)
    @blp.response(204)
    @blp.refuses(429)
    def put(self, data: dict[str, Any]) -> None:
        """Change one's own password

        All other sign-ins of the person end, and their other phones ring no more until they sign in there again. A
        wrong present password is 422; after five within a minute, or ten tries whether right or wrong, 429. Who has no
        password redeems a code.
        """
        staff, min_length = _read_own()
        with _turn(staff):
            _require_password(staff, data["current_password"])
            new_hash = hash_password(data["new_password"], min_length=min_length, pointer="/new_password")
        _change(staff, NewCredentials(password_hash=new_hash))


@blp.route("/me/pin")
class MyPin(Resource):
    permissions = {"PUT": Permission.ME_USE}
    without_transaction = frozenset({"PUT"})

    @blp.arguments(PutPinSchema)
    @blp.response(204)
    @blp.refuses(429)
    def put(self, data: dict[str, Any]) -> None:
        """Set or change one's own PIN for shared phones

        With the present password; somebody who has none sends the present PIN. All other sign-ins of the person end. A
        PIN that people try first, such as 123456, is refused.
        """
        staff, _ = _read_own()
        pin_digest = hash_pin(check_pin(data["pin"]), key=pin_key(), staff_id=staff.id)
        if staff.has_password:
            with _turn(staff):
                _require_password(staff, data.get("current_password"))
        else:
            _require_pin(staff, data.get("current_pin"))
        _change(staff, NewCredentials(pin_digest=pin_digest))


def _read_own() -> tuple[Staff, int]:
    """Return the signed-in person and the least length of a password."""
    with _database().reading(g.actor.organization_id) as session:
        organization = Organization.get(session, g.actor.organization_id)
        return Staff.get_visible(session, g.actor.person, actor=g.actor), organization.password_min_length


@contextmanager
def _turn(staff: Staff) -> Iterator[None]:
    """Wait for one's turn to have the own password checked. HttpProblem 429 for too many in the queue, or checks."""
    count_hit(PASSWORD_CHECKS_LIMIT, "own-password", str(staff.id))
    with password_queues().known_phones.turn(str(staff.id)):
        yield


def _require_password(staff: Staff, password: str | None) -> None:
    """Raise Invalid unless this is the person's password, and count the try. argon2 is slow: no transaction is open."""
    with SecretTry((FAILED_OWN_SECRET_LIMIT, ("own-secret", str(staff.id)))) as attempt:
        if password is None or not _matches(staff, password):
            attempt.wrong()
            raise Invalid("This is not your present password.", pointer="/current_password")


def _matches(staff: Staff, password: str) -> bool:
    verify = password_queues().known_phones.verify
    return matching_spelling(staff.password_hash, password, verify=verify) is not None


def _require_pin(staff: Staff, pin: str | None) -> None:
    with SecretTry((FAILED_OWN_SECRET_LIMIT, ("own-secret", str(staff.id)))) as attempt:
        if pin is None or not pin_matches(staff.pin_digest, pin, key=pin_key(), staff_id=staff.id):
            attempt.wrong()
            raise Invalid("This is not your present PIN.", pointer="/current_pin")


def _change(before: Staff, new: NewCredentials) -> None:
    """Set the new password or PIN, unless what was proved with has changed meanwhile."""
    with _database().writing(g.actor.organization_id) as session:
        staff = Staff.get_visible(session, before.id, actor=g.actor, lock=True)
        if (staff.password_hash, staff.pin_digest) != (before.password_hash, before.pin_digest):
            raise Conflict("Your password or PIN was changed at the same moment: try again.")
        change_own(session, staff, new, by=g.actor, at=g.now)


def _database() -> Database:
    database: Database = current_app.extensions["database"]
    return database
