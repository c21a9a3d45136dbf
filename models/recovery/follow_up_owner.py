"""Who is asked to keep promises: looked up once, however many concerns they are about."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session

from models.access import Actor, Permission
from models.concerns.concern import Concern
from models.concerns.handover import works_there
from models.errors import Invalid
from models.organizations.store import Store
from models.staff.shift import Shift
from models.staff.staff import Staff


@dataclass(frozen=True)
class FollowUpOwner:
    """Whoever asks; or the colleague they named, with the shift that one is on. `pointer` is where they were named."""

    staff_id: UUID
    pointer: str
    colleague: Staff | None = None
    shift: Shift | None = None

    @classmethod
    def resolve(cls, session: Session, staff_id: UUID | None, *, by: Actor, pointer: str) -> "FollowUpOwner":
        """Whoever asks, unless somebody else is named.

        Missing for a person out of reach, Invalid for one who may not act.
        """
        if staff_id is None or staff_id == by.staff_id:
            if by.staff_id is None:
                raise Invalid("A key keeps no promise: say who does.", pointer=pointer)
            return cls(by.staff_id, pointer)
        colleague = Staff.get_visible(session, staff_id, actor=by, pointer=pointer)
        if Permission.RECOVERY_ACT not in colleague.permissions:
            raise Invalid(f"{colleague.name} is not somebody who may act.", pointer=pointer)
        return cls(staff_id, pointer, colleague, Shift.current(session, staff_id))

    def within_reach(self) -> Sequence[ColumnElement[bool]]:
        """Criteria that keep the concerns about which they may promise something."""
        if self.colleague is None:
            return ()
        stores = {*self.colleague.store_ids, *([self.shift.store_id] if self.shift else [])}
        of_region = Concern.store.has(Store.region_id.in_(self.colleague.region_ids))
        works_there = Concern.store_id.in_(stores) | of_region
        if Permission.CONCERN_SENSITIVE in self.colleague.permissions:
            return (works_there,)
        return works_there, Concern.sensitive.is_(False) | (Concern.reported_by_id == self.staff_id)

    def require_owner_of(self, concern: Concern) -> UUID:
        """Who keeps what is promised about this concern.

        Invalid for a colleague who may not read of it, or does not work there.
        """
        colleague = self.colleague
        if colleague is None:
            return self.staff_id
        reads = not concern.sensitive or Permission.CONCERN_SENSITIVE in colleague.permissions
        if not reads and colleague.id != concern.reported_by_id:
            raise Invalid(f"{colleague.name} is not somebody who may read of this.", pointer=self.pointer)
        if colleague.left_at is not None or not works_there(concern, colleague, self.shift):
            raise Invalid(f"{colleague.name} does not work in this store.", pointer=self.pointer)
        return self.staff_id
