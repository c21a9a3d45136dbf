"""The organization (one company, the tenant) and its regions."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Aggregate, Base
from models.change import ChangeCounter
from models.errors import Missing


class Organization(Base):
    """One company. The only table that belongs to no tenant: it is what a sign-in looks up first."""

    __tablename__ = "organization"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(60), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime]

    @classmethod
    def found(cls, session: Session, *, slug: str, name: str, at: datetime) -> "Organization":
        """A new organization, with the counter of its changes."""
        organization = cls(slug=slug, name=name, created_at=at)
        session.add(organization)
        session.flush()
        session.add(ChangeCounter(organization_id=organization.id))
        session.flush()
        return organization

    @classmethod
    def by_slug(cls, session: Session, slug: str) -> "Organization":
        found = session.scalars(select(cls).where(cls.slug == slug)).one_or_none()
        if found is None:
            raise Missing(f"There is no organization {slug!r}.")
        return found


class Region(Aggregate):
    """A part of the organization that a regional manager looks after."""

    __tablename__ = "region"
    __table_args__ = (UniqueConstraint("organization_id", "slug"),)

    slug: Mapped[str] = mapped_column(String(60))
    name: Mapped[str] = mapped_column(String(200))
