"""Keys for what must not be readable from the database alone: derived from the secret of the installation."""

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_LENGTH = 32  # bytes


def derive_key(secret_key: str, purpose: str) -> bytes:
    """Return the key for one purpose (HKDF-SHA-256, RFC 5869). Another SECRET_KEY gives another key."""
    derivation = HKDF(algorithm=SHA256(), length=KEY_LENGTH, salt=None, info=purpose.encode())
    return derivation.derive(secret_key.encode())
