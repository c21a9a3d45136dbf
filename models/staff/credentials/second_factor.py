"""Second factors: time-based one-time codes (TOTP, RFC 6238) and recovery codes."""

import hmac
import secrets
from base64 import b32decode, b32encode
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from sqlalchemy import BigInteger, LargeBinary, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.access import Actor
from models.db.base import TenantOwned, many_to_one, tenant_fk
from models.db.secret import HasSecret
from models.errors import Invalid, InvalidState, NotFound
from models.policy_defaults import RECOVERY_CODES
from models.staff.credentials.staff_session import SignInMethod, StaffSession
from models.staff.staff import Staff

ISSUER = "Amends"
SECRET_BYTES = 20  # as RFC 4226 recommends
# What authenticator apps expect, whatever the address of the secret says.
DIGITS, STEP_SECONDS = 6, 30
WINDOW_STEPS = 1  # either way: clocks differ, and people type slowly
NONCE_BYTES = 12
RECOVERY_CODE_BYTES = 10


class SecondFactor(HasSecret, TenantOwned):
    """Authenticator app of a person. It counts once a code of it was confirmed; then `Staff.second_factor_at` is set.

    The shared secret is encrypted with a key that is not in the database. `key` is that key; it comes from
    `derive_key`. Under another one no code of the app is accepted, but recovery codes are.
    """

    __tablename__ = "second_factor"
    noun = "second factor"
    __table_args__ = (UniqueConstraint("organization_id", "staff_id"),)

    staff_id: Mapped[UUID] = tenant_fk("staff")
    encrypted_secret: Mapped[bytes] = mapped_column(LargeBinary(200))
    created_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    last_time_step: Mapped[int | None] = mapped_column(BigInteger)  # of the last code, which is accepted only once
    recovery_digests: Mapped[list[Any]]  # hexadecimal SHA-256 of the recovery codes that were not used yet

    staff: Mapped[Staff] = many_to_one("SecondFactor", "staff_id", "Staff")

    @classmethod
    def begin(cls, session: Session, *, staff: Staff, key: bytes, at: datetime) -> "SecondFactor":
        """Make a new secret for a person, to be confirmed with a code. It replaces one that was not confirmed.

        InvalidState for a person who has a second factor: it has to be removed first.
        """
        Staff.lock_staff(session, staff.id)
        factor = cls.of(session, staff.id)
        if factor is None:
            factor = cls(staff_id=staff.id)
            session.add(factor)
        elif factor.confirmed_at is not None:
            raise InvalidState("You have a second factor: remove it before you set up another one.")
        secret = secrets.token_bytes(SECRET_BYTES)
        factor.created_at, factor.last_time_step, factor.recovery_digests = at, None, []
        factor.encrypted_secret = _encrypt(secret, key=key, staff_id=staff.id)
        factor.staff = staff
        factor.show_secret(b32encode(secret).decode())
        return factor

    @property
    def uri(self) -> str | None:
        """The secret as authenticator apps read it from a QR code, if this very object was given it."""
        if self.secret is None:
            return None
        return _totp(b32decode(self.secret)).get_provisioning_uri(self.staff.login, ISSUER)

    def confirm(self, session: Session, code: str, *, by: Actor, key: bytes, at: datetime) -> None:
        """Let this second factor count from now on, and show its recovery codes.

        The person's other sign-ins with a password end: nobody proved this second factor for them.

        Invalid for a wrong code, InvalidState when it was confirmed before.
        """
        if self.confirmed_at is not None:
            raise InvalidState("This second factor is confirmed already.")
        if not self._accepts_time_code(code, key=key, at=at):
            raise Invalid("This is not the code that the app shows now.", pointer="/code")
        self.confirmed_at = self.staff.second_factor_at = at
        self.staff.bump_version()
        codes = [_new_recovery_code() for _ in range(RECOVERY_CODES)]
        self.recovery_digests = [_recovery_digest(each) for each in codes]
        self.__dict__["_recovery_codes"] = codes
        others = (StaffSession.staff_id == self.staff_id, StaffSession.id != by.session_id)
        StaffSession.end(session, *others, StaffSession.method == SignInMethod.PASSWORD, at=at)

    @property
    def recovery_codes(self) -> list[str] | None:
        """The recovery codes, if this very object was confirmed; None on an object that was loaded."""
        codes: list[str] | None = self.__dict__.get("_recovery_codes")
        return codes

    def accepts(self, code: str, *, key: bytes, at: datetime) -> bool:
        """Return whether a code of the app, or a recovery code, is right, and use it up.

        The row is locked (`of`), so that of two sign-ins with one code one wins.
        """
        if self.confirmed_at is None:
            return False
        return self._accepts_time_code(code, key=key, at=at) or self._accepts_recovery_code(code)

    @classmethod
    def remove(cls, session: Session, *, staff: Staff) -> None:
        """Remove the second factor of a person: a sign-in needs no code any more. NotFound when there is none."""
        factor = cls.of(session, staff.id, lock=True)
        if factor is None:
            raise NotFound("There is no second factor.")
        session.delete(factor)
        staff.second_factor_at = None
        staff.bump_version()

    @classmethod
    def of(cls, session: Session, staff_id: UUID, *, lock: bool = False) -> "SecondFactor | None":
        """Return the second factor of a person, confirmed or not; None when there is none."""
        stmt = select(cls).where(cls.staff_id == staff_id)
        if lock:
            stmt = stmt.with_for_update().execution_options(populate_existing=True)
        return session.scalars(stmt).one_or_none()

    def _accepts_time_code(self, code: str, *, key: bytes, at: datetime) -> bool:
        secret = _decrypt(self.encrypted_secret, key=key, staff_id=self.staff_id)
        if secret is None or len(code) != DIGITS:
            return False
        totp, now = _totp(secret), int(at.timestamp()) // STEP_SECONDS
        for step in range(now - WINDOW_STEPS, now + WINDOW_STEPS + 1):
            is_new = self.last_time_step is None or step > self.last_time_step
            if is_new and hmac.compare_digest(totp.generate(step * STEP_SECONDS), code.encode()):
                self.last_time_step = step
                return True
        return False

    def _accepts_recovery_code(self, code: str) -> bool:
        digest = _recovery_digest(code)
        if digest not in self.recovery_digests:
            return False
        self.recovery_digests = [other for other in self.recovery_digests if other != digest]
        return True


def _totp(secret: bytes) -> TOTP:
    return TOTP(secret, DIGITS, SHA1(), STEP_SECONDS)  # noqa: S303 the only hash that every authenticator app knows


def _new_recovery_code() -> str:
    """Return a code of 80 random bits, in groups that can be read from paper: abcd-efgh-ijkl-mnop."""
    text = b32encode(secrets.token_bytes(RECOVERY_CODE_BYTES)).decode().lower()
    return "-".join(text[start : start + 4] for start in range(0, len(text), 4))


def _recovery_digest(code: str) -> str:
    """Return the digest of a recovery code, however it was typed. Its 80 random bits need no slow hash."""
    return sha256("".join(filter(str.isalnum, code)).lower().encode()).hexdigest()


def _encrypt(secret: bytes, *, key: bytes, staff_id: UUID) -> bytes:
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, secret, staff_id.bytes)


def _decrypt(encrypted: bytes, *, key: bytes, staff_id: UUID) -> bytes | None:
    """Return the secret, or None when it was encrypted with another key."""
    try:
        return AESGCM(key).decrypt(encrypted[:NONCE_BYTES], encrypted[NONCE_BYTES:], staff_id.bytes)
    except InvalidTag:
        return None
