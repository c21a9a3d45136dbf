"""A second opinion on the other reports: the raw rows and plain loops, nothing of models.reports.

`recount_more` answers what GET /v1/reports/<name> answers in `rows` and `totals`, as JSON.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from models.tables import metadata
from tests.support.oracle.raw_rows import Connection, Order, Raw, Record, day_of, inside, order, raw_rows, titles
from tests.support.oracle.recovery_recount import cost, minutes, rate, spread, to_ask_on

ABOUT = {"remedies": ("remedy",), "causes": ("category", "cause"), "items": ("item",)}
Figures = dict[str, Any]


@dataclass
class More:
    """What else stands in the tables."""

    raw: Raw
    items: dict[UUID, list[Record]]  # by concern
    fixes: list[Record]
    rings: dict[UUID, list[Record]]  # by alert


def more_rows(connection: Connection, store_ids: Collection[UUID]) -> More:
    raw = raw_rows(connection, store_ids)

    def everything(name: str) -> list[Record]:
        return [dict(row._mapping) for row in connection.execute(sa.select(metadata.tables[name]))]

    for name, table in (("item", "catalogue_item"), ("question", "question")):
        raw.named[name] = {row["id"]: {"name": row.get("text"), **row} for row in everything(table)}
    items: dict[UUID, list[Record]] = {}
    for named in everything("concern_item"):
        items.setdefault(named["concern_id"], []).append(named)
    rings: dict[UUID, list[Record]] = {}
    for sent in everything("notification"):
        if sent["kind"] == "ring" and sent["alert_id"]:
            rings.setdefault(sent["alert_id"], []).append(sent)
    return More(raw, items, everything("fix"), rings)


def recount_more(
    more: More,
    name: str,
    *,
    from_date: date,
    to_date: date,
    group_by: Sequence[str] = (),
    category: str | None = None,
    region_id: UUID | None = None,
    group_id: UUID | None = None,
    store_id: UUID | None = None,
) -> dict[str, Any]:
    """The rows and totals of that report over all the stores that were read."""
    raw, by = more.raw, (*ABOUT.get(name, ()), *group_by)

    def chosen(rows: Iterable[Record], at: str) -> Iterator[Record]:
        for row in rows:
            if from_date <= day_of(raw, row, at) <= to_date and inside(raw, row, region_id, group_id, store_id):
                yield {**row, "_at": at}

    slugs = {id_: row["slug"] for id_, row in raw.named["category"].items()}
    told = [it for it in chosen(raw.concerns, "occurred_at") if it["kind"] != "praise"]
    told = [it for it in told if category is None or slugs.get(it["category_id"]) == category]
    subjects = [*subjects_of(more, name, told)]
    if name == "follow-ups":
        subjects = [*chosen(raw.follow_ups, "due_at")]
    if name == "listening" and "question" not in group_by:
        subjects += [{**it, "_check": True} for it in chosen(raw.checks, "at")]
        subjects += [{**it, "_day": True} for it in chosen(raw.days, "business_date")]

    def count(rows: list[Record], group: dict[str, Any]) -> Figures:
        of_group = {by: group[by] for by in group_by}
        alike = [it for it in told if of_group in titles(raw, it, group_by, it["_at"])]
        return FIGURES[name](more, rows, alike, group_by)

    groups: dict[Order, list[Record]] = {}
    named: dict[Order, dict[str, Any]] = {}
    for row in subjects:
        for title in titles(raw, row, by, row["_at"]):
            named[order(title)] = title
            groups.setdefault(order(title), []).append(row)
    rows = [{"group": named[key], **count(groups[key], named[key])} for key in sorted(groups)]
    totals = FIGURES[name](more, subjects, told, group_by)
    return {"rows": rows if by else [{"group": {}, **totals}], "totals": totals}


def subjects_of(more: More, name: str, told: list[Record]) -> Iterator[Record]:
    """What a report has a row of, each with the concern it belongs to."""
    for concern in told:
        if name == "remedies":
            for action in more.raw.actions.get(concern["id"], []):
                if action["status"] == "done" and action["reverses_id"] is None:
                    yield {**concern, "remedy_id": action["remedy_id"], "_action": action}
        elif name == "items":
            for item in more.items.get(concern["id"], []):
                yield {**concern, "item_id": item["item_id"]}
        elif name == "alerts":
            if concern["id"] in more.raw.alerts:
                yield concern
        else:
            yield concern


def once(rows: Iterable[Record]) -> list[Record]:
    """Each concern once."""
    return [*{row["id"]: row for row in rows}.values()]


def ended(concerns: list[Record]) -> Figures:
    """How it ended, and what the mood did."""
    over = [it for it in concerns if it["status"] == "resolved"]
    recovered, lost = (sum(it["outcome"] == outcome for it in over) for outcome in ("recovered", "lost"))
    return {"recovered_share": rate(recovered, recovered + lost), "mood_lift": lift(over)}


def lift(concerns: Iterable[Record]) -> Figures:
    lifts = [
        it["mood_after"] - it["mood"] for it in concerns if it["status"] == "resolved" and it["mood_after"] is not None
    ]
    return {"mean": float(Fraction(sum(lifts), len(lifts))) if lifts else None, "n": len(lifts)}


def unhappy(concerns: Iterable[Record]) -> int:
    return sum(it["mood"] in (1, 2) for it in concerns)


def remedies(_more: More, rows: list[Record], _alike: list[Record], _by: Sequence[str]) -> Figures:
    concerns = once(rows)
    given = cost(it["_action"] for it in rows)
    return {"times": len(rows), "concerns": len(concerns), **ended(concerns), "cost": given}


def causes(more: More, rows: list[Record], _alike: list[Record], _by: Sequence[str]) -> Figures:
    fixes = {it["id"]: [*map(_time, fixes_of(more, it))] for it in rows}
    soon = [it["seconds_since_previous"] for it in rows if it["seconds_since_previous"] is not None]
    newest = max((at for known in fixes.values() for at in known), default=None)
    return {
        "concerns": len(rows),
        "unhappy": unhappy(rows),
        **ended(rows),
        "repeat_within_30_days": rate(sum(seconds <= 30 * 86_400 for seconds in soon), len(rows)),
        "cost": cost(action for it in rows for action in more.raw.actions.get(it["id"], [])),
        "fixed_at": newest and newest.isoformat().replace("+00:00", "Z"),
        "raised_since_fixed": sum(any(at <= it["received_at"] for at in fixes[it["id"]]) for it in rows),
    }


def fixes_of(more: More, concern: Record) -> list[Record]:
    same = [fix for fix in more.fixes if fix["cause_id"] == concern["cause_id"]]
    return [fix for fix in same if fix["store_id"] in (None, concern["store_id"])]


def _time(fix: Record) -> datetime:
    at: datetime = fix["fixed_at"]
    return at


def items(_more: More, rows: list[Record], alike: list[Record], _by: Sequence[str]) -> Figures:
    concerns = once(rows)
    return {"concerns": len(concerns), "unhappy": unhappy(concerns), "share": rate(len(concerns), len(alike))}


def follow_ups(_more: More, rows: list[Record], _alike: list[Record], _by: Sequence[str]) -> Figures:
    in_time = [it for it in rows if it["broken_at"] is None]
    kept, open_, cancelled = (sum(it["status"] == status for it in in_time) for status in ("kept", "open", "cancelled"))
    broken = len(rows) - len(in_time)
    return {
        "due": len(rows) - cancelled,
        "kept": kept,
        "kept_late": sum(it["status"] == "kept" and it["broken_at"] is not None for it in rows),
        "broken": broken,
        "open": open_,
        "cancelled": cancelled,
        "kept_share": rate(kept, len(rows) - cancelled),
    }


def listening(more: More, rows: list[Record], _alike: list[Record], by: Sequence[str]) -> Figures:
    whole = "question" not in by
    checks = [it for it in rows if "_check" in it]
    days = {(it["store_id"], it["business_date"]): to_ask_on(it) for it in rows if "_day" in it}
    concerns = [it for it in rows if "_check" not in it and "_day" not in it]
    ask_denominator = {day: number for day, number in days.items() if number is not None}
    heard = sum(it["count"] for it in checks if (it["store_id"], day_of(more.raw, it, "at")) in ask_denominator)
    heard += sum((it["store_id"], day_of(more.raw, it, "occurred_at")) in ask_denominator for it in concerns)
    return {
        "concerns": len(concerns),
        "checks": sum(it["count"] for it in checks) if whole else None,
        "ask_rate": rate(heard, sum(ask_denominator.values())) if whole else None,
        "read_back_share": rate(sum(it["read_back"] for it in concerns), len(concerns)),
        "question_asked_share": rate(sum(it["question_id"] is not None for it in concerns), len(concerns)),
        "mood_lift": lift(concerns),
    }


def alerts(more: More, rows: list[Record], _alike: list[Record], _by: Sequence[str]) -> Figures:
    called = [(it, more.raw.alerts[it["id"]]) for it in rows]
    rang = [(concern, alert) for concern, alert in called if alert["state"] != "late"]
    told, received, opened = 0, 0, 0
    waits = []
    for _, alert in rang:
        sent = more.rings.get(alert["id"], [])
        told += phones(sent, "accepted_at")
        received += phones(sent, "received_at", "shown_at", "opened_at")
        opened += phones(sent, "opened_at")
        if shown := [it["shown_at"] for it in sent if it["shown_at"]]:
            raised, first = (at.replace(microsecond=0) for at in (alert["raised_at"], min(shown)))
            waits.append(max(minutes(raised, first), Fraction(0)))
    unanswered = sum(alert["unanswered_at"] is not None for _, alert in rang)
    return {
        "alerts": len(called),
        "rang": len(rang),
        "taken": sum(concern["taken_at"] is not None for concern, _ in rang),
        "unanswered": unanswered,
        "unanswered_share": rate(unanswered, len(rang)),
        "phones_told": told,
        "phones_received": received,
        "phones_opened": opened,
        "received_share": rate(received, told),
        "minutes_to_show": spread(waits),
    }


def phones(sent: Iterable[Record], *moments: str) -> int:
    return len({it["device_id"] for it in sent if it["device_id"] and any(it[moment] for moment in moments)})


FIGURES: dict[str, Callable[[More, list[Record], list[Record], Sequence[str]], Figures]] = {
    "remedies": remedies,
    "causes": causes,
    "items": items,
    "follow-ups": follow_ups,
    "listening": listening,
    "alerts": alerts,
}
