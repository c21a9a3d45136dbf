"""Proof that a phone has signed somebody in before: a random value of that sign-in, signed, for this person only.

It opens nothing. It only gives the phone tries and a place in the queue of its own, which strangers cannot use up.
"""

from secrets import token_urlsafe

from flask import current_app, g
from itsdangerous import BadSignature, URLSafeSerializer

from models.policy_defaults import DEVICE_PROOF_TTL


def make_device_proof(organization: str, login: str) -> str:
    """Return a new proof, which the phone keeps instead of its former one."""
    expires_at = int((g.now + DEVICE_PROOF_TTL).timestamp())
    return str(_serializer().dumps([token_urlsafe(16), expires_at, organization, login]))


def proven_phone(proof: str | None, organization: str, login: str) -> str | None:
    """Return the random value of a proof of this person, or None for any other, as if there were none."""
    if proof is None:
        return None
    try:
        value, expires_at, *person = _serializer().loads(proof)
    except (BadSignature, ValueError, TypeError):
        return None
    return str(value) if person == [organization, login] and expires_at > g.now.timestamp() else None


def _serializer() -> URLSafeSerializer:
    return URLSafeSerializer(current_app.config["SECRET_KEY"], salt="device proof")
