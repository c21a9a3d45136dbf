"""A customer: recognised by phone, e-mail or loyalty number, and the stores where they were met."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Index,
    ScalarSelect,
    Select,
    String,
    Text,
    UniqueConstraint,
    false,
    func,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.orm import InstrumentedAttribute, Mapped, Session, aliased, mapped_column, selectinload, validates
from sqlalchemy.sql.base import ExecutableOption

from models.access import Actor
from models.customers.consent import Consent, ConsentSource, allergy_columns, contact_consent_columns
from models.customers.contacts import (
    CONTACT_FIELDS,
    MATCH_KEYS,
    MAX_EMAIL_LENGTH,
    MAX_LOYALTY_NUMBER_LENGTH,
    normalize_contacts,
)
from models.customers.external_id import ExternalId
from models.db.base import Aggregate, TenantOwned, one_to_many, tenant_fk
from models.db.session import ScopedSession
from models.db.text import BYTEWISE_NAME, LAST_CODE_POINT, MAX_NAME_LENGTH, fold
from models.errors import Conflict, Invalid, NotFound

IDENTIFYING_FIELDS = frozenset({"name", *CONTACT_FIELDS})  # a profile has at least one of them
TEXT_FIELDS, LIST_FIELDS = ("preferred_name", "pronunciation", "preferences"), ("languages", "tags")


class Customer(Aggregate):
    """Somebody we want to know again: one of name, phone, e-mail and loyalty number is enough.

    Where two profiles turned out to be one person, one was merged into the other (`merged_into_id`): its row keeps what
    the other one had of its own, and whoever is looked up by it is the other one.
    """

    __tablename__ = "customer"
    __table_args__ = (
        UniqueConstraint("organization_id", "phone"),
        UniqueConstraint("organization_id", "email"),
        UniqueConstraint("organization_id", "loyalty_number"),
        Index("ix_customer_newest", "organization_id", "created_at", "id"),
        Index("ix_customer_name_key", "organization_id", "name_key"),
        Index("ix_customer_phone_key", "organization_id", "phone_key"),
        Index("ix_customer_email_key", "organization_id", "email_key"),
        Index("ix_customer_loyalty_number_key", "organization_id", "loyalty_number_key"),
    )

    name: Mapped[str | None] = mapped_column(String(MAX_NAME_LENGTH))
    phone: Mapped[str | None] = mapped_column(String(20))
    email: Mapped[str | None] = mapped_column(String(MAX_EMAIL_LENGTH))
    loyalty_number: Mapped[str | None] = mapped_column(String(MAX_LOYALTY_NUMBER_LENGTH))
    name_key: Mapped[str | None] = mapped_column(BYTEWISE_NAME)
    phone_key: Mapped[str | None] = mapped_column(String(20))
    email_key: Mapped[str | None] = mapped_column(String(MAX_EMAIL_LENGTH))
    loyalty_number_key: Mapped[str | None] = mapped_column(String(MAX_LOYALTY_NUMBER_LENGTH))
    preferred_name: Mapped[str | None] = mapped_column(String(MAX_NAME_LENGTH))
    pronunciation: Mapped[str | None] = mapped_column(String(MAX_NAME_LENGTH))
    languages: Mapped[list[Any]] = mapped_column(default=list)
    tags: Mapped[list[Any]] = mapped_column(default=list)
    preferences: Mapped[str | None] = mapped_column(Text)
    may_contact: Mapped[bool | None]
    consent_at: Mapped[datetime | None]
    consent_source: Mapped[ConsentSource | None]
    consent_by_id: Mapped[UUID | None] = tenant_fk("staff", nullable=True)
    allergies: Mapped[str | None] = mapped_column(Text)
    allergies_consent_at: Mapped[datetime | None]

    created_at: Mapped[datetime]
    # Where the profile was made. A newcomer costs one row, with somebody waiting; the other stores are CustomerStores.
    first_store_id: Mapped[UUID | None] = tenant_fk("store", nullable=True, index=True)

    merged_into_id: Mapped[UUID | None] = tenant_fk("customer", nullable=True, index=True)
    merged_at: Mapped[datetime | None]

    references: Mapped[list[ExternalId]] = one_to_many(
        "Customer",
        "ExternalId",
        "customer_id",
        order_by="ExternalId.source, ExternalId.reference",
        cascade="all, delete-orphan",
    )

    @validates(*MATCH_KEYS)
    def _keep_the_key(self, field: str, value: str | None) -> str | None:
        setattr(self, f"{field}_key", MATCH_KEYS[field](value) if value else None)
        return value

    @property
    def consent(self) -> Consent | None:
        if self.may_contact is None or self.consent_at is None or self.consent_source is None:
            return None
        return Consent(self.may_contact, self.consent_at, self.consent_source)

    @classmethod
    def visible_to(cls, actor: Actor) -> Sequence[ColumnElement[bool]]:
        """Those met in the actor's stores, and not merged into another one."""
        return cls.merged_into_id.is_(None), *cls.met_in_stores_of(actor, cls.id)

    @classmethod
    def met_in_stores_of(cls, actor: Actor, id_: Any) -> Sequence[ColumnElement[bool]]:
        """That the customer with this id (a column or an expression) was met in the actor's stores."""
        if actor.store_ids is None:
            return ()
        first, later = aliased(cls), CustomerStore
        met = union_all(
            select(first.id).where(first.first_store_id.in_(actor.store_ids)),
            select(later.customer_id).where(later.store_id.in_(actor.store_ids)),
        )
        return (id_.in_(met),)

    @classmethod
    def eager_options(cls) -> Sequence[ExecutableOption]:
        return (selectinload(cls.references),)

    @classmethod
    def not_found_error(cls, session: Session, row_id: UUID, *, actor: Actor, pointer: str | None) -> NotFound:
        """Return the refusal, with the id of the customer that this one was merged into, if the actor may see it."""
        error = cls.not_visible_error(row_id, pointer=pointer)
        survivor = (cls.id == cls.surviving_id(row_id), *cls.visible_to(actor))
        error.members = {"merged_into": session.scalars(select(cls.id).where(*survivor)).one_or_none()}
        return error

    @classmethod
    def select_visible(cls, actor: Actor, *, name: str | None = None) -> Select["Customer"]:
        """Those within reach; with `name`, whose name starts like that, whatever the case and the accents."""
        stmt = select(cls).where(*cls.visible_to(actor)).options(*cls.eager_options())
        if name is not None:
            begins = fold(name)
            stmt = stmt.where(cls.name_key >= begins, cls.name_key < begins + LAST_CODE_POINT)
        return stmt

    @classmethod
    def surviving_id(cls, id_: UUID | InstrumentedAttribute[UUID]) -> ScalarSelect[UUID]:
        """The id itself, or the one of whom that customer was merged into."""
        profile = aliased(cls)
        return select(func.coalesce(profile.merged_into_id, profile.id)).where(profile.id == id_).scalar_subquery()

    @classmethod
    def matches_contacts(cls, details: dict[str, Any]) -> ColumnElement[bool]:
        """The profile with any contact of these details (normalised); the oldest, should they belong to several."""
        profile = aliased(cls)
        same = [getattr(profile, field) == details[field] for field in CONTACT_FIELDS if field in details]
        oldest = (
            select(func.coalesce(profile.merged_into_id, profile.id))
            .where(or_(false(), *same))
            .order_by(profile.created_at, profile.id)
            .limit(1)
        )
        return cls.id == oldest.scalar_subquery()

    @classmethod
    def select_for_update(cls, who: ColumnElement[bool], *, for_change: bool = False) -> Select["Customer"]:
        """Who that is, kept from being merged into another one until the end of the transaction.

        Whoever waited here for a merge finds nobody; asked again, it is the one that is left. Only who may fill in what
        the profile lacks waits for others of their kind: a hold that grows later would meet theirs in a circle.
        """
        stmt = select(cls).where(who, cls.merged_into_id.is_(None))
        return stmt.with_for_update(read=not for_change, key_share=not for_change)

    @classmethod
    def find_by_contacts(cls, session: ScopedSession, details: dict[str, Any]) -> "Customer | None":
        return session.scalars(select(cls).where(cls.matches_contacts(details))).one_or_none()

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
            new = session.insert_or_ignore(cls, **details, created_at=at, first_store_id=store_id)
            if new is not None:
                return new
            known = session.scalars(cls.select_for_update(cls.matches_contacts(details), for_change=True)).one_or_none()
        if known is None:
            raise Conflict("Somebody else is changing this customer right now; try again.")
        known.complete_missing(session, details)
        known.meet(session, store_id, at)
        return known

    @classmethod
    def create(
        cls,
        session: ScopedSession,
        *,
        id_: UUID,
        by: Actor,
        at: datetime,
        country: str | None,
        store_id: UUID | None,
        references: Sequence[dict[str, Any]] = (),
        **said: Any,
    ) -> "Customer":
        """A new profile. Conflict when one of its contacts is another customer's."""
        known_by, told = _split_identifying(said)
        values = {**normalize_contacts(known_by, country), **profile_columns(told, since=None, by=by, at=at)}
        customer = session.insert_or_ignore(cls, id=id_, **values, created_at=at, first_store_id=store_id)
        if customer is None:
            if session.scalars(select(cls.id).where(cls.id == id_)).one_or_none() is not None:
                raise Conflict(f"The id {id_} is in use.", code="already-exists", pointer="/id")
            raise Conflict(
                "There is a customer with one of these contacts already; search for them.",
                code="already-exists",
            )
        ExternalId.replace_all(session, customer, references)
        return customer

    @classmethod
    def search(
        cls,
        session: ScopedSession,
        contact: dict[str, Any],
        *,
        country: str | None,
        store_id: UUID | None,
        at: datetime,
    ) -> "Customer | None":
        """The profile with exactly this contact or reference, anywhere in the organization; the store has met them."""
        if "reference" in contact:
            name = ExternalId.parse(contact["reference"], pointer="/reference")
            holder = select(ExternalId.customer_id).where(ExternalId.is_any_of([name]))
            who = cls.id == holder.scalar_subquery()
        else:
            who = cls.matches_contacts(normalize_contacts(contact, country))
        known = session.scalars(select(cls).where(who).options(*cls.eager_options())).one_or_none()
        if known is not None:
            known.meet(session, store_id, at)
        return known

    def complete_missing(self, session: ScopedSession, details: dict[str, str]) -> None:
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
            if field not in CONTACT_FIELDS or self.find_by_contacts(session, {field: value}) is None
        }
        if free:
            self._change(free)

    def edit(
        self, session: ScopedSession, *, by: Actor, at: datetime, country: str | None = None, **changes: Any
    ) -> None:
        """Change what the profile says. Conflict when a contact is another customer's; one field has to remain."""
        references = changes.pop("references", None)
        known_by, told = _split_identifying(changes)
        cleaned: dict[str, Any] = {field: None for field, value in known_by.items() if value is None}
        if kept := {field: value for field, value in known_by.items() if value is not None}:
            cleaned |= normalize_contacts(kept, country)
        if not any(cleaned.get(field, getattr(self, field)) for field in IDENTIFYING_FIELDS):
            raise Invalid("A profile needs a name, a phone number, an e-mail address or a loyalty number.", pointer="")
        for field in CONTACT_FIELDS:
            if value := cleaned.get(field):
                holder = self.find_by_contacts(session, {field: value})
                if holder is not None and holder is not self:
                    raise Conflict(f"Another customer has this {field.replace('_', ' ')}.", pointer=f"/{field}")
                self._take_from_merged(session, field, value)
        self._change(cleaned | profile_columns(told, since=self.allergies_consent_at, by=by, at=at))
        if references is not None:
            ExternalId.replace_all(session, self, references)

    def _take_from_merged(self, session: ScopedSession, field: str, value: str) -> None:
        """A contact stands in one row: in this one, no more in that of a profile that was merged into it."""
        kind = type(self)
        merged = (kind.merged_into_id == self.id, getattr(kind, field) == value)
        freed = update(kind).where(*merged).values({field: None, f"{field}_key": None})
        session.execute(freed.execution_options(synchronize_session=False))

    def _change(self, values: dict[str, Any]) -> None:
        for field, value in values.items():
            setattr(self, field, value)
        self.bump_version()

    def meet(self, session: ScopedSession, store_id: UUID | None, at: datetime) -> None:
        """Note that this store, if any, knows the customer, so that its staff may read the profile."""
        if store_id not in (None, self.first_store_id):
            session.insert_or_ignore(CustomerStore, customer_id=self.id, store_id=store_id, met_at=at)


def profile_columns(said: dict[str, Any], *, since: datetime | None, by: Actor, at: datetime) -> dict[str, Any]:
    """The columns for everything that was said but name and contacts; `since` is the earlier consent to allergies."""
    values: dict[str, Any] = {name: (said[name] or "").strip() or None for name in TEXT_FIELDS if name in said}
    for name in LIST_FIELDS:
        if name in said:
            values[name] = list(dict.fromkeys(one.strip() for one in said[name] or () if one.strip()))
    if "consent" in said:
        values |= contact_consent_columns(said["consent"], by=by, at=at)
    if {"allergies", "allergies_consent"} & said.keys():
        values |= allergy_columns(said, since=since, at=at)
    return values


def _split_identifying(said: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What somebody is known by, and everything else that was said."""
    known_by = {name: value for name, value in said.items() if name in IDENTIFYING_FIELDS}
    return known_by, {name: value for name, value in said.items() if name not in IDENTIFYING_FIELDS}


class CustomerStore(TenantOwned):
    """That a customer was met in a store other than the first."""

    __tablename__ = "customer_store"
    __table_args__ = (UniqueConstraint("organization_id", "customer_id", "store_id"),)

    customer_id: Mapped[UUID] = tenant_fk("customer")
    store_id: Mapped[UUID] = tenant_fk("store", index=True)
    met_at: Mapped[datetime]
