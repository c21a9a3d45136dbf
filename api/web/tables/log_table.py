"""A recovery log as tables: a line per concern, and one with the figures of the day."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any, Final

from api.schemas.recovery_log_lines import LogLineSchema, lines
from api.schemas.recovery_logs import RecoveryLogSchema
from api.web.tables.columns import Column, Kind, columns_of, lines_of
from api.web.tables.table_file import LINE, Sheet, TableFile, key_column

ABOUT: Final = (
    key_column("store", "The store whose day it is."),
    key_column("business_date", "The business day of the store.", Kind.DATE),
)


def log_file(store_slug: str, log: Mapping[str, Any]) -> TableFile:
    """Return the file of a log, given as its schema dumped it for this reader."""
    about = {"store": log["store"]["name"], "business_date": log["business_date"]}
    keys = [*columns_of(LogLineSchema(), LINE, is_key=True), *ABOUT]
    of_concerns = [*keys, *(column for column in columns_of(LogLineSchema()) if column.name != LINE)]
    of_day = [*keys, *figure_columns()]
    sheets = [
        Sheet("Concerns", of_concerns, lines_of(of_concerns, ({**about, **line} for line in lines(log)))),
        Sheet("Figures", of_day, lines_of(of_day, ({**about, **line} for line in _figures(log)))),
    ]
    made = {
        "store": about["store"],
        "business date": date.fromisoformat(log["business_date"]),
        "as of": datetime.fromisoformat(log["generated_at"]),
    }
    return TableFile(f"recovery-log-{store_slug}-{log['business_date']}", "Recovery log", made, sheets)


def figure_columns() -> list[Column]:
    """Return the columns of the figures of the day, whose names begin with `figures_`: a concern has a `late` too."""
    return [replace(column, heading=column.heading[1:]) for column in columns_of(RecoveryLogSchema(), "figures")]


def _figures(log: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    yield {LINE: "day", "figures": log["figures"]}
    if log["page"]["signed_figures"]:
        yield {LINE: "signed", "figures": log["page"]["signed_figures"]}
