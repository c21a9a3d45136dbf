"""Fixes: causes that were put right, and the customers who raised them and get a thank-you ("you said, we did")."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Index, Select, Text, and_, case, or_, select, true, tuple_
from sqlalchemy.orm import Mapped, Session, aliased, contains_eager, joinedload, mapped_column
from sqlalchemy.sql.base import ExecutableOption

from models.access import Actor
from models.concerns.concern import Concern
from models.concerns.counted import counts_as_concern
from models.concerns.event import ConcernEvent
from models.concerns.references import resolve_slugs
from models.customers.customer import Customer
from models.db.base import Aggregate, many_to_one, tenant_fk
from models.db.bounds import check_bound
from models.errors import Invalid
from models.organizations.store import Store
from models.organizations.vocabulary import Cause
from models.policy_defaults import MAX_FIXES, MAX_THANK_YOUS_PER_REQUEST
from models.recovery.follow_up import FollowUp, FollowUpKind, FollowUpStatus
from models.recovery.follow_up_owner import FollowUpOwner
from models.staff.staff import Staff


@dataclass(frozen=True)
class ThankYou:
    """The thank-you of a customer. `id` is None where the reader may not see the follow-up."""

    id: UUID | None
    status: FollowUpStatus


@dataclass(frozen=True)
class RaisedBy:
    """A customer who raised the cause and may be contacted, with their newest concern about it."""

    customer: Customer
    concern: Concern
    thank_you: ThankYou | None


A_YEAR = timedelta(days=365)


class Fix(Aggregate):
    """A cause that is fixed, in one store or (without `store_id`) in all. `what` was done is told to the customers.

    A customer raised it if they have a concern with that cause, received before the fix, which the reader may see. A
    customer gets one thank-you per fix, whoever makes it. A cancelled thank-you is not made again.
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
        """Return criteria that keep the fixes of the actor's stores, and those of all stores."""
        return () if actor.store_ids is None else (or_(cls.store_id.is_(None), cls.store_id.in_(actor.store_ids)),)

    @classmethod
    def eager_options(cls) -> Sequence[ExecutableOption]:
        return (joinedload(cls.cause).joinedload(Cause.category), joinedload(cls.told_by))

    @classmethod
    def select_visible(cls, actor: Actor, *, cause: str | None = None, **columns: Any) -> Select["Fix"]:
        """Return a statement for the visible fixes with these column values. `cause` is a slug."""
        criteria = [*cls.visible_to(actor), *(getattr(cls, name) == value for name, value in columns.items())]
        if cause is not None:
            criteria.append(cls.cause_id == Cause.id_of_slug(cause))
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
        **fields: Any,
    ) -> "Fix":
        """Record that a cause is fixed. `category` and `cause` are slugs; `fields` are `what` and `id`.

        Raises NotFound for a store, category or cause that does not exist, and Invalid for a time in the future, and
        for a fix of all stores by somebody who does not look after all of them.
        """
        if store_id is not None:
            Store.get_visible(session, store_id, actor=by, pointer="/store_id")
        elif by.store_ids is not None:
            raise Invalid(
                "Say in which store: only who looks after all of them fixes it everywhere.", pointer="/store_id"
            )
        if fixed_at is not None and fixed_at > at:
            raise Invalid("What will be fixed is not fixed yet.", pointer="/fixed_at")
        of_year = select(cls.id).where(cls.fixed_at > at - A_YEAR)
        check_bound(session, of_year, most=MAX_FIXES, of="fixes within a year")
        rows = resolve_slugs(session, {"category": category, "cause": cause}, store_id=None)
        fix = cls(
            **fields,
            cause=rows["cause"],
            store_id=store_id,
            fixed_at=fixed_at or at,
            told_by_id=by.person,
        )
        session.add(fix)
        return fix

    def about(self, concern: Any, *, actor: Actor) -> Sequence[ColumnElement[bool]]:
        """Return criteria for visible concerns with this cause, where it was fixed. `concern`: Concern or an alias."""
        in_store = [] if self.store_id is None else [concern.store_id == self.store_id]
        # What was merged into the cause counts, also where the concerns are not re-filed yet.
        causes = select(Cause.id).where(or_(Cause.id == self.cause_id, Cause.merged_into_id == self.cause_id))
        return concern.cause_id.in_(causes), counts_as_concern(concern), *in_store, *concern.visible_to(actor)

    def raised(self, concern: Any) -> ColumnElement[bool]:
        """Return the criterion for concerns received before the fix. `concern`: Concern or an alias."""
        received_before: ColumnElement[bool] = concern.received_at < self.fixed_at
        return received_before

    @staticmethod
    def contactable() -> ColumnElement[bool]:
        """Return the criterion for customers who agreed to be contacted."""
        return and_(Customer.may_contact.is_(True), Customer.merged_into_id.is_(None))

    def thanked(self, *criteria: ColumnElement[bool]) -> ColumnElement[bool]:
        """Return the criterion for concerns whose customer has a thank-you for this fix, visible or not.

        `criteria` narrow the follow-up.
        """
        thanked = aliased(Concern)
        customers = select(thanked.customer_id).join(FollowUp, FollowUp.concern_id == thanked.id)
        return Concern.customer_id.in_(
            customers.where(FollowUp.fix_id == self.id, thanked.customer_id.is_not(None), *criteria)
        )

    def raised_by(self, *, actor: Actor) -> Select[Concern]:
        """Return a statement for the newest concern about this cause of each customer who may be contacted."""
        newer = aliased(Concern)
        is_newer = tuple_(newer.received_at, newer.id) > tuple_(Concern.received_at, Concern.id)
        of_customer = (newer.customer_id == Concern.customer_id, self.raised(newer), *self.about(newer, actor=actor))
        return (
            select(Concern)
            .join(Concern.customer)
            .where(self.raised(Concern), *self.about(Concern, actor=actor), self.contactable())
            .where(~select(newer.id).where(*of_customer, is_newer).exists())
            .options(contains_eager(Concern.customer))
        )

    def with_thanks(self, session: Session, concerns: Iterable[Concern], *, actor: Actor) -> list[RaisedBy]:
        """Return the customers of these concerns, each with their thank-you. Of several, the kept one counts."""
        raised = {concern.customer_id: concern for concern in concerns}
        visible_id = case((and_(true(), *FollowUp.visible_to(actor)), FollowUp.id))
        stmt = (
            select(Concern.customer_id, visible_id.label("id"), FollowUp.status)
            .join(FollowUp.concern)
            .where(FollowUp.fix_id == self.id, Concern.customer_id.in_(raised))
            .order_by(FollowUp.status == FollowUpStatus.KEPT, FollowUp.promised_at, FollowUp.id)
        )
        thank_yous = {row.customer_id: ThankYou(row.id, row.status) for row in session.execute(stmt)}
        return [
            RaisedBy(concern.customer, concern, thank_yous.get(customer_id))
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
        """Create a thank-you for customers who have none yet, newest concern first, at most 200 per call.

        Call this with the fix locked. The concerns are locked in the order of their ids, like in a merge of customers,
        and read again afterwards: while this waited for a merge, the surviving customer may have been thanked. Concerns
        which the owner may not read, or of stores they do not work in, are left out. Errors as for a follow-up.
        """
        owner = FollowUpOwner.resolve(session, owner_id, by=by, pointer="/owner_id", at=at)
        to_thank = self.raised_by(actor=by).where(~self.thanked(), *owner.ownable_concerns())
        newest = to_thank.order_by(Concern.received_at.desc(), Concern.id.desc()).limit(MAX_THANK_YOUS_PER_REQUEST)
        next_ids = select(newest.with_only_columns(Concern.id).subquery().c.id)
        locked = session.scalars(
            select(Concern.id).where(Concern.id.in_(next_ids)).order_by(Concern.id).with_for_update(key_share=True)
        ).all()
        concerns = session.scalars(to_thank.where(Concern.id.in_(locked)).options(joinedload(Concern.store)))
        fields = {"what": what or self.what, "kind": kind, "fix_id": self.id}
        return [
            FollowUp.create_for_owner(session, concern, owner, by=by, at=at, due_at=due_at, **fields)
            for concern in concerns.unique()
        ]
