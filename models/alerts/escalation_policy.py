"""Escalation policies: whom an alert calls after how long, and when a forgotten one is released again."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, TypedDict
from uuid import UUID

from sqlalchemy import JSON, ColumnElement, Index, Select, String, UniqueConstraint, or_, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.access import Actor, Permission, roles_with
from models.concerns.enums import Severity
from models.db.base import Aggregate, tenant_fk
from models.db.slug import check_slug
from models.errors import Conflict, Invalid
from models.organizations.store import Store
from models.policy_defaults import (
    LEAD_AFTER,
    MANAGERS_AFTER,
    REACH_WITHIN,
    REGIONAL_AFTER,
    RELEASE_AFTER,
    REMIND_TAKER_AFTER,
    UNANSWERED_AFTER,
)
from models.staff.staff import Staff


class RecipientGroup(StrEnum):
    """A group of recipients, resolved to people at the moment a step begins."""

    ON_SHIFT = "on_shift"
    LEAD = "lead"
    MANAGERS = "managers"
    REGIONAL = "regional"


class PolicyStep(TypedDict):
    """One step of an escalation. `after_seconds` counts from the start of its round."""

    after_seconds: int
    whom: list[str]
    staff_ids: list[str]
    severities: list[str]


class PolicySnapshot(TypedDict):
    """Snapshot of a policy in an alert, all times in seconds. A round lasts `unanswered_after_seconds / rounds`."""

    steps: list[PolicyStep]
    rounds: int
    unanswered_after_seconds: int
    reach_within_seconds: int
    remind_after_seconds: int
    release_after_seconds: int


def policy_step(
    after_seconds: int, *whom: RecipientGroup, only: Severity | None = None, staff_ids: Sequence[UUID] = ()
) -> PolicyStep:
    return {
        "after_seconds": after_seconds,
        "whom": [str(group) for group in whom],
        "staff_ids": [str(id_) for id_ in staff_ids],
        "severities": [only] if only else [str(severity) for severity in Severity],
    }


def _seconds(span: timedelta) -> int:
    return int(span.total_seconds())


# The policy of a new organization, and the fallback where there is none.
DEFAULT_POLICY: PolicySnapshot = {
    "steps": [
        policy_step(0, RecipientGroup.ON_SHIFT),
        policy_step(_seconds(LEAD_AFTER), RecipientGroup.LEAD),
        policy_step(_seconds(MANAGERS_AFTER), RecipientGroup.MANAGERS),
        policy_step(_seconds(REGIONAL_AFTER), RecipientGroup.REGIONAL, only=Severity.SEVERE),
    ],
    "rounds": 1,
    "unanswered_after_seconds": _seconds(UNANSWERED_AFTER),
    "reach_within_seconds": _seconds(REACH_WITHIN),
    "remind_after_seconds": _seconds(REMIND_TAKER_AFTER),
    "release_after_seconds": _seconds(RELEASE_AFTER),
}


def with_managers_at_once(policy: PolicySnapshot) -> PolicySnapshot:
    """Return the policy with the managers among the recipients of the first step."""
    first, *later = policy["steps"]
    whom = [*first["whom"], *({str(RecipientGroup.MANAGERS)} - set(first["whom"]))]
    return {**policy, "steps": [{**first, "whom": whom}, *later]}


class EscalationPolicy(Aggregate):
    """The escalation policy of an organization, or of one store that has its own (`store_id`)."""

    __tablename__ = "escalation_policy"
    __table_args__ = (
        UniqueConstraint("organization_id", "slug"),
        UniqueConstraint("organization_id", "store_id"),
        Index(
            "uq_escalation_policy_of_all",
            "organization_id",
            unique=True,
            postgresql_where=text("store_id IS NULL"),
            sqlite_where=text("store_id IS NULL"),
        ),
    )

    slug: Mapped[str] = mapped_column(String(60))
    name: Mapped[str] = mapped_column(String(200))
    store_id: Mapped[UUID | None] = tenant_fk("store", nullable=True)
    steps: Mapped[list[PolicyStep]] = mapped_column(JSON)
    rounds: Mapped[int] = mapped_column(default=DEFAULT_POLICY["rounds"])
    unanswered_after_seconds: Mapped[int] = mapped_column(default=DEFAULT_POLICY["unanswered_after_seconds"])
    reach_within_seconds: Mapped[int] = mapped_column(default=DEFAULT_POLICY["reach_within_seconds"])
    remind_after_seconds: Mapped[int] = mapped_column(default=DEFAULT_POLICY["remind_after_seconds"])
    release_after_seconds: Mapped[int] = mapped_column(default=DEFAULT_POLICY["release_after_seconds"])

    @classmethod
    def visible_to(cls, actor: Actor) -> Sequence[ColumnElement[bool]]:
        """Return criteria that keep the policy of the organization, and those of the actor's stores."""
        return () if actor.store_ids is None else (or_(cls.store_id.is_(None), cls.store_id.in_(actor.store_ids)),)

    @classmethod
    def select_visible(cls, actor: Actor) -> Select["EscalationPolicy"]:
        return select(cls).where(*cls.visible_to(actor))

    @classmethod
    def create(
        cls, session: Session, *, slug: str, store: Store | None, at: datetime, **values: Any
    ) -> "EscalationPolicy":
        """Create the policy of a store, or of all stores without their own. Conflict when there is one already."""
        policy = cls(slug=check_slug(slug), store_id=store.id if store else None, **{**_defaults(), **values})
        policy._check()
        policy._check_staff(session, at=at)
        existing = select(cls.id).where((cls.slug == slug) | (cls.store_id == (store.id if store else None)))
        if session.scalars(existing).first() is not None:
            raise Conflict("There is a policy with this slug, or for this store, already.", code="already-exists")
        session.add(policy)
        return policy

    def edit(self, session: Session, *, at: datetime, **changes: Any) -> None:
        """Change the policy. Alerts that are open keep the snapshot they began with."""
        for name, value in changes.items():
            setattr(self, name, value)
        self._check()
        if "steps" in changes:  # people who have left since do not block a change of other fields
            self._check_staff(session, at=at)
        self.bump_version()

    def drop(self, session: Session) -> None:
        """Delete the policy of a store, so that the organization's applies. Conflict for the latter itself."""
        if self.store_id is None:
            raise Conflict("This is the policy of every store without its own: change it instead.")
        session.delete(self)

    def snapshot(self) -> PolicySnapshot:
        """Return the policy as an alert keeps it."""
        return {
            "steps": self.steps,
            "rounds": self.rounds,
            "unanswered_after_seconds": self.unanswered_after_seconds,
            "reach_within_seconds": self.reach_within_seconds,
            "remind_after_seconds": self.remind_after_seconds,
            "release_after_seconds": self.release_after_seconds,
        }

    def _check(self) -> None:
        times = [step["after_seconds"] for step in self.steps]
        if times[0] != 0 or times != sorted(set(times)):
            raise Invalid("The first step begins at 0 seconds, and each after the one before it.", pointer="/steps")
        if times[-1] >= self.unanswered_after_seconds / self.rounds:
            raise Invalid("The last step has to begin before its round is over.", pointer="/unanswered_after_seconds")
        if set(self.steps[0]["severities"]) != set(Severity):
            raise Invalid("The first step rings for every severity.", pointer="/steps/0/severities")
        if self.release_after_seconds <= self.remind_after_seconds:
            raise Invalid("Who took it is reminded before it is given back.", pointer="/release_after_seconds")
        for number, step in enumerate(self.steps):
            if not step["whom"] and not step["staff_ids"]:
                raise Invalid("A step reaches somebody: whom, staff_ids or both.", pointer=f"/steps/{number}/whom")

    def _check_staff(self, session: Session, *, at: datetime) -> None:
        """Raise NotFound or Invalid unless all named people work here and may be rung: a step would wait in vain."""
        staff_ids = {
            f"/steps/{number}/staff_ids/{position}": UUID(id_)
            for number, step in enumerate(self.steps)
            for position, id_ in enumerate(step["staff_ids"])
        }
        working = select(Staff.id, Staff.role).where(Staff.id.in_(staff_ids.values()), Staff.works_at(at))
        roles = {staff.id: staff.role for staff in session.execute(working)} if staff_ids else {}
        for pointer, id_ in staff_ids.items():
            if id_ not in roles:
                raise Staff.not_visible_error(id_, pointer=pointer)
            if roles[id_] not in roles_with(Permission.ALERT_HEAR):
                raise Invalid(f"Somebody with the role {roles[id_]} is never rung.", pointer=pointer)


def _defaults() -> dict[str, Any]:
    return {name: value for name, value in DEFAULT_POLICY.items() if name != "steps"}
