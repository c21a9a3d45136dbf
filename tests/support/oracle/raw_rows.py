"""Raw rows of an organization, read by the simplest statements there are, and the labels of their groups."""

from calendar import monthrange
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import product
from typing import Any, Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from models.tables import metadata

Record = dict[str, Any]
Month = tuple[int, int]
Group = dict[str, Any]  # the labels of a group, by dimension
WEEK = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
SortKey = tuple[tuple[int, str], ...]
NAMED_TABLES = ("store", "region", "store_group", "category", "cause", "remedy")


class Connection(Protocol):
    def execute(self, statement: Any) -> Any: ...


@dataclass
class RawRows:
    """The rows of the tables that are about some stores, as they are on a date."""

    concerns: list[Record]
    actions: dict[UUID, list[Record]]  # by concern
    alerts: dict[UUID, Record]  # by concern
    follow_ups: list[Record]
    checks: list[Record]
    days: list[Record]
    logs: list[Record]
    feedback: dict[UUID, list[Record]]  # by concern
    named: dict[str, dict[UUID, Record]]  # the rows of each of NAMED_TABLES, by id
    groups: dict[UUID, list[UUID]]  # the ids of the store groups of each store
    shifts: list[Record]
    moods_as_logged: dict[UUID, int]  # by concern
    today: date = date.max  # the date (UTC) on which the reports are asked for
    months_over: list[Month] = field(default_factory=list)  # of which hours and weekdays are shown, in some period
    shown: dict[str, dict[UUID, set[str]]] = field(default_factory=dict)  # by hour and weekday, of each store
    moved: set[UUID] = field(default_factory=set)  # stores whose time zone or region has changed meanwhile
    # By store and time. A recount asks for each of them thousands of times.
    business_dates: dict[tuple[UUID, datetime], date] = field(default_factory=dict)


def read_table(connection: Connection, name: str) -> list[Record]:
    return [dict(row._mapping) for row in connection.execute(sa.select(metadata.tables[name]))]


def read_raw_rows(connection: Connection, store_ids: Collection[UUID]) -> RawRows:
    """Read all rows about these stores."""

    def of_stores(name: str) -> list[Record]:
        return [row for row in read_table(connection, name) if row["store_id"] in store_ids]

    actions: dict[UUID, list[Record]] = {}
    for action in of_stores("recovery_action"):
        actions.setdefault(action["concern_id"], []).append(action)
    feedback: dict[UUID, list[Record]] = {}
    for request in of_stores("feedback_request"):
        feedback.setdefault(request["concern_id"], []).append(request)
    groups: dict[UUID, list[UUID]] = {}
    for member in of_stores("store_group_member"):
        groups.setdefault(member["store_id"], []).append(member["group_id"])
    named = {name: {row["id"]: row for row in read_table(connection, name)} for name in NAMED_TABLES}
    return RawRows(
        concerns=[under_present_words(named, concern) for concern in of_stores("concern")],
        actions=actions,
        alerts={alert["concern_id"]: alert for alert in of_stores("alert")},
        follow_ups=of_stores("follow_up"),
        checks=of_stores("wellbeing_check"),
        days=of_stores("store_day"),
        logs=of_stores("daily_log"),
        feedback=feedback,
        named={**named, "store": {store_id: named["store"][store_id] for store_id in store_ids}},
        groups=groups,
        shifts=of_stores("shift"),
        moods_as_logged={
            event["concern_id"]: event["details"]["mood"]
            for event in of_stores("concern_event")
            if event["step"] == "logged"
        },
    )


def under_present_words(named: dict[str, dict[UUID, Record]], row: Record) -> Record:
    """Return a row with the category and cause as of now: what was merged counts as what it was merged into."""
    row = dict(row)
    category, cause = (named[by].get(row.get(f"{by}_id")) for by in ("category", "cause"))
    if category is not None:
        row["category_id"] = category["merged_into_id"] or category["id"]
    if cause is not None and cause["merged_into_id"] is not None:
        row["cause_id"] = cause["merged_into_id"]
        if "category_id" in row:
            row["category_id"] = named["cause"][row["cause_id"]]["category_id"]
    return row


def business_date_of(raw: RawRows, row: Record, time_column: str) -> date:
    """Return the business date of a row, computed from its time and the time zone of its store.

    The stored date counts for stores that moved to another zone, because it stays as it was.
    """
    if row["store_id"] in raw.moved or time_column == "business_date":
        stored: date = row["business_date"]
        return stored
    key = row["store_id"], row[time_column]
    if key not in raw.business_dates:
        raw.business_dates[key] = business_date(row[time_column], raw.named["store"][row["store_id"]])
    return raw.business_dates[key]


def business_date(occurred_at: datetime, store: Record) -> date:
    """Return the last date that has begun in the store, by the zone and day start that each date has."""
    around = (occurred_at.date() + timedelta(days=number) for number in range(-4, 4))
    return max(day for day in around if day_start(day, store) <= occurred_at)


def day_start(day: date, store: Record) -> datetime:
    """Return when a date begins in the store: by its own terms, but not before the last date of those before them."""
    begun = datetime.min.replace(tzinfo=UTC)
    for terms in store["earlier_terms"] or []:
        until, day_starts_at = date.fromisoformat(terms["until"]), time.fromisoformat(terms["day_starts_at"])
        last = min(day, until - timedelta(days=1))
        begun = max(begun, instant(last, day_starts_at, terms["time_zone"]))
        if day < until:
            return begun
    return max(begun, instant(day, store["day_starts_at"], store["time_zone"]))


def instant(day: date, clock: time, time_zone: str) -> datetime:
    return datetime.combine(day, clock, tzinfo=ZoneInfo(time_zone)).astimezone(UTC)


def groups_of(raw: RawRows, row: Record, group_by: Sequence[str], time_column: str) -> list[Group]:
    """Return the groups in which a row counts: several if its store is in several store groups."""
    labels_by_dimension = (labels(raw, row, by, time_column) for by in group_by)
    return [dict(zip(group_by, combination, strict=True)) for combination in product(*labels_by_dimension)]


def labels(raw: RawRows, row: Record, by: str, time_column: str) -> list[Any]:
    """Return the labels of a row in one dimension."""
    store = raw.named["store"][row["store_id"]]
    day = business_date_of(raw, row, time_column)
    match by:
        case "channel" | "kind":
            return [str(row[by])]
        case "day" | "week" | "month":
            return [day.strftime({"day": "%Y-%m-%d", "week": "%G-W%V", "month": "%Y-%m"}[by])]
        case "hour" | "weekday":
            cell = clock_label(row[time_column], day, store, by)
            is_shown = (day.year, day.month) in raw.months_over and cell in raw.shown[by][store["id"]]
            return [cell if is_shown else None]
        case "group":
            return [_label(raw, "store_group", id_) for id_ in raw.groups.get(store["id"], [])] or [None]
    return [_label(raw, by, {**row, "region_id": store["region_id"]}[f"{by}_id"])]


def clock_label(at: Any, day: date, store: Record, by: str) -> str:
    """Return the hour by the clock that the store had on this business date, or the name of its weekday."""
    if by == "weekday":
        return day.strftime("%A").lower()
    earlier = (terms["time_zone"] for terms in store["earlier_terms"] or [] if day.isoformat() < terms["until"])
    zone = ZoneInfo(next(earlier, store["time_zone"]))
    return f"{at.astimezone(zone):%H}"


def find_shown(raw: RawRows, group_by: Sequence[str], first: date, last: date) -> None:
    """Find the hours or weekdays of each store that each whole month shows that is over and among these days."""
    raw.months_over = months_over(first, last, raw.today)
    for by in CELLS.keys() & {*group_by}:
        raw.shown[by] = {store_id: shown_of_store(raw, store, by) for store_id, store in raw.named["store"].items()}


def months_over(first: date, last: date, today: date) -> list[Month]:
    """Return the months of which all days are among these, when the last of them is over all around the world."""
    days = (first + timedelta(days=number) for number in range((last - first).days + 1))
    number_of_days = Counter((day.year, day.month) for day in days)
    before = today - timedelta(days=1)
    return [
        month
        for month, number in number_of_days.items()
        if number == monthrange(*month)[1] and month < (before.year, before.month)
    ]


def shown_of_store(raw: RawRows, store: Record, by: str) -> set[str]:
    """Return what each of these months shows of a store that had its present clocks from the first of them on."""
    changes = [date.fromisoformat(terms["until"]) for terms in store["earlier_terms"] or []]
    if not raw.months_over or any(change > date(*raw.months_over[0], 1) for change in changes):
        return set()
    people: dict[Month, dict[str, set[UUID]]] = {month: {} for month in raw.months_over}
    for shift in raw.shifts:
        day = business_date(shift["started_at"] + timedelta(hours=3), store)
        if shift["store_id"] == store["id"] and (day.year, day.month) in people:
            for cell in cells_of_shift(shift, day, store, by):
                people[day.year, day.month].setdefault(cell, set()).add(shift["staff_id"])
    return set(CELLS[by]).intersection(*(shown_of(of_month, CELLS[by]) for of_month in people.values()))


CELLS = {
    "hour": [f"{hour:02}" for hour in range(24)],
    "weekday": ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"],
}


def cells_of_shift(shift: Record, day: date, store: Record, by: str) -> set[str]:
    """Return the weekday of a shift, or the hours within its day until when somebody is known to have left."""
    if by == "weekday":
        return {f"{day:%A}".lower()}
    begin, end = shift["started_at"], shift["started_at"] + timedelta(seconds=1)
    if shift["end_reason"] in ("checked_out", "by_clock"):
        end = max(end, min(shift["ended_at"], day_start(day + timedelta(days=1), store)))
    begin = max(begin, day_start(day, store))
    zone = ZoneInfo(store["time_zone"])
    clock, clock_at_end = (at.astimezone(zone).replace(tzinfo=None) for at in (begin, end))
    cells = set()
    while clock < clock_at_end:
        cells.add(f"{clock:%H}")
        clock += timedelta(minutes=1)
    return cells


def shown_of(people: dict[str, set[UUID]], cells: list[str]) -> set[str]:
    """Return the cells with three people, but for the smallest ones where those without are too few together."""
    shown = [cell for cell in cells if len(people.get(cell, set())) >= 3]
    withheld = [cell for cell in cells if cell not in shown]
    while withheld and shown and len({person for cell in withheld for person in people.get(cell, set())}) < 3:
        smallest = min(shown, key=lambda cell: (len(people[cell]), cells.index(cell)))
        shown.remove(smallest)
        withheld.append(smallest)
    return set(shown)


def _label(raw: RawRows, table: str, id_: UUID | None) -> Any:
    if id_ is None:
        return None
    row = raw.named[table][id_]
    return {"id": str(row["id"]), "slug": row["slug"], "name": row["name"]}


def sort_text(by: str, label: Any) -> str:
    if isinstance(label, dict):
        return str(label["slug"] or label["id"])
    return str(WEEK.index(label)) if by == "weekday" else str(label)


def sort_key(group: Group) -> SortKey:
    """Return a key that sorts groups by their labels, and groups without a label last."""
    return tuple((1, "") if label is None else (0, sort_text(by, label)) for by, label in group.items())


def matches_filters(
    raw: RawRows, row: Record, region_id: UUID | None, group_id: UUID | None, store_id: UUID | None
) -> bool:
    """Return whether a row is of this region, store group and store. None filters nothing."""
    store = raw.named["store"][row["store_id"]]
    in_group = group_id is None or group_id in raw.groups.get(store["id"], [])
    return in_group and region_id in (None, store["region_id"]) and store_id in (None, store["id"])
