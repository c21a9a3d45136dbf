"""Recovery log as an HTML page to print, made only from the JSON that the same reader gets."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal, format_percent
from flask import Response

from api.pages.charts import Chart, Column
from api.pages.page import InlineStyle, language, render_page
from api.pages.tables import CellPrinter, TableWords, machine_form
from api.web.tables.columns import Cell, Kind
from api.web.tables.columns import Column as TableColumn
from api.web.tables.log_table import figure_columns
from models.db.base import Money
from notifications.messages.money import format_money

STYLE = InlineStyle.load("recovery_log.css")
HOUR = timedelta(hours=1)
# By the list of what needs somebody: since when it waits, or by when it is due.
TIMES_OF_WAITING = {
    "unanswered_alerts": "received_at",
    "open_concerns": "received_at",
    "follow_ups": "due_at",
    "pending_approvals": "recorded_at",
    "promised_not_paid": "recorded_at",
    "to_review": "recorded_at",
}
MINUTE_BOUNDS = (1, 2, 5, 10, 20)  # between the bars of the chart of waiting times


def render_recovery_log(log: Mapping[str, Any]) -> Response:
    """Return the page of a log, given as RecoveryLogSchema dumped it for this reader."""
    listed = (*log["concerns"], *log["praise"], *log["voided"])
    numbers = {concern["id"]: number for number, concern in enumerate(listed, start=1)}
    page = render_page(
        "recovery_log.html",
        sheet=STYLE.sheet,
        log=log,
        needs=list(_needs_you_now(log)),
        numbers=numbers,
        fmt=LogFormatter(language(), ZoneInfo(log["store"]["time_zone"]), date.fromisoformat(log["business_date"])),
        steps={concern["id"]: list(condense_timeline(concern["timeline"])) for concern in log["concerns"]},
        moods=_moods(log),
        hours=_hours(log),
        minutes=_minutes(log),
        explained=[(column, _in_currencies(column, log)) for column in _figures_to_explain()],
        words=TableWords.in_language(language()),
        printed=CellPrinter(language()).printed,
        machine=machine_form,
    )
    page.headers.update(STYLE.headers)
    return page


def _needs_you_now(log: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return what needs somebody, each with its list: the severe first, then by time.

    A concern whose call nobody answered stands there once.
    """
    now = log["needs_you_now"]
    unanswered = {concern["id"] for concern in now["unanswered_alerts"]}
    entries = [
        (name, entry)
        for name in TIMES_OF_WAITING
        for entry in now[name]
        if name != "open_concerns" or entry["id"] not in unanswered
    ]
    return sorted(
        entries,
        key=lambda pair: (pair[1]["severity"] != "severe", datetime.fromisoformat(pair[1][TIMES_OF_WAITING[pair[0]]])),
    )


def _figures_to_explain() -> Iterator[TableColumn]:
    """Yield the columns of all figures; a currency is printed with its amount."""
    return (column for column in figure_columns() if column.kind is not Kind.CURRENCY)


def _in_currencies(column: TableColumn, log: Mapping[str, Any]) -> list[tuple[Cell, str | None]]:
    """Return a figure of the day, once for each currency where it is money."""
    currencies: list[str | None] = [*sorted(column.currencies(log))] if column.kind is Kind.MONEY else [None]
    return [(column.cell(log, currency), currency) for currency in currencies]


@dataclass(frozen=True)
class LogFormatter:
    """Formats times in the store's time zone, and numbers and money in the reader's language."""

    language: str
    zone: ZoneInfo
    today: date

    def clock(self, instant: str) -> str:
        """Return the time, with the date when it is not that of the log."""
        at = datetime.fromisoformat(instant).astimezone(self.zone)
        return f"{at:%H:%M}" if at.date() == self.today else self.moment(instant)

    def moment(self, instant: str) -> str:
        at = datetime.fromisoformat(instant).astimezone(self.zone)
        return format_datetime(at, "d MMM HH:mm", tzinfo=self.zone, locale=self.language)

    def day(self) -> str:
        return format_date(self.today, "full", locale=self.language)

    def money(self, cost: Mapping[str, Any]) -> str:
        return format_money(Money(cost["amount"], cost["currency"]), language=self.language)

    def sums(self, costs: list[Mapping[str, Any]]) -> str:
        return " + ".join(map(self.money, costs)) or "-"

    def number(self, value: float | None) -> str:
        return "-" if value is None else format_decimal(round(value, 2), locale=self.language)

    def spread(self, minutes: Mapping[str, Any]) -> str:
        return f"{self.number(minutes['median'])} ({self.number(minutes['p90'])})"

    def mean(self, answers: Mapping[str, Any] | None) -> str:
        """Return a mean and how many it is of, or a dash for none. Older signed figures do not know it."""
        return f"{self.number(answers['mean'])} ({answers['n']})" if answers and answers["n"] else "-"

    def answers(self, figures: Mapping[str, Any]) -> str:
        """Return how many answered of those asked, and how many answers do not count."""
        if not figures["feedback_asked"]:
            return "-"
        suspect = f" (+{figures['feedback_suspect']}?)" if figures["feedback_suspect"] else ""
        return f"{figures['feedback_answered']}/{figures['feedback_asked']}{suspect}"

    def share(self, share: Mapping[str, Any]) -> str:
        """Return the rate with its parts, the parts alone when they are too few for a rate, or a dash for none."""
        if not share["denominator"]:
            return "-"
        parts = f"{share['numerator']}/{share['denominator']}"
        if share["value"] is None:
            return parts
        return f"{format_percent(share['value'], locale=self.language)} ({parts})"


def condense_timeline(timeline: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Merge repeated steps into one with `times`, and name a person only where somebody else goes on."""
    before: dict[str, Any] | None = None
    for event in timeline:
        by = event["by"] and event["by"]["name"]
        if before and (before["step"], before["who"]) == (event["step"], by):
            before["times"] += 1
            continue
        if before:
            yield before
        named = by if before is None or before["who"] != by else None
        before = {"step": event["step"], "at": event["at"], "who": by, "named": named, "times": 1}
    if before:
        yield before


def _moods(log: Mapping[str, Any]) -> Chart:
    """Count concerns by mood before and after."""
    before = Counter(concern["mood"] for concern in log["concerns"])
    after = Counter(concern["mood_after"] for concern in log["concerns"])
    return Chart([Column(str(mood), (before[mood], after[mood])) for mood in range(1, 6)])


def _hours(log: Mapping[str, Any]) -> Chart:
    """Count concerns by hour of the business day, which has 23 or 25 hours when the clock changes."""
    zone = ZoneInfo(log["store"]["time_zone"])
    opens, closes = (datetime.fromisoformat(log[name]) for name in ("opens_at", "closes_at"))
    counts = Counter((datetime.fromisoformat(concern["occurred_at"]) - opens) // HOUR for concern in log["concerns"])
    starts = [opens + number * HOUR for number in range((closes - opens) // HOUR)]
    columns = [Column(f"{at.astimezone(zone):%H}", (counts[number],)) for number, at in enumerate(starts)]
    return Chart(columns, labelled=3)


def _minutes(log: Mapping[str, Any]) -> Chart:
    """Count concerns by minutes until somebody took them, without late ones, like the figures."""
    taken = [concern for concern in log["concerns"] if concern["taken_at"] and not concern["late"]]
    waited = [_minutes_between(concern["received_at"], concern["taken_at"]) for concern in taken]
    bounds = [(f"<{MINUTE_BOUNDS[0]}", 0, MINUTE_BOUNDS[0])]
    bounds += [(f"{start}-{end}", start, end) for start, end in pairwise(MINUTE_BOUNDS)]
    bounds += [(f"≥{MINUTE_BOUNDS[-1]}", MINUTE_BOUNDS[-1], 10**9)]
    return Chart([Column(label, (sum(start <= minutes < end for minutes in waited),)) for label, start, end in bounds])


def _minutes_between(start: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds() / 60
