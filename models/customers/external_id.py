"""What other systems call a customer: the till, the loyalty programme, the CRM."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import ColumnElement, String, UniqueConstraint, and_, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.db.base import TenantOwned, tenant_fk
from models.db.slug import MAX_SLUG_LENGTH, check_slug
from models.errors import Conflict, Invalid

if TYPE_CHECKING:
    from models.customers.customer import Customer


class ExternalId(TenantOwned):
    """One name of a customer in one other system, which nobody else has there."""

    __tablename__ = "customer_external_id"
    __table_args__ = (UniqueConstraint("organization_id", "source", "reference"),)

    customer_id: Mapped[UUID] = tenant_fk("customer", index=True)
    source: Mapped[str] = mapped_column(String(MAX_SLUG_LENGTH))
    reference: Mapped[str] = mapped_column(String(100))

    @classmethod
    def parse(cls, told: dict[str, Any], *, pointer: str) -> tuple[str, str]:
        """Source and reference as they are stored; Invalid for a source that is no slug, or for a blank."""
        reference = told["reference"].strip()
        if not reference:
            raise Invalid("A reference has at least one character.", pointer=f"{pointer}/reference")
        return check_slug(told["source"], pointer=f"{pointer}/source"), reference

    @classmethod
    def is_any_of(cls, names: Sequence[tuple[str, str]]) -> ColumnElement[bool]:
        return or_(*(and_(cls.source == source, cls.reference == reference) for source, reference in names))

    @classmethod
    def replace_all(cls, session: Session, customer: "Customer", told: Sequence[dict[str, Any]]) -> None:
        """Let these be all the names of a customer elsewhere. Conflict where one of them is another customer's."""
        names = [cls.parse(one, pointer=f"/references/{place}") for place, one in enumerate(told)]
        if names:
            stmt = select(cls).where(cls.is_any_of(names))
            for taken in session.scalars(stmt.where(cls.customer_id != customer.id)):
                place = names.index((taken.source, taken.reference))
                raise Conflict("Another customer has this reference.", pointer=f"/references/{place}")
        stays = {(one.source, one.reference): one for one in customer.references}
        customer.references = [stays.get(name) or cls(source=name[0], reference=name[1]) for name in sorted({*names})]
