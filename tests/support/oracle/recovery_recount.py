"""Oracle of the recovery report and the daily log: raw rows and plain loops, without any code of models.reports.

`recount` returns `rows` and `totals` as GET /v1/reports/recovery answers them, and `recount_day` the `figures` of a
recovery log, both as JSON.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from math import floor
from typing import Any
from uuid import UUID

from tests.support.oracle.raw_rows import (
    Group,
    RawRows,
    Record,
    SortKey,
    business_date_of,
    find_shown,
    groups_of,
    matches_filters,
    sort_key,
)

ABOVE_ONE = "More checks and concerns than customers: receipts or covers are missing, or nobody made some of the checks"
TIME_COLUMNS = {"concerns": "occurred_at", "follow_ups": "due_at", "checks": "at", "days": "business_date"}


def recount(
    raw: RawRows,
    *,
    from_date: date,
    to_date: date,
    group_by: Sequence[str] = (),
    category: str | None = None,
    region_id: UUID | None = None,
    group_id: UUID | None = None,
    store_id: UUID | None = None,
) -> dict[str, Any]:
    """Return the rows and totals of the recovery report over all stores that were read."""
    whole_stores = category is None and not {"category", "cause", "channel", "hour"} & set(group_by)
    find_shown(raw, group_by, from_date, to_date)

    def select(rows: Iterable[Record], time_column: str) -> Iterator[Record]:
        for row in rows:
            if from_date <= business_date_of(raw, row, time_column) <= to_date and matches_filters(
                raw, row, region_id, group_id, store_id
            ):
                yield row

    def has_category(concern: Record) -> bool:
        return category is None or raw.named["category"].get(concern["category_id"], {"slug": None})["slug"] == category

    # What was voided is counted of whole stores only.
    concerns = [concern for concern in raw.concerns if whole_stores or concern["status"] != "voided"]
    rows_by_kind = {"concerns": [concern for concern in concerns if has_category(concern)]}
    if whole_stores:
        rows_by_kind |= {"follow_ups": follow_ups_of_counted(raw), "checks": raw.checks, "days": raw.days}
    selected = {kind: [*select(rows, TIME_COLUMNS[kind])] for kind, rows in rows_by_kind.items()}
    rows_by_group: dict[SortKey, dict[str, list[Record]]] = {}
    groups: dict[SortKey, Group] = {}
    for kind, rows in selected.items():
        for row in rows:
            for group in groups_of(raw, row, group_by, TIME_COLUMNS[kind]):
                rows_by_group.setdefault(sort_key(group), {}).setdefault(kind, []).append(row)
                groups[sort_key(group)] = group
    totals = count_group(raw, selected, whole_stores=whole_stores)
    report_rows = [
        {"group": groups[key], **count_group(raw, rows_by_group[key], whole_stores=whole_stores)}
        for key in sorted(rows_by_group)
    ]
    return {"rows": report_rows if group_by else [{"group": {}, **totals}], "totals": totals}


def count_group(raw: RawRows, rows: dict[str, list[Record]], *, whole_stores: bool) -> dict[str, Any]:
    """Return all figures of a group."""
    concerns, others = split(rows.get("concerns", []))
    counted = figures(raw, concerns, praise=others.pop("praise"))
    if not whole_stores:
        names = (
            "checks",
            "covers",
            "transactions",
            "ask_rate",
            "ask_rate_note",
            "follow_ups_due",
            "follow_ups_kept",
            *others,
        )
        names += ("days_with_concerns", "unsigned_days")
        return {**counted, **dict.fromkeys((*names, *shares_of_logged(raw, [])))}
    days = rows.get("days", [])
    checks = rows.get("checks", [])
    ask_denominators = {
        (day["store_id"], day["business_date"]): customers_on(day) for day in days if customers_on(day) is not None
    }
    customers_checked = sum(
        check["count"]
        for check in checks
        if (check["store_id"], business_date_of(raw, check, "at")) in ask_denominators
    )
    customers_with_concerns = sum(
        (concern["store_id"], business_date_of(raw, concern, "occurred_at")) in ask_denominators for concern in concerns
    )
    return {
        **counted,
        **others,
        **shares_of_logged(raw, rows.get("concerns", [])),
        **follow_up_figures(rows.get("follow_ups", [])),
        **day_figures(raw, concerns),
        "checks": sum(check["count"] for check in checks),
        "covers": sum(day["covers"] or 0 for day in days),
        "transactions": sum(day["transactions"] or 0 for day in days),
        **ask_rate(customers_checked + customers_with_concerns, sum(ask_denominators.values())),
    }


def day_figures(raw: RawRows, concerns: Iterable[Record]) -> dict[str, int]:
    """Return on how many days of a store something happened, and how many of these nobody has signed."""
    days = {(concern["store_id"], business_date_of(raw, concern, "occurred_at")) for concern in concerns}
    signed = {(log["store_id"], log["business_date"]) for log in raw.logs if log["signed_at"] is not None}
    return {"days_with_concerns": len(days), "unsigned_days": len(days - signed)}


def split(rows: Sequence[Record]) -> tuple[list[Record], dict[str, int]]:
    """Return what counts as a concern, and how many there are of what does not: praise and what was voided."""
    counted = [row for row in rows if row["status"] != "voided"]
    concerns = [row for row in counted if row["kind"] != "praise"]
    others = {
        "praise": len(counted) - len(concerns),
        "voided": len(rows) - len(counted),
        "reclassified": sum(row["kind"] == "praise" and bool(row["reclassified"]) for row in counted),
    }
    return concerns, others


def follow_ups_of_counted(raw: RawRows) -> list[Record]:
    """Return the follow-ups whose concern was not voided."""
    voided = {concern["id"] for concern in raw.concerns if concern["status"] == "voided"}
    return [follow_up for follow_up in raw.follow_ups if follow_up["concern_id"] not in voided]


def customers_on(day: Record) -> Any:
    """Return how many customers a store day reports: its receipts, else its covers, else None."""
    return day["covers"] if day["transactions"] is None else day["transactions"]


def recount_day(raw: RawRows, store_id: UUID, day: date) -> dict[str, Any]:
    """Return the figures of a store's recovery log."""

    def of_day(kind: str, rows: Iterable[Record]) -> list[Record]:
        return [
            row for row in rows if row["store_id"] == store_id and business_date_of(raw, row, TIME_COLUMNS[kind]) == day
        ]

    concerns, others = split(of_day("concerns", raw.concerns))
    days = of_day("days", raw.days)
    covers, transactions = (days[0]["covers"], days[0]["transactions"]) if days else (None, None)
    checks = sum(check["count"] for check in of_day("checks", raw.checks))
    return {
        **to_a_decimal(figures(raw, concerns, praise=others.pop("praise"))),
        **others,
        **follow_up_figures(of_day("follow_ups", follow_ups_of_counted(raw))),
        "checks": checks,
        "covers": covers,
        "transactions": transactions,
        **ask_rate(checks + len(concerns), (covers if transactions is None else transactions) or 0),
    }


def to_a_decimal(counted: dict[str, Any]) -> dict[str, Any]:
    """Return the figures of a day with its percentiles to a decimal of a minute."""
    for name in ("minutes_to_take", "minutes_to_resolve"):
        spread = counted[name]
        for part in ("median", "p90"):
            spread[part] = None if spread[part] is None else rounded(spread[part], "0.1")
    return counted


def follow_up_figures(follow_ups: Iterable[Record]) -> dict[str, int]:
    """Return how many follow-ups were due, and how many of them were kept in time."""
    due = [row for row in follow_ups if row["status"] != "cancelled" or row["broken_at"] is not None]
    return {
        "follow_ups_due": len(due),
        "follow_ups_kept": sum(row["status"] == "kept" and row["kept_at"] < row["due_at"] for row in due),
    }


def figures(raw: RawRows, concerns: list[Record], *, praise: int) -> dict[str, Any]:
    """Return all figures of these concerns, which are not praise."""
    resolved = [concern for concern in concerns if concern["status"] == "resolved"]
    recovered = sum(concern["outcome"] == "recovered" for concern in resolved)
    lost = sum(concern["outcome"] == "lost" for concern in resolved)
    taken = sum(concern["taken_at"] is not None for concern in concerns)
    in_time = [concern for concern in concerns if not is_late(concern)]
    currencies = [currency_of(raw, concern) for concern in resolved if concern["outcome"] == "recovered"]
    total_cost = cost(action for concern in concerns for action in raw.actions.get(concern["id"], []))
    return {
        "concerns": len(concerns),
        "praise": praise,
        "unhappy": unhappy(concerns),
        "unhappy_share": rate(unhappy(concerns), len(concerns)),
        "taken": taken,
        **taken_when(raw, concerns),
        "resolved": len(resolved),
        "recovered": recovered,
        "lost": lost,
        "open": sum(concern["status"] in ("open", "taken") for concern in concerns),
        "on_the_spot": sum(
            concern["reopened_count"] == 0
            and concern["reported_by_id"] is not None
            and concern["reported_by_id"] == concern["resolved_by_id"]
            for concern in resolved
        ),
        "late": len(concerns) - len(in_time),
        "reopened": sum(concern["reopened_count"] > 0 for concern in concerns),
        "unanswered_alerts": sum(
            concern["id"] in raw.alerts and raw.alerts[concern["id"]]["unanswered_at"] is not None
            for concern in concerns
        ),
        "recovery_rate": rate(recovered, recovered + lost),
        "taken_share": rate(taken, len(concerns)),
        "unused_trust": rate(
            sum(concern["outcome"] == "lost" and not received_more_than_words(raw, concern) for concern in resolved),
            lost,
        ),
        "minutes_to_take": percentiles(
            minutes(begin(concern, concern["taken_at"]), concern["taken_at"])
            for concern in in_time
            if concern["taken_at"]
        ),
        "minutes_to_resolve": percentiles(
            minutes(begin(concern, concern["resolved_at"]), concern["resolved_at"])
            for concern in in_time
            if concern["resolved_at"]
        ),
        "mood_lift": mood_lift(concerns),
        **feedback_figures([request for concern in concerns for request in raw.feedback.get(concern["id"], [])]),
        "repeat_within_30_days": repeat_rate(concerns),
        "cost": total_cost,
        "cost_per_recovered": [
            {**money, "amount": whole(Fraction(money["amount"], in_currency))}
            for money in total_cost
            if (in_currency := currencies.count(money["currency"]))
        ],
    }


def feedback_figures(requests: Sequence[Record]) -> dict[str, Any]:
    """Return what was asked and answered; what may be by staff is counted apart."""
    answered = [request for request in requests if request["answered_at"] is not None]
    trusted = [request for request in answered if not request["suspect"]]
    ratings = [request["rating"] for request in trusted]
    likelihoods = [request["recommend"] for request in trusted if request["recommend"] is not None]
    promoters, detractors = sum(it >= 9 for it in likelihoods), sum(it <= 6 for it in likelihoods)
    n = len(likelihoods)
    return {
        "feedback_asked": len(requests),
        "feedback_answered": len(trusted),
        "feedback_suspect": len(answered) - len(trusted),
        "response_rate": rate(len(trusted), len(requests)),
        "rating": {
            "mean": mean(ratings),
            "n": len(ratings),
            **{f"of_{rating}": ratings.count(rating) for rating in (1, 2, 3, 4, 5)},
        },
        "recommend": {
            "mean": mean(likelihoods),
            "n": n,
            "promoters": promoters,
            "passives": n - promoters - detractors,
            "detractors": detractors,
            "score": whole(Fraction(100 * (promoters - detractors), n)) if n >= 10 else None,
        },
    }


def mean(values: Sequence[int]) -> float | None:
    return rounded(Fraction(sum(values), len(values)), "0.01") if values else None


def currency_of(raw: RawRows, concern: Record) -> str:
    """Return the currency that the store had on the day of a concern."""
    store = raw.named["store"][concern["store_id"]]
    for terms in store["earlier_terms"] or []:
        if concern["business_date"] < date.fromisoformat(terms["until"]):
            return str(terms["currency"])
    return str(store["currency"])


def taken_when(raw: RawRows, concerns: Iterable[Record]) -> dict[str, int]:
    """Return how many whose alert rang were taken before and after it had gone unanswered."""
    counts = {"taken_in_time": 0, "taken_after_unanswered": 0}
    for concern in concerns:
        alert = raw.alerts.get(concern["id"])
        if concern["taken_at"] is None or alert is None or not alert["rang"]:
            continue
        after = alert["unanswered_at"] is not None and concern["taken_at"] >= alert["unanswered_at"]
        counts["taken_after_unanswered" if after else "taken_in_time"] += 1
    return counts


def whole(value: Fraction) -> int:
    """Return the nearest whole number, of two that are as near the one further from zero."""
    nearest = floor(abs(value) + Fraction(1, 2))
    return nearest if value >= 0 else -nearest


def shares_of_logged(raw: RawRows, rows: Iterable[Record]) -> dict[str, Any]:
    """Return what became of the concerns that were logged with an unhappy mood, by the steps of their timelines."""
    logged = [row for row in rows if was_concern_as_logged(row) and mood_as_logged(raw, row) in (1, 2)]
    counted = [row for row in logged if row["status"] != "voided" and row["kind"] != "praise"]
    own = [row for row in counted if row["status"] == "resolved" and row["handling"] == "mine"]
    quick = [row for row in own if not is_late(row)]
    return {
        "quick_own_share": rate(
            sum(minutes(begin(row, row["resolved_at"]), row["resolved_at"]) <= 2 for row in quick), len(logged)
        ),
        "corrected_up_share": rate(sum(row["mood"] - mood_as_logged(raw, row) >= 2 for row in counted), len(logged)),
        "taken_back_share": rate(len(logged) - len(counted), len(logged)),
    }


def was_concern_as_logged(row: Record) -> bool:
    """Return whether it is no praise, or was made praise later."""
    return bool(row["kind"] != "praise" or row["reclassified"])


def mood_as_logged(raw: RawRows, row: Record) -> int:
    """Return the mood that the first step of the timeline names."""
    return raw.moods_as_logged[row["id"]]


def unhappy(concerns: Iterable[Record]) -> int:
    return sum(concern["mood"] in (1, 2) for concern in concerns)


def mood_lift(concerns: Iterable[Record]) -> dict[str, Any]:
    """Return the mean change of the mood over the resolved concerns whose mood afterwards is known."""
    changes = [
        concern["mood_after"] - concern["mood"]
        for concern in concerns
        if concern["status"] == "resolved" and concern["mood_after"] is not None
    ]
    return {"mean": rounded(Fraction(sum(changes), len(changes)), "0.01") if changes else None, "n": len(changes)}


def repeat_rate(concerns: Sequence[Record]) -> dict[str, Any]:
    """Return the share of concerns of known customers who had another one in the 30 days before."""
    of_somebody = [concern for concern in concerns if concern["customer_id"] is not None]
    gaps = [concern["seconds_since_previous"] for concern in of_somebody]
    repeated = sum(timedelta(seconds=gap) <= timedelta(days=30) for gap in gaps if gap is not None)
    return rate(repeated, len(of_somebody))


def received_more_than_words(raw: RawRows, concern: Record) -> bool:
    """Return whether an action in effect gave the customer more than an apology or explanation."""
    actions = [action for action in raw.actions.get(concern["id"], []) if is_in_effect(action)]
    kinds = {raw.named["remedy"][action["remedy_id"]]["kind"] for action in actions}
    return not kinds <= {"apology", "explanation"}


def is_in_effect(action: Record) -> bool:
    return bool(action["status"] == "done" and action["reverses_id"] is None)


def is_late(concern: Record) -> bool:
    """Return whether it was logged more than a quarter of an hour after it happened, and was a concern from then on."""
    return concern["became_concern_at"] is None and bool(
        concern["received_at"] - concern["occurred_at"] > timedelta(minutes=15)
    )


def begin(concern: Record, end: datetime) -> datetime:
    """Return from when it was the concern that was taken or resolved at `end`: it may have been praise until then."""
    starts = [concern["received_at"], concern["became_concern_at"]]
    return max(start for start in starts if start is not None and start <= end)


def ask_rate(numerator: int, denominator: int) -> dict[str, Any]:
    """Return the ask rate, with what it means if it is above one."""
    note = ABOVE_ONE if denominator >= 10 and numerator > denominator else None
    return {"ask_rate": rate(numerator, denominator), "ask_rate_note": note}


def rate(numerator: int, denominator: int) -> dict[str, Any]:
    value = None if denominator < 10 else rounded(Fraction(numerator, denominator), "0.0001")
    return {"value": value, "numerator": numerator, "denominator": denominator}


def rounded(value: Fraction, unit: str) -> float:
    """Return a value as a reader gets it, in such units."""
    exact = Decimal(value.numerator) / Decimal(value.denominator)
    return float(exact.quantize(Decimal(unit), ROUND_HALF_UP))


def minutes(start: datetime, end: datetime) -> Fraction:
    """Return the whole seconds between two times, in minutes."""
    return Fraction((end - start) // timedelta(seconds=1), 60)


def percentiles(values: Iterable[Fraction]) -> dict[str, Any]:
    """Return median, 90th percentile and number of these values."""
    ordered = sorted(values)
    return {
        "median": percentile(ordered, Fraction(1, 2)),
        "p90": percentile(ordered, Fraction(9, 10)),
        "n": len(ordered),
    }


def percentile(ordered: Sequence[Fraction], share: Fraction) -> Fraction | None:
    """Return a percentile after PERCENTILE_CONT, by linear interpolation between the two neighbouring ranks."""
    if not ordered:
        return None
    position = share * (len(ordered) - 1)
    for rank, (value, next_value) in enumerate(zip(ordered, [*ordered[1:], ordered[-1]], strict=True)):
        if rank <= position < rank + 1:
            return value + (next_value - value) * (position - rank)
    raise AssertionError("no position lies behind the last rank")


def cost(actions: Iterable[Record]) -> list[dict[str, Any]]:
    """Return the cost of the actions in effect, by currency."""
    amounts: dict[str, int] = {}
    for action in actions:
        if action["cost_amount"] is not None and is_in_effect(action):
            amounts[action["cost_currency"]] = amounts.get(action["cost_currency"], 0) + action["cost_amount"]
    return [{"amount": amount, "currency": currency} for currency, amount in sorted(amounts.items()) if amount]
