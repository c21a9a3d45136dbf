"""An organization with a history, whose report is compared with a recount at any moment."""

from datetime import date, timedelta
from random import Random
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select

from models.mark import Mark
from models.organization import Region
from models.reports.refresh import mark_everything, refresh
from models.reports.rollups import KeptCause, KeptDay, KeptMonth
from models.session import EVERYTHING
from models.store import Store
from tests.agreement import agrees, counted_in
from tests.factories import make_shop
from tests.grouping import put_in_groups, regroup
from tests.histories import BEGIN, END, add_store_abroad, live
from tests.raw_rows import Raw, raw_rows
from tests.recount import recount
from tests.world import World

FROM, TO = BEGIN.date() - timedelta(days=50), END.date() + timedelta(days=1)
ASKED: list[tuple[dict[str, Any], tuple[str, ...]]] = [
    ({}, ()),
    ({}, ("region", "month")),
    ({}, ("store", "week")),
    ({}, ("group",)),
    ({}, ("group", "month")),
    ({}, ("category", "group")),
    ({"from_date": date(2026, 2, 27), "to_date": date(2026, 4, 2)}, ("day", "group")),
    ({}, ("category", "cause")),
    ({}, ("category", "month")),
    ({}, ("day", "channel")),
    ({"from_date": date(2026, 2, 27), "to_date": date(2026, 4, 2)}, ("month", "store")),
    ({"from_date": date(2026, 3, 1), "to_date": date(2026, 3, 31)}, ("cause", "region")),
    ({"from_date": date(2026, 3, 1), "to_date": date(2026, 3, 31)}, ("region",)),
    ({"category": "food"}, ("month",)),
    ({"category": "food", "from_date": date(2026, 3, 3)}, ("store",)),
]


class House:
    """An organization with a history, whose report is compared with a recount."""

    def __init__(self, world: World, slug: str = "acme") -> None:
        self.world, self.shop = world, make_shop(world.back_office, slug)
        abroad = add_store_abroad(world.back_office, self.shop)
        self.stores = [self.shop.store_id, self.shop.other_store_id, abroad]
        groups = {"lanterns": self.stores[:2], "river": self.stores[1:], "empty": []}
        put_in_groups(world.back_office, self.shop, groups)
        self.moved: set[UUID] = set()

    def live(self, rng: Random, concerns: int) -> None:
        live(self.world.back_office, self.shop, rng, concerns=concerns)

    def refresh_all(self) -> None:
        while refresh(self.world.back_office):
            pass

    def forget(self) -> None:
        """Whatever was kept is lost, and its marks with it."""
        with self.world.back_office.writing(EVERYTHING) as session:
            for kind in (Mark, KeptDay, KeptMonth, KeptCause):
                session.execute(delete(kind))

    def rebuild(self) -> None:
        with self.world.back_office.writing(EVERYTHING) as session:
            mark_everything(session)
        self.refresh_all()

    def move(self, rng: Random) -> None:
        """A store goes to another region, its clocks are those of another zone from now on, and groups change."""
        store_id = rng.choice(self.stores)
        with self.world.back_office.writing(self.shop.organization_id) as session:
            store = session.scalars(select(Store).where(Store.id == store_id)).one()
            store.region_id = rng.choice(session.scalars(select(Region.id).order_by(Region.slug)).all())
            store.time_zone = rng.choice(["Asia/Tokyo", "America/New_York", "Europe/Lisbon"])
        self.moved.add(store_id)
        regroup(self.world.back_office, self.shop, self.stores, rng)

    def marks(self) -> int:
        with self.world.back_office.reading(EVERYTHING) as session:
            return session.scalars(select(func.count()).select_from(Mark)).one()

    def concerns_told(self) -> int:
        """How many concerns a report tells of by now."""
        days = {"from": str(FROM), "to": str(TO)}
        answer = self.world.request("GET", "/v1/reports/recovery", (self.shop, "hq"), query_string=days)
        told: int = answer.json["totals"]["concerns"]
        return told

    def differences(self) -> list[Any]:
        """What a report says and a recount does not."""
        with self.world.database.reading(self.shop.organization_id) as session:
            raw = raw_rows(session, self.stores)
        raw.moved = self.moved
        return [asked for asked in ASKED if not self._agrees(raw, *asked)]

    def _agrees(self, raw: Raw, chosen: dict[str, Any], group_by: tuple[str, ...]) -> bool:
        which = {"from_date": FROM, "to_date": TO, **chosen}
        query = {name.removesuffix("_date"): str(value) for name, value in which.items()}
        query["group_by"] = ",".join(group_by)
        answer = self.world.request("GET", "/v1/reports/recovery", (self.shop, "hq"), query_string=query)
        assert answer.status_code == 200, answer.text
        return agrees(counted_in(answer.json), recount(raw, **which, group_by=group_by))
