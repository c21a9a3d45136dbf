"""Stores: opening hours, time zone, business day and places."""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

import phonenumbers
from sqlalchemy import JSON, ColumnElement, Select, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship, selectinload
from sqlalchemy.sql.base import ExecutableOption

from models.access import Actor
from models.db.base import Aggregate, many_to_one, one_to_many, tenant_fk
from models.db.slug import check_slug, slug_from_name
from models.errors import Conflict, Invalid, NotFound
from models.organizations.opening_hours import ALWAYS_OPEN, Hours, check_hours, first_opening, is_open, last_closing
from models.organizations.organization import Region
from models.organizations.place import Place
from models.policy_defaults import DAY_STARTS_AT, MAX_CLOSED_DAYS, MAX_PAUSE_MINUTES, MORNING_AFTER

if TYPE_CHECKING:
    from models.alerts.escalation_policy import EscalationPolicy
    from models.alerts.rule import AlertRule
    from models.organizations.store_group import StoreGroupMember


class StoreKind(StrEnum):
    RESTAURANT = "restaurant"
    RETAIL = "retail"


class AboveLimit(StrEnum):
    """What happens to a recovery action above the spending limit of the person who records it."""

    ASK_FIRST = "ask_first"
    ACT_FIRST = "act_first"  # a manager reviews it afterwards


class Store(Aggregate):
    """One shop or restaurant.

    `time_zone` is an IANA name, `country` ISO 3166-1 alpha-2 (its phone numbers are read with it), `currency`
    ISO 4217, and `day_starts_at` the civil time at which a new business day begins.
    """

    __tablename__ = "store"
    __table_args__ = (UniqueConstraint("organization_id", "slug"),)

    region_id: Mapped[UUID] = tenant_fk("region", index=True)
    slug: Mapped[str] = mapped_column(String(60))
    name: Mapped[str] = mapped_column(String(200))
    kind: Mapped[StoreKind]
    time_zone: Mapped[str] = mapped_column(String(60))
    country: Mapped[str] = mapped_column(String(2))
    currency: Mapped[str] = mapped_column(String(3))
    day_starts_at: Mapped[time] = mapped_column(default=DAY_STARTS_AT)
    # The business date from which the present time zone, day start and currency hold; None: from the first day. What
    # held before stands in `earlier_terms`, oldest first.
    terms_from: Mapped[date | None]
    earlier_terms: Mapped[list[Any] | None] = mapped_column(JSON(none_as_null=True))
    closed_at: Mapped[datetime | None]
    hours: Mapped[Hours | None] = mapped_column(JSON(none_as_null=True))
    # How long a person may silence their phones after a hard concern.
    longest_pause_minutes: Mapped[int] = mapped_column(default=MAX_PAUSE_MINUTES)
    above_limit: Mapped[AboveLimit] = mapped_column(default=AboveLimit.ASK_FIRST)

    region: Mapped[Region] = many_to_one("Store", "region_id", "Region")
    places: Mapped[list[Place]] = one_to_many(
        "Store", "Place", "store_id", only="Place.retired_at.is_(None)", order_by="(Place.position, Place.slug)"
    )
    in_groups: Mapped[list["StoreGroupMember"]] = one_to_many("Store", "StoreGroupMember", "store_id", viewonly=True)
    alert_rules: Mapped[list["AlertRule"]] = relationship(
        "AlertRule",
        primaryjoin="foreign(AlertRule.organization_id) == Store.organization_id",
        order_by="AlertRule.slug",
        viewonly=True,
    )
    policies: Mapped[list["EscalationPolicy"]] = relationship(
        "EscalationPolicy",
        primaryjoin="and_(foreign(EscalationPolicy.organization_id) == Store.organization_id,"
        " or_(EscalationPolicy.store_id.is_(None), EscalationPolicy.store_id == Store.id))",
        viewonly=True,
    )

    @classmethod
    def create(
        cls,
        session: Session,
        *,
        region: Region,
        slug: str,
        name: str,
        kind: StoreKind,
        time_zone: str,
        country: str,
        currency: str,
        day_starts_at: time = DAY_STARTS_AT,
        places: Iterable[str] = (),
    ) -> "Store":
        """Create a store with its places. `places` are names; their slugs are made from them.

        Conflict when another store of the organization has the slug. Invalid for an unknown time zone, country or
        currency, and for two places with the same slug.
        """
        if session.scalars(select(cls.id).where(cls.slug == slug)).first() is not None:
            raise Conflict(f"There is a store {slug!r} already.", code="already-exists", pointer="/slug")
        if time_zone not in available_timezones():
            raise Invalid(
                f"{time_zone!r} is no time zone; an IANA name such as Europe/Lisbon is.", pointer="/time_zone"
            )
        if country not in phonenumbers.SUPPORTED_REGIONS:
            raise Invalid(f"{country!r} is no country code; two capital letters such as PT are.", pointer="/country")
        if not re.fullmatch("[A-Z]{3}", currency):
            raise Invalid(f"{currency!r} is no currency code; three letters such as EUR are.", pointer="/currency")
        store = cls(
            region_id=region.id,
            slug=check_slug(slug),
            name=name,
            kind=kind,
            time_zone=time_zone,
            country=country,
            currency=currency,
            day_starts_at=day_starts_at,
        )
        store.places = [
            Place(slug=slug_from_name(place), name=place, position=number) for number, place in enumerate(places, 1)
        ]
        if len({place.slug for place in store.places}) < len(store.places):
            raise Invalid("Two places of a store cannot have the same name.", pointer="/places")
        session.add(store)
        session.flush()
        return store

    @classmethod
    def by_slug(cls, session: Session, slug: str) -> "Store":
        """Return the store with this slug. NotFound when there is none."""
        store = session.scalars(select(cls).where(cls.slug == slug)).one_or_none()
        if store is None:
            raise NotFound(f"This organization has no store {slug!r}.", pointer="/store")
        return store

    @property
    def feed_store_id(self) -> UUID:
        return self.id

    @classmethod
    def visible_to(cls, actor: Actor) -> Sequence[ColumnElement[bool]]:
        return () if actor.store_ids is None else (cls.id.in_(actor.store_ids),)

    @classmethod
    def eager_options(cls) -> Sequence[ExecutableOption]:
        return (selectinload(cls.places),)

    @classmethod
    def filter_criteria(
        cls,
        actor: Actor,
        *,
        region_id: UUID | None = None,
        group_id: UUID | None = None,
        store_id: UUID | None = None,
    ) -> Sequence[ColumnElement[bool]]:
        """Return the criteria for the stores within reach, narrowed to a region, a group or one store if given."""
        criteria = [*cls.visible_to(actor)]
        if region_id is not None:
            criteria.append(cls.region_id == region_id)
        if group_id is not None:
            criteria.append(cls.in_groups.any(group_id=group_id))
        if store_id is not None:
            criteria.append(cls.id == store_id)
        return criteria

    @classmethod
    def select_visible(cls, actor: Actor, **filters: UUID) -> Select["Store"]:
        """Select the stores within reach. `filters` are those of `filter_criteria`."""
        return select(cls).where(*cls.filter_criteria(actor, **filters)).options(*cls.eager_options())

    @classmethod
    def require_visible(cls, session: Session, ids: Sequence[UUID], *, actor: Actor, pointer: str) -> None:
        """Raise NotFound, with a pointer, for the first of these stores that is not within reach."""
        visible_ids = set(session.scalars(select(cls.id).where(cls.id.in_(ids), *cls.visible_to(actor))))
        for index, store_id in enumerate(ids):
            if store_id not in visible_ids:
                raise cls.not_visible_error(store_id, pointer=f"{pointer}/{index}")

    @classmethod
    def select_visible_regions(cls, actor: Actor) -> Select[Region]:
        """Select the regions of the stores within reach, or all regions for an actor who reaches every store."""
        stmt = select(Region)
        if actor.store_ids is None:
            return stmt
        return stmt.where(Region.id.in_(select(cls.region_id).where(*cls.visible_to(actor))))

    @property
    def policy(self) -> "EscalationPolicy | None":
        """The escalation policy of the store, or else that of the organization."""
        return max(self.policies, key=lambda policy: policy.store_id is not None, default=None)

    @property
    def opening_hours(self) -> Hours:
        return self.hours or ALWAYS_OPEN

    def edit(self, **changes: Any) -> None:
        """Change how the store works: `above_limit`, `longest_pause_minutes`."""
        for name, value in changes.items():
            setattr(self, name, value)
        self.bump_version()

    def set_hours(self, hours: Hours) -> None:
        """Set the opening hours. Invalid, with a pointer, where periods overlap."""
        check_hours(hours)
        self.hours = hours
        self.bump_version()

    def is_open(self, at: datetime) -> bool:
        return is_open(self.hours, at, self.zone)

    def business_date(self, at: datetime) -> date:
        """Return the business day of an instant: at 01:30 on Saturday a restaurant is still in its Friday.

        Compares instants, not clock readings, so that the hour that comes twice in autumn stays in one day. The search
        starts a day after the calendar date, because a clock that is put back over midnight shows a date twice.
        """
        day = at.astimezone(self.zone).date() + timedelta(days=1)
        while at < self._day_start(day):
            day -= timedelta(days=1)
        return day

    def day_bounds(self, business_date: date) -> tuple[datetime, datetime]:
        """Return the first instant of a business day and the first instant after it, in UTC."""
        return self._day_start(business_date), self._day_start(business_date + timedelta(days=1))

    def closing_time(self, business_date: date) -> datetime:
        """Return when the store closes on a business day, or the end of the day when its hours do not say."""
        start, end = self.day_bounds(business_date)
        closes_at = last_closing(self.opening_hours, start, end, self.zone)
        return end if closes_at is None else min(closes_at, end)

    def work_begins_at(self, business_date: date) -> datetime | None:
        """Return when work begins on a business day: when the store opens. None when it stays closed.

        In a store that is open through the night, or has no hours, work begins `MORNING_AFTER` the start of the day.
        """
        start, end = self.day_bounds(business_date)
        morning = start + MORNING_AFTER
        if not self.is_open(morning):
            return first_opening(self.opening_hours, morning, end, self.zone)
        return first_opening(self.opening_hours, start, morning, self.zone) or morning

    def previous_working_date(self, business_date: date) -> date:
        """Return the last business day before this one on which the store opened.

        After more than `MAX_CLOSED_DAYS` closed days it is just the day before.
        """
        days = [business_date - timedelta(days=count) for count in range(1, MAX_CLOSED_DAYS + 2)]
        return next((day for day in days if self.work_begins_at(day) is not None), days[0])

    def _day_start(self, day: date) -> datetime:
        return datetime.combine(day, self.day_starts_at, tzinfo=self.zone).astimezone(UTC)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)
