"""Places of a store: made, renamed, ordered, retired and brought back, one by one or as a list."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain, count
from typing import TYPE_CHECKING, Any, Final, NotRequired, TypedDict
from uuid import UUID

from sqlalchemy import ColumnElement, Select, String, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, Session, aliased, mapped_column

from models.access import Actor
from models.db.base import TenantOwned, tenant_fk
from models.db.bounds import too_many
from models.db.many_values import is_any_of
from models.db.slug import MAX_SLUG_LENGTH, check_slug, slug_from_text
from models.db.text import fold
from models.errors import Conflict, Invalid, NotFound
from models.organizations.names import merge_names
from models.organizations.slug_alias import SlugAlias, SlugKind
from models.policy_defaults import MAX_PLACES, MAX_PLACES_EVER

if TYPE_CHECKING:
    from models.organizations.store import Store

MAX_PLACE_NAME_LENGTH: Final = 60


class ListedPlace(TypedDict):
    """A place as a list of all places of a store names it."""

    name: str
    slug: NotRequired[str | None]
    names: NotRequired[Mapping[str, str | None] | None]


class Place(TenantOwned):
    """Place in a store: 'table 12', 'aisle 4'. Safe to show on a lock screen.

    Its changes are changes of the store, whose version they raise: whoever changes a place has locked the store. A
    retired place is not offered any more; phones that were offline may still name it, and its QR code still works.
    """

    __tablename__ = "place"
    __table_args__ = (UniqueConstraint("organization_id", "store_id", "slug"),)

    store_id: Mapped[UUID] = tenant_fk("store")
    slug: Mapped[str] = mapped_column(String(60))
    name: Mapped[str] = mapped_column(String(MAX_PLACE_NAME_LENGTH))
    names: Mapped[dict[str, Any]] = mapped_column(default=dict)  # in further languages, by language tag
    position: Mapped[int] = mapped_column(default=0)
    retired_at: Mapped[datetime | None]

    @property
    def retired(self) -> bool:
        return self.retired_at is not None

    @classmethod
    def visible_to(cls, actor: Actor) -> Sequence[ColumnElement[bool]]:
        return () if actor.store_ids is None else (cls.store_id.in_(actor.store_ids),)

    @classmethod
    def select_of_store(cls, store: "Store") -> Select["Place"]:
        """Select the places of a store, also the retired ones."""
        return select(cls).where(cls.store_id == store.id)

    @classmethod
    def get_of_store(cls, session: Session, store: "Store", place_id: UUID) -> "Place":
        """Return the place of this store with this id. NotFound also for a place of another store."""
        place = session.scalars(cls.select_of_store(store).where(cls.id == place_id)).one_or_none()
        if place is None:
            raise cls.not_visible_error(place_id, pointer=None)
        return place

    @classmethod
    def id_of_slug(cls, store_id: UUID | None, slug: str | None) -> ColumnElement[Any]:
        """Return an expression for the id of the place of a store that has this slug, or else had it before.

        The database looks both up in unique indexes, and the statement around it finds the place by its key.
        """
        place = aliased(cls)
        has_it = select(place.id).where(place.store_id == store_id, place.slug == slug).scalar_subquery()
        return func.coalesce(has_it, SlugAlias.place_of_slug(slug, store_id=store_id))

    @classmethod
    def ids_of_slugs(cls, session: Session, slugs: Sequence[str], *, actor: Actor) -> Sequence[UUID]:
        """Return the ids of the places within reach that have one of these slugs, or had it before."""
        have_it = select(cls.id).where(cls.slug.in_(slugs), *cls.visible_to(actor))
        had_it = select(SlugAlias.object_id).where(SlugAlias.kind == SlugKind.PLACE, SlugAlias.slug.in_(slugs))
        if actor.store_ids is not None:
            had_it = had_it.where(SlugAlias.scope_id.in_(actor.store_ids))
        return session.scalars(have_it.union_all(had_it)).all()

    @classmethod
    def by_slug(cls, session: Session, store: "Store", slug: str) -> "Place":
        """Return the place with this slug, which it may have had before; it may be retired. NotFound without one."""
        place = session.scalars(select(cls).where(cls.id == cls.id_of_slug(store.id, slug))).one_or_none()
        if place is None:
            raise NotFound(f"This store has no place {slug!r}.", pointer="/place")
        return place

    @classmethod
    def create(
        cls,
        session: Session,
        store: "Store",
        *,
        id: UUID,  # noqa: A002 the name of the column
        name: str,
        slug: str | None = None,
        names: Mapping[str, str | None] | None = None,
        position: int | None = None,
    ) -> "Place":
        """Add a place to a store. Without a slug it gets one from its name, without a position it comes last.

        Conflict when another place has the name, or has or had the slug.
        """
        known = PlacesOfStore.of(session, store)
        known.check_new_name(name)
        place = cls(
            id=id,
            store_id=store.id,
            slug=known.check_free_slug(slug) if slug is not None else known.new_slug(name),
            name=name,
            names=merge_names({}, names or {}),
            position=known.next_position if position is None else position,
        )
        known.add(place)
        known.check_bounds()
        store.bump_version()
        return place

    def edit(
        self,
        session: Session,
        store: "Store",
        *,
        at: datetime,
        slug: str | None = None,
        names: Mapping[str, str | None] | None = None,
        retired: bool | None = None,
        **changes: Any,
    ) -> None:
        """Change `name`, `names` (merged by language), `slug`, `position`; retire the place or bring it back.

        The slug before stays an alias. Conflict when another place has the name, or has or had the slug.
        """
        known = PlacesOfStore.of(session, store)
        if slug is not None and slug != self.slug:
            known.change_slug(self, slug)
        if names is not None:
            self.names = merge_names(self.names, names)
        for field, value in changes.items():
            setattr(self, field, value)
        if retired is not None and retired is not self.retired:
            self.retired_at = at if retired else None
        known.check_name(self, pointer="/name" if "name" in changes else "/retired")
        known.check_bounds()
        store.bump_version()

    def retire(self, store: "Store", *, at: datetime) -> None:
        """Take the place out of use. Its concerns and its QR code keep it. A second time changes nothing."""
        if not self.retired:
            self.retired_at = at
            store.bump_version()

    @classmethod
    def replace_all(
        cls, session: Session, store: "Store", items: Sequence[ListedPlace], *, at: datetime
    ) -> list["Place"]:
        """Make these the places of a store, in this order, and return them.

        A known place keeps its id and takes the name from the list. It is recognised by its slug, by a slug that it had
        before, or else by its name. New ones are added, those that are not listed are retired, and retired ones that
        are listed come back. Invalid, with a pointer, where a place, slug or name is listed twice.
        """
        known = PlacesOfStore.of(session, store)
        recognised = known.recognise(items)
        listed: dict[int, Place] = {}
        # Slugs that were chosen come first, so that no slug made from a name is one of them.
        for number in sorted(range(len(items)), key=lambda number: items[number].get("slug") is None):
            slug, place = items[number].get("slug"), recognised[number]
            if place is None:
                name = items[number]["name"]
                chosen = known.new_slug(name) if slug is None else check_slug(slug, pointer=f"/items/{number}/slug")
                place = known.add(cls(store_id=store.id, slug=chosen, name=name, names={}))
            elif slug is not None and not known.has_or_had(place, slug):
                known.change_slug(place, slug, pointer=f"/items/{number}/slug")
            listed[number] = place
        listed_ids = {place.id for place in listed.values()}
        for place in known.places:
            if place.id not in listed_ids and not place.retired:
                place.retired_at = at
        for number, item in enumerate(items):
            place = listed[number]
            place.name, place.position, place.retired_at = item["name"], number + 1, None
            if (names := item.get("names")) is not None:
                place.names = merge_names({}, names, pointer=f"/items/{number}/names")
        known.check_bounds()
        store.bump_version()
        return [listed[number] for number in range(len(items))]


class PlacesOfStore:
    """All places of a store, also the retired ones, with each slug that one has or had.

    Read after the store was locked, so that nobody else gives a slug away meanwhile.
    """

    def __init__(
        self, session: Session, store: "Store", places: Iterable[Place], former_slugs: Mapping[str, UUID]
    ) -> None:
        self._session, self._store = session, store
        self.places = list(places)
        by_id = {place.id: place for place in self.places}
        self._former_slugs = set(former_slugs)
        self._owners = {slug: by_id[place_id] for slug, place_id in former_slugs.items()}
        self._owners |= {place.slug: place for place in self.places}
        self._reserved: set[str] = set()
        self._last_position = max((place.position for place in self.places), default=0)

    @classmethod
    def of(cls, session: Session, store: "Store") -> "PlacesOfStore":
        session.flush()  # two changes of one transaction know of each other
        places = session.scalars(Place.select_of_store(store).order_by(Place.position, Place.slug))
        return cls(session, store, places, SlugAlias.ids_by_slug(session, SlugKind.PLACE, scope_id=store.id))

    @classmethod
    def of_all(cls, session: Session, stores: Sequence["Store"]) -> dict[UUID, "PlacesOfStore"]:
        """Return the places of each of these stores, by the id of the store, with two statements."""
        ids = [(store.id,) for store in stores]
        places: dict[UUID, list[Place]] = {store.id: [] for store in stores}
        stmt = select(Place).where(is_any_of(session, (Place.store_id,), ids)).order_by(Place.position, Place.slug)
        for place in session.scalars(stmt):
            places[place.store_id].append(place)
        former = SlugAlias.ids_by_scope(session, SlugKind.PLACE, scope_ids=[store.id for store in stores])
        return {store.id: cls(session, store, places[store.id], former.get(store.id, {})) for store in stores}

    @property
    def next_position(self) -> int:
        return self._last_position + 1

    def add(self, place: Place) -> Place:
        self._session.add(place)
        self.places.append(place)
        self._owners[place.slug] = place
        return place

    def append(self, item: ListedPlace, *, position: int | None = None) -> Place:
        """Add the place of an item that is new here. Without a position it comes last."""
        slug = item.get("slug") or self.new_slug(item["name"])
        place = Place(store_id=self._store.id, slug=slug, name=item["name"], names={})
        place.position = self.next_position if position is None else position
        self._last_position = max(self._last_position, place.position)
        return self.add(place)

    def update(self, place: Place, item: ListedPlace, *, position: int | None = None) -> bool:
        """Give a place the slug, name and position of an item, and bring it back. Return whether anything changed."""
        slug = item.get("slug")
        is_renamed = slug is not None and not self.has_or_had(place, slug)
        position = place.position if position is None else position
        if not is_renamed and not place.retired and (place.name, place.position) == (item["name"], position):
            return False
        if slug is not None and is_renamed:
            self.change_slug(place, slug)
        place.name, place.position, place.retired_at = item["name"], position, None
        self._last_position = max(self._last_position, position)
        return True

    def pairs_of_one_name(self) -> Iterator[tuple[Place, Place]]:
        """Yield the places in use that have the name of an earlier one, after that one."""
        first_with: dict[str, Place] = {}
        for place in self.places:
            if not place.retired:
                first = first_with.setdefault(fold(place.name), place)
                if first is not place:
                    yield first, place

    def reserve(self, slugs: Iterable[str]) -> None:
        """Make these slugs of no name: they are given to places that are added later."""
        self._reserved.update(slugs)

    def has_or_had(self, place: Place, slug: str) -> bool:
        return self._owners.get(slug) is place

    def new_slug(self, name: str) -> str:
        """Return a slug for this name that no place has or had: `table-12`, else `table-12-2`, and so on."""
        slug = slug_from_text(name)
        base = slug[: MAX_SLUG_LENGTH - len(str(MAX_PLACES_EVER)) - 1].rstrip("-")
        numbered = (f"{base}-{number}" for number in count(2))
        return next(
            slug for slug in chain((slug,), numbered) if slug not in self._owners and slug not in self._reserved
        )

    def check_free_slug(self, slug: str) -> str:
        """Return the slug if no place has or had it. Conflict otherwise."""
        if slug in self._owners:
            raise _in_use(self._owners[slug], slug, pointer="/slug")
        return check_slug(slug)

    def change_slug(self, place: Place, slug: str, *, pointer: str = "/slug") -> None:
        """Give a place another slug; the one before stays its alias. Conflict when another place has or had it."""
        owner = self._owners.get(slug, place)
        if owner is not place:
            raise _in_use(owner, slug, pointer=pointer)
        if place.slug not in self._former_slugs:
            alias = SlugAlias(kind=SlugKind.PLACE, scope_id=self._store.id, slug=place.slug, object_id=place.id)
            self._session.add(alias)
            self._former_slugs.add(place.slug)
        place.slug = check_slug(slug, pointer=pointer)
        self._owners[slug] = place

    def check_new_name(self, name: str) -> None:
        """Raise Conflict when a place has this name, also when it is retired: it can be brought back."""
        for place in self.places:
            if fold(place.name) == fold(name):
                raise _in_use(place, place.name, pointer="/name")

    def check_name(self, place: Place, *, pointer: str) -> None:
        """Raise Conflict when another place in use has the name of this one, which is in use."""
        for other in self.places:
            in_use = not (place.retired or other.retired)
            if in_use and other is not place and fold(other.name) == fold(place.name):
                raise _in_use(other, other.name, pointer=pointer)

    def check_bounds(self) -> None:
        """Raise InvalidState when the store has more places, or had more slugs, than are kept."""
        if sum(not place.retired for place in self.places) > MAX_PLACES:
            raise too_many(MAX_PLACES, "places of a store")
        if max(len(self.places), len(self._former_slugs)) > MAX_PLACES_EVER:
            raise too_many(MAX_PLACES_EVER, "places of a store, with the retired ones, or former slugs of places")

    def recognise(self, items: Sequence[ListedPlace]) -> list[Place | None]:
        """Return for each item of a list the place that it names, or None for a new one.

        Invalid, with a pointer, where a place, slug or name is listed twice.
        """
        _check_distinct((item.get("slug") for item in items), field="slug")
        _check_distinct((fold(item["name"]) for item in items), field="name")
        recognised = self.match(items)
        _check_distinct((place and place.id for place in recognised), field="slug")
        return recognised

    def match(self, items: Sequence[ListedPlace]) -> list[Place | None]:
        """Return for each item the place that has or had its slug, or else has its name."""
        recognised = [self._owners.get(item.get("slug") or "") for item in items]
        # By name last: a place that another item names by its slug may be about to lose this name.
        by_slug = {place.id for place in recognised if place}
        left = [place for place in self.places if place.id not in by_slug]
        by_name = {fold(place.name): place for place in sorted(left, key=lambda place: not place.retired)}
        return [place or by_name.get(fold(item["name"])) for item, place in zip(items, recognised, strict=True)]


def _check_distinct(values: Iterable[object], *, field: str) -> None:
    seen: set[object] = set()
    for number, value in enumerate(values):
        if value is not None and value in seen:
            raise Invalid("Two items of the list name the same place.", pointer=f"/items/{number}/{field}")
        seen.add(value)


def _in_use(place: Place, value: str, *, pointer: str) -> Conflict:
    """Return the refusal of a slug or name that this place has, or of a slug that it had."""
    detail = f"The store has a place {value!r} already."
    if value not in (place.slug, place.name):
        detail = f"{value!r} was the slug of the place {place.slug!r}, and goes on meaning that place."
    elif place.retired:
        detail = f"The store has a retired place {value!r}: bring it back, or choose another."
    return Conflict(detail, code="already-exists", pointer=pointer)
