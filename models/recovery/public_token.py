"""What stands in a public address: it names the organization, and cannot be guessed."""

import base64
import binascii
import secrets
from uuid import UUID

SECRET_BYTES = 12  # 96 random bits; together with the organization few enough for a small QR code
TOKEN_LENGTH = 38


def new_token(organization_id: UUID) -> str:
    """A token of 38 letters, safe in an address.

    Kept as it is and not as a digest: its link is shown again as often as somebody asks for it, and opens nothing but a
    form to write into.
    """
    return base64.urlsafe_b64encode(organization_id.bytes + secrets.token_bytes(SECRET_BYTES)).decode().rstrip("=")


def organization_id_of(token: str) -> UUID | None:
    """Whose token this is, before anything is looked up; None for what cannot be one of ours."""
    if len(token) != TOKEN_LENGTH:
        return None
    try:
        decoded = base64.b64decode(token + "==", altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return UUID(bytes=decoded[:16])
