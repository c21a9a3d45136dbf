"""A second opinion on every figure: the raw rows and plain loops, nothing of models.reports.

`recount` answers what GET /v1/reports/recovery answers in `rows` and `totals`, `recount_day` what a recovery log
answers in `figures`, both as JSON.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any
from uuid import UUID

from tests.support.oracle.raw_rows import Order, Raw, Record, day_of, inside, order, titles


def recount(
    raw: Raw,
    *,
    from_date: date,
    to_date: date,
    group_by: Sequence[str] = (),
    category: str | None = None,
    region_id: UUID | None = None,
    group_id: UUID | None = None,
    store_id: UUID | None = None,
) -> dict[str, Any]:
    """The rows and totals of the recovery report over all the stores that were read."""
    whole = category is None and not {"category", "cause", "channel"} & set(group_by)

    def chosen(rows: Iterable[Record], at: str) -> Iterator[Record]:
        for row in rows:
            if from_date <= day_of(raw, row, at) <= to_date and inside(raw, row, region_id, group_id, store_id):
                yield row

    def of_category(concern: Record) -> bool:
        return category is None or raw.named["category"].get(concern["category_id"], {"slug": None})["slug"] == category

    told = [*filter(of_category, chosen(raw.concerns, "occurred_at"))]
    listened = {"follow_ups": raw.follow_ups, "checks": raw.checks, "days": raw.days} if whole else {}
    times = {"follow_ups": "due_at", "checks": "at", "days": "business_date"}
    everything = {"concerns": told} | {name: [*chosen(rows, times[name])] for name, rows in listened.items()}
    groups: dict[Order, dict[str, list[Record]]] = {}
    named: dict[Order, dict[str, Any]] = {}
    for name, members in everything.items():
        at = {"concerns": "occurred_at", **times}[name]
        for row in members:
            for title in titles(raw, row, group_by, at):
                groups.setdefault(order(title), {}).setdefault(name, []).append(row)
                named[order(title)] = title
    totals = row_of(raw, everything, whole=whole)
    rows = [{"group": named[key], **row_of(raw, groups[key], whole=whole)} for key in sorted(groups)]
    return {"rows": rows if group_by else [{"group": {}, **totals}], "totals": totals}


def row_of(raw: Raw, rows: dict[str, list[Record]], *, whole: bool) -> dict[str, Any]:
    """Everything that is said of a group."""
    concerns = [it for it in rows.get("concerns", []) if it["kind"] != "praise"]
    counted = figures(raw, concerns, praise=len(rows.get("concerns", [])) - len(concerns))
    if not whole:
        names = ("checks", "covers", "transactions", "ask_rate", "follow_ups_due", "follow_ups_kept")
        return {**counted, **dict.fromkeys(names)}
    days = rows.get("days", [])
    checks = rows.get("checks", [])
    ask_denominator = {(it["store_id"], it["business_date"]): to_ask_on(it) for it in days if to_ask_on(it) is not None}
    asked = sum(it["count"] for it in checks if (it["store_id"], day_of(raw, it, "at")) in ask_denominator)
    told = sum((it["store_id"], day_of(raw, it, "occurred_at")) in ask_denominator for it in concerns)
    return {
        **counted,
        **promised(rows.get("follow_ups", [])),
        "checks": sum(it["count"] for it in checks),
        "covers": sum(it["covers"] or 0 for it in days),
        "transactions": sum(it["transactions"] or 0 for it in days),
        "ask_rate": rate(asked + told, sum(ask_denominator.values())),
    }


def to_ask_on(day: Record) -> Any:
    """How many there were to ask on a day, where it is known."""
    return day["covers"] if day["transactions"] is None else day["transactions"]


def recount_day(raw: Raw, store_id: UUID, day: date) -> dict[str, Any]:
    """The figures of a store's recovery log."""

    def of_the_day(rows: Iterable[Record], at: str) -> list[Record]:
        return [it for it in rows if it["store_id"] == store_id and day_of(raw, it, at) == day]

    told = of_the_day(raw.concerns, "occurred_at")
    concerns = [it for it in told if it["kind"] != "praise"]
    days = of_the_day(raw.days, "business_date")
    covers, transactions = (days[0]["covers"], days[0]["transactions"]) if days else (None, None)
    checks = sum(it["count"] for it in of_the_day(raw.checks, "at"))
    return {
        **figures(raw, concerns, praise=len(told) - len(concerns)),
        **promised(of_the_day(raw.follow_ups, "due_at")),
        "checks": checks,
        "covers": covers,
        "transactions": transactions,
        "ask_rate": rate(checks + len(concerns), (covers if transactions is None else transactions) or 0),
    }


def promised(follow_ups: Iterable[Record]) -> dict[str, int]:
    """Count the follow-ups that were due, and those kept in time."""
    due = [it for it in follow_ups if it["status"] != "cancelled" or it["broken_at"] is not None]
    return {
        "follow_ups_due": len(due),
        "follow_ups_kept": sum(it["status"] == "kept" and it["kept_at"] < it["due_at"] for it in due),
    }


def figures(raw: Raw, concerns: list[Record], *, praise: int) -> dict[str, Any]:
    """Every figure of these concerns, counted one by one."""
    resolved = [it for it in concerns if it["status"] == "resolved"]
    recovered = sum(it["outcome"] == "recovered" for it in resolved)
    lost = sum(it["outcome"] == "lost" for it in resolved)
    taken = sum(it["taken_at"] is not None for it in concerns)
    in_time = [it for it in concerns if not late(it)]
    lifts = [it["mood_after"] - it["mood"] for it in resolved if it["mood_after"] is not None]
    given = cost(action for it in concerns for action in raw.actions.get(it["id"], []))
    again = [it for it in concerns if it["seconds_since_previous"] is not None]
    return {
        "concerns": len(concerns),
        "praise": praise,
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
        "repeat_within_30_days": rate(
            sum(timedelta(seconds=it["seconds_since_previous"]) <= timedelta(days=30) for it in again), len(concerns)
        ),
        "cost": given,
        "cost_per_recovered": [{**it, "amount": round(it["amount"] / recovered)} for it in given] if recovered else [],
    }


def gave_something(raw: Raw, concern: Record) -> bool:
    """More than words, and it was not taken back."""
    given = [it for it in raw.actions.get(concern["id"], []) if it["status"] == "done" and it["reverses_id"] is None]
    return any(raw.named["remedy"][it["remedy_id"]]["kind"] not in ("apology", "explanation") for it in given)


def late(concern: Record) -> bool:
    """Return whether it was logged more than a quarter of an hour after it happened."""
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
    return [{"amount": amount, "currency": currency} for currency, amount in sorted(sums.items()) if amount]
