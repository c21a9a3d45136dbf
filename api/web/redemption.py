"""Redemption of one-time codes, over the API and on the public page."""

from typing import NamedTuple

from flask import current_app, g

from api.web.client_address import client_address
from api.web.device_proof import make_device_proof
from api.web.keys import pin_key
from api.web.password_queue import password_queues
from api.web.rate_limits import REDEEM_LIMIT, count_hit
from models.db.session import Database
from models.errors import Expired
from models.operations.people.set_credentials import NewCredentials, redeem_code
from models.organizations.organization import Organization
from models.staff.credentials.invitation import Invitation, code_not_valid
from models.staff.credentials.password import hash_password
from models.staff.credentials.pin import check_pin, hash_pin
from models.staff.credentials.token import Token


class Redeemed(NamedTuple):
    """What somebody signs in with, besides their password or PIN."""

    organization: str
    login: str
    device_proof: str | None  # for a new password


def check_code(code: str) -> tuple[Token, Invitation]:
    """Return a code that is valid now, and its invitation.

    Expired, in the same words, whatever is wrong with the code; HttpProblem 429 after many wrong ones. A valid one is
    not refused: whoever else is at the same address could keep its person out.
    """
    token = Token.parse(code)
    try:
        if token is None or token.kind != "i":
            raise code_not_valid()
        with _database().reading(token.organization_id) as session:
            return token, Invitation.find_valid(session, token, at=g.now)
    except Expired:
        count_hit(REDEEM_LIMIT, "redeem", client_address())
        raise


def redeem(code: str, *, password: str | None = None, pin: str | None = None) -> Redeemed:
    """Set the password, the PIN or both of the person with this code.

    Invalid, with a pointer, for a password or PIN that cannot be one; then the code stays valid. Otherwise as in
    `check_code`. Of two at once with the same code, one succeeds.
    """
    token, invitation = check_code(code)
    with _database().reading(token.organization_id) as session:
        organization = Organization.get(session, token.organization_id)
    # argon2 is slow on purpose: no transaction is open meanwhile.
    with password_queues().known_phones.turn(str(invitation.staff_id)):
        new = NewCredentials(
            pin_digest=None if pin is None else hash_pin(check_pin(pin), key=pin_key(), staff_id=invitation.staff_id),
            password_hash=hash_password(password, min_length=organization.password_min_length) if password else None,
        )
    with _database().writing(token.organization_id) as session:
        staff = redeem_code(session, token, new, at=g.now)
        proof = make_device_proof(organization.slug, staff, invitation.id) if password else None
        return Redeemed(organization.slug, staff.login, proof)


def _database() -> Database:
    database: Database = current_app.extensions["database"]
    return database
