"""Stores: opening hours, terms (time zone, day start, currency), business day, closing and places."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

import phonenumbers
from babel.core import get_global
from babel.numbers import get_territory_currencies
from sqlalchemy import JSON, ColumnElement, Select, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship, selectinload
from sqlalchemy.sql.base import ExecutableOption

from models.access import Actor
from models.db.base import Aggregate, many_to_one, one_to_many, tenant_fk
from models.db.bounds import check_bound, too_many
from models.db.slug import check_slug, slug_from_name
from models.errors import Conflict, Invalid, InvalidState, NotFound
from models.organizations.opening_hours import (
    ALWAYS_OPEN,
    Hours,
    check_hours,
    first_opening,
    is_open,
    last_closing,
    never_shuts,
    next_closing,
)
from models.organizations.organization import Region
from models.organizations.place import Place
from models.organizations.store_limits import StoreLimits
from models.organizations.store_terms import EarlierTerms, StoreTerms, TermsHistory
from models.policy_defaults import (
    DAY_STARTS_AT,
    MAX_CLOSED_DAYS,
    MAX_PAUSE_MINUTES,
    MAX_STORES,
    MAX_TERMS_CHANGES,
    MORNING_AFTER,
    RECORDED_DAYS,
)

if TYPE_CHECKING:
    from models.alerts.escalation_policy import EscalationPolicy
    from models.alerts.rule import AlertRule
    from models.organizations.store_group import StoreGroupMember

TERMS_FIELDS = ("time_zone", "day_starts_at", "currency")
_INSTANT = timedelta(microseconds=1)
# Files beside the zones, and aliases of whatever the server is set to.
NO_ZONES = frozenset({"Factory", "localtime", "posixrules"})


class StoreKind(StrEnum):
    RESTAURANT = "restaurant"
    RETAIL = "retail"


class AboveLimit(StrEnum):
    """What happens to a recovery action above the spending limit of the person who records it."""

    ASK_FIRST = "ask_first"
    ACT_FIRST = "act_first"  # a manager reviews it afterwards


class Store(Aggregate):
    """One shop or restaurant.

    `country` is ISO 3166-1 alpha-2: phone numbers that are given here from now on are read with it.

    `time_zone` (IANA name), `day_starts_at` (civil time at which a business day begins) and `currency` (ISO 4217) are
    the terms of the store. The columns hold the newest ones, which may be still to come. Ask for those of a date or an
    instant: `terms_on`, `terms_at`.
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
    # The business date from which these three hold; None: from the first day. `earlier_terms` has what held before,
    # oldest first, in the form of `EarlierTerms.to_json`.
    terms_from: Mapped[date | None]
    earlier_terms: Mapped[list[Any] | None] = mapped_column(JSON(none_as_null=True))
    closed_at: Mapped[datetime | None]  # None: it is in business
    hours: Mapped[Hours | None] = mapped_column(JSON(none_as_null=True))
    # How long a person may silence their phones after a hard concern.
    longest_pause_minutes: Mapped[int] = mapped_column(default=MAX_PAUSE_MINUTES)
    above_limit: Mapped[AboveLimit] = mapped_column(default=AboveLimit.ASK_FIRST)
    # Those that were set, in the form of `StoreLimits.to_json`; see `limits_in`.
    own_limits: Mapped[list[Any] | None] = mapped_column(JSON(none_as_null=True))
    # Whether a shift ends with the business day; a store that never shuts may turn that off.
    shifts_end_daily: Mapped[bool] = mapped_column(default=True)

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
        hours: Hours | None = None,
        places: Iterable[str] = (),
        limits: Sequence[dict[str, Any]] = (),
        **fields: Any,
    ) -> "Store":
        """Create a store with its places. `places` are names; their slugs are made from them.

        Without `hours` it is always open. `fields` are `id`, `above_limit`, `longest_pause_minutes` and
        `shifts_end_daily`; `limits` are dicts of `per_action`, `per_day` and `after_hours`.

        Invalid for an unknown time zone, country or currency, for overlapping hours, for two places with the same slug,
        for limits that contradict each other, and for `shifts_end_daily` false in a store that shuts. Conflict when
        another store of the organization has the slug, and InvalidState when there are MAX_STORES.
        """
        check_codes(time_zone=time_zone, country=country, currency=currency)
        if hours is not None:
            check_hours(hours, pointer="/hours")
        store = cls(
            **fields,
            region_id=region.id,
            slug=check_slug(slug),
            name=name,
            kind=kind,
            time_zone=time_zone,
            country=country,
            currency=currency,
            day_starts_at=day_starts_at,
            hours=hours,
        )
        store.places = [
            Place(slug=slug_from_name(place, pointer=f"/places/{number}"), name=place, position=number + 1)
            for number, place in enumerate(places)
        ]
        store._check_end_of_shifts()
        store._set_limits(limits)
        if len({place.slug for place in store.places}) < len(store.places):
            raise Invalid("Two places of a store cannot have the same name.", pointer="/places")
        if session.scalars(select(cls.id).where(cls.slug == slug)).first() is not None:
            raise Conflict(f"There is a store {slug!r} already.", code="already-exists", pointer="/slug")
        check_bound(session, select(cls.id), most=MAX_STORES, of="stores of an organization")
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

    @classmethod
    def currencies(cls, session: Session) -> set[str]:
        """Return the currencies that stores have, those that are closed too."""
        return set(session.scalars(select(cls.currency).distinct()))

    @classmethod
    def kind_within_reach(cls, session: Session, store_id: UUID | None, *, actor: Actor) -> StoreKind | None:
        """Return the kind of the store that a filter names; None where it names none. NotFound out of reach."""
        if store_id is None:
            return None
        return cls.get_visible(session, store_id, actor=actor, pointer="/store_id").kind

    @classmethod
    def names_of(cls, session: Session, ids: Collection[UUID], *, actor: Actor) -> dict[UUID, str]:
        """Return the names of those of these stores that are within reach."""
        if not ids:
            return {}
        rows = session.execute(select(cls.id, cls.name).where(cls.id.in_(ids), *cls.visible_to(actor)))
        return {row.id: row.name for row in rows}

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

    def edit(self, *, at: datetime, **changes: Any) -> None:
        """Change the store: its name, kind, `region_id`, country, terms or settings.

        Settings are `above_limit`, `longest_pause_minutes`, `shifts_end_daily`, `limits` (see `create`) and
        `hours`, which `check_hours` accepts. Changed terms hold from the next business date on (see
        `TermsHistory.change`); the rest holds at once. Invalid for an unknown time zone, country or currency, and for
        `shifts_end_daily` false in a store that shuts.
        """
        check_codes(**changes)
        if "limits" in changes:
            self._set_limits(changes.pop("limits"))
        terms = {name: changes.pop(name) for name in TERMS_FIELDS if name in changes}
        if "hours" in changes:
            self._take_hours(changes.pop("hours"))
        for name, value in changes.items():
            setattr(self, name, value)
        self._check_end_of_shifts()
        if terms:
            self._set_terms(self.terms_history.change(replace(self._newest_terms, **terms), at=at))
        self.bump_version()

    def set_hours(self, hours: Hours) -> None:
        """Set the opening hours. Shifts end with the day again where the store never shut and shuts from now on.

        Invalid, with a pointer, where periods overlap.
        """
        check_hours(hours)
        self._take_hours(hours)
        self.bump_version()

    def close(self, *, at: datetime) -> None:
        """Close the store. InvalidState when it is closed already."""
        if self.closed_at is not None:
            raise InvalidState("This store is closed already.", state="closed")
        self.closed_at = at
        self.bump_version()

    def reopen(self) -> None:
        """Take a closed store into business again. InvalidState when it is not closed."""
        if self.closed_at is None:
            raise InvalidState("This store is not closed.", state="open")
        self.closed_at = None
        self.bump_version()

    def was_closed_at(self, at: datetime) -> bool:
        """Return whether the store was out of business at an instant. Outside its opening hours it is not."""
        return self.closed_at is not None and at >= self.closed_at

    @property
    def terms_history(self) -> TermsHistory:
        return TermsHistory([EarlierTerms.from_json(row) for row in self.earlier_terms or ()], self._newest_terms)

    def terms_on(self, business_date: date) -> StoreTerms:
        """Return the time zone, day start and currency that hold for a business date."""
        return self.terms_history.on(business_date)

    def terms_at(self, at: datetime) -> StoreTerms:
        """Return the time zone, day start and currency that hold at an instant."""
        history = self.terms_history
        return history.on(history.business_date(at))

    def zone_on(self, business_date: date) -> ZoneInfo:
        return self.terms_on(business_date).zone

    def zone_at(self, at: datetime) -> ZoneInfo:
        return self.terms_at(at).zone

    def currency_on(self, business_date: date) -> str:
        return self.terms_on(business_date).currency

    @property
    def limits(self) -> list[StoreLimits]:
        """The limits that were set, and in the currency of the store those that hold, if any, by currency."""
        default = StoreLimits.default(self.currency)
        by_currency = {} if default is None else {default.currency: default}
        by_currency |= {own["currency"]: StoreLimits(**own) for own in self.own_limits or ()}
        return [by_currency[currency] for currency in sorted(by_currency)]

    def limits_in(self, currency: str) -> StoreLimits | None:
        """Return the limits that hold in a currency. None where nobody has set any: then everything asks first."""
        own = next((own for own in self.own_limits or () if own["currency"] == currency), None)
        return StoreLimits.default(currency) if own is None else StoreLimits(**own)

    def is_open(self, at: datetime) -> bool:
        return is_open(self.hours, at, self.zone_at(at))

    def business_date(self, at: datetime) -> date:
        """Return the business day of an instant: at 01:30 on Saturday a restaurant is still in its Friday."""
        return self.terms_history.business_date(at)

    def check_recordable(self, business_date: date, at: datetime) -> None:
        """Raise Invalid for a day that is too long ago or too far ahead to write anything down for it."""
        today = self.business_date(at)
        back, ahead = (timedelta(days=days) for days in RECORDED_DAYS)
        if not today - back <= business_date <= today + ahead:
            raise Invalid(f"Write about days from {today - back} to {today + ahead}.")

    def day_bounds(self, business_date: date) -> tuple[datetime, datetime]:
        """Return the first instant of a business day and the first instant after it, in UTC."""
        history = self.terms_history
        return history.day_start(business_date), history.day_start(business_date + timedelta(days=1))

    def next_date(self, business_date: date) -> date:
        """Return the business day after this one. A date without any instant is passed over."""
        return self.business_date(self.day_bounds(business_date)[1])

    def previous_date(self, business_date: date) -> date:
        """Return the business day before this one. A date without any instant is passed over."""
        return self.business_date(self.day_bounds(business_date)[0] - _INSTANT)

    def closing_time(self, business_date: date) -> datetime:
        """Return when the store closes on a business day, or the end of the day when its hours do not say."""
        start, end = self.day_bounds(business_date)
        closes_at = last_closing(self.opening_hours, start, end, self.zone_on(business_date))
        return end if closes_at is None else min(closes_at, end)

    def shuts_after(self, at: datetime, *, within: timedelta) -> datetime | None:
        """Return when the store, which is open at an instant, next shuts; None when it does not within this time."""
        return next_closing(self.opening_hours, at, self.zone_at(at), within=within)

    def opens_after(self, at: datetime, *, within: timedelta) -> datetime | None:
        """Return when the store, which is shut at an instant, next opens; None when it does not within this time."""
        return first_opening(self.opening_hours, at, at + within, self.zone_at(at))

    def work_begins_at(self, business_date: date) -> datetime | None:
        """Return when work begins on a business day: when the store opens. None when it stays closed.

        In a store that is open through the night, or has no hours, work begins `MORNING_AFTER` the start of the day. A
        day that is shorter than that, because the terms of the store changed, has work only if the store opens in it.
        """
        (start, end), zone = self.day_bounds(business_date), self.zone_on(business_date)
        morning = start + MORNING_AFTER
        if morning >= end:
            return first_opening(self.opening_hours, start, end, zone)
        if not self.is_open(morning):
            return first_opening(self.opening_hours, morning, end, zone)
        return first_opening(self.opening_hours, start, morning, zone) or morning

    def previous_working_date(self, business_date: date) -> date:
        """Return the last business day before this one on which the store opened.

        After more than `MAX_CLOSED_DAYS` closed days it is just the day before.
        """
        days = [business_date - timedelta(days=count) for count in range(1, MAX_CLOSED_DAYS + 2)]
        return next((day for day in days if self.work_begins_at(day) is not None), days[0])

    def _take_hours(self, hours: Hours) -> None:
        self.hours = hours
        self.shifts_end_daily = self.shifts_end_daily or not never_shuts(hours)

    def _set_limits(self, limits: Sequence[dict[str, Any]]) -> None:
        """Replace the limits that were set. Without any in a currency its defaults hold."""
        own: dict[str, StoreLimits] = {}
        for number, limit in enumerate(limits):
            currency, per_day = limit["per_action"].currency, limit.get("per_day")
            for name, amount in (("per_day", per_day), ("after_hours", limit["after_hours"])):
                if amount is not None and amount.currency != currency:
                    raise Invalid("All limits are in one currency.", pointer=f"/limits/{number}/{name}/currency")
            if currency in own:
                raise Invalid("A store has one set of limits in each currency.", pointer=f"/limits/{number}")
            most_per_day = None if per_day is None else per_day.amount
            own[currency] = StoreLimits(currency, limit["per_action"].amount, most_per_day, limit["after_hours"].amount)
        self.own_limits = [own[currency].to_json() for currency in sorted(own)] or None

    def _check_end_of_shifts(self) -> None:
        if self.shifts_end_daily is False and not never_shuts(self.opening_hours):
            raise Invalid(
                "Shifts end with the day where a store shuts: only one that never shuts may turn that off.",
                pointer="/shifts_end_daily",
            )

    @property
    def _newest_terms(self) -> StoreTerms:
        return StoreTerms(self.time_zone, self.day_starts_at, self.currency)

    def _set_terms(self, history: TermsHistory) -> None:
        if len(history.earlier) > MAX_TERMS_CHANGES:
            raise too_many(MAX_TERMS_CHANGES, "changes of a store's zone, day start and currency")
        for name in TERMS_FIELDS:
            setattr(self, name, getattr(history.newest, name))
        self.terms_from = history.newest_from
        self.earlier_terms = [replaced.to_json() for replaced in history.earlier] or None


def check_codes(
    *, time_zone: str | None = None, country: str | None = None, currency: str | None = None, **_: Any
) -> None:
    """Raise Invalid, with a pointer, for a time zone, country or currency that is none."""
    if time_zone is not None and time_zone not in _time_zones():
        raise Invalid(f"{time_zone!r} is no time zone; an IANA name such as Europe/Lisbon is.", pointer="/time_zone")
    if country is not None and country not in phonenumbers.SUPPORTED_REGIONS:
        raise Invalid(f"{country!r} is no country code; two capital letters such as PT are.", pointer="/country")
    if currency is not None and currency not in _currencies():
        raise Invalid(f"{currency!r} is no currency code; three letters such as EUR are.", pointer="/currency")


@cache
def _time_zones() -> set[str]:
    """Return the names of all time zones. They are read from hundreds of files, once."""
    return available_timezones() - NO_ZONES


@cache
def _currencies() -> set[str]:
    """Return the codes (ISO 4217) of the currencies that are legal tender somewhere."""
    return {code for country in get_global("territory_currencies") for code in get_territory_currencies(country)}
