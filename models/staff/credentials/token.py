"""Tokens: opaque bearer tokens, of which only the digest is stored."""

import hashlib
import secrets
from dataclasses import dataclass
from typing import Literal
from uuid import UUID


@dataclass(frozen=True)
class Token:
    """Bearer token: `amd_s_<organization>_<secret>` for people, `amd_k_<organization>_<secret>` for API keys.

    It contains its organization, so that the tenant is known before anything is looked up.
    """

    kind: Literal["s", "k"]
    organization_id: UUID
    text: str

    @classmethod
    def new(cls, kind: Literal["s", "k"], organization_id: UUID) -> "Token":
        return cls(kind, organization_id, f"amd_{kind}_{organization_id.hex}_{secrets.token_urlsafe(32)}")

    @classmethod
    def parse(cls, text: str) -> "Token | None":
        """Return the token in this text, or None when the text has another format."""
        match text.split("_", 3):
            case ["amd", ("s" | "k") as kind, organization, secret] if len(organization) == 32 and secret:
                try:
                    return cls(kind, UUID(hex=organization), text)
                except ValueError:
                    return None
        return None

    @property
    def digest(self) -> bytes:
        """SHA-256 of the token. The secret has 256 random bits, so a slow hash would add nothing."""
        return hashlib.sha256(self.text.encode()).digest()
