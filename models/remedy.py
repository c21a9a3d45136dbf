"""The kinds of recovery action an organization offers."""

from collections.abc import Mapping
from enum import StrEnum

from sqlalchemy import String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Aggregate, Money, money
from models.errors import Missing


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


class Remedy(Aggregate):
    """One way to put something right, as the organization configured it."""

    __tablename__ = "remedy"
    __table_args__ = (UniqueConstraint("organization_id", "slug"),)

    slug: Mapped[str] = mapped_column(String(60))
    name: Mapped[str] = mapped_column(String(60))
    kind: Mapped[RemedyKind]
    default_cost: Mapped[Money | None] = money("default_cost")

    @classmethod
    def named(cls, session: Session, slug: str) -> "Remedy":
        return cls.all_named(session, {"/remedy": slug})["/remedy"]

    @classmethod
    def all_named(cls, session: Session, slugs: Mapping[str, str]) -> dict[str, "Remedy"]:
        """The remedies with these slugs, in one look-up. What each slug is told by is the pointer it came from."""
        known = {found.slug: found for found in session.scalars(select(cls).where(cls.slug.in_(slugs.values())))}
        for pointer, slug in slugs.items():
            if slug not in known:
                raise Missing(f"This organization has no remedy {slug!r}.", pointer=pointer)
        return {pointer: known[slug] for pointer, slug in slugs.items()}
