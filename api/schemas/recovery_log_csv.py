"""A recovery log as lines of a table: one for each concern, made from what the JSON of the same reader shows."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from models.recovery.action import ActionStatus

PLAIN = ("id", "kind", "status", "occurred_at", "received_at", "taken_at", "resolved_at", "mood", "mood_after")
PLAIN += ("outcome", "category", "cause", "place")
TOLD = ("their_words", "our_reading", "stake", "wanted")
GIVEN = (ActionStatus.DONE, ActionStatus.REVERSED)
PEOPLE = ("reported_by", "taken_by")


def columns(log: Mapping[str, Any]) -> list[str]:
    """The columns, with one for the cost in each currency there is."""
    currencies = sorted({name for line in lines(log) for name in line if name.startswith("cost_")})
    return [*PLAIN, "items", *TOLD, *PEOPLE, "remedies", *currencies, "sensitive", "late", "after_sign_off", "timeline"]


def lines(log: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The concerns in their order, then praise."""
    zone = ZoneInfo(log["store"]["time_zone"])
    for concern in (*log["concerns"], *log["praise"]):
        actions = concern.get("recovery_actions", [])
        yield {
            **{name: concern[name] for name in (*PLAIN, *TOLD, "sensitive", "late")},
            **{name: concern[name] and concern[name]["name"] for name in PEOPLE},
            **_costs(actions),
            "items": ", ".join(item["name"] or "" for item in concern["items"]).strip(", "),
            "remedies": ", ".join(action["remedy"] for action in actions if _stands(action)),
            "after_sign_off": concern["id"] in log["after_sign_off"],
            "timeline": " | ".join(_step(event, zone) for event in concern.get("timeline", [])),
        }


def _costs(actions: list[dict[str, Any]]) -> dict[str, int]:
    """What it cost in each currency, in minor units: what was taken back with its minus, what is asked for not yet."""
    costs: dict[str, int] = {}
    for cost in (action["cost"] for action in actions if action["cost"] and action["status"] in GIVEN):
        column = f"cost_{cost['currency']}"
        costs[column] = costs.get(column, 0) + cost["amount"]
    return costs


def _stands(action: dict[str, Any]) -> bool:
    return action["status"] == ActionStatus.DONE and action["reverses_id"] is None


def _step(event: dict[str, Any], zone: ZoneInfo) -> str:
    """When by the clock on the store's wall, what, and who."""
    at = datetime.fromisoformat(event["at"]).astimezone(zone)
    who = f" {event['by']['name']}" if event["by"] else ""
    return f"{at:%H:%M} {event['step'].replace('_', ' ')}{who}"
