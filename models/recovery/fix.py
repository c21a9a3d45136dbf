"""Fixes: a cause that was put right, and who is to hear of it because they had said so ('you said, we did')."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Index, Select, Text, and_, case, or_, select, true, tuple_
from sqlalchemy.orm import Mapped, Session, aliased, contains_eager, joinedload, mapped_column
from sqlalchemy.sql.base import ExecutableOption

from models.access import Actor
from models.concerns.concern import Concern
from models.concerns.enums import Kind
from models.concerns.event import ConcernEvent
from models.concerns.references import resolve_slugs
from models.customers.customer import Customer
from models.db.base import Aggregate, many_to_one, tenant_fk
from models.errors import Invalid
from models.organizations.store import Store
from models.organizations.vocabulary import Cause
from models.policy_defaults import MAX_THANK_YOUS_PER_REQUEST
from models.recovery.follow_up import FollowUp, FollowUpKind, FollowUpStatus
from models.recovery.follow_up_owner import FollowUpOwner
from models.staff.staff import Staff


@dataclass(frozen=True)
class ThankYou:
    """The thank-you a customer was promised; without its id where it was promised out of one's reach."""

    id: UUID | None
    status: FollowUpStatus


@dataclass(frozen=True)
class RaisedBy:
    """A customer who raised it and may be contacted, with their newest concern of that cause."""

    customer: Customer
    concern: Concern
    thank_you: ThankYou | None


class Fix(Aggregate):
    """A cause that is fixed, in one store or (without one) everywhere; `what` was done is told to the customers.

    Who raised it is whoever has a concern of that cause, received before it was fixed, that the asker may see. A
    customer has one thank-you for a fix, whoever made it; cancelled, it was not wanted and is not made again.
    """

    __tablename__ = "fix"
    __table_args__ = (Index("ix_fix_newest", "organization_id", "fixed_at", "id"),)

    cause_id: Mapped[UUID] = tenant_fk("cause")
    store_id: Mapped[UUID | None] = tenant_fk("store", nullable=True)
    what: Mapped[str] = mapped_column(Text)
    fixed_at: Mapped[datetime]
    told_by_id: Mapped[UUID] = tenant_fk("staff")

    cause: Mapped[Cause] = many_to_one("Fix", "cause_id", "Cause")
    told_by: Mapped[Staff] = many_to_one("Fix", "told_by_id", "Staff")

    @classmethod
    def visible_to(cls, actor: Actor) -> Sequence[ColumnElement[bool]]:
        """Those of the actor's stores, and those of all stores."""
        return () if actor.store_ids is None else (or_(cls.store_id.is_(None), cls.store_id.in_(actor.store_ids)),)

    @classmethod
    def eager_options(cls) -> Sequence[ExecutableOption]:
        return (joinedload(cls.cause).joinedload(Cause.category), joinedload(cls.told_by))

    @classmethod
    def select_visible(cls, actor: Actor, *, cause: str | None = None, **equal: Any) -> Select["Fix"]:
        """The fixes within reach whose columns have these values, those of a cause by its slug."""
        criteria = [*cls.visible_to(actor), *(getattr(cls, name) == value for name, value in equal.items())]
        if cause is not None:
            criteria.append(cls.cause.has(slug=cause))
        return select(cls).where(*criteria).options(*cls.eager_options())

    @classmethod
    def record(
        cls,
        session: Session,
        *,
        category: str,
        cause: str,
        by: Actor,
        at: datetime,
        store_id: UUID | None = None,
        fixed_at: datetime | None = None,
        **said: Any,
    ) -> "Fix":
        """Say that a cause is fixed; `said` is what and id.

        Missing for a store or words that are not there. Invalid for a time that lies ahead, and without a store by
        somebody who does not look after all of them.
        """
        if store_id is not None:
            Store.get_visible(session, store_id, actor=by, pointer="/store_id")
        elif by.store_ids is not None:
            raise Invalid(
                "Say in which store: only who looks after all of them fixes it everywhere.", pointer="/store_id"
            )
        if fixed_at is not None and fixed_at > at:
            raise Invalid("What will be fixed is not fixed yet.", pointer="/fixed_at")
        found = resolve_slugs(session, {"category": category, "cause": cause}, store_id=None)
        fix = cls(
            **said,
            cause=found["cause"],
            store_id=store_id,
            fixed_at=fixed_at or at,
            told_by_id=by.person,
        )
        session.add(fix)
        return fix

    def about(self, concern: Any, *, actor: Actor) -> Sequence[ColumnElement[bool]]:
        """That a concern (or an alias of it) has this cause, where it was fixed, within this actor's sight."""
        here = [] if self.store_id is None else [concern.store_id == self.store_id]
        return concern.cause_id == self.cause_id, concern.kind != Kind.PRAISE, *here, *concern.visible_to(actor)

    def raised(self, concern: Any) -> ColumnElement[bool]:
        """That a concern about it was told before it was fixed."""
        told_before: ColumnElement[bool] = concern.received_at < self.fixed_at
        return told_before

    @staticmethod
    def contactable() -> ColumnElement[bool]:
        """That a customer agreed to be contacted."""
        return and_(Customer.may_contact.is_(True), Customer.merged_into_id.is_(None))

    def thanked(self, *criteria: ColumnElement[bool]) -> ColumnElement[bool]:
        """That the customer of a concern has a thank-you of this fix that fits, also one made out of reach."""
        theirs = aliased(Concern)
        those = select(theirs.customer_id).join(FollowUp, FollowUp.concern_id == theirs.id)
        return Concern.customer_id.in_(
            those.where(FollowUp.fix_id == self.id, theirs.customer_id.is_not(None), *criteria)
        )

    def raised_by(self, *, actor: Actor) -> Select[Concern]:
        """Of each customer who raised it and may be contacted the newest concern of this cause."""
        newer = aliased(Concern)
        is_newer = tuple_(newer.received_at, newer.id) > tuple_(Concern.received_at, Concern.id)
        theirs = (newer.customer_id == Concern.customer_id, self.raised(newer), *self.about(newer, actor=actor))
        return (
            select(Concern)
            .join(Concern.customer)
            .where(self.raised(Concern), *self.about(Concern, actor=actor), self.contactable())
            .where(~select(newer.id).where(*theirs, is_newer).exists())
            .options(contains_eager(Concern.customer))
        )

    def with_thanks(self, session: Session, concerns: Iterable[Concern], *, actor: Actor) -> list[RaisedBy]:
        """The customers of these concerns, each with the thank-you there is; of several the one that was kept."""
        raised = {concern.customer_id: concern for concern in concerns}
        within_reach = case((and_(true(), *FollowUp.visible_to(actor)), FollowUp.id))
        stmt = (
            select(Concern.customer_id, within_reach.label("id"), FollowUp.status)
            .join(FollowUp.concern)
            .where(FollowUp.fix_id == self.id, Concern.customer_id.in_(raised))
            .order_by(FollowUp.status == FollowUpStatus.KEPT, FollowUp.promised_at, FollowUp.id)
        )
        made = {row.customer_id: ThankYou(row.id, row.status) for row in session.execute(stmt)}
        return [
            RaisedBy(concern.customer, concern, made.get(customer_id))
            for customer_id, concern in raised.items()
            if concern.customer is not None
        ]

    def thank(
        self,
        session: Session,
        *,
        by: Actor,
        at: datetime,
        due_at: datetime,
        owner_id: UUID | None = None,
        kind: FollowUpKind = FollowUpKind.MESSAGE,
        what: str | None = None,
    ) -> list[tuple[FollowUp, ConcernEvent]]:
        """Promise a thank-you to whoever raised it and has none yet, at most 200 at a time; the newest come first.

        The fix is held. The concerns are held in the order of their ids, as for a merge of their customers, and looked
        at again: whoever waited for a merge may find that the one who is left was thanked. What a colleague may not
        read, or is of a store they do not work in, stays to be done. Refusals as for a promise.
        """
        keeper = FollowUpOwner.resolve(session, owner_id, by=by, pointer="/owner_id")
        waiting = self.raised_by(actor=by).where(~self.thanked(), *keeper.ownable_concerns())
        newest = waiting.order_by(Concern.received_at.desc(), Concern.id.desc()).limit(MAX_THANK_YOUS_PER_REQUEST)
        next_ones = select(newest.with_only_columns(Concern.id).subquery().c.id)
        held = session.scalars(
            select(Concern.id).where(Concern.id.in_(next_ones)).order_by(Concern.id).with_for_update(key_share=True)
        ).all()
        concerns = session.scalars(waiting.where(Concern.id.in_(held)).options(joinedload(Concern.store)))
        said = {"what": what or self.what, "kind": kind, "fix_id": self.id}
        return [
            FollowUp.create_for_owner(session, concern, keeper, by=by, at=at, due_at=due_at, **said)
            for concern in concerns.unique()
        ]
