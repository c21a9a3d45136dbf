"""Oracle of the other reports: raw rows and plain loops, without any code of models.reports.

`recount_report` returns `rows` and `totals` as GET /v1/reports/<name> answers them, as JSON.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from typing import Any
from uuid import UUID

from tests.support.oracle.raw_rows import (
    Connection,
    Group,
    RawRows,
    Record,
    SortKey,
    business_date_of,
    find_shown,
    groups_of,
    matches_filters,
    read_raw_rows,
    read_table,
    sort_key,
    under_present_words,
)
from tests.support.oracle.recovery_recount import (
    ask_rate,
    cost,
    customers_on,
    follow_ups_of_counted,
    is_in_effect,
    minutes,
    mood_lift,
    percentiles,
    rate,
    repeat_rate,
    taken_when,
    unhappy,
)

OWN_DIMENSIONS = {"remedies": ("remedy",), "causes": ("category", "cause"), "items": ("item",)}
Figures = dict[str, Any]


@dataclass
class ReportRows:
    """Raw rows, with those that only these reports need."""

    raw: RawRows
    items: dict[UUID, list[Record]]  # by concern
    fixes: list[Record]
    rings: dict[UUID, list[Record]]  # notifications by alert


def read_report_rows(connection: Connection, store_ids: Collection[UUID]) -> ReportRows:
    """Read all rows about these stores that the reports count."""
    raw = read_raw_rows(connection, store_ids)
    for name, table in (("item", "catalogue_item"), ("question", "question")):
        raw.named[name] = {row["id"]: {"name": row.get("text"), **row} for row in read_table(connection, table)}
    items: dict[UUID, list[Record]] = {}
    for item in read_table(connection, "concern_item"):
        items.setdefault(item["concern_id"], []).append(item)
    rings: dict[UUID, list[Record]] = {}
    for notification in read_table(connection, "notification"):
        if notification["kind"] == "ring" and notification["alert_id"]:
            rings.setdefault(notification["alert_id"], []).append(notification)
    fixes = [under_present_words(raw.named, fix) for fix in read_table(connection, "fix")]
    return ReportRows(raw, items, fixes, rings)


def recount_report(
    rows: ReportRows,
    name: str,
    *,
    by_head_office: bool = False,
    from_date: date,
    to_date: date,
    group_by: Sequence[str] = (),
    category: str | None = None,
    region_id: UUID | None = None,
    group_id: UUID | None = None,
    store_id: UUID | None = None,
) -> dict[str, Any]:
    """Return the rows and totals of the report of this name over all stores that were read.

    Head office reads the names of confirmed items only.
    """
    find_shown(rows.raw, group_by, from_date, to_date)
    raw, dimensions = rows.raw, (*OWN_DIMENSIONS.get(name, ()), *group_by)

    def select(records: Iterable[Record], time_column: str) -> Iterator[Record]:
        for record in records:
            if from_date <= business_date_of(raw, record, time_column) <= to_date and matches_filters(
                raw, record, region_id, group_id, store_id
            ):
                yield {**record, "_time_column": time_column}

    slugs = {id_: row["slug"] for id_, row in raw.named["category"].items()}
    concerns = [
        concern
        for concern in select(raw.concerns, "occurred_at")
        if counts(concern) and (category is None or slugs.get(concern["category_id"]) == category)
    ]
    subjects = [*select_subjects(rows, name, concerns, by_head_office=by_head_office)]
    if name == "follow-ups":
        subjects = [*select(follow_ups_of_counted(raw), "due_at")]
    if name == "listening" and not {"question", "hour"} & set(group_by):
        subjects += [{**check, "_check": True} for check in select(raw.checks, "at")]
        subjects += [{**day, "_day": True} for day in select(raw.days, "business_date")]

    groups_by_concern = [groups_of(raw, concern, group_by, concern["_time_column"]) for concern in concerns]

    def count_group(members: list[Record], group: Group) -> Figures:
        """Count a group, beside all concerns that have the same labels in the dimensions of the query."""
        labels = {by: group[by] for by in group_by}
        of_concern = zip(concerns, groups_by_concern, strict=True)
        same_labels = [concern for concern, concern_groups in of_concern if labels in concern_groups]
        return COUNTERS[name](rows, members, same_labels, group_by)

    members_by_group: dict[SortKey, list[Record]] = {}
    groups: dict[SortKey, Group] = {}
    for subject in subjects:
        for group in groups_of(raw, subject, dimensions, subject["_time_column"]):
            shown = for_head_office(group) if by_head_office else group
            groups[sort_key(shown)] = shown
            members_by_group.setdefault(sort_key(shown), []).append(subject)
    report_rows = [
        {"group": named(groups[key]), **count_group(members_by_group[key], groups[key])}
        for key in sorted(members_by_group)
    ]
    totals = COUNTERS[name](rows, subjects, concerns, group_by)
    return {"rows": report_rows if dimensions else [{"group": {}, **totals}], "totals": totals}


def is_named(raw: RawRows, link: Record) -> bool:
    """Return whether head office may read the name of this item."""
    item = raw.named["item"][link["item_id"]]
    return bool(item["confirmed"] and not item["hidden"])


def for_head_office(group: Group) -> Group:
    """Return a group without the slug of an item that was made from another name than the present one."""
    item = group.get("item")
    if item is None or item["slug"] == item["name"].lower().replace(" ", "-"):
        return group
    return {**group, "item": {**item, "slug": None}}


def named(group: Group) -> Group:
    """Return a group with the label of all items together that may not be named."""
    is_unconfirmed = "item" in group and group["item"] is None
    return {**group, "item": {"id": None, "slug": None, "name": "unconfirmed"}} if is_unconfirmed else group


def counts(concern: Record) -> bool:
    return bool(concern["kind"] != "praise" and concern["status"] != "voided")


def select_subjects(rows: ReportRows, name: str, concerns: list[Record], *, by_head_office: bool) -> Iterator[Record]:
    """Yield what a report counts, such as actions or items, each with the columns of its concern."""
    for concern in concerns:
        if name == "remedies":
            for action in rows.raw.actions.get(concern["id"], []):
                if is_in_effect(action):
                    yield {**concern, "remedy_id": action["remedy_id"], "_action": action}
        elif name == "items":
            for item in rows.items.get(concern["id"], []):
                is_shown = not by_head_office or is_named(rows.raw, item)
                yield {**concern, "item_id": item["item_id"] if is_shown else None, "_item_id": item["item_id"]}
        elif name == "alerts":
            if concern["id"] in rows.raw.alerts:
                yield concern
        else:
            yield concern


def distinct(concerns: Iterable[Record]) -> list[Record]:
    """Return each concern once."""
    return [*{concern["id"]: concern for concern in concerns}.values()]


def recovered_share(concerns: Iterable[Record]) -> Figures:
    outcomes = [concern["outcome"] for concern in concerns if concern["status"] == "resolved"]
    recovered = outcomes.count("recovered")
    return rate(recovered, recovered + outcomes.count("lost"))


def count_remedies(
    _rows: ReportRows, members: list[Record], _same_labels: list[Record], _group_by: Sequence[str]
) -> Figures:
    concerns = distinct(members)
    return {
        "times": len(members),
        "concerns": len(concerns),
        "recovered_share": recovered_share(concerns),
        "mood_lift": mood_lift(concerns),
        "cost": cost(member["_action"] for member in members),
    }


def count_causes(
    rows: ReportRows, concerns: list[Record], _same_labels: list[Record], _group_by: Sequence[str]
) -> Figures:
    fix_times = {concern["id"]: times_fixed(rows, concern) for concern in concerns}
    fixed_at = max((time for times in fix_times.values() for time in times), default=None)
    return {
        "concerns": len(concerns),
        "unhappy": unhappy(concerns),
        "recovered_share": recovered_share(concerns),
        "mood_lift": mood_lift(concerns),
        "repeat_within_30_days": repeat_rate(concerns),
        "cost": cost(action for concern in concerns for action in rows.raw.actions.get(concern["id"], [])),
        "fixed_at": fixed_at and fixed_at.isoformat().replace("+00:00", "Z"),
        "raised_since_fixed": sum(
            any(time <= concern["received_at"] for time in fix_times[concern["id"]]) for concern in concerns
        ),
    }


def times_fixed(rows: ReportRows, concern: Record) -> list[datetime]:
    """Return when the cause of a concern was fixed in its store or in all stores."""
    return [
        fix["fixed_at"]
        for fix in rows.fixes
        if fix["cause_id"] == concern["cause_id"] and fix["store_id"] in (None, concern["store_id"])
    ]


def count_items(
    _rows: ReportRows, members: list[Record], same_labels: list[Record], _group_by: Sequence[str]
) -> Figures:
    concerns = distinct(members)
    return {
        "items": len({member["_item_id"] for member in members}),
        "concerns": len(concerns),
        "unhappy": unhappy(concerns),
        "share": rate(len(concerns), len(same_labels)),
    }


def count_follow_ups(
    _rows: ReportRows, follow_ups: list[Record], _same_labels: list[Record], _group_by: Sequence[str]
) -> Figures:
    statuses = [row["status"] for row in follow_ups if row["broken_at"] is None]
    kept, cancelled = statuses.count("kept"), statuses.count("cancelled")
    return {
        "due": len(follow_ups) - cancelled,
        "kept": kept,
        "kept_late": sum(row["status"] == "kept" and row["broken_at"] is not None for row in follow_ups),
        "broken": len(follow_ups) - len(statuses),
        "open": statuses.count("open"),
        "cancelled": cancelled,
        "kept_share": rate(kept, len(follow_ups) - cancelled),
    }


def count_listening(
    rows: ReportRows, members: list[Record], _same_labels: list[Record], group_by: Sequence[str]
) -> Figures:
    has_checks = not {"question", "hour"} & set(group_by)
    checks = [member for member in members if "_check" in member]
    days = [member for member in members if "_day" in member]
    concerns = [member for member in members if "_check" not in member and "_day" not in member]
    ask_denominators = {
        (day["store_id"], day["business_date"]): customers_on(day) for day in days if customers_on(day) is not None
    }

    def on_reporting_day(member: Record) -> bool:
        day = business_date_of(rows.raw, member, member["_time_column"])
        return (member["store_id"], day) in ask_denominators

    customers_heard = sum(check["count"] for check in checks if on_reporting_day(check))
    customers_heard += sum(on_reporting_day(concern) for concern in concerns)
    return {
        "concerns": len(concerns),
        "checks": sum(check["count"] for check in checks) if has_checks else None,
        **(
            ask_rate(customers_heard, sum(ask_denominators.values()))
            if has_checks
            else {"ask_rate": None, "ask_rate_note": None}
        ),
        "read_back_share": rate(sum(concern["read_back"] for concern in concerns), len(concerns)),
        "question_asked_share": rate(sum(concern["question_id"] is not None for concern in concerns), len(concerns)),
        "mood_lift": mood_lift(concerns),
    }


def count_alerts(
    rows: ReportRows, concerns: list[Record], _same_labels: list[Record], _group_by: Sequence[str]
) -> Figures:
    alerts = [(concern, rows.raw.alerts[concern["id"]]) for concern in concerns]
    rang = [(concern, alert) for concern, alert in alerts if alert["rang"]]
    accepted, received, opened = 0, 0, 0
    minutes_to_show = []
    for _, alert in rang:
        rings = rows.rings.get(alert["id"], [])
        accepted += count_phones(rings, "accepted_at")
        received += count_phones(rings, "received_at", "shown_at", "opened_at")
        opened += count_phones(rings, "opened_at")
        if shown := [ring["shown_at"] for ring in rings if ring["shown_at"]]:
            raised_at, first_shown_at = (time.replace(microsecond=0) for time in (alert["raised_at"], min(shown)))
            minutes_to_show.append(max(minutes(raised_at, first_shown_at), Fraction(0)))
    unanswered = sum(alert["unanswered_at"] is not None for _, alert in rang)
    return {
        "alerts": len(alerts),
        "rang": len(rang),
        "taken": sum(concern["taken_at"] is not None for concern, _ in rang),
        **taken_when(rows.raw, concerns),
        "unanswered": unanswered,
        "unanswered_share": rate(unanswered, len(rang)),
        "phones_told": accepted,
        "phones_received": received,
        "phones_opened": opened,
        "received_share": rate(received, accepted),
        "minutes_to_show": percentiles(minutes_to_show),
    }


def count_phones(rings: Iterable[Record], *time_columns: str) -> int:
    """Return how many phones have any of these times."""
    return len({ring["device_id"] for ring in rings if ring["device_id"] and any(ring[name] for name in time_columns)})


COUNTERS: dict[str, Callable[[ReportRows, list[Record], list[Record], Sequence[str]], Figures]] = {
    "remedies": count_remedies,
    "causes": count_causes,
    "items": count_items,
    "follow-ups": count_follow_ups,
    "listening": count_listening,
    "alerts": count_alerts,
}
