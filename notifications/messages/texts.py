"""What may stand on a lock screen: severity, category and place, and nothing about a person."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from models.alerts.alert import Alert
from models.alerts.enums import Reason, Severity
from models.alerts.notification import NotificationKind
from models.concerns.concern import Concern
from models.concerns.enums import Outcome
from models.policy_defaults import CONTENT_MOOD
from notifications.messages.translations import translations_for

Translate = Callable[[str], str]
"""From a sentence in English to the reader's language. The sentences in its brackets are what catalogues translate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageContext:
    """All that words are made from, so that nothing else can get into them.

    Place and category are names from the lists of the store and the organization. `reason` is the rule that rang;
    `outcome` and `mood_after` count for what has ended, `count` is how many were left open.
    """

    severity: str = Severity.NORMAL
    reason: str | None = None
    urgent: bool = False
    place: str | None = None
    category: str | None = None
    outcome: str | None = None
    mood_after: int | None = None
    count: int = 0

    @classmethod
    def of(cls, concern: Concern, alert: Alert | None) -> Self:
        return cls(
            severity=alert.severity if alert else Severity.NORMAL,
            reason=alert.reason if alert else None,
            urgent=concern.urgent,
            place=concern.place.name if concern.place else None,
            category=concern.category.name if concern.category else None,
            outcome=concern.outcome,
            mood_after=concern.mood_after,
        )


NO_CONTEXT = MessageContext()


def title(kind: NotificationKind, context: MessageContext = NO_CONTEXT, *, locale: str | None) -> str:
    """'Unhappy customer, table 12': what it is, short, and where."""
    say = translations_for(locale).gettext
    match kind:
        case NotificationKind.OUTCOME:
            return _outcome_title(say, context)
        case NotificationKind.OWN if context.outcome:
            return _outcome_title(say, context)
        case NotificationKind.CARRIED_OVER:
            return say("Still open from yesterday: {count}").format(count=context.count)
        case NotificationKind.PAUSE:
            return say("A colleague needs a pause")
        case NotificationKind.TEST:
            return say("This phone can be reached")
    opening = _title_start(say, kind, context)
    return f"{opening}, {context.place}" if context.place else opening


def body(kind: NotificationKind, context: MessageContext = NO_CONTEXT, *, locale: str | None) -> str:
    """The category in the organization's own word; the rest waits until the phone is unlocked."""
    say = translations_for(locale).gettext
    match kind:
        case NotificationKind.PAUSE | NotificationKind.CARRIED_OVER | NotificationKind.DAILY_LOG:
            return say("Open to see more")
        case NotificationKind.TEST:
            return say("A test: nothing to do")
        case NotificationKind.REMINDER:
            return _with_category(say("Nobody has done anything yet"), context)
        case (
            NotificationKind.APPROVAL | NotificationKind.DECISION | NotificationKind.FOLLOW_UP | NotificationKind.BROKEN
        ):
            return _with_category(say("Open to see more"), context)
        case NotificationKind.LATE:
            return _with_category(say("For your information"), context)
    return context.category or say("Open to see what it is about")


def _title_start(say: Translate, kind: NotificationKind, context: MessageContext) -> str:
    openings = {
        NotificationKind.REMINDER: say("Still open"),
        NotificationKind.HAND_OVER: say("Handed over to you"),
        NotificationKind.LATE: say("Told too late to ring"),
        NotificationKind.OWN: say("Being looked after by a colleague"),
        NotificationKind.UNANSWERED: say("Nobody answered"),
        NotificationKind.PRAISE: say("Praise for you"),
        NotificationKind.APPROVAL: say("May a colleague give more?"),
        NotificationKind.DECISION: say("It is decided"),
        NotificationKind.FOLLOW_UP: say("A promise to keep"),
        NotificationKind.BROKEN: say("A promise was not kept"),
        NotificationKind.DAILY_LOG: say("How the day went"),
    }
    return openings.get(kind) or _alert_title(say, context)


def _alert_title(say: Translate, context: MessageContext) -> str:
    """The strongest of what could be said of it."""
    if context.urgent:
        return say("Urgent")
    if context.reason == Reason.FEEDBACK:
        return say("Unhappy after all")
    if context.reason == Reason.SECOND_CONCERN:
        return say("Unhappy again")
    if context.reason == Reason.ORDER_VALUE:
        return say("Concern about a large order")
    return say("Very unhappy customer") if context.severity == Severity.SEVERE else say("Unhappy customer")


def _outcome_title(say: Translate, context: MessageContext) -> str:
    """'table 12 left happy': one sentence with the place and one without, as each language has an order of its own."""
    happy = context.mood_after is not None and context.mood_after >= CONTENT_MOOD
    match context.outcome:
        case Outcome.RECOVERED if happy:
            alone, there = say("Left happy"), say("{place} left happy")
        case Outcome.RECOVERED:
            alone, there = say("Put right"), say("{place}: put right")
        case Outcome.LOST:
            alone, there = say("Could not be put right"), say("{place}: could not be put right")
        case _:
            alone, there = say("Over, nobody knows how it ended"), say("{place}: over, nobody knows how it ended")
    return there.format(place=context.place) if context.place else alone


def _with_category(remark: str, context: MessageContext) -> str:
    return f"{remark} · {context.category}" if context.category else remark
