"""A store: its zone, its business day, its places."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, mapped_column, selectinload
from sqlalchemy.sql.base import ExecutableOption

from models.access import Actor
from models.base import Aggregate, TenantOwned, link, many, one
from models.organization import Region


class StoreKind(StrEnum):
    RESTAURANT = "restaurant"
    RETAIL = "retail"


class Store(Aggregate):
    """One shop or restaurant.

    `time_zone` is an IANA name, `country` ISO 3166-1 alpha-2 (its phone numbers are read with it), `currency`
    ISO 4217, and `day_starts_at` the civil time at which a new business day begins.
    """

    __tablename__ = "store"
    __table_args__ = (UniqueConstraint("organization_id", "slug"),)

    region_id: Mapped[UUID] = link("region", index=True)
    slug: Mapped[str] = mapped_column(String(60))
    name: Mapped[str] = mapped_column(String(200))
    kind: Mapped[StoreKind]
    time_zone: Mapped[str] = mapped_column(String(60))
    country: Mapped[str] = mapped_column(String(2))
    currency: Mapped[str] = mapped_column(String(3))
    day_starts_at: Mapped[time] = mapped_column(default=time(4))

    region: Mapped[Region] = one("Store", "region_id", "Region")
    places: Mapped[list["Place"]] = many("Store", "Place", "store_id", order_by="Place.position")

    @property
    def feed_store_id(self) -> UUID:
        return self.id

    @classmethod
    def visible_to(cls, actor: Actor) -> Sequence[ColumnElement[bool]]:
        return () if actor.store_ids is None else (cls.id.in_(actor.store_ids),)

    @classmethod
    def shown_with(cls) -> Sequence[ExecutableOption]:
        return (selectinload(cls.places),)

    @classmethod
    def listed(cls, actor: Actor, *, region_id: UUID | None = None) -> Select["Store"]:
        """The stores within reach, of one region where it is named."""
        question = select(cls).where(*cls.visible_to(actor)).options(*cls.shown_with())
        return question if region_id is None else question.where(cls.region_id == region_id)

    @classmethod
    def regions_within_reach(cls, actor: Actor) -> Select[Region]:
        """The regions of the stores within reach; all of them for those who look after every store."""
        question = select(Region)
        if actor.store_ids is None:
            return question
        return question.where(Region.id.in_(select(cls.region_id).where(*cls.visible_to(actor))))

    def business_date(self, at: datetime) -> date:
        """The business day an instant falls on: at 01:30 on Saturday a restaurant is still in its Friday.

        Compared as instants, not as clock readings, so that the hour that comes twice in autumn stays in one day.
        """
        local_date = at.astimezone(self._zone).date()
        return local_date if at >= self._day_start(local_date) else local_date - timedelta(days=1)

    def day_bounds(self, business_date: date) -> tuple[datetime, datetime]:
        """First instant of a business day, and the first instant after it (UTC)."""
        return self._day_start(business_date), self._day_start(business_date + timedelta(days=1))

    def _day_start(self, day: date) -> datetime:
        return datetime.combine(day, self.day_starts_at, tzinfo=self._zone).astimezone(UTC)

    @property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)


class Place(TenantOwned):
    """Where in a store something happened: 'table 12', 'aisle 4'. Safe to show on a lock screen."""

    __tablename__ = "place"
    __table_args__ = (UniqueConstraint("organization_id", "store_id", "slug"),)

    store_id: Mapped[UUID] = link("store")
    slug: Mapped[str] = mapped_column(String(60))
    name: Mapped[str] = mapped_column(String(60))
    position: Mapped[int] = mapped_column(default=0)
