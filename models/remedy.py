"""The kinds of recovery action an organization offers."""

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
    def named(cls, session: Session, slug: str, *, pointer: str = "/remedy") -> "Remedy":
        found = session.scalars(select(cls).where(cls.slug == slug)).one_or_none()
        if found is None:
            raise Missing(f"This organization has no remedy {slug!r}.", pointer=pointer)
        return found
