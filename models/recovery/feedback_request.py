"""Feedback requests: one link per customer, answered once; a low rating opens the concern again."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Index, Select, SmallInteger, String, Text, UniqueConstraint, select, text, update
from sqlalchemy.orm import Mapped, Session, joinedload, mapped_column

from models.access import Actor
from models.concerns.child import ConcernChild
from models.concerns.concern import Concern
from models.concerns.enums import Kind, Status
from models.concerns.event import ConcernEvent, ConcernStep
from models.customers.customer import Customer
from models.db.base import Aggregate, CountedByDay, many_to_one, tenant_fk
from models.db.session import ScopedSession
from models.errors import Conflict, InvalidState, NotFound
from models.organizations.store import Store
from models.policy_defaults import FEEDBACK_DAYS_BETWEEN, FEEDBACK_LINK_TTL, SUSPECT_ANSWER_WITHIN
from models.recovery.public_token import TOKEN_LENGTH, new_token
from models.staff.staff import Staff


class FeedbackPolicy(Aggregate):
    """The policy of an organization on how often it asks one customer."""

    __tablename__ = "feedback_policy"
    __table_args__ = (UniqueConstraint("organization_id"),)

    days_between: Mapped[int] = mapped_column(SmallInteger, default=FEEDBACK_DAYS_BETWEEN)

    @classmethod
    def current(cls, session: Session) -> "FeedbackPolicy":
        """Return the policy in force, or the default where none was set."""
        return session.scalars(select(cls)).one_or_none() or cls()

    @classmethod
    def set_to(cls, session: ScopedSession, *, days_between: int) -> "FeedbackPolicy":
        """Set how many days pass between two requests to one customer; 0 means no limit."""
        if (new := session.insert_or_ignore(cls, days_between=days_between)) is not None:
            return new
        policy = session.scalars(select(cls).with_for_update()).one()
        policy.days_between = days_between
        policy.bump_version()
        return policy


@dataclass(frozen=True)
class Origin:
    """Where a request came from: the sign-in and the phone, where known, and a digest of address and browser."""

    session_id: UUID | None
    device_id: UUID | None
    fingerprint: str


class FeedbackRequest(CountedByDay, ConcernChild):
    """One link for one customer about one concern, and the answer. It can be answered once, before it expires.

    A `suspect` answer may be by whoever made the link. A low one is heard like any other, but no rating figure counts
    it. The address alone makes no answer suspect: guests and staff share one network. `business_date` is that of the
    concern: whatever is asked later counts for the day on which something went wrong.
    """

    __tablename__ = "feedback_request"
    __table_args__ = (
        UniqueConstraint("organization_id", "token"),
        Index("ix_feedback_request_concern", "organization_id", "concern_id", "asked_at", "id"),
        Index(
            "ix_feedback_request_asked_from",
            "asked_at",
            postgresql_where=text("asked_from IS NOT NULL"),
            sqlite_where=text("asked_from IS NOT NULL"),
        ),
        Index(
            "ix_feedback_request_answer",
            *("organization_id", "answered_at", "id"),
            postgresql_where=text("answered_at IS NOT NULL"),
            sqlite_where=text("answered_at IS NOT NULL"),
        ),
        Index(
            "ix_feedback_request_store_answer",
            *("organization_id", "store_id", "answered_at", "id"),
            postgresql_where=text("answered_at IS NOT NULL"),
            sqlite_where=text("answered_at IS NOT NULL"),
        ),
    )

    token: Mapped[str] = mapped_column(String(TOKEN_LENGTH))
    business_date: Mapped[date]
    asked_at: Mapped[datetime]
    asked_by_id: Mapped[UUID | None] = tenant_fk("staff", nullable=True)
    asked_in_session_id: Mapped[UUID | None]  # sign-ins and phones may be gone before the answer
    asked_on_device_id: Mapped[UUID | None]
    asked_from: Mapped[str | None] = mapped_column(String(64))  # see `forget_origins`
    expires_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]
    rating: Mapped[int | None] = mapped_column(SmallInteger)
    recommend: Mapped[int | None] = mapped_column(SmallInteger)
    words: Mapped[str | None] = mapped_column(Text)
    suspect: Mapped[bool] = mapped_column(default=False)

    asked_by: Mapped[Staff | None] = many_to_one("FeedbackRequest", "asked_by_id", "Staff", lazy="joined")

    @classmethod
    def select_visible(cls, actor: Actor, **columns: Any) -> Select["FeedbackRequest"]:
        """Return a statement for the visible requests with these column values."""
        criteria = [getattr(cls, name) == value for name, value in columns.items()]
        return select(cls).where(*cls.visible_to(actor), *criteria).options(*cls.eager_options())

    @classmethod
    def select_answers(
        cls,
        actor: Actor,
        *,
        from_date: date | None = None,
        to_date: date | None = None,
        max_rating: int | None = None,
        **columns: Any,
    ) -> Select["FeedbackRequest"]:
        """Return a statement for the answers about visible concerns, with these column values and up to a rating.

        The dates are business days of the concerns. See `listed`.
        """
        criteria = [*cls.listed(actor, **columns), cls.answered_at.is_not(None)]
        if from_date is not None:
            criteria.append(cls.business_date >= from_date)
        if to_date is not None:
            criteria.append(cls.business_date <= to_date)
        if max_rating is not None:
            criteria.append(cls.rating <= max_rating)
        return select(cls).where(*criteria)

    @classmethod
    def create(
        cls, session: ScopedSession, concern: Concern, *, id_: UUID, by: Actor, at: datetime, origin: Origin
    ) -> tuple["FeedbackRequest", ConcernEvent]:
        """Create the link for the customer of a resolved concern.

        Raises InvalidState while the concern is not resolved, and for praise. Raises Conflict when this customer was
        asked within the days of FeedbackPolicy; the error names the earlier request if it is about the same concern.
        An unknown customer counts by the concern alone.
        """
        if concern.status is not Status.RESOLVED or concern.kind is Kind.PRAISE:
            raise InvalidState("Ask how it was once it is over.", state=str(concern.status))
        cls._refuse_too_soon(session, concern, at=at)
        request = cls(
            id=id_,
            concern=concern,
            store_id=concern.store_id,
            business_date=concern.business_date,
            token=new_token(concern.organization_id),
            asked_at=at,
            asked_by_id=by.staff_id,
            asked_in_session_id=origin.session_id,
            asked_on_device_id=origin.device_id,
            asked_from=origin.fingerprint,
            expires_at=at + FEEDBACK_LINK_TTL,
        )
        session.add(request)
        details = {"feedback_request_id": str(id_)}
        return request, concern.add_event(ConcernStep.FEEDBACK_ASKED, by=by, at=at, details=details)

    @classmethod
    def _refuse_too_soon(cls, session: ScopedSession, concern: Concern, *, at: datetime) -> None:
        of_customer = cls.concern_id == concern.id
        if concern.customer_id is not None:
            session.execute(Customer.select_for_update(Customer.id == concern.customer_id, for_change=True))
            of_customer = cls.concern_id.in_(select(Concern.id).where(Concern.customer_id == concern.customer_id))
        days = timedelta(days=FeedbackPolicy.current(session).days_between)
        newest = select(cls).where(of_customer, cls.asked_at > at - days).order_by(cls.asked_at.desc()).limit(1)
        if (earlier := session.scalars(newest).one_or_none()) is not None:
            raise Conflict(
                f"This customer was asked already; ask again after {earlier.asked_at + days:%Y-%m-%d %H:%M} UTC.",
                code="asked-already",
                feedback_request_id=earlier.id if earlier.concern_id == concern.id else None,
            )

    @classmethod
    def by_token(cls, session: Session, token: str, *, lock: bool = False) -> "FeedbackRequest":
        """Return the request with this token, with its concern, customer and store. NotFound where there is none.

        `lock` locks the concern first and then the request, in the same order as every other change of a child.
        """
        has_token = cls.token == token
        if lock:
            concern_id = select(cls.concern_id).where(has_token).scalar_subquery()
            session.execute(select(Concern.id).where(Concern.id == concern_id).with_for_update(key_share=True))
            session.execute(select(cls.id).where(has_token).with_for_update(key_share=True))
        rules = (joinedload(Store.alert_rules), joinedload(Store.policies)) if lock else ()
        concern = joinedload(cls.concern).options(
            joinedload(Concern.customer), joinedload(Concern.store).options(*rules)
        )
        request = session.scalars(select(cls).where(has_token).options(concern)).unique().one_or_none()
        if request is None:
            raise NotFound("There is no such link.")
        return request

    @classmethod
    def forget_origins(cls, session: Session, *, at: datetime) -> None:
        """Blank from where links were made as soon as no answer is compared with that any more."""
        is_over = (cls.asked_from.is_not(None), cls.asked_at < at - SUSPECT_ANSWER_WITHIN)
        stmt = update(cls).where(*is_over).values(asked_from=None)
        session.execute(stmt.execution_options(synchronize_session=False))

    def is_open(self, at: datetime) -> bool:
        """Return whether the link may still be answered. There is nothing left to ask about what was voided."""
        return self.answered_at is None and at < self.expires_at and self.concern.status is not Status.VOIDED

    def answer(
        self, *, rating: int, recommend: int | None = None, words: str | None = None, at: datetime, origin: Origin
    ) -> ConcernEvent:
        """Record the answer of the customer, and open the concern again for a low rating.

        `rating` is 1 to 5, `recommend` 0 to 10. Returns the last event, for the caller to announce. InvalidState for a
        second answer and for a link that has expired.
        """
        if not self.is_open(at):
            raise InvalidState("This link was answered, or has expired.")
        customer = Actor.unauthenticated(self.organization_id)
        self.answered_at, self.rating, self.recommend, self.words = at, rating, recommend, words
        self.suspect, self.asked_from = self._is_suspect(origin, at), None
        self.bump_version()
        self.concern.rating, self.concern.rating_suspect = rating, self.suspect
        details = {"feedback_request_id": str(self.id), "rating": rating} | ({"suspect": True} if self.suspect else {})
        event = self.concern.add_event(ConcernStep.FEEDBACK_GIVEN, by=customer, at=at, details=details)
        if self.concern.unhappy_with_outcome and self.concern.status is Status.RESOLVED:
            return self.concern.reopen(by=customer, at=at)
        return event

    def _is_suspect(self, origin: Origin, at: datetime) -> bool:
        """Whether the answer comes from the sign-in or phone that made the link, or at once from the same browser."""
        if origin.session_id is not None and origin.session_id == self.asked_in_session_id:
            return True
        if origin.device_id is not None and origin.device_id == self.asked_on_device_id:
            return True
        return origin.fingerprint == self.asked_from and at - self.asked_at <= SUSPECT_ANSWER_WITHIN
