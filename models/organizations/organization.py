"""The organization (one company: the tenant) and its regions."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import phonenumbers
from sqlalchemy import String, UniqueConstraint, Uuid, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.db.base import Aggregate, Base
from models.db.bounds import check_bound
from models.db.change_feed import ChangeCounter
from models.db.slug import check_slug
from models.errors import Conflict, Invalid, NotFound
from models.organizations.names import check_language
from models.policy_defaults import MAX_REGIONS, PASSWORD_MIN_LENGTH, SESSION_DAYS


class Organization(Base):
    """One company. The row of the tenant itself, which a sign-in looks up first."""

    __tablename__ = "organization"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(60), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)

    # Settings, which an administrator changes.
    languages: Mapped[list[Any]] = mapped_column(default=lambda: ["en"])  # the first one is that of `name` fields
    phone_region: Mapped[str | None] = mapped_column(String(2))  # ISO 3166-1; where no store tells the country
    session_days: Mapped[int] = mapped_column(default=SESSION_DAYS)
    session_idle_days: Mapped[int | None]  # a sign-in that was not used for so long ends; None: never
    password_min_length: Mapped[int] = mapped_column(default=PASSWORD_MIN_LENGTH)
    minimum_app_versions: Mapped[dict[str, Any]] = mapped_column(default=dict)  # by platform
    app_addresses: Mapped[dict[str, Any]] = mapped_column(default=dict)  # by platform: where to get the app

    @classmethod
    def create(cls, session: Session, *, slug: str, name: str, at: datetime, id_: UUID | None = None) -> "Organization":
        """Create an organization with its change counter; its slug in lower case. Conflict when another one has it.

        Pass `id_` to create the organization in a transaction that is scoped to it already.
        """
        slug = check_slug(slug.lower())
        if cls._with_slug(session, slug) is not None:
            raise Conflict(f"There is an organization {slug!r} already.", code="already-exists", pointer="/slug")
        preset = {} if id_ is None else {"id": id_}
        organization = cls(**preset, slug=slug, name=name, created_at=at)
        session.add(organization)
        session.flush()
        session.add(ChangeCounter(organization_id=organization.id))
        session.flush()
        return organization

    @classmethod
    def by_slug(cls, session: Session, slug: str) -> "Organization":
        """Return the organization with this slug, in whatever case. NotFound when there is none."""
        organization = cls._with_slug(session, slug.lower())
        if organization is None:
            raise NotFound(f"There is no organization {slug!r}.")
        return organization

    @classmethod
    def find_id(cls, session: Session, slug: str) -> UUID | None:
        """Return the id of the organization with this slug, for a sign-in, which is no organization's yet.

        On PostgreSQL a function answers it: the role of the web reads no row of an organization but its own.
        """
        if session.get_bind().dialect.name == "postgresql":
            return session.scalar(select(func.organization_id_of_slug(slug.lower(), type_=Uuid)))
        return session.scalar(select(cls.id).where(cls.slug == slug.lower()))

    @classmethod
    def get(cls, session: Session, organization_id: UUID, *, lock: bool = False) -> "Organization":
        """Return the organization with this id. `lock` keeps others from changing it until the transaction ends."""
        stmt = select(cls).where(cls.id == organization_id)
        if lock:
            stmt = stmt.with_for_update(key_share=True).execution_options(populate_existing=True)
        return session.scalars(stmt).one()

    def edit(self, **changes: Any) -> None:
        """Change the settings. `minimum_app_versions` and `app_addresses` are merged by platform, None removes one.

        Invalid, with a pointer, for what is no language or given twice, and for an unknown phone region.
        """
        if "languages" in changes:
            _check_languages(changes["languages"])
        phone_region = changes.get("phone_region")
        if phone_region is not None and phone_region not in phonenumbers.SUPPORTED_REGIONS:
            raise Invalid(
                f"{phone_region!r} is no country code; two capital letters such as PT are.", pointer="/phone_region"
            )
        for name in ("minimum_app_versions", "app_addresses"):
            if name in changes:
                by_platform = {**getattr(self, name), **changes.pop(name)}
                setattr(self, name, {platform: value for platform, value in by_platform.items() if value})
        for field, value in changes.items():
            setattr(self, field, value)
        self.version += 1

    def sign_in_ends_at(self, *, opened_at: datetime, seen_at: datetime) -> datetime:
        """Return when a sign-in ends that was opened and last used at these times, by the present settings."""
        ends_at = opened_at + timedelta(days=self.session_days)
        if self.session_idle_days is None:
            return ends_at
        return min(ends_at, seen_at + timedelta(days=self.session_idle_days))

    @classmethod
    def _with_slug(cls, session: Session, slug: str) -> "Organization | None":
        return session.scalars(select(cls).where(cls.slug == slug)).one_or_none()


def _check_languages(languages: Sequence[str]) -> None:
    seen: set[str] = set()
    for number, tag in enumerate(languages):
        check_language(tag, pointer=f"/languages/{number}")
        if tag.lower() in seen:
            raise Invalid("This language is there already.", pointer=f"/languages/{number}")
        seen.add(tag.lower())


class Region(Aggregate):
    """Part of an organization that a regional manager is responsible for."""

    __tablename__ = "region"
    __table_args__ = (UniqueConstraint("organization_id", "slug"),)

    slug: Mapped[str] = mapped_column(String(60))
    name: Mapped[str] = mapped_column(String(200))

    @classmethod
    def create(cls, session: Session, *, slug: str, **values: Any) -> "Region":
        """Create a region. Conflict when another one has the slug, InvalidState when there are too many."""
        if cls._with_slug(session, slug) is not None:
            raise Conflict(f"There is a region {slug!r} already.", code="already-exists", pointer="/slug")
        check_bound(session, select(cls.id), most=MAX_REGIONS, of="regions of an organization")
        region = cls(slug=check_slug(slug), **values)
        session.add(region)
        return region

    def edit(self, *, name: str | None = None) -> None:
        """Change the name."""
        self.name = name or self.name
        self.bump_version()

    @classmethod
    def by_slug(cls, session: Session, slug: str) -> "Region":
        """Return the region with this slug. NotFound when there is none."""
        region = cls._with_slug(session, slug)
        if region is None:
            raise NotFound(f"This organization has no region {slug!r}.", pointer="/region")
        return region

    @classmethod
    def get_or_create(cls, session: Session, slug: str, name: str | None = None) -> "Region":
        """Return the region with this slug, or create it. Invalid when the region has another name than `name`."""
        region = cls._with_slug(session, slug)
        if region is None:
            name = name or slug.replace("-", " ").capitalize()
            region = cls(slug=check_slug(slug, pointer="/region"), name=name)
            session.add(region)
            session.flush()
        elif name not in (None, region.name):
            raise Invalid(f"The region {slug!r} is called {region.name!r}.", pointer="/region_name")
        return region

    @classmethod
    def _with_slug(cls, session: Session, slug: str) -> "Region | None":
        return session.scalars(select(cls).where(cls.slug == slug)).one_or_none()
