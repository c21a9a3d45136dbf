"""The raw rows of an organization, read by the simplest selects there are, with their names."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import product
from typing import Any, Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from models.tables import metadata

Record = dict[str, Any]
Order = tuple[tuple[int, str], ...]
NAMED = ("store", "region", "store_group", "category", "cause", "remedy")


class Connection(Protocol):
    def execute(self, statement: Any) -> Any: ...


@dataclass
class Raw:
    """What stands in the tables about some stores."""

    concerns: list[Record]
    actions: dict[UUID, list[Record]]  # by concern
    alerts: dict[UUID, Record]  # by concern
    follow_ups: list[Record]
    checks: list[Record]
    days: list[Record]
    named: dict[str, dict[UUID, Record]]  # the rows of NAMED, by id
    groups: dict[UUID, list[UUID]]  # of each store
    moved: set[UUID] = field(default_factory=set)  # stores whose zone or region has changed meanwhile


def raw_rows(connection: Connection, store_ids: Collection[UUID]) -> Raw:
    """Everything about these stores."""

    def everything(name: str) -> list[Record]:
        return [dict(row._mapping) for row in connection.execute(sa.select(metadata.tables[name]))]

    def of_the_stores(name: str) -> list[Record]:
        return [row for row in everything(name) if row["store_id"] in store_ids]

    actions: dict[UUID, list[Record]] = {}
    for action in of_the_stores("recovery_action"):
        actions.setdefault(action["concern_id"], []).append(action)
    groups: dict[UUID, list[UUID]] = {}
    for member in of_the_stores("store_group_member"):
        groups.setdefault(member["store_id"], []).append(member["group_id"])
    named = {name: {row["id"]: row for row in everything(name)} for name in NAMED}
    return Raw(
        concerns=of_the_stores("concern"),
        actions=actions,
        alerts={alert["concern_id"]: alert for alert in of_the_stores("alert")},
        follow_ups=of_the_stores("follow_up"),
        checks=of_the_stores("wellbeing_check"),
        days=of_the_stores("store_day"),
        named={**named, "store": {store_id: named["store"][store_id] for store_id in store_ids}},
        groups=groups,
    )


def day_of(raw: Raw, row: Record, at: str) -> date:
    """The business date of a row: what its clock says in the zone of its store, or what was fixed before that moved."""
    if row["store_id"] in raw.moved or at == "business_date":
        fixed: date = row["business_date"]
        return fixed
    return business_date(row[at], raw.named["store"][row["store_id"]])


def business_date(occurred_at: datetime, store: Record) -> date:
    """The date on the calendar of the store, or the day before as long as it is early."""
    there = occurred_at.astimezone(ZoneInfo(store["time_zone"]))
    return there.date() - timedelta(days=1) if there.time() < store["day_starts_at"] else there.date()


def titles(raw: Raw, row: Record, group_by: Sequence[str], at: str) -> list[dict[str, Any]]:
    """What the groups are called that a row counts in: several where its store is in several groups."""
    return [dict(zip(group_by, it, strict=True)) for it in product(*(labels(raw, row, by, at) for by in group_by))]


def labels(raw: Raw, row: Record, by: str, at: str) -> list[Any]:
    """What it is called by one dimension."""
    store = raw.named["store"][row["store_id"]]
    day = day_of(raw, row, at)
    match by:
        case "channel" | "kind":
            return [str(row[by])]
        case "day":
            return [day.isoformat()]
        case "week":
            return [day.strftime("%G-W%V")]
        case "month":
            return [day.isoformat()[:7]]
        case "group":
            return [_named(raw, "store_group", id_) for id_ in raw.groups.get(store["id"], [])] or [None]
    return [_named(raw, by, {**row, "region_id": store["region_id"]}[f"{by}_id"])]


def _named(raw: Raw, kind: str, id_: UUID | None) -> Any:
    if id_ is None:
        return None
    found = raw.named[kind][id_]
    return {"id": str(found["id"]), "slug": found["slug"], "name": found["name"]}


def order(title: dict[str, Any]) -> Order:
    """Where a group stands: by its labels, and what has none last."""
    return tuple((1, "") if it is None else (0, it["slug"] if isinstance(it, dict) else it) for it in title.values())


def inside(raw: Raw, row: Record, region_id: UUID | None, group_id: UUID | None, store_id: UUID | None) -> bool:
    """Whether it is of the region, of a store of the group, and of the store, where one is asked for."""
    store = raw.named["store"][row["store_id"]]
    in_group = group_id is None or group_id in raw.groups.get(store["id"], [])
    return in_group and region_id in (None, store["region_id"]) and store_id in (None, store["id"])
