"""Lines of a recovery log or of a list of concerns as a table, made from the JSON that the same reader gets."""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from marshmallow import fields, validate

from api.schemas.base import Instant, MoneySchema, Schema, described
from models.concerns.enums import Kind, Outcome, Severity, Status
from models.recovery.action import UNPAID, ActionStatus

PLAIN_FIELDS = ("id", "kind", "status", "occurred_at", "received_at", "taken_at", "resolved_at", "mood", "mood_after")
PLAIN_FIELDS += ("outcome", "rating", "rating_suspect", "category", "category_name", "cause", "cause_name")
PLAIN_FIELDS += ("place", "place_name")
TEXT_FIELDS = ("their_words", "our_reading", "stake", "wanted")
COUNTED_STATUSES = (ActionStatus.DONE, ActionStatus.REVERSED)
PERSON_FIELDS = ("reported_by", "taken_by")


def one_of(enum: type[StrEnum]) -> validate.OneOf:
    return validate.OneOf([member.value for member in enum])


class LogLineSchema(Schema):
    """One concern of a log as a line of a table. Words and names are empty for readers of figures only."""

    line = fields.String(
        validate=validate.OneOf(["concern", "praise", "voided", "day", "signed"]),
        metadata=described(
            "`concern`, `praise` or `voided`: one that was logged; `day`: the figures of the day; `signed`: these as "
            "they were signed. Where something was paid in several currencies, each further one has its own line."
        ),
    )
    id = fields.UUID(metadata=described("The id of the concern."))
    kind = fields.String(validate=one_of(Kind), metadata=described("Concern, request or praise."))
    status = fields.String(
        validate=one_of(Status), metadata=described("Open, taken, resolved, or voided: logged by mistake.")
    )
    severity = fields.String(
        validate=one_of(Severity), metadata=described("How much it needs somebody: severe or normal.")
    )
    needs_you_now = fields.Integer(metadata=described("Its place among what needs somebody now; empty if nobody."))
    occurred_at = Instant(metadata=described("When it happened, in UTC."))
    received_at = Instant(metadata=described("When it was logged, in UTC."))
    taken_at = Instant(metadata=described("When somebody took it, in UTC; empty if nobody did."))
    resolved_at = Instant(metadata=described("When it was resolved, in UTC; empty if it is not."))
    mood = fields.Integer(metadata=described("The mood of the customer, from 1 (very unhappy) to 5 (delighted)."))
    mood_after = fields.Integer(metadata=described("The mood once it was resolved, as staff saw it; empty if unknown."))
    outcome = fields.String(
        validate=one_of(Outcome),
        metadata=described("How it ended: recovered (the customer left content), lost (unhappy) or unknown."),
    )
    rating = fields.Integer(metadata=described("What the customer said of how it was in the end, 1 to 5."))
    rating_suspect = fields.Boolean(metadata=described("Whether the rating may be by staff; it is then in no mean."))
    category = fields.String(metadata=described("The short name of its category."))
    category_name = fields.String(metadata=described("The name of its category, in the language of the reader."))
    cause = fields.String(metadata=described("The short name of its cause."))
    cause_name = fields.String(metadata=described("The name of its cause, in the language of the reader."))
    place = fields.String(metadata=described("The short name of the place in the store."))
    place_name = fields.String(metadata=described("The name of the place, in the language of the reader."))
    items = fields.String(metadata=described("The dishes, products or articles it is about."))
    their_words = fields.String(metadata=described("What the customer said, in their own words."))
    our_reading = fields.String(metadata=described("What staff understood."))
    stake = fields.String(metadata=described("What was at stake for the customer."))
    wanted = fields.String(metadata=described("What the customer wanted."))
    reported_by = fields.String(metadata=described("Who logged it."))
    taken_by = fields.String(metadata=described("Who took it."))
    remedies = fields.String(metadata=described("The short names of what was given and not taken back."))
    remedy_names = fields.String(
        metadata=described("What was given and not taken back, in the language of the reader.")
    )
    cost = fields.List(
        fields.Nested(MoneySchema),
        metadata=described("What that cost. What is only asked for costs nothing yet; what was taken back is less."),
    )
    sensitive = fields.Boolean(metadata=described("Whether it is marked as sensitive."))
    late = fields.Boolean(metadata=described("Whether it was logged more than 15 minutes after it happened."))
    after_sign_off = fields.Boolean(metadata=described("Whether it was logged or went on after the day was signed."))
    timeline = fields.String(metadata=described("Its steps, in the time of the store, and who took them."))
    voided_at = Instant(metadata=described("When it was voided, in UTC."))
    voided_by = fields.String(metadata=described("Who voided it."))
    void_reason = fields.String(metadata=described("Why it was voided."))


class ConcernLineSchema(LogLineSchema):
    """One concern of a list of concerns as a line of a table."""

    class Meta:
        exclude = ("line", "needs_you_now", "after_sign_off", "timeline", "voided_at", "voided_by", "void_reason")

    store_id = fields.UUID(metadata=described("The id of its store."))
    business_date = fields.Date(metadata=described("The business day of its store."))


def concern_line(concern: Mapping[str, Any]) -> dict[str, Any]:
    """Return the line of a concern of a list, given as its schema dumped it."""
    return {**_line(concern), "store_id": concern["store_id"], "business_date": concern["business_date"]}


def lines(log: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a line per concern, then per praise, then per voided concern, which has few columns.

    Of concerns those that need somebody now come first, in the order of the log; `needs_you_now` has their place.
    """
    zone = ZoneInfo(log["store"]["time_zone"])
    waiting = {concern["id"]: place for place, concern in enumerate(log["needs_you_now"]["open_concerns"], start=1)}
    concerns = sorted(log["concerns"], key=lambda concern: waiting.get(concern["id"], len(waiting) + 1))
    for concern in (*concerns, *log["praise"]):
        yield {
            **_line(concern),
            "needs_you_now": waiting.get(concern["id"]),
            "line": "praise" if concern["kind"] == Kind.PRAISE else "concern",
            "after_sign_off": concern["id"] in log["after_sign_off"],
            "timeline": " | ".join(_step(event, zone) for event in concern.get("timeline", [])),
        }
    for concern in log["voided"]:
        yield {
            **{name: concern[name] for name in ("id", "kind", "occurred_at", "received_at")},
            "status": Status.VOIDED,
            "line": "voided",
            "cost": concern["cost"],
            "after_sign_off": concern["id"] in log["after_sign_off"],
            "voided_at": concern["at"],
            "voided_by": concern["by"] and concern["by"]["name"],
            "void_reason": concern["reason"],
        }


def _line(concern: Mapping[str, Any]) -> dict[str, Any]:
    actions = concern.get("recovery_actions", [])
    return {
        **{name: concern[name] for name in (*PLAIN_FIELDS, *TEXT_FIELDS, "severity", "sensitive", "late")},
        **{name: concern[name] and concern[name]["name"] for name in PERSON_FIELDS},
        "cost": _costs(actions),
        "items": ", ".join(item["name"] or "" for item in concern["items"]).strip(", "),
        "remedies": ", ".join(action["remedy"] for action in actions if _is_in_force(action)),
        "remedy_names": ", ".join(action["remedy_name"] for action in actions if _is_in_force(action)),
    }


def _costs(actions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the cost in each currency: reversals count negative, what waits not at all."""
    costs = Counter[str]()
    for cost in (action["cost"] for action in actions if action["cost"] and _counts(action)):
        costs[cost["currency"]] += cost["amount"]
    return [{"amount": amount, "currency": currency} for currency, amount in sorted(costs.items())]


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
