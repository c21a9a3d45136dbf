"""Approver at a phone: whoever gives their PIN on an enrolled phone while somebody else is signed in there."""

from uuid import UUID

from flask import current_app, g

from api.web.keys import pin_key
from api.web.problems import HttpProblem
from api.web.rate_limits import FAILED_PIN_LIMIT, SecretTry
from models.access import Actor
from models.db.session import Database
from models.errors import Invalid
from models.staff.shared_phone_sign_in import PinResult, count_wrong_pin, find_by_pin


def approver_at_phone(staff_id: UUID, pin: str) -> Actor:
    """Return who gave their PIN, as an actor at the phone of this request.

    Raises Invalid where the request comes from no enrolled phone, and HttpProblem for a wrong PIN, which counts as on a
    sign-in: 429 after too many for the person, 401 where the phone wants the password of a manager first.
    """
    phone_id = g.actor.shared_phone_id
    if phone_id is None:
        raise Invalid("A PIN is taken on an enrolled phone only.", pointer="/approver")
    with SecretTry((FAILED_PIN_LIMIT, ("pin", g.actor.organization_id.hex, staff_id.hex))) as attempt:
        result, approver = find_by_pin(g.session, phone_id, staff_id=staff_id, pin=pin, key=pin_key(), at=g.now)
        if approver is None and result is not PinResult.NEEDS_MANAGER:
            attempt.wrong()
    if approver is not None:
        return approver
    if result is PinResult.NEEDS_MANAGER:
        detail = "Too many wrong PINs here: a manager has to sign in on this phone with their password."
        raise HttpProblem(401, detail, code="manager-password-required")
    # The transaction of the request ends here, and the wrong PIN is counted all the same.
    g.session.rollback()
    database: Database = current_app.extensions["database"]
    with database.writing(g.actor.organization_id) as session:
        count_wrong_pin(session, phone_id, at=g.now)
    raise HttpProblem(403, "This is not the PIN of somebody who may use this phone.", code="wrong-pin")
