"""Ids of a customer in other systems: the till, the loyalty programme, the CRM."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import ColumnElement, String, UniqueConstraint, and_, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.db.base import TenantOwned, tenant_fk
from models.db.slug import MAX_SLUG_LENGTH, check_slug
from models.errors import Conflict, Invalid

MAX_REFERENCE_LENGTH = 100

if TYPE_CHECKING:
    from models.customers.customer import Customer


class ExternalId(TenantOwned):
    """Id (`reference`) of a customer in another system (`source`), unique within that system."""

    __tablename__ = "customer_external_id"
    __table_args__ = (UniqueConstraint("organization_id", "source", "reference"),)

    customer_id: Mapped[UUID] = tenant_fk("customer", index=True)
    source: Mapped[str] = mapped_column(String(MAX_SLUG_LENGTH))
    reference: Mapped[str] = mapped_column(String(MAX_REFERENCE_LENGTH))

    @classmethod
    def parse(cls, data: dict[str, Any], *, pointer: str) -> tuple[str, str]:
        """Return source and reference as stored. Invalid if the source is no slug or the reference is blank."""
        reference = data["reference"].strip()
        if not reference:
            raise Invalid("A reference has at least one character.", pointer=f"{pointer}/reference")
        return check_slug(data["source"], pointer=f"{pointer}/source"), reference

    @classmethod
    def is_any_of(cls, names: Sequence[tuple[str, str]]) -> ColumnElement[bool]:
        """Return the criterion for the rows with one of these pairs of source and reference."""
        return or_(*(and_(cls.source == source, cls.reference == reference) for source, reference in names))

    @classmethod
    def replace_all(cls, session: Session, customer: "Customer", references: Sequence[dict[str, Any]]) -> None:
        """Replace all external ids of a customer. Conflict when another customer has one of them."""
        names = [cls.parse(reference, pointer=f"/references/{index}") for index, reference in enumerate(references)]
        if names:
            stmt = select(cls).where(cls.is_any_of(names), cls.customer_id != customer.id)
            for taken in session.scalars(stmt):
                index = names.index((taken.source, taken.reference))
                raise Conflict("Another customer has this reference.", pointer=f"/references/{index}")
        existing = {(row.source, row.reference): row for row in customer.references}
        customer.references = [
            existing.get(name) or cls(source=name[0], reference=name[1]) for name in sorted(set(names))
        ]
