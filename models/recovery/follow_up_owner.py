"""Owner of follow-ups: the member of staff who keeps what is promised, looked up once for any number of concerns."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session

from models.access import Actor, Permission
from models.concerns.concern import Concern
from models.concerns.handover import is_in_store_of, works_in_store_of
from models.errors import Invalid
from models.staff.shift import Shift
from models.staff.staff import Staff


@dataclass(frozen=True)
class FollowUpOwner:
    """The person who makes the request, or the colleague they named.

    `colleague` and `shift` (the one that colleague is on) are set only for a named colleague. `pointer` is the place
    in the request body where the colleague is named.
    """

    staff_id: UUID
    pointer: str
    colleague: Staff | None = None
    shift: Shift | None = None

    @classmethod
    def resolve(
        cls, session: Session, staff_id: UUID | None, *, by: Actor, pointer: str, at: datetime
    ) -> "FollowUpOwner":
        """Return the named colleague as owner, or `by` where nobody else is named.

        Raises NotFound when `by` may not see the colleague, and Invalid for a colleague without the permission to act
        or who has left, and for an API key that names nobody.
        """
        if staff_id is None or staff_id == by.staff_id:
            if by.staff_id is None:
                raise Invalid("A key keeps no promise: say who does.", pointer=pointer)
            return cls(by.staff_id, pointer)
        colleague = Staff.get_visible(session, staff_id, actor=by, pointer=pointer)
        if Permission.RECOVERY_ACT not in colleague.permissions:
            raise Invalid(f"{colleague.name} is not somebody who may act.", pointer=pointer)
        if colleague.has_left(at):
            raise Invalid(f"{colleague.name} does not work in this store.", pointer=pointer)
        return cls(staff_id, pointer, colleague, Shift.current(session, staff_id, at=at))

    def ownable_concerns(self) -> Sequence[ColumnElement[bool]]:
        """Return criteria that keep the concerns whose follow-ups this person may own.

        `require_owner_of` is the same rule for one concern.
        """
        if self.colleague is None:
            return ()
        readable = Concern.readable_by(self.colleague.permissions, self.staff_id)
        return is_in_store_of(self.colleague, self.shift), *readable

    @classmethod
    def of(cls, session: Session, colleague: Staff, *, at: datetime) -> "FollowUpOwner | None":
        """Return this colleague as owner; None for one who may not act, or works here no more."""
        if Permission.RECOVERY_ACT not in colleague.permissions or colleague.has_left(at):
            return None
        return cls(colleague.id, "", colleague, Shift.current(session, colleague.id, at=at))

    def may_own(self, concern: Concern) -> bool:
        """Return whether this person may own a follow-up on this concern."""
        return self._why_not(concern) is None

    def require_owner_of(self, concern: Concern) -> UUID:
        """Return the id of the owner of a follow-up on this concern.

        Raises Invalid for a colleague who may not read the concern, or does not work in its store.
        """
        if refusal := self._why_not(concern):
            raise Invalid(refusal, pointer=self.pointer)
        return self.staff_id

    def _why_not(self, concern: Concern) -> str | None:
        colleague = self.colleague
        if colleague is None:
            return None
        if not concern.is_readable_by(colleague.permissions, colleague.id):
            return f"{colleague.name} is not somebody who may read of this."
        if not works_in_store_of(concern, colleague, self.shift):
            return f"{colleague.name} does not work in this store."
        return None
