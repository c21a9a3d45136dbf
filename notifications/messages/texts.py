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
from notifications.messages.translations import language_of

Say = Callable[[str], str]
"""From a sentence in English to the reader's language. The sentences in its brackets are what catalogues translate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gist:
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


NOTHING = Gist()


def title(kind: NotificationKind, gist: Gist = NOTHING, *, locale: str | None) -> str:
    """'Unhappy customer, table 12': what it is, short, and where."""
    say = language_of(locale).gettext
    match kind:
        case NotificationKind.OUTCOME:
            return _ending(say, gist)
        case NotificationKind.OWN if gist.outcome:
            return _ending(say, gist)
        case NotificationKind.CARRIED_OVER:
            return say("Still open from yesterday: {count}").format(count=gist.count)
        case NotificationKind.PAUSE:
            return say("A colleague needs a pause")
        case NotificationKind.TEST:
            return say("This phone can be reached")
    opening = _opening(say, kind, gist)
    return f"{opening}, {gist.place}" if gist.place else opening


def body(kind: NotificationKind, gist: Gist = NOTHING, *, locale: str | None) -> str:
    """The category in the organization's own word; the rest waits until the phone is unlocked."""
    say = language_of(locale).gettext
    match kind:
        case NotificationKind.PAUSE | NotificationKind.CARRIED_OVER | NotificationKind.DAILY_LOG:
            return say("Open to see more")
        case NotificationKind.TEST:
            return say("A test: nothing to do")
        case NotificationKind.REMINDER:
            return _after(say("Nobody has done anything yet"), gist)
        case (
            NotificationKind.APPROVAL | NotificationKind.DECISION | NotificationKind.FOLLOW_UP | NotificationKind.BROKEN
        ):
            return _after(say("Open to see more"), gist)
        case NotificationKind.LATE:
            return _after(say("For your information"), gist)
    return gist.category or say("Open to see what it is about")


def _opening(say: Say, kind: NotificationKind, gist: Gist) -> str:
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
    return openings.get(kind) or _call(say, gist)


def _call(say: Say, gist: Gist) -> str:
    """The strongest of what could be said of it."""
    if gist.urgent:
        return say("Urgent")
    if gist.reason == Reason.FEEDBACK:
        return say("Unhappy after all")
    if gist.reason == Reason.SECOND_CONCERN:
        return say("Unhappy again")
    if gist.reason == Reason.ORDER_VALUE:
        return say("Concern about a large order")
    return say("Very unhappy customer") if gist.severity == Severity.SEVERE else say("Unhappy customer")


def _ending(say: Say, gist: Gist) -> str:
    """'table 12 left happy': one sentence with the place and one without, as each language has an order of its own."""
    happy = gist.mood_after is not None and gist.mood_after >= CONTENT_MOOD
    match gist.outcome:
        case Outcome.RECOVERED if happy:
            alone, there = say("Left happy"), say("{place} left happy")
        case Outcome.RECOVERED:
            alone, there = say("Put right"), say("{place}: put right")
        case Outcome.LOST:
            alone, there = say("Could not be put right"), say("{place}: could not be put right")
        case _:
            alone, there = say("Over, nobody knows how it ended"), say("{place}: over, nobody knows how it ended")
    return there.format(place=gist.place) if gist.place else alone


def _after(remark: str, gist: Gist) -> str:
    return f"{remark} · {gist.category}" if gist.category else remark
