"""A customer's profile: recognised by phone, e-mail or loyalty number, and the stores where they were met."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import phonenumbers
from sqlalchemy import ColumnElement, Index, Select, String, UniqueConstraint, false, func, or_, select, union_all
from sqlalchemy.orm import Mapped, aliased, mapped_column

from models.access import Actor
from models.base import Aggregate, TenantOwned, link
from models.errors import Conflict, Invalid
from models.session import ScopedSession

CONTACTS = ("phone", "email", "loyalty_number")
LONGEST_EMAIL = 254
EDITABLE = frozenset({"name", *CONTACTS})


def e164(phone: str, country: str | None) -> str:
    """A phone number in E.164; a national one is read with the store's country. Invalid when it is no number."""
    try:
        number = phonenumbers.parse(phone, country)
    except phonenumbers.NumberParseException as error:
        hint = "" if country else " Without a store to tell the country it has to start with + and the country code."
        raise Invalid(f"This is not a phone number.{hint}", pointer="/phone") from error
    if not phonenumbers.is_possible_number(number):
        raise Invalid("This phone number is too short or too long to exist.", pointer="/phone")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


class Customer(Aggregate):
    """Somebody we want to know again: one of name, phone, e-mail and loyalty number is enough."""

    __tablename__ = "customer"
    __table_args__ = (
        UniqueConstraint("organization_id", "phone"),
        UniqueConstraint("organization_id", "email"),
        UniqueConstraint("organization_id", "loyalty_number"),
        Index("ix_customer_newest", "organization_id", "created_at", "id"),
    )

    name: Mapped[str | None] = mapped_column(String(200))
    phone: Mapped[str | None] = mapped_column(String(20))
    email: Mapped[str | None] = mapped_column(String(LONGEST_EMAIL))
    loyalty_number: Mapped[str | None] = mapped_column(String(60))
    created_at: Mapped[datetime]
    # Where the profile was made. A newcomer costs one row, with somebody waiting; the other stores are CustomerStores.
    first_store_id: Mapped[UUID | None] = link("store", nullable=True, index=True)

    @classmethod
    def visible_to(cls, actor: Actor) -> Sequence[ColumnElement[bool]]:
        """Those met in the actor's stores."""
        if actor.store_ids is None:
            return ()
        first, later = aliased(cls), CustomerStore
        met = union_all(
            select(first.id).where(first.first_store_id.in_(actor.store_ids)),
            select(later.customer_id).where(later.store_id.in_(actor.store_ids)),
        )
        return (cls.id.in_(met),)

    @classmethod
    def listed(cls, actor: Actor, *, name: str | None = None) -> Select["Customer"]:
        """Those within reach; with `name`, whose name starts like that, whatever the case."""
        question = select(cls).where(*cls.visible_to(actor))
        if name is not None:
            question = question.where(func.lower(cls.name).startswith(name.lower(), autoescape=True))
        return question

    @classmethod
    def known_by(cls, details: dict[str, str]) -> ColumnElement[bool]:
        """The profile with any contact of these details (normalised); the oldest, should they belong to several."""
        same = [getattr(cls, field) == details[field] for field in CONTACTS if field in details]
        oldest = select(cls.id).where(or_(false(), *same)).order_by(cls.created_at, cls.id).limit(1)
        return cls.id == oldest.correlate(None).scalar_subquery()

    @classmethod
    def matching(cls, session: ScopedSession, details: dict[str, str]) -> "Customer | None":
        return session.scalars(select(cls).where(cls.known_by(details))).one_or_none()

    @classmethod
    def recognise(
        cls,
        session: ScopedSession,
        details: dict[str, str],
        *,
        known: "Customer | None",
        at: datetime,
        store_id: UUID | None,
    ) -> "Customer":
        """The customer these details (normalised) belong to, now met in this store; `known` is who matched them.

        What a known profile lacks is filled in; what it has is kept. Two tills that meet the same newcomer at once
        end up with one profile.
        """
        if known is None:
            new = session.insert_once(cls, **details, created_at=at, first_store_id=store_id)
            if new is not None:
                return new
            known = cls.matching(session, details)
        if known is None:
            raise Conflict("Somebody else is changing this customer right now; try again.")
        known.fill_in(session, details)
        known.meet(session, store_id, at)
        return known

    @classmethod
    def create(
        cls, session: ScopedSession, *, id_: UUID, at: datetime, country: str | None, store_id: UUID | None, **said: Any
    ) -> "Customer":
        """A new profile. Conflict when one of its contacts is another customer's."""
        details = normalised(said, country)
        customer = session.insert_once(cls, id=id_, **details, created_at=at, first_store_id=store_id)
        if customer is None:
            if session.scalars(select(cls.id).where(cls.id == id_)).one_or_none() is not None:
                raise Conflict(f"The id {id_} is in use.", code="already-exists", pointer="/id")
            raise Conflict(
                "There is a customer with one of these contacts already; search for them.",
                code="already-exists",
            )
        return customer

    @classmethod
    def search(
        cls,
        session: ScopedSession,
        contact: dict[str, str],
        *,
        country: str | None,
        store_id: UUID | None,
        at: datetime,
    ) -> "Customer | None":
        """The profile with exactly this contact, anywhere in the organization; the store has met them from now on."""
        known = cls.matching(session, normalised(contact, country))
        if known is not None:
            known.meet(session, store_id, at)
        return known

    def fill_in(self, session: ScopedSession, details: dict[str, str]) -> None:
        """Take over what the profile lacks, unless it is another customer's.

        Two tills may know something new at once: the second one looks again, at what the first one left.
        """
        if all(getattr(self, field) is not None for field in details):
            return
        session.refresh(self, with_for_update=True)
        lacking = {field: value for field, value in details.items() if getattr(self, field) is None}
        free = {
            field: value
            for field, value in lacking.items()
            if field not in CONTACTS or self.matching(session, {field: value}) is None
        }
        if free:
            self._change(free)

    def edit(self, session: ScopedSession, *, country: str | None = None, **changes: Any) -> None:
        """Change what the profile says. Conflict when a contact is another customer's; one field has to remain."""
        cleaned: dict[str, str | None] = {field: None for field, value in changes.items() if value is None}
        cleaned |= normalised({field: value for field, value in changes.items() if value is not None}, country)
        if not any(cleaned.get(field, getattr(self, field)) for field in EDITABLE):
            raise Invalid("A profile needs a name, a phone number, an e-mail address or a loyalty number.", pointer="")
        for field in CONTACTS:
            if value := cleaned.get(field):
                holder = self.matching(session, {field: value})
                if holder is not None and holder is not self:
                    raise Conflict(f"Another customer has this {field.replace('_', ' ')}.", pointer=f"/{field}")
        self._change(cleaned)

    def _change(self, values: dict[str, Any]) -> None:
        for field, value in values.items():
            setattr(self, field, value)
        self.touch()

    def meet(self, session: ScopedSession, store_id: UUID | None, at: datetime) -> None:
        """Note that this store, if any, knows the customer, so that its staff may read the profile."""
        if store_id not in (None, self.first_store_id):
            session.insert_once(CustomerStore, customer_id=self.id, store_id=store_id, met_at=at)


def normalised(said: dict[str, Any], country: str | None) -> dict[str, str]:
    """Contacts in the one form they are stored and searched in; blank ones left out."""
    details = {field: value.strip() for field, value in said.items() if value and value.strip()}
    if phone := details.get("phone"):
        details["phone"] = e164(phone, country)
    if email := details.get("email"):
        details["email"] = email.lower()
        if len(details["email"]) > LONGEST_EMAIL:  # some letters become two when they are made small
            raise Invalid(f"An e-mail address has at most {LONGEST_EMAIL} characters.", pointer="/email")
    if not details:
        raise Invalid("Give a name, a phone number, an e-mail address or a loyalty number.", pointer="")
    return details


class CustomerStore(TenantOwned):
    """That a customer was met in a store other than the first."""

    __tablename__ = "customer_store"
    __table_args__ = (UniqueConstraint("organization_id", "customer_id", "store_id"),)

    customer_id: Mapped[UUID] = link("customer")
    store_id: Mapped[UUID] = link("store", index=True)
    met_at: Mapped[datetime]
