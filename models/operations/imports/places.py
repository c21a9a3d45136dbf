"""Import of places: those of several stores in one file, none of which is retired by it."""

from collections import defaultdict
from collections.abc import Hashable, Sequence
from datetime import datetime
from uuid import UUID

from models.access import Actor
from models.db.session import ScopedSession
from models.db.text import fold
from models.errors import InvalidState
from models.operations.imports.columns import Column, FaultCode, number, slug, text
from models.operations.imports.engine import ImportKind, Line, LineVerdict
from models.organizations.place import MAX_PLACE_NAME_LENGTH, ListedPlace, Place, PlacesOfStore
from models.organizations.store import Store
from models.policy_defaults import MAX_PLACES_EVER


class PlaceImport(ImportKind):
    """Import of places, which are recognised as in a list of all places: by slug, also a former one, or else by name.

    Retired places that are in the file come back. Stores out of reach are unknown.
    """

    name = "places"
    key_column = "slug"
    columns = (
        Column("store", slug, ("harbour", "harbour"), required=True),
        Column("slug", slug, ("terrace-1", "")),
        Column("name", text(MAX_PLACE_NAME_LENGTH), ("Terrace 1", "Bar"), required=True),
        Column("position", number(0, MAX_PLACES_EVER), ("1", "2")),
    )

    def __init__(self, session: ScopedSession, *, by: Actor, at: datetime) -> None:
        super().__init__(session, by=by, at=at)
        self._stores: dict[str, Store] = {}
        self._places: dict[str, PlacesOfStore] = {}  # by the slug of their store
        self._matches: dict[int, Place | None] = {}  # by the number of the line
        self._line_of_place: dict[UUID, Line] = {}
        self._changed: list[Place] = []
        self._last_change: dict[str, Line] = {}  # by the slug of the store

    def key(self, line: Line) -> tuple[str, Hashable] | None:
        if not {"store", "name"} <= line.values.keys():
            return None
        if "slug" in line.values:
            return "slug", (line.values["store"], line.values["slug"])
        return "name", (line.values["store"], fold(line.values["name"]))

    def load(self, lines: Sequence[Line]) -> None:
        # While a store is locked, nobody else changes its places.
        self._stores = self.load_named(Store, lines, lock=True)
        places = PlacesOfStore.of_all(self.session, list(self._stores.values()))
        self._places = {slug_: places[store.id] for slug_, store in self._stores.items()}
        lines_of_store: dict[str, list[Line]] = defaultdict(list)
        for line in lines:
            if line.values.get("store") in self._stores and "name" in line.values:
                lines_of_store[line.values["store"]].append(line)
        for store_slug, own_lines in lines_of_store.items():
            self._match(self._places[store_slug], own_lines)

    def _match(self, places: PlacesOfStore, lines: Sequence[Line]) -> None:
        """Note which places the lines of a store describe; None for a new one."""
        places.reserve(line.values["slug"] for line in lines if "slug" in line.values)
        matches = places.match([_listed(line) for line in lines])
        self._matches |= {line.number: place for line, place in zip(lines, matches, strict=True)}

    def apply(self, line: Line) -> LineVerdict:
        place = self._matches.get(line.number)
        if place is not None:
            first = self._line_of_place.setdefault(place.id, line)
            if first is not line and not line.faults:
                detail = f"Lines {first.number} and {line.number} describe the same place."
                line.refuse(None, FaultCode.DUPLICATE_LINE, detail)
        if line.faults:
            return LineVerdict.REFUSED
        store_slug, position = line.values["store"], line.values.get("position")
        places, verdict = self._places[store_slug], LineVerdict.UNCHANGED
        if place is None:
            place, verdict = places.append(_listed(line), position=position), LineVerdict.CREATED
            self._line_of_place[place.id] = line
        elif places.update(place, _listed(line), position=position):
            self._changed.append(place)
            verdict = LineVerdict.UPDATED
        if verdict is not LineVerdict.UNCHANGED:
            self._last_change[store_slug] = line
        line.reference = place.slug
        return verdict

    def review(self) -> None:
        """Refuse names that two places of a store would have, and more places than a store may have."""
        for store_slug, last_change in self._last_change.items():
            places = self._places[store_slug]
            for first, place in places.pairs_of_one_name():
                earlier, line = self._line_of_place.get(first.id), self._line_of_place.get(place.id)
                if line and earlier:
                    line.refuse_as_duplicate(earlier, "name")
                elif only := line or earlier:
                    only.refuse("name", FaultCode.IN_USE, "Another place of the store has this name.")
            try:
                places.check_bounds()
            except InvalidState as error:
                last_change.refuse(None, FaultCode.TOO_MANY, error.detail)

    def finish(self) -> None:
        stores = [self._stores[store_slug] for store_slug in self._last_change]
        for store in stores:
            store.bump_version()
        self.session.bulk_update([*stores, *self._changed])


def _listed(line: Line) -> ListedPlace:
    return {"name": line.values["name"], "slug": line.values.get("slug")}
