"""Recovery log as CSV: one line per concern, made from the JSON that the same reader gets."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from models.concerns.enums import Status
from models.recovery.action import UNPAID, ActionStatus

PLAIN_FIELDS = ("id", "kind", "status", "occurred_at", "received_at", "taken_at", "resolved_at", "mood", "mood_after")
PLAIN_FIELDS += ("outcome", "rating", "rating_suspect", "category", "cause", "place")
TEXT_FIELDS = ("their_words", "our_reading", "stake", "wanted")
COUNTED_STATUSES = (ActionStatus.DONE, ActionStatus.REVERSED)
PERSON_FIELDS = ("reported_by", "taken_by")


def columns(log: Mapping[str, Any]) -> list[str]:
    """Return the columns, with a cost column per currency of the log."""
    currencies = sorted({name for line in lines(log) for name in line if name.startswith("cost_")})
    return [
        *PLAIN_FIELDS,
        "items",
        *TEXT_FIELDS,
        *PERSON_FIELDS,
        "remedies",
        *currencies,
        "sensitive",
        "late",
        "after_sign_off",
        "timeline",
        "severity",
        "needs_you_now",
        "voided_at",
        "voided_by",
        "void_reason",
    ]


def lines(log: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a line per concern, then per praise, then per voided concern, which has few columns.

    Of concerns those that need somebody now come first, in the order of the log; `needs_you_now` has their place.
    """
    zone = ZoneInfo(log["store"]["time_zone"])
    waiting = {concern["id"]: place for place, concern in enumerate(log["needs_you_now"]["open_concerns"], start=1)}
    concerns = sorted(log["concerns"], key=lambda concern: waiting.get(concern["id"], len(waiting) + 1))
    for concern in (*concerns, *log["praise"]):
        actions = concern.get("recovery_actions", [])
        yield {
            **{name: concern[name] for name in (*PLAIN_FIELDS, *TEXT_FIELDS, "severity", "sensitive", "late")},
            "needs_you_now": waiting.get(concern["id"]),
            **{name: concern[name] and concern[name]["name"] for name in PERSON_FIELDS},
            **_costs(actions),
            "items": ", ".join(item["name"] or "" for item in concern["items"]).strip(", "),
            "remedies": ", ".join(action["remedy"] for action in actions if _is_in_force(action)),
            "after_sign_off": concern["id"] in log["after_sign_off"],
            "timeline": " | ".join(_step(event, zone) for event in concern.get("timeline", [])),
        }
    for concern in log["voided"]:
        yield {
            **{name: concern[name] for name in ("id", "kind", "occurred_at", "received_at")},
            "status": Status.VOIDED,
            **{f"cost_{cost['currency']}": cost["amount"] for cost in concern["cost"]},
            "after_sign_off": concern["id"] in log["after_sign_off"],
            "voided_at": concern["at"],
            "voided_by": concern["by"] and concern["by"]["name"],
            "void_reason": concern["reason"],
        }


def _costs(actions: list[dict[str, Any]]) -> dict[str, int]:
    """Return the cost per currency in minor units: reversals count negative, what waits not at all."""
    costs: dict[str, int] = {}
    for cost in (action["cost"] for action in actions if action["cost"] and _counts(action)):
        column = f"cost_{cost['currency']}"
        costs[column] = costs.get(column, 0) + cost["amount"]
    return costs


def _counts(action: dict[str, Any]) -> bool:
    """Return whether its cost counts: not that of a request, nor of a reversal whose money is not back."""
    waits = action["reverses_id"] is not None and action["settlement"] in UNPAID
    return action["status"] in COUNTED_STATUSES and not waits


def _is_in_force(action: dict[str, Any]) -> bool:
    return action["status"] == ActionStatus.DONE and action["reverses_id"] is None


def _step(event: dict[str, Any], zone: ZoneInfo) -> str:
    """Return local time, step and person of an event."""
    at = datetime.fromisoformat(event["at"]).astimezone(zone)
    who = f" {event['by']['name']}" if event["by"] else ""
    return f"{at:%H:%M} {event['step'].replace('_', ' ')}{who}"
