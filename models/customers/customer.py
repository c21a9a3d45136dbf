"""Customer profiles, recognised by phone, e-mail or loyalty number, and the stores where the customer was met."""

import unicodedata
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
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
    and_,
    delete,
    false,
    func,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.orm import (
    InstrumentedAttribute,
    Mapped,
    Session,
    aliased,
    mapped_column,
    query_expression,
    selectinload,
    validates,
    with_expression,
)
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.sql.base import ExecutableOption

from models.access import Actor
from models.customers.consent import Consent, ConsentSource, allergy_columns, contact_consent_columns, standing
from models.customers.contacts import (
    COLUMNS_BY_CONTACT,
    CONTACT_FIELDS,
    IDENTITY_FIELDS,
    MATCH_KEYS,
    MAX_EMAIL_LENGTH,
    MAX_LOYALTY_NUMBER_LENGTH,
    normalize_contacts,
    phone_end_key,
)
from models.customers.external_id import ExternalId
from models.db.base import Aggregate, TenantOwned, one_to_many, tenant_fk
from models.db.many_values import is_any_of
from models.db.session import ScopedSession
from models.db.text import (
    BYTEWISE_NAME,
    MAX_NAME_LENGTH,
    begins_with,
    count_letters,
    fold,
    name_words,
    search_words,
)
from models.errors import Conflict, Invalid, InvalidState, NotFound
from models.policy_defaults import MAX_NAMESAKES, MIN_NAME_LETTERS, MIN_PHONE_END_DIGITS

BYTEWISE_PHONE_KEY = String(20).with_variant(String(20, collation="C"), "postgresql")
IDENTIFYING_FIELDS = frozenset({"name", *IDENTITY_FIELDS})  # a profile has at least one of them
TEXT_FIELDS, LIST_FIELDS = ("preferred_name", "pronunciation", "preferences"), ("languages", "tags")


class AmbiguousCustomer(Conflict):
    """Contacts that were given together belong to several customers: nobody can tell who is meant."""

    code = "ambiguous-customer"


class Customer(Aggregate):
    """Profile of a customer. One of name, phone, e-mail and loyalty number is enough.

    When two profiles are one person, one is merged into the other: its `merged_into_id` names the survivor. The merged
    row keeps the contacts that the survivor did not take over, and a look-up by them finds the survivor.
    """

    __tablename__ = "customer"
    __table_args__ = (
        UniqueConstraint("organization_id", "phone", "phone_extension", name="uq_customer_phone"),
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
    phone_extension: Mapped[str] = mapped_column(String(20), default="")  # behind a switchboard; else empty
    email: Mapped[str | None] = mapped_column(String(MAX_EMAIL_LENGTH))
    loyalty_number: Mapped[str | None] = mapped_column(String(MAX_LOYALTY_NUMBER_LENGTH))
    name_key: Mapped[str | None] = mapped_column(BYTEWISE_NAME)
    phone_key: Mapped[str | None] = mapped_column(BYTEWISE_PHONE_KEY)
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
    # The store where the profile was made. It stands here so that a new customer costs one row while a person waits;
    # the stores where they were met later are rows of CustomerStore.
    first_store_id: Mapped[UUID | None] = tenant_fk("store", nullable=True, index=True)

    # Whether one of the reader's stores has opened the profile, where it was loaded with `is_open_option`.
    opened_in_reach: Mapped[bool | None] = query_expression()

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
    def _set_match_key(self, field: str, value: str | None) -> str | None:
        setattr(self, f"{field}_key", MATCH_KEYS[field](value) if value else None)
        return value

    @property
    def consent(self) -> Consent | None:
        if self.may_contact is None or self.consent_at is None or self.consent_source is None:
            return None
        return Consent(self.may_contact, self.consent_at, self.consent_source)

    @classmethod
    def visible_to(cls, actor: Actor) -> Sequence[ColumnElement[bool]]:
        """Return the criteria for customers met in the actor's stores and not merged into another one."""
        return cls.merged_into_id.is_(None), *cls.met_in_stores_of(actor, cls.id)

    @classmethod
    def met_in_stores_of(cls, actor: Actor, customer_id: Any) -> Sequence[ColumnElement[bool]]:
        """Return the criteria that the customer with this id (a column or expression) was met in the actor's stores."""
        if actor.store_ids is None:
            return ()
        first, later = aliased(cls), CustomerStore
        met = union_all(
            select(first.id).where(first.first_store_id.in_(actor.store_ids)),
            select(later.customer_id).where(later.store_id.in_(actor.store_ids)),
        )
        return (customer_id.in_(met),)

    @classmethod
    def opened_in(cls, store_ids: Collection[UUID]) -> ColumnElement[bool]:
        """Return the criterion for profiles that one of these stores has opened, besides the store that made them."""
        opened = (CustomerStore.store_id.in_(store_ids), CustomerStore.opened_at.is_not(None))
        of_profile = (CustomerStore.organization_id == cls.organization_id, CustomerStore.customer_id == cls.id)
        return select(CustomerStore.id).where(*of_profile, *opened).exists()

    @classmethod
    def open_to(cls, actor: Actor) -> Sequence[ColumnElement[bool]]:
        """Return the criterion for profiles that the actor may read as a whole: `is_open_to` in SQL."""
        if actor.store_ids is None:
            return ()
        return (or_(cls.first_store_id.in_(actor.store_ids), cls.opened_in(actor.store_ids)),)

    def is_open_to(self, actor: Actor) -> bool:
        """Return whether the actor may read the whole profile: a store of theirs made it or has opened it.

        Of any other customer that their stores know they read the name, how to say it and the allergies.
        """
        return actor.store_ids is None or self.first_store_id in actor.store_ids or bool(self.opened_in_reach)

    @classmethod
    def is_open_option(cls, actor: Actor) -> ExecutableOption:
        """Return what `is_open_to` needs to be loaded, in the statement that loads the profile."""
        stores = actor.store_ids
        return with_expression(cls.opened_in_reach, false() if stores is None else cls.opened_in(stores))

    @classmethod
    def get_visible(cls, session: Session, row_id: UUID, *, actor: Actor, **options: Any) -> "Customer":
        """Return the customer as `TenantOwned.get_visible` does, with what `is_open_to` needs."""
        loaded = (cls.is_open_option(actor), *options.pop("options", ()))
        return super().get_visible(session, row_id, actor=actor, options=loaded, **options)

    def require_open_to(self, actor: Actor, *, pointer: str | None = None) -> None:
        """Raise InvalidState unless the actor may read the whole profile."""
        if not self.is_open_to(actor):
            detail = "Other stores know this customer; POST /v1/customers/{id}/meet first, when they are here."
            raise InvalidState(detail, code="not-met", pointer=pointer)

    @classmethod
    def _is_among_few_of(cls, actor: Actor) -> Sequence[ColumnElement[bool]]:
        """Return the criteria of `visible_to`, asked of each of a few rows instead of all customers of the stores."""
        if actor.store_ids is None:
            return (cls.merged_into_id.is_(None),)
        stores = CustomerStore
        met_later = select(stores.id).where(stores.customer_id == cls.id, stores.store_id.in_(actor.store_ids)).exists()
        return cls.merged_into_id.is_(None), or_(cls.first_store_id.in_(actor.store_ids), met_later)

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
        """Select the customers within reach; with `name`, those whose name starts with it in any case and accents."""
        stmt = select(cls).where(*cls.visible_to(actor)).options(*cls.eager_options(), cls.is_open_option(actor))
        if name is not None:
            stmt = stmt.where(begins_with(cls.name_key, fold(name)))
        return stmt

    @classmethod
    def visible_by_id(cls, session: Session, ids: Collection[UUID], *, actor: Actor) -> dict[UUID, "Customer"]:
        """Return a few customers by id, as `get_visible` does each; those out of reach are left out."""
        stmt = select(cls).where(cls.id.in_(ids), *cls._is_among_few_of(actor))
        customers = session.scalars(stmt.options(*cls.eager_options(), cls.is_open_option(actor))) if ids else ()
        return {customer.id: customer for customer in customers}

    @classmethod
    def select_named(cls, actor: Actor, name: str) -> Select["Customer"]:
        """Select a few customers within reach who have each of these words, or its beginning, somewhere in their name.

        Invalid when no word has letters enough.
        """
        longest, *others = search_words(name) or [""]
        if count_letters(longest) < MIN_NAME_LETTERS:
            raise Invalid(f"Give at least {MIN_NAME_LETTERS} letters of one word of the name.", pointer="/name")
        word, earlier = CustomerNameWord, aliased(CustomerNameWord)
        has_first = select(earlier.id).where(
            earlier.customer_id == word.customer_id, begins_with(earlier.word, longest), earlier.word < word.word
        )
        has_others = (
            select(other.id).where(other.customer_id == cls.id, begins_with(other.word, text)).exists()
            for text, other in ((text, aliased(CustomerNameWord)) for text in others)
        )
        return (
            select(cls)
            .join(word, word.customer_id == cls.id)
            .where(begins_with(word.word, longest), ~has_first.exists(), *has_others, *cls._is_among_few_of(actor))
            .options(*cls.eager_options(), cls.is_open_option(actor))
            .order_by(word.word, word.customer_id)  # as the index has them: it is read until there are enough
            .limit(MAX_NAMESAKES)
        )

    @classmethod
    def select_by_phone_end(cls, actor: Actor, typed: str) -> Select["Customer"]:
        """Select a few customers within reach whose phone number ends with these digits. Invalid for fewer than six.

        Of those only whose number the actor may read: the end would tell the rest, digit by digit.
        """
        digits = "".join(str(unicodedata.decimal(char)) for char in typed if char.isdecimal())
        if len(digits) < MIN_PHONE_END_DIGITS:
            detail = f"Give at least the last {MIN_PHONE_END_DIGITS} digits of the phone number."
            raise Invalid(detail, pointer="/phone_end")
        return (
            select(cls)
            .where(begins_with(cls.phone_key, phone_end_key(digits)), cls.merged_into_id.is_(None), *cls.open_to(actor))
            .options(*cls.eager_options(), cls.is_open_option(actor))
            .order_by(cls.phone_key, cls.id)
            .limit(MAX_NAMESAKES)
        )

    @classmethod
    def surviving_id(cls, customer_id: UUID | InstrumentedAttribute[UUID]) -> ScalarSelect[UUID]:
        """Return the id, or the id of the customer it was merged into."""
        profile = aliased(cls)
        survivor_id = func.coalesce(profile.merged_into_id, profile.id)
        return select(survivor_id).where(profile.id == customer_id).scalar_subquery()

    @classmethod
    def matches_contacts(cls, details: dict[str, Any]) -> ColumnElement[bool]:
        """Return the criterion for the profile with any of these normalised contacts; for none where several have them.

        A phone number is that of one profile with its extension, and of another without.
        """
        profile = aliased(cls)
        contacts = [field for field in CONTACT_FIELDS if field in details]
        owner_id = func.coalesce(profile.merged_into_id, profile.id)
        has_one = or_(false(), *(profile.has_contact(details, field) for field in contacts))
        owner = cls.id == select(owner_id).where(has_one).limit(1).scalar_subquery()
        if len(contacts) < 2:
            return owner
        return and_(owner, ~select(profile.id).where(has_one, owner_id != cls.id).correlate(cls).exists())

    @classmethod
    def has_contact(cls, details: dict[str, Any], field: str) -> ColumnElement[bool]:
        """Return the criterion for the profile, merged or not, that has this one of the normalised contacts."""
        has_it = getattr(cls, field) == details[field]
        return and_(has_it, cls.phone_extension == details.get("phone_extension", "")) if field == "phone" else has_it

    @classmethod
    def select_for_update(
        cls, criterion: ColumnElement[bool], *, for_change: bool = False, for_answer: bool = False, waits: bool = True
    ) -> Select["Customer"]:
        """Return a statement that locks the matching customer until the transaction ends.

        A concurrent merge waits for this lock. If the merge came first, the statement returns no row: see `wait_for`.
        Pass `for_change=True` when the profile may be completed, and
        `for_answer=True` when only its consent may be set, which waits for nobody who logs a concern: taking the weaker
        lock first and upgrading it later would deadlock with another request that does the same.

        With `waits=False` it returns no row where it would have to wait, because what the same statement reads beside
        the customer is as it was before the wait.
        """
        stmt = select(cls).where(criterion, cls.merged_into_id.is_(None))
        weakest = not (for_change or for_answer)
        return stmt.with_for_update(read=weakest, key_share=not for_change, skip_locked=not waits)

    @classmethod
    def wait_for(cls, session: Session, stmt: Select["Customer"]) -> "Customer | None":
        """Return the customer of a locking statement. Where a merge has just committed it has no row: run it again."""
        return session.scalars(stmt).one_or_none() or session.scalars(stmt).one_or_none()

    @classmethod
    def find_by_contacts(cls, session: ScopedSession, details: dict[str, Any]) -> "Customer | None":
        return session.scalars(select(cls).where(cls.matches_contacts(details))).one_or_none()

    @classmethod
    def owner_ids(cls, session: ScopedSession, details: dict[str, Any]) -> Sequence[UUID]:
        """Return the ids of the customers, after merges, who have any of these normalised contacts."""
        has_one = or_(false(), *(cls.has_contact(details, field) for field in CONTACT_FIELDS if field in details))
        return session.scalars(select(func.coalesce(cls.merged_into_id, cls.id)).where(has_one).distinct()).all()

    @classmethod
    def recognise(
        cls,
        session: ScopedSession,
        details: dict[str, str],
        *,
        known: "Customer | None",
        at: datetime,
        store_id: UUID | None,
        consent: Mapping[str, Any] = MappingProxyType({}),
    ) -> "Customer":
        """Return the customer with these normalised details, and note that this store met them.

        `known` is the customer who matched them. Details that their profile lacks are filled in, those it has stay;
        nothing is, where this store may not read the profile: whoever asks would leave their own contact in it. That
        holds for `consent` too (see `contact_consent_columns`), which otherwise replaces an earlier one. Two
        tills that meet the same new customer at once end up with one profile. AmbiguousCustomer, and nothing is
        written, when the contacts belong to several customers. Conflict when a concurrent change hides the profile.
        """
        if known is None:
            new = session.insert_or_ignore(cls, **details, **consent, created_at=at, first_store_id=store_id)
            if new is not None:
                CustomerNameWord.add_all(session, [new])
                return new
            known = cls.wait_for(session, cls.select_for_update(cls.matches_contacts(details), for_change=True))
        if known is None and len(cls.owner_ids(session, details)) > 1:
            raise AmbiguousCustomer("These contacts belong to several customers.", pointer="")
        if known is None:
            raise Conflict("Somebody else is changing this customer right now; try again.")
        known.complete_missing(session, details, store_id=store_id)
        known.meet(session, store_id, at)
        known.record_consent(session, consent, store_id=store_id)
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
        **data: Any,
    ) -> "Customer":
        """Create a profile. Conflict when the id is in use or another customer has one of the contacts."""
        identifying, other = _split_identifying(data)
        values = {**normalize_contacts(identifying, country), **profile_columns(other, since=None, by=by, at=at)}
        customer = session.insert_or_ignore(cls, id=id_, **values, created_at=at, first_store_id=store_id)
        if customer is None:
            if session.scalars(select(cls.id).where(cls.id == id_)).one_or_none() is not None:
                raise Conflict(f"The id {id_} is in use.", code="already-exists", pointer="/id")
            raise Conflict(
                "There is a customer with one of these contacts already; search for them.",
                code="already-exists",
            )
        CustomerNameWord.add_all(session, [customer])
        ExternalId.replace_all(session, customer, references)
        return customer

    @classmethod
    def find(
        cls,
        session: ScopedSession,
        wanted: dict[str, Any],
        *,
        by: Actor,
        country: str | None,
        store_id: UUID | None,
        at: datetime,
    ) -> Sequence["Customer"]:
        """Return the profiles within reach for a `name` or `phone_end`; else what `search` finds anywhere."""
        if "name" in wanted:
            return session.scalars(cls.select_named(by, wanted["name"])).all()
        if "phone_end" in wanted:
            return session.scalars(cls.select_by_phone_end(by, wanted["phone_end"])).all()
        customer = cls.search(session, wanted, by=by, country=country, store_id=store_id, at=at)
        return [customer] if customer else []

    @classmethod
    def search(
        cls,
        session: ScopedSession,
        contact: dict[str, Any],
        *,
        by: Actor,
        country: str | None,
        store_id: UUID | None,
        at: datetime,
    ) -> "Customer | None":
        """Return the profile with exactly this contact or reference, anywhere in the organization, or None.

        The store has met the customer from now on.
        """
        if "reference" in contact:
            name = ExternalId.parse(contact["reference"], pointer="/reference")
            owner_id = select(ExternalId.customer_id).where(ExternalId.is_any_of([name]))
            criterion = cls.id == owner_id.scalar_subquery()
        else:
            criterion = cls.matches_contacts(normalize_contacts(contact, country))
        options = (*cls.eager_options(), cls.is_open_option(by))
        customer = session.scalars(select(cls).where(criterion).options(*options)).one_or_none()
        if customer is not None:
            customer.meet(session, store_id, at)
        return customer

    def complete_missing(self, session: ScopedSession, details: dict[str, str], *, store_id: UUID | None) -> None:
        """Fill in the details that the profile lacks, except contacts of another customer, where this store reads it.

        Two tills may have something new at once, so the row is locked and read again before the comparison.
        """
        fields = details.keys() - {"phone_extension"}  # which comes with its phone number
        if all(getattr(self, field) is not None for field in fields) or not self.is_open_in(session, store_id):
            return
        session.refresh(self, with_for_update=True)
        free: dict[str, str] = {}
        for field in sorted(field for field in fields if getattr(self, field) is None):
            columns = _only(details, field)
            if field not in CONTACT_FIELDS or not self.owner_ids(session, columns):
                free |= columns
        if free:
            self.set_fields(free)
        if "name" in free:
            CustomerNameWord.add_all(session, [self])  # it had none

    def record_consent(self, session: Session, consent: Mapping[str, Any], *, store_id: UUID | None) -> None:
        """Set the customer's answer (see `contact_consent_columns`), where this store may read the profile.

        Of this and what was said before one stands: see `standing`.
        """
        if not consent or not self.is_open_in(session, store_id):
            return
        if standing(consent["may_contact"], consent["consent_at"]) > standing(self.may_contact, self.consent_at):
            self.set_fields(dict(consent))

    def edit(
        self, session: ScopedSession, *, by: Actor, at: datetime, country: str | None = None, **changes: Any
    ) -> None:
        """Change the profile. Conflict when another customer has a contact. Invalid if nothing identifying remains."""
        references = changes.pop("references", None)
        identifying, other = _split_identifying(changes)
        columns = self._identifying_columns(identifying, country)
        if not any(columns.get(field, getattr(self, field)) for field in ("name", *CONTACT_FIELDS)):
            raise Invalid("A profile needs a name, a phone number, an e-mail address or a loyalty number.", pointer="")
        for field in CONTACT_FIELDS:
            if columns.get(field):
                if any(owner_id != self.id for owner_id in self.owner_ids(session, _only(columns, field))):
                    raise Conflict(f"Another customer has this {field.replace('_', ' ')}.", pointer=f"/{field}")
                self.remove_from_merged(session, self.has_contact(columns, field), field)
        if "consent" in other:
            columns |= self._changed_consent(other.pop("consent"), by=by, at=at)
        self.set_fields(columns | profile_columns(other, since=self.allergies_consent_at, by=by, at=at))
        if "name" in columns:
            CustomerNameWord.replace_all(session, [self])
        if references is not None:
            ExternalId.replace_all(session, self, references)

    def _changed_consent(self, consent: dict[str, Any] | None, *, by: Actor, at: datetime) -> dict[str, Any]:
        """Return the columns of a consent that somebody changes. It stands, for they know what was said before.

        Who clears what was never said, as an app does that sends null for what is not set, says nothing.
        """
        if consent is None and self.consent_at is None:
            return {}
        return contact_consent_columns(consent, by=by, at=max(at, self.consent_at or at))

    def _identifying_columns(self, identifying: dict[str, Any], country: str | None) -> dict[str, Any]:
        """Return the columns for changes of name and contacts; None and the empty extension take something away.

        A phone number keeps its extension until that is changed too, and loses it when it is taken away itself.
        """
        columns: dict[str, Any] = {field: None for field, value in identifying.items() if value is None}
        present = {field: value for field, value in identifying.items() if value is not None}
        if "phone_extension" in identifying:
            phone = identifying.get("phone", self.phone)
            present |= {"phone": phone} if phone else {}
        if present:
            columns |= normalize_contacts(present, country)
        if columns.get("phone") and "phone_extension" not in identifying:
            columns.setdefault("phone_extension", self.phone_extension)
        if "phone" in columns:
            columns["phone_extension"] = columns.get("phone_extension") or ""
        return columns

    @classmethod
    def remove_from_merged(cls, session: ScopedSession, has_contact: ColumnElement[bool], field: str) -> None:
        """Remove a contact from the profiles that were merged: each is unique, and the survivor takes it."""
        columns = {f"{field}_key": None, **_none_of(field)}
        stmt = update(cls).where(cls.merged_into_id.is_not(None), has_contact).values(columns)
        session.execute(stmt.execution_options(synchronize_session=False))

    def take_contact_away(self, field: str) -> None:
        for column, value in _none_of(field).items():
            setattr(self, column, value)

    def set_fields(self, values: dict[str, Any]) -> None:
        """Set fields that were checked before, as one more version."""
        for field, value in values.items():
            setattr(self, field, value)
        self.bump_version()

    def meet(self, session: ScopedSession, store_id: UUID | None, at: datetime) -> None:
        """Note that this store, if any, has met the customer, so that its staff see who they are."""
        if store_id not in (None, self.first_store_id):
            session.insert_or_ignore(CustomerStore, customer_id=self.id, store_id=store_id, met_at=at)

    def is_open_in(self, session: Session, store_id: UUID | None) -> bool:
        """Return whether this store may read the whole profile."""
        if store_id == self.first_store_id:
            return True
        is_opened = select(Customer.id).where(
            Customer.id == self.id, Customer.opened_in([store_id] if store_id else [])
        )
        return session.scalars(is_opened).one_or_none() is not None

    def open_in(self, session: ScopedSession, store_id: UUID, *, by: Actor, at: datetime) -> None:
        """Let this store read the whole profile from now on: somebody says that the customer is there."""
        self.meet(session, store_id, at)
        of_store = (CustomerStore.customer_id == self.id, CustomerStore.store_id == store_id)
        met = session.scalars(select(CustomerStore).where(*of_store)).one()
        met.opened_at, met.opened_by_id = at, by.staff_id
        set_committed_value(self, "opened_in_reach", value=True)


def profile_columns(data: dict[str, Any], *, since: datetime | None, by: Actor, at: datetime) -> dict[str, Any]:
    """Return the columns for all fields but name and contacts. `since` is the earlier consent to store allergies.

    A new profile has no consent that could be cleared.
    """
    columns: dict[str, Any] = {name: (data[name] or "").strip() or None for name in TEXT_FIELDS if name in data}
    for name in LIST_FIELDS:
        if name in data:
            columns[name] = list(dict.fromkeys(entry.strip() for entry in data[name] or () if entry.strip()))
    if data.get("consent"):
        columns |= contact_consent_columns(data["consent"], by=by, at=at)
    if {"allergies", "allergies_consent"} & data.keys():
        columns |= allergy_columns(data, since=since, at=at)
    return columns


def _none_of(field: str) -> dict[str, str | None]:
    """Return the columns of a contact for a profile without it."""
    return {column: "" if column == "phone_extension" else None for column in COLUMNS_BY_CONTACT[field]}


def _only(details: dict[str, Any], field: str) -> dict[str, Any]:
    """Return one of the normalised details, a phone number with its extension."""
    return {name: details[name] for name in COLUMNS_BY_CONTACT.get(field, (field,)) if name in details}


def _split_identifying(data: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Split the identifying fields from all others."""
    identifying = {name: value for name, value in data.items() if name in IDENTIFYING_FIELDS}
    return identifying, {name: value for name, value in data.items() if name not in IDENTIFYING_FIELDS}


class CustomerStore(TenantOwned):
    """A store, other than the first one, where a customer was met, and since when it reads the whole profile."""

    __tablename__ = "customer_store"
    __table_args__ = (UniqueConstraint("organization_id", "customer_id", "store_id"),)

    customer_id: Mapped[UUID] = tenant_fk("customer")
    store_id: Mapped[UUID] = tenant_fk("store", index=True)
    met_at: Mapped[datetime]
    opened_at: Mapped[datetime | None]
    opened_by_id: Mapped[UUID | None] = tenant_fk("staff", nullable=True)


class CustomerNameWord(TenantOwned):
    """One folded word of the name of a profile: names are found through an index of these."""

    __tablename__ = "customer_name_word"
    __table_args__ = (
        UniqueConstraint("organization_id", "customer_id", "word", name="uq_customer_name_word"),
        Index("ix_customer_name_word_word", "organization_id", "word", "customer_id"),
    )

    customer_id: Mapped[UUID] = tenant_fk("customer")
    word: Mapped[str] = mapped_column(BYTEWISE_NAME)

    @classmethod
    def add_all(cls, session: ScopedSession, customers: Sequence[Customer]) -> None:
        """Note the words of the names of these customers, for whom there are none yet."""
        session.add_all(
            cls(customer_id=customer.id, word=word)
            for customer in customers
            for word in sorted(name_words(customer.name or ""))
        )

    @classmethod
    def replace_all(cls, session: ScopedSession, customers: Sequence[Customer]) -> None:
        """Note the words of names that were changed or taken away."""
        has_changed = is_any_of(session, (cls.customer_id,), [(customer.id,) for customer in customers])
        session.execute(delete(cls).where(has_changed).execution_options(synchronize_session=False))
        cls.add_all(session, customers)
