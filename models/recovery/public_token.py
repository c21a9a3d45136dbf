"""Public tokens: the part of a public link that names the organization and cannot be guessed."""

import base64
import binascii
import secrets
from uuid import UUID

SECRET_BYTES = 12  # 96 random bits; short enough, with the organization, for a small QR code
TOKEN_LENGTH = 38


def new_token(organization_id: UUID) -> str:
    """Return a new token of 38 URL-safe characters.

    Stored as it is and not as a digest: the link is shown again on request, and opens nothing but a form.
    """
    return base64.urlsafe_b64encode(organization_id.bytes + secrets.token_bytes(SECRET_BYTES)).decode().rstrip("=")


def organization_id_of(token: str) -> UUID | None:
    """Return the organization a token names, without a look-up. None for a malformed token."""
    if len(token) != TOKEN_LENGTH:
        return None
    try:
        decoded = base64.b64decode(token + "==", altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return UUID(bytes=decoded[:16])
