"""An organization with a history whose reports are compared with a recount at any moment."""

from datetime import date, timedelta
from random import Random
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select

from models.db.dirty_days import DirtyCauseMonth, DirtyDay
from models.db.session import ALL_TENANTS
from models.organizations.organization import Region
from models.organizations.store import Store
from models.reports.rollups.rebuild import mark_all_dirty
from models.reports.rollups.tables import RollupCause, RollupDay, RollupMonth, RollupVersion
from tests.support.app import App
from tests.support.assertions import counted_part, matches_recount
from tests.support.factories.organizations import make_shop
from tests.support.factories.store_groups import make_store_groups, shuffle_store_groups
from tests.support.generators.histories import BEGIN, END, add_store_abroad, live
from tests.support.oracle.raw_rows import RawRows, read_raw_rows
from tests.support.oracle.recovery_recount import recount, recount_day
from tests.support.reports import refresh_all_rollups
from tests.support.sign_in import sign_in_again

FROM, TO = BEGIN.date() - timedelta(days=50), END.date() + timedelta(days=1)
REPORTS: list[tuple[dict[str, Any], tuple[str, ...]]] = [
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


class RecountedOrganization:
    """An organization with a history, whose report is compared with a recount."""

    def __init__(self, app: App, slug: str = "acme") -> None:
        self.app, self.shop = app, make_shop(app.back_office, slug)
        abroad = add_store_abroad(app.back_office, self.shop)
        self.stores = [self.shop.store_id, self.shop.other_store_id, abroad]
        groups = {"lanterns": self.stores[:2], "river": self.stores[1:], "empty": []}
        make_store_groups(app.back_office, self.shop, groups)
        self.moved: set[UUID] = set()
        self.compared: RawRows | None = None
        self.customers = [self._do("/v1/customers", phone=f"+35191234567{number}")["id"] for number in range(6)]

    def merge(self, rng: Random) -> None:
        """Two pairs of profiles turn out to be one person each, and one of them to be two after all."""
        first, second, *rest = rng.sample(self.customers, 4)
        merge = self._do(f"/v1/customers/{first}/merge", customer_id=second)
        self._do(f"/v1/customers/{rest[0]}/merge", customer_id=rest[1])
        self._do(f"/v1/customers/merges/{merge['id']}/undo")
        self.customers.remove(rest[1])

    def live(self, rng: Random, concerns: int) -> None:
        live(self.app.back_office, self.shop, rng, concerns=concerns)

    def refresh_all(self) -> None:
        for _ in refresh_all_rollups(self.app.back_office):
            pass

    def delete_rollups(self) -> None:
        """Delete all rollups and all dirty days."""
        with self.app.back_office.writing(ALL_TENANTS) as session:
            for kind in (DirtyDay, DirtyCauseMonth, RollupDay, RollupMonth, RollupCause, RollupVersion):
                session.execute(delete(kind))

    def rebuild(self) -> None:
        assert sum(mark_all_dirty(self.app.back_office)) > 0
        self.refresh_all()

    def move(self, rng: Random) -> None:
        """A store goes to another region, its clocks are those of another zone from tomorrow on, and groups change.

        The history is not told in order, so that its concerns of tomorrow may have a date already.
        """
        store_id = rng.choice(self.stores)
        with self.app.back_office.writing(self.shop.organization_id) as session:
            store = session.scalars(select(Store).where(Store.id == store_id)).one()
            region_id = rng.choice(session.scalars(select(Region.id).order_by(Region.slug)).all())
            time_zone = rng.choice(["Asia/Tokyo", "America/New_York", "Europe/Lisbon"])
            store.edit(at=self.app.clock(), region_id=region_id, time_zone=time_zone)
        self.moved.add(store_id)
        shuffle_store_groups(self.app.back_office, self.shop, self.stores, rng)

    def count_dirty(self, *kinds: type[DirtyDay | DirtyCauseMonth]) -> int:
        """How many there are of these kinds, or of all."""
        with self.app.back_office.reading(ALL_TENANTS) as session:
            return sum(len(session.scalars(select(kind.id)).all()) for kind in kinds or (DirtyDay, DirtyCauseMonth))

    def reported_concerns(self) -> int:
        """How many concerns a report tells of by now."""
        days = {"from": str(FROM), "to": str(TO)}
        answer = self.app.request("GET", "/v1/reports/recovery", (self.shop, "hq"), query_string=days)
        count: int = answer.json["totals"]["concerns"]
        return count

    def differences(self) -> list[Any]:
        """What a report says and a recount does not."""
        sign_in_again(self.app, self.shop, "hq", "admin")
        with self.app.database.reading(self.shop.organization_id) as session:
            raw = read_raw_rows(session, self.stores)
        raw.moved = self.moved
        other_reports = [report for report in REPORTS if not self.agrees(raw, *report)]
        if raw == self.compared:
            return other_reports  # a log is read from its rows, which are the ones they were
        self.compared = raw
        return other_reports + self._other_days(raw)

    def _other_days(self, raw: RawRows) -> list[str]:
        """The logs of which the figures are not a recount."""
        paths = {
            f"/v1/stores/{concern['store_id']}/recovery-logs/{concern['business_date']}": concern
            for concern in raw.concerns
        }
        return [
            path
            for path, of in paths.items()
            if self.app.request("GET", path, (self.shop, "admin")).json["figures"]
            != recount_day(raw, of["store_id"], of["business_date"])
        ]

    def _do(self, path: str, **body: Any) -> Any:
        answer = self.app.request("POST", path, (self.shop, "manager"), json=body)
        assert answer.status_code < 300, answer.text
        return answer.json

    def agrees(self, raw: RawRows, chosen: dict[str, Any], group_by: tuple[str, ...]) -> bool:
        """Return whether the recovery report of these days and filters is a recount of the rows."""
        which = {"from_date": FROM, "to_date": TO, **chosen}
        query = {name.removesuffix("_date"): str(value) for name, value in which.items()}
        query["group_by"] = ",".join(group_by)
        answer = self.app.request("GET", "/v1/reports/recovery", (self.shop, "hq"), query_string=query)
        assert answer.status_code == 200, answer.text
        return matches_recount(counted_part(answer.json), recount(raw, **which, group_by=group_by))
