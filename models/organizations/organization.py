"""The organization (one company, the tenant) and its regions."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.db.base import Aggregate, Base
from models.db.change_feed import ChangeCounter
from models.db.slug import check_slug
from models.errors import Conflict, Invalid, NotFound


class Organization(Base):
    """One company. The only table that belongs to no tenant: it is what a sign-in looks up first."""

    __tablename__ = "organization"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(60), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime]

    @classmethod
    def create(cls, session: Session, *, slug: str, name: str, at: datetime, id_: UUID | None = None) -> "Organization":
        """A new organization, with the counter of its changes. Conflict when another one has the slug.

        With an `id_` chosen beforehand, all that belongs to it can be written in one transaction that is scoped to it.
        """
        if cls._with_slug(session, slug) is not None:
            raise Conflict(f"There is an organization {slug!r} already.", code="already-exists", pointer="/slug")
        chosen = {} if id_ is None else {"id": id_}
        organization = cls(**chosen, slug=check_slug(slug), name=name, created_at=at)
        session.add(organization)
        session.flush()
        session.add(ChangeCounter(organization_id=organization.id))
        session.flush()
        return organization

    @classmethod
    def by_slug(cls, session: Session, slug: str) -> "Organization":
        found = cls._with_slug(session, slug)
        if found is None:
            raise NotFound(f"There is no organization {slug!r}.")
        return found

    @classmethod
    def _with_slug(cls, session: Session, slug: str) -> "Organization | None":
        return session.scalars(select(cls).where(cls.slug == slug)).one_or_none()


class Region(Aggregate):
    """A part of the organization that a regional manager looks after."""

    __tablename__ = "region"
    __table_args__ = (UniqueConstraint("organization_id", "slug"),)

    slug: Mapped[str] = mapped_column(String(60))
    name: Mapped[str] = mapped_column(String(200))

    @classmethod
    def by_slug(cls, session: Session, slug: str) -> "Region":
        """The region with this slug."""
        found = session.scalars(select(cls).where(cls.slug == slug)).one_or_none()
        if found is None:
            raise NotFound(f"This organization has no region {slug!r}.", pointer="/region")
        return found

    @classmethod
    def get_or_create(cls, session: Session, slug: str, name: str | None = None) -> "Region":
        """The region with this slug, made with this name when there is none. Invalid when its name is another one."""
        found = session.scalars(select(cls).where(cls.slug == slug)).one_or_none()
        if found is None:
            found = cls(slug=check_slug(slug, pointer="/region"), name=name or slug.replace("-", " ").capitalize())
            session.add(found)
            session.flush()
        elif name not in (None, found.name):
            raise Invalid(f"The region {slug!r} is called {found.name!r}.", pointer="/region_name")
        return found
