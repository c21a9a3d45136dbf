"""Proof that a phone has signed somebody in, or set their password with a code: signed, for this password only.

It opens nothing. It only gives the phone tries and a place in the queue of its own, which strangers cannot use up.
"""

import hmac
from uuid import UUID

from flask import current_app, g
from itsdangerous import BadSignature, URLSafeSerializer

from api.web.keys import device_proof_key
from models.db.session import ALL_TENANTS, Database
from models.organizations.organization import Organization
from models.policy_defaults import DEVICE_PROOF_TTL
from models.staff.staff import Staff


def make_device_proof(organization: str, staff: Staff, given_for: UUID) -> str:
    """Return the proof of a new sign-in or a code, which the phone keeps instead of its former one."""
    password = _digest(staff.password_hash)
    return str(_serializer().dumps([given_for.hex, g.now.timestamp(), password, organization, staff.login]))


def proven_phone(database: Database, proof: str | None, organization: str, login: str) -> str | None:
    """Return the sign-in or code of a proof of this person, or None for any other, as if there were none.

    It is of no use any more when the person has another password, or somebody ended a sign-in of theirs from elsewhere.
    Nothing is read for a proof that is not ours.
    """
    if proof is None:
        return None
    try:
        given_for, made_at, password, *person = _serializer().loads(proof)
    except (BadSignature, ValueError, TypeError):
        return None
    if person != [organization, login] or made_at + DEVICE_PROOF_TTL.total_seconds() <= g.now.timestamp():
        return None
    with database.reading(ALL_TENANTS) as session:
        organization_id = Organization.find_id(session, organization)
    if organization_id is None:
        return None
    with database.reading(organization_id) as session:
        password_hash, known_from = Staff.find_for_proof(session, login, at=g.now)
    is_ended = known_from is not None and made_at <= known_from.timestamp()
    return None if is_ended or not hmac.compare_digest(_digest(password_hash), str(password)) else str(given_for)


def _digest(password_hash: str | None) -> str:
    return hmac.digest(device_proof_key(), (password_hash or "").encode(), "sha256").hex()[:32]


def _serializer() -> URLSafeSerializer:
    return URLSafeSerializer(current_app.config["SECRET_KEY"], salt="device proof")
