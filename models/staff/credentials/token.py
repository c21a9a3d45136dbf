"""Tokens: opaque bearer tokens and one-time codes, of which only the digest is stored."""

import hashlib
import secrets
from dataclasses import dataclass
from typing import Final, Literal
from uuid import UUID

Kind = Literal["s", "k", "d", "i", "e"]
SECRET_BYTES: Final[dict[Kind, int]] = {
    "s": 32,  # the sign-in of a person
    "k": 32,  # an API key
    "d": 32,  # a shared phone by itself
    "i": 16,  # the code of an invitation, which is used once
    "e": 16,  # the code of an enrolment, which is used once
}


@dataclass(frozen=True)
class Token:
    """Secret of somebody or something: `amd_<kind>_<organization>_<secret>`, such as `amd_s_...` of a person.

    It contains its organization, so that the tenant is known before anything is looked up.
    """

    kind: Kind
    organization_id: UUID
    text: str

    @classmethod
    def new(cls, kind: Kind, organization_id: UUID) -> "Token":
        secret = secrets.token_urlsafe(SECRET_BYTES[kind])
        return cls(kind, organization_id, f"amd_{kind}_{organization_id.hex}_{secret}")

    @classmethod
    def parse(cls, text: str) -> "Token | None":
        """Return the token in this text, or None when the text has another format."""
        match text.split("_", 3):
            case ["amd", ("s" | "k" | "d" | "i" | "e") as kind, organization, secret] if secret:
                if len(organization) != 32:
                    return None
                try:
                    return cls(kind, UUID(hex=organization), text)
                except ValueError:
                    return None
        return None

    @property
    def digest(self) -> bytes:
        """SHA-256 of the token. The secret has at least 128 random bits, so a slow hash would add nothing."""
        return hashlib.sha256(self.text.encode()).digest()
