"""Remedies: the kinds of recovery action an organization offers, and the limits up to which a role may give them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from sqlalchemy import BigInteger, Select, String, UniqueConstraint, and_, exists, or_, select
from sqlalchemy.orm import Mapped, Session, column_property, joinedload, mapped_column, selectinload
from sqlalchemy.sql.base import ExecutableOption

from models.access import Role
from models.db.base import Aggregate, Money, TenantOwned, money, one_to_many, tenant_fk
from models.errors import Invalid, NotFound
from models.organizations.slug_alias import SlugAlias, SlugKind
from models.organizations.store import Store, StoreKind
from models.organizations.typed_names import find_by_name
from models.organizations.vocabulary_word import VocabularyWord, of_store_kind
from models.policy_defaults import (
    DEFAULT_LIMIT_CURRENCIES,
    FLOOR_LIMIT_PER_CUSTOMER,
    FLOOR_LIMIT_PER_STAFF,
    MANAGER_LIMIT_PER_CUSTOMER,
    MANAGER_LIMIT_PER_STAFF,
    MAX_REMEDIES,
)


class RemedyKind(StrEnum):
    APOLOGY = "apology"
    EXPLANATION = "explanation"
    REPLACEMENT = "replacement"
    REMAKE = "remake"
    REFUND = "refund"
    DISCOUNT = "discount"
    VOUCHER = "voucher"
    GIFT = "gift"
    OTHER = "other"


# Nothing without an amount.
MONEY_KINDS = frozenset({RemedyKind.REFUND, RemedyKind.DISCOUNT, RemedyKind.VOUCHER, RemedyKind.GIFT})
WORDS_ONLY_KINDS = frozenset({RemedyKind.APOLOGY, RemedyKind.EXPLANATION})


def limit_role(role: Role | None) -> Role:
    """Return the role whose limits count. An API key, which has no role, has those of floor, and a budget."""
    return role or Role.FLOOR


class LimitAmounts(NamedTuple):
    """The limits per business day for one customer, and for all customers together, in minor units."""

    per_customer: int
    per_staff: int | None


DEFAULT_LIMITS: dict[Role, LimitAmounts] = {
    Role.FLOOR: LimitAmounts(FLOOR_LIMIT_PER_CUSTOMER, FLOOR_LIMIT_PER_STAFF),
    Role.MANAGER: LimitAmounts(MANAGER_LIMIT_PER_CUSTOMER, MANAGER_LIMIT_PER_STAFF),
    Role.REGIONAL: LimitAmounts(MANAGER_LIMIT_PER_CUSTOMER, MANAGER_LIMIT_PER_STAFF),
}


class Remedy(VocabularyWord, Aggregate):
    """One way to put a concern right, as the organization configured it."""

    __tablename__ = "remedy"
    __table_args__ = (UniqueConstraint("organization_id", "slug"),)

    slug_kind = SlugKind.REMEDY
    max_words = MAX_REMEDIES

    name: Mapped[str] = mapped_column(String(60))
    kind: Mapped[RemedyKind]
    default_cost_amount: Mapped[int | None] = mapped_column(BigInteger)
    default_cost_currency: Mapped[str | None] = mapped_column(String(3))
    default_cost: Mapped[Money | None] = money("default_cost")
    store_kind: Mapped[StoreKind | None]  # given in stores of this kind only

    limits: Mapped[list["RemedyLimit"]] = one_to_many(
        "Remedy",
        "RemedyLimit",
        "remedy_id",
        order_by="(RemedyLimit.role, RemedyLimit.currency)",
        cascade="all, delete-orphan",
    )

    @classmethod
    def eager_options(cls) -> Sequence[ExecutableOption]:
        return (selectinload(cls.limits).undefer(RemedyLimit.unused),)

    @classmethod
    def select_visible(cls, *, store_kind: StoreKind | None = None) -> Select["Remedy"]:
        """Select the remedies of all stores, or of this kind of store, also the retired ones."""
        return select(cls).where(*of_store_kind(cls, store_kind)).options(*cls.eager_options())

    @classmethod
    def select_offered(cls, store_kind: StoreKind) -> Select["Remedy"]:
        """Select the remedies that may be offered in a store of this kind, with their limits."""
        of_kind = of_store_kind(cls, store_kind)
        return select(cls).options(joinedload(cls.limits)).where(cls.retired_at.is_(None), *of_kind)

    @classmethod
    def create(
        cls, session: Session, *, slug: str, at: datetime, limits: Iterable[dict[str, Any]] | None = None, **values: Any
    ) -> "Remedy":
        """Create a remedy. Without `limits` it has the default ones in the currencies of the stores.

        Conflict when the slug is taken, Invalid for limits that contradict each other.
        """
        remedy = cls(slug=slug)
        remedy.describe_new(session, values, at=at)
        if limits is None:
            remedy.add_default_limits(Store.currencies(session))
        else:
            remedy._set_limits(limits)
        session.add(remedy)
        return remedy

    @classmethod
    def add_limits_of_currencies(cls, session: Session, currencies: Collection[str]) -> None:
        """Give every remedy the default limits in currencies that no store had before."""
        if DEFAULT_LIMIT_CURRENCIES.isdisjoint(currencies):
            return
        for remedy in session.scalars(cls.select_visible().order_by(cls.id)):
            if remedy.add_default_limits(currencies):
                remedy.bump_version()

    def add_default_limits(self, currencies: Iterable[str]) -> bool:
        """Add the default limits of a remedy that costs something, where a role has none. Returns whether any is new.

        A currency without defaults gets none: what is given in it asks first until somebody sets a limit.
        """
        if self.kind in WORDS_ONLY_KINDS:
            return False
        missing = [
            RemedyLimit(
                role=role, currency=currency, most_per_customer=most.per_customer, most_per_staff=most.per_staff
            )
            for currency in sorted(DEFAULT_LIMIT_CURRENCIES.intersection(currencies))
            for role, most in DEFAULT_LIMITS.items()
            if all((limit.role, limit.currency) != (role, currency) for limit in self.limits)
        ]
        self.limits.extend(missing)
        return bool(missing)

    def edit(
        self, session: Session, *, at: datetime, limits: Iterable[dict[str, Any]] | None = None, **changes: Any
    ) -> None:
        """Change the remedy for future actions. `limits`, if given, replace all old limits."""
        self.describe(session, changes, at=at)
        if limits is not None:
            self._set_limits(limits)
        self.bump_version()

    def limit_of(self, role: Role | None, currency: str) -> "RemedyLimit | None":
        """Return the limit of a role in a currency. None where nobody has set one: then everything asks first."""
        role = limit_role(role)
        return next((limit for limit in self.limits if limit.role is role and limit.currency == currency), None)

    def usual_cost(self, currency: str) -> Money | None:
        """Return the default cost where it is in this currency."""
        return self.default_cost if self.default_cost is not None and self.default_cost.currency == currency else None

    @classmethod
    def by_slug(cls, session: Session, slug: str) -> "Remedy":
        return cls.by_slugs(session, {"/remedy": slug})["/remedy"]

    @classmethod
    def by_slugs(cls, session: Session, slugs: Mapping[str, str]) -> dict[str, "Remedy"]:
        """Return the remedies that these slugs mean, in one statement. `slugs` and the result are by JSON pointer."""
        remedies = cls._with_slugs(session, slugs.values())
        for pointer, slug in slugs.items():
            if slug not in remedies:
                raise NotFound(f"This organization has no remedy {slug!r}.", pointer=pointer)
        return {pointer: remedies[slug] for pointer, slug in slugs.items()}

    @classmethod
    def find_typed(cls, session: Session, typed: Collection[str]) -> dict[str, "Remedy"]:
        """Return the remedies that are meant by these texts, by text: slugs, former slugs, names in every language."""
        slugs = {text: text.strip().lower() for text in typed}
        by_slug = cls._with_slugs(session, slugs.values())
        remedies = {text: by_slug.get(slug) or find_by_name(session, cls, text) for text, slug in slugs.items()}
        return {text: remedy for text, remedy in remedies.items() if remedy is not None}

    @classmethod
    def _with_slugs(cls, session: Session, slugs: Collection[str]) -> dict[str | None, "Remedy"]:
        """Return the remedies that have or had one of these slugs, by each of their slugs, in one statement."""
        is_former = SlugAlias.slug.in_(slugs)
        alias = and_(SlugAlias.kind == cls.slug_kind, SlugAlias.object_id == cls.id, is_former)
        stmt = select(cls, SlugAlias.slug).outerjoin(SlugAlias, alias).options(joinedload(cls.limits))
        stmt = stmt.where(or_(cls.slug.in_(slugs), is_former))
        remedies: dict[str | None, Remedy] = {}
        for remedy, former_slug in session.execute(stmt).unique():
            remedies |= {remedy.slug: remedy, former_slug: remedy}
        return remedies

    def _set_limits(self, limits: Iterable[dict[str, Any]]) -> None:
        """Replace all limits.

        Args:
            limits: dicts of `role`, `per_customer` (Money) and `per_staff` (Money or None), at most one for each role
                and currency.

        Raises Invalid for a second limit of a role in one currency, and for two currencies in one limit.
        """
        by_key: dict[tuple[Role, str], dict[str, Any]] = {}
        for number, limit in enumerate(limits):
            key = limit["role"], limit["per_customer"].currency
            if key in by_key:
                raise Invalid("A role has one limit in each currency.", pointer=f"/limits/{number}")
            if limit.get("per_staff") is not None and limit["per_staff"].currency != limit["per_customer"].currency:
                raise Invalid("Both limits are in one currency.", pointer=f"/limits/{number}/per_staff/currency")
            by_key[key] = limit
        # A limit that stays keeps its row: a new row would violate the unique key until the old one is deleted.
        existing = {(limit.role, limit.currency): limit for limit in self.limits}
        self.limits = [_write_limit(existing.get(key), **by_key[key]) for key in sorted(by_key)]


def _write_limit(
    limit: "RemedyLimit | None", *, role: Role, per_customer: Money, per_staff: Money | None = None
) -> "RemedyLimit":
    limit = limit or RemedyLimit(role=role, currency=per_customer.currency)
    limit.most_per_customer = per_customer.amount
    limit.most_per_staff = per_staff.amount if per_staff else None
    return limit


class RemedyLimit(TenantOwned):
    """The limit up to which a role may give a remedy on one business day without approval, in minor units.

    `most_per_customer` counts per customer; where the customer is unknown, per order; else per concern.
    `most_per_staff`, where it is set, counts what one person gives to all customers together.
    """

    __tablename__ = "remedy_limit"
    __table_args__ = (UniqueConstraint("organization_id", "remedy_id", "role", "currency"),)

    remedy_id: Mapped[UUID] = tenant_fk("remedy")
    role: Mapped[Role]
    currency: Mapped[str] = mapped_column(String(3))
    most_per_customer: Mapped[int] = mapped_column(BigInteger)
    most_per_staff: Mapped[int | None] = mapped_column(BigInteger)

    if TYPE_CHECKING:
        unused: Mapped[bool]

    @property
    def most(self) -> LimitAmounts:
        return LimitAmounts(self.most_per_customer, self.most_per_staff)

    @property
    def per_customer(self) -> Money:
        return Money(self.most_per_customer, self.currency)

    @property
    def per_staff(self) -> Money | None:
        return None if self.most_per_staff is None else Money(self.most_per_staff, self.currency)


# Whether no store has the currency, so that it limits nothing. For answers only: limits are looked up often.
RemedyLimit.unused = column_property(
    ~exists().where(Store.organization_id == RemedyLimit.organization_id, Store.currency == RemedyLimit.currency),
    deferred=True,
)
