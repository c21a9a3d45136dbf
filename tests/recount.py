"""A second opinion on every figure: the raw rows and plain loops, nothing of models.reports.

`raw_rows` takes a connection or a session and the ids of stores; `recount` answers what GET /v1/reports/recovery
answers in `rows` and `totals`, `recount_day` what a recovery log answers in `figures`, both as JSON.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from itertools import groupby
from typing import Any, Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from models.tables import metadata

Record = dict[str, Any]
NAMED = ("store", "region", "category", "cause", "remedy")


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


def raw_rows(connection: Connection, store_ids: Collection[UUID]) -> Raw:
    """Everything about these stores, by the simplest selects there are."""

    def everything(name: str) -> list[Record]:
        return [dict(row._mapping) for row in connection.execute(sa.select(metadata.tables[name]))]

    def of_the_stores(name: str) -> list[Record]:
        return [row for row in everything(name) if row["store_id"] in store_ids]

    actions: dict[UUID, list[Record]] = {}
    for action in of_the_stores("recovery_action"):
        actions.setdefault(action["concern_id"], []).append(action)
    named = {name: {row["id"]: row for row in everything(name)} for name in NAMED}
    return Raw(
        concerns=of_the_stores("concern"),
        actions=actions,
        alerts={alert["concern_id"]: alert for alert in of_the_stores("alert")},
        follow_ups=of_the_stores("follow_up"),
        checks=of_the_stores("asked_well"),
        days=of_the_stores("store_day"),
        named={**named, "store": {store_id: named["store"][store_id] for store_id in store_ids}},
    )


def recount(
    raw: Raw,
    *,
    from_date: date,
    to_date: date,
    group_by: Sequence[str] = (),
    category: str | None = None,
    region_id: UUID | None = None,
    store_id: UUID | None = None,
) -> dict[str, Any]:
    """The rows and totals of the recovery report over all the stores that were read."""
    chosen = []
    for concern in raw.concerns:
        store = raw.named["store"][concern["store_id"]]
        its_category = raw.named["category"].get(concern["category_id"], {"slug": None})
        if (
            concern["kind"] != "praise"
            and from_date <= business_date(concern["occurred_at"], store) <= to_date
            and (category is None or its_category["slug"] == category)
            and (region_id is None or store["region_id"] == region_id)
            and (store_id is None or store["id"] == store_id)
        ):
            chosen.append(concern)

    def order(concern: Record) -> list[tuple[int, str]]:
        labels = (label(raw, concern, by) for by in group_by)
        return [(1, "") if it is None else (0, it["slug"] if isinstance(it, dict) else it) for it in labels]

    chosen.sort(key=order)
    rows = []
    for _, group in groupby(chosen, key=order):
        members = list(group)
        rows.append({"group": {by: label(raw, members[0], by) for by in group_by}, **figures(raw, members)})
    if not group_by:
        rows = [{"group": {}, **figures(raw, chosen)}]
    return {"rows": rows, "totals": figures(raw, chosen)}


def recount_day(raw: Raw, store_id: UUID, day: date) -> dict[str, Any]:
    """The figures of a store's recovery log."""
    store = raw.named["store"][store_id]
    of_the_day = [
        concern
        for concern in raw.concerns
        if concern["store_id"] == store_id and business_date(concern["occurred_at"], store) == day
    ]
    praise = [concern for concern in of_the_day if concern["kind"] == "praise"]
    counted = figures(raw, [it for it in of_the_day if it not in praise])
    return {**counted, "praise": len(praise), **listening(raw, store, day, concerns=counted["concerns"])}


def listening(raw: Raw, store: Record, day: date, *, concerns: int) -> dict[str, Any]:
    """What was due that had been promised, how often somebody asked, and how many there were to ask."""
    due = [
        it
        for it in raw.follow_ups
        if it["store_id"] == store["id"]
        and business_date(it["due_at"], store) == day
        and (it["status"] != "cancelled" or it["broken_at"] is not None)
    ]
    asked = [it for it in raw.checks if it["store_id"] == store["id"] and business_date(it["at"], store) == day]
    told = [it for it in raw.days if it["store_id"] == store["id"] and it["business_date"] == day]
    covers, transactions = (told[0]["covers"], told[0]["transactions"]) if told else (None, None)
    checks = sum(it["count"] for it in asked)
    return {
        "follow_ups_due": len(due),
        "follow_ups_kept": sum(it["status"] == "kept" and it["kept_at"] < it["due_at"] for it in due),
        "checks": checks,
        "covers": covers,
        "transactions": transactions,
        "ask_rate": rate(checks + concerns, (covers if transactions is None else transactions) or 0),
    }


def business_date(occurred_at: datetime, store: Record) -> date:
    """The date on the calendar of the store, or the day before as long as it is early."""
    there = occurred_at.astimezone(ZoneInfo(store["time_zone"]))
    return there.date() - timedelta(days=1) if there.time() < store["day_starts_at"] else there.date()


def label(raw: Raw, concern: Record, by: str) -> Any:
    """What the group of a concern is called."""
    store = raw.named["store"][concern["store_id"]]
    day = business_date(concern["occurred_at"], store)
    match by:
        case "channel":
            return str(concern["channel"])
        case "day":
            return day.isoformat()
        case "week":
            return day.strftime("%G-W%V")
        case "month":
            return day.isoformat()[:7]
    row = {**concern, "region_id": store["region_id"]}[f"{by}_id"]
    if row is None:
        return None
    found = raw.named[by][row]
    return {"id": str(found["id"]), "slug": found["slug"], "name": found["name"]}


def figures(raw: Raw, concerns: list[Record]) -> dict[str, Any]:
    """Every figure of these concerns, counted one by one."""
    resolved = [it for it in concerns if it["status"] == "resolved"]
    recovered = sum(it["outcome"] == "recovered" for it in resolved)
    lost = sum(it["outcome"] == "lost" for it in resolved)
    taken = sum(it["taken_at"] is not None for it in concerns)
    in_time = [it for it in concerns if not late(it)]
    lifts = [it["mood_after"] - it["mood"] for it in resolved if it["mood_after"] is not None]
    return {
        "concerns": len(concerns),
        "unhappy": sum(it["mood"] in (1, 2) for it in concerns),
        "taken": taken,
        "resolved": len(resolved),
        "recovered": recovered,
        "lost": lost,
        "open": sum(it["status"] in ("open", "taken") for it in concerns),
        "on_the_spot": sum(
            it["reopened_count"] == 0
            and it["reported_by_id"] is not None
            and it["reported_by_id"] == it["resolved_by_id"]
            for it in resolved
        ),
        "late": len(concerns) - len(in_time),
        "reopened": sum(it["reopened_count"] > 0 for it in concerns),
        "unanswered_alerts": sum(
            it["id"] in raw.alerts and raw.alerts[it["id"]]["unanswered_at"] is not None for it in concerns
        ),
        "recovery_rate": rate(recovered, recovered + lost),
        "taken_share": rate(taken, len(concerns)),
        "unused_trust": rate(sum(it["outcome"] == "lost" and not gave_something(raw, it) for it in resolved), lost),
        "minutes_to_take": spread(minutes(it["received_at"], it["taken_at"]) for it in in_time if it["taken_at"]),
        "minutes_to_resolve": spread(
            minutes(it["received_at"], it["resolved_at"]) for it in in_time if it["resolved_at"]
        ),
        "mood_lift": {"mean": float(Fraction(sum(lifts), len(lifts))) if lifts else None, "n": len(lifts)},
        "cost": cost(action for it in concerns for action in raw.actions.get(it["id"], [])),
    }


def gave_something(raw: Raw, concern: Record) -> bool:
    """More than words, and it was not taken back."""
    given = [it for it in raw.actions.get(concern["id"], []) if it["status"] == "done" and it["reverses_id"] is None]
    return any(raw.named["remedy"][it["remedy_id"]]["kind"] not in ("apology", "explanation") for it in given)


def late(concern: Record) -> bool:
    """Told more than a quarter of an hour after it happened."""
    return bool(concern["received_at"] - concern["occurred_at"] > timedelta(minutes=15))


def rate(numerator: int, denominator: int) -> dict[str, Any]:
    value = None if denominator < 10 else float(Fraction(numerator, denominator))
    return {"value": value, "numerator": numerator, "denominator": denominator}


def minutes(start: datetime, end: datetime) -> Fraction:
    """Whole seconds, in minutes."""
    return Fraction((end - start) // timedelta(seconds=1), 60)


def spread(values: Iterable[Fraction]) -> dict[str, Any]:
    ordered = sorted(values)
    return {
        "median": percentile(ordered, Fraction(1, 2)),
        "p90": percentile(ordered, Fraction(9, 10)),
        "n": len(ordered),
    }


def percentile(ordered: Sequence[Fraction], share: Fraction) -> float | None:
    """PERCENTILE_CONT: walk that share of the way from the first value to the last, and read off where you stand."""
    if not ordered:
        return None
    way = share * (len(ordered) - 1)
    for step, (here, following) in enumerate(zip(ordered, [*ordered[1:], ordered[-1]], strict=True)):
        if step <= way < step + 1:
            return float(here + (following - here) * (way - step))
    raise AssertionError("the way ends at the last value")


def cost(actions: Iterable[Record]) -> list[dict[str, Any]]:
    """What was given and not taken back, by currency."""
    sums: dict[str, int] = {}
    for action in actions:
        if action["cost_amount"] is not None:
            stands = action["status"] == "done" and action["reverses_id"] is None
            sums[action["cost_currency"]] = sums.get(action["cost_currency"], 0) + stands * action["cost_amount"]
    return [{"amount": amount, "currency": currency} for currency, amount in sorted(sums.items())]
