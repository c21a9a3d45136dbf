"""Reports are right at any moment: with sums that are kept, marked, half worked out, or worked out anew."""

from datetime import date, timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, select

from models.mark import Mark
from models.organization import Region
from models.reports import refresh as refreshing
from models.reports.refresh import mark_everything, refresh
from models.reports.rollups import KeptCause, KeptDay, KeptMonth
from models.session import EVERYTHING
from models.store import Store
from tests.agreement import agrees
from tests.factories import Shop, make_shop
from tests.histories import BEGIN, END, add_store_abroad, live
from tests.recount import Raw, raw_rows, recount
from tests.world import World

FROM, TO = BEGIN.date() - timedelta(days=50), END.date() + timedelta(days=1)
ASKED: list[tuple[dict[str, Any], tuple[str, ...]]] = [
    ({}, ()),
    ({}, ("region", "month")),
    ({}, ("store", "week")),
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
        """A store goes to another region, and its clocks are those of another zone from now on."""
        store_id = rng.choice(self.stores)
        with self.world.back_office.writing(self.shop.organization_id) as session:
            store = session.scalars(select(Store).where(Store.id == store_id)).one()
            store.region_id = rng.choice(session.scalars(select(Region.id).order_by(Region.slug)).all())
            store.time_zone = rng.choice(["Asia/Tokyo", "America/New_York", "Europe/Lisbon"])
        self.moved.add(store_id)

    def marks(self) -> int:
        with self.world.back_office.reading(EVERYTHING) as session:
            return session.scalars(select(func.count()).select_from(Mark)).one()

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
        return agrees(
            {name: answer.json[name] for name in ("rows", "totals")}, recount(raw, **which, group_by=group_by)
        )


@settings(
    max_examples=6,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # each example founds an organization of its own
)
@given(rng=st.randoms(use_true_random=False), concerns=st.integers(1, 25))
def test_kept_marked_or_worked_out_anew_the_report_is_a_recount(world: World, rng: Random, concerns: int) -> None:
    house = House(world, f"shop-{world.clock.move(seconds=1):%H%M%S}")
    house.live(rng, concerns)
    assert house.differences() == []  # nothing is kept yet: all of it is marked
    house.refresh_all()
    assert house.marks() == 0
    assert house.differences() == []
    house.live(rng, rng.randint(1, 5))
    house.move(rng)
    assert house.marks() > 0
    assert house.differences() == []  # some days are marked, the others are kept
    house.refresh_all()
    assert house.differences() == []
    house.forget()
    house.rebuild()
    assert house.differences() == []


def test_a_refresh_of_some_days_leaves_the_others_marked(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(world)
    house.live(Random(1), 30)
    monkeypatch.setattr(refreshing, "DAYS_AT_ONCE", 3)
    for _ in range(4):
        assert refresh(world.back_office) == 3
        assert house.differences() == []
    assert house.marks() > 0


def test_what_breaks_half_way_leaves_the_figures_and_the_marks_as_they_were(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(world)
    house.live(Random(2), 20)
    marks = house.marks()
    with monkeypatch.context() as broken:
        broken.setattr(refreshing, "_of_causes", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            refresh(world.back_office)
    assert house.marks() == marks
    assert house.differences() == []
    house.refresh_all()
    assert house.differences() == []


def test_without_the_marks_the_report_would_be_wrong(world: World) -> None:
    """That the tests above would see it: what is kept is really read."""
    house = House(world)
    house.live(Random(3), 20)
    house.refresh_all()
    house.live(Random(4), 5)
    with world.back_office.writing(EVERYTHING) as session:
        session.execute(delete(Mark))
    assert house.differences() != []


def test_a_tap_of_a_check_is_counted_at_once(world: World, shop: Shop) -> None:
    house = {"from": "2026-03-01", "to": "2026-03-31"}
    for expected in (1, 2):
        assert (
            world.request("POST", "/v1/checks", (shop, "floor"), json={"store_id": str(shop.store_id)}).status_code
            == 201
        )
        told = world.request("GET", "/v1/reports/recovery", (shop, "hq"), query_string=house).json["totals"]
        assert told["checks"] == expected
        refresh(world.back_office)
