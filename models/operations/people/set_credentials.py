"""Use cases of setting a password or PIN: with a one-time code, or with the present one. Other sign-ins end."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from models.access import Actor
from models.staff.credentials.invitation import Invitation
from models.staff.credentials.staff_session import StaffSession
from models.staff.credentials.token import Token
from models.staff.staff import Staff


@dataclass(frozen=True)
class NewCredentials:
    """Digests of a new password, a new PIN or both. They are computed outside the transaction, which is slow."""

    password_hash: str | None = None
    pin_digest: bytes | None = None


def redeem_code(session: Session, code: Token, new: NewCredentials, *, at: datetime) -> Staff:
    """Set the password or PIN of the person of a code, and return them. Errors as in `Invitation.find_valid`.

    The code and their other codes are void, and all their sign-ins end: whoever knew the former password is out.
    """
    invitation = Invitation.find_valid(session, code, at=at, lock=True)
    staff = invitation.redeem(session, at=at)
    _set(session, staff, new, at=at)
    return staff


def change_own(session: Session, staff: Staff, new: NewCredentials, *, by: Actor, at: datetime) -> None:
    """Set one's own password or PIN. The sign-in of `by` stays, all others end."""
    _set(session, staff, new, at=at, keep=by)


def _set(session: Session, staff: Staff, new: NewCredentials, *, at: datetime, keep: Actor | None = None) -> None:
    if new.password_hash is not None:
        staff.password_hash = new.password_hash
    if new.pin_digest is not None:
        staff.pin_digest = new.pin_digest
    staff.bump_version()
    others = StaffSession.id.is_distinct_from(keep.session_id if keep else None)
    # Proofs of the password before are of no use. With the same password those of all phones end too.
    ends_proofs = new.password_hash is None
    of_person = StaffSession.staff_id == staff.id
    StaffSession.end(session, of_person, others, reason="new-password", from_elsewhere=ends_proofs, at=at)
