"""Texts for lock screens: severity, category and place, and nothing about a person."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from models.alerts.alert import Alert
from models.alerts.enums import Reason
from models.alerts.notification import NotificationKind
from models.concerns.concern import Concern
from models.concerns.enums import Outcome, Severity
from models.concerns.event import ConcernStep
from models.db.base import Money
from models.organizations.names import closest_language, name_in
from models.policy_defaults import CONTENT_MOOD
from models.recovery.action import RecoveryAction
from notifications.messages.money import format_money
from notifications.messages.translations import CATALOGUES, SOURCE_LANGUAGE, translations_for

Translate = Callable[[str], str]
"""Gettext function of a language. It is called `_`, so that `pybabel extract` finds the sentences."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageContext:
    """Everything a text may contain, so that nothing else can get into it.

    Place and category are names from the lists of the store and the organization. `reason` is the rule that rang,
    `outcome` and `mood_after` are of resolved concerns, `count` is the number of concerns that were carried over.
    `again_for_sure` is False while nobody has confirmed that it is the customer of before. `amount` is of the action
    that somebody asks for, and `decision` the step that decided about it.
    """

    severity: str = Severity.NORMAL
    reason: str | None = None
    urgent: bool = False
    place: str | None = None
    category: str | None = None
    outcome: str | None = None
    mood_after: int | None = None
    count: int = 0
    again_for_sure: bool = True
    amount: Money | None = None
    decision: ConcernStep | None = None

    @classmethod
    def of(
        cls,
        concern: Concern,
        alert: Alert | None,
        *,
        action: RecoveryAction | None = None,
        decision: ConcernStep | None = None,
        locale: str | None = None,
    ) -> Self:
        """Return what texts about a concern may contain, with names in this language."""
        return cls(
            severity=alert.severity if alert else Severity.NORMAL,
            reason=alert.reason if alert else None,
            urgent=concern.urgent,
            place=name_in(concern.place, locale) if concern.place else None,
            category=name_in(concern.category, locale) if concern.category else None,
            outcome=concern.outcome,
            mood_after=concern.mood_after,
            again_for_sure=concern.is_customer_known,
            amount=action.amount if action else None,
            decision=decision,
        )


NO_CONTEXT = MessageContext()


def title(kind: NotificationKind, context: MessageContext = NO_CONTEXT, *, locale: str | None) -> str:
    """Return what it is, short, and where: 'Unhappy customer, table 12'."""
    _ = translations_for(locale).gettext
    match kind:
        case NotificationKind.OUTCOME:
            return _outcome_title(_, context)
        case NotificationKind.OWN if context.outcome:
            return _outcome_title(_, context)
        case NotificationKind.CARRIED_OVER:
            return _("Still open from yesterday: {count}").format(count=context.count)
        case NotificationKind.APPROVAL | NotificationKind.DECISION if context.amount is not None:
            language = closest_language(locale, CATALOGUES) or SOURCE_LANGUAGE
            amount = format_money(context.amount, language=language)
            return _with_place(_action_title(_, kind, context).format(amount=amount), context)
    if fixed := _fixed_texts(_).get(kind):
        return fixed[0]
    return _with_place(_title_start(_, kind, context), context)


def body(kind: NotificationKind, context: MessageContext = NO_CONTEXT, *, locale: str | None) -> str:
    """Return the category in the organization's own word; the rest is shown when the phone is unlocked."""
    _ = translations_for(locale).gettext
    if fixed := _fixed_texts(_).get(kind):
        return fixed[1]
    match kind:
        case NotificationKind.CARRIED_OVER | NotificationKind.DAILY_LOG:
            return _("Open to see more")
        case NotificationKind.REMINDER:
            remark = _("Nobody has done anything yet")
        case (
            NotificationKind.APPROVAL
            | NotificationKind.DECISION
            | NotificationKind.DAY_LIMIT
            | NotificationKind.FOLLOW_UP
            | NotificationKind.BROKEN
        ):
            remark = _("Open to see more")
        case NotificationKind.CONTACT_MISSING:
            remark = _("Ask how the customer can be reached")
        case NotificationKind.LATE | NotificationKind.CLOSED_STORE:
            remark = _("For your information")
        case _:
            return context.category or _("Open to see what it is about")
    return _with_category(remark, context)


def _fixed_texts(_: Translate) -> dict[NotificationKind, tuple[str, str]]:
    """Return title and body of what is about a person or their phones, and therefore says nothing more."""
    tell_the_manager = _("If that is not right, tell your manager at once")
    return {
        NotificationKind.PAUSE: (_("A colleague needs a pause"), _("Open to see more")),
        NotificationKind.STILL_HERE: (_("Still here?"), _("Your shift ends soon: open to stay on it")),
        NotificationKind.SHIFT_ENDED: (_("Your shift was ended"), _("Check in again if you are still here")),
        NotificationKind.CODE_MADE: (_("A new sign-in code for you"), tell_the_manager),
        NotificationKind.FACTOR_REMOVED: (_("Your second factor was removed"), tell_the_manager),
        NotificationKind.CODE_BY_MAIL: (_("A new sign-in code for you"), tell_the_manager),
        NotificationKind.PHONE_TAKEN: (_("Somebody else has your phone"), tell_the_manager),
        NotificationKind.SIGN_IN_EXPIRED: (_("You are signed out here"), _("Sign in again to be called")),
        NotificationKind.PHONE_ELSEWHERE: (
            _("This phone no longer rings here"),
            _("It was registered elsewhere: open the app to be called"),
        ),
        NotificationKind.TEST: (_("This phone can be reached"), _("A test: nothing to do")),
    }


def _title_start(_: Translate, kind: NotificationKind, context: MessageContext) -> str:
    starts = {
        NotificationKind.REMINDER: _("Still open"),
        NotificationKind.HAND_OVER: _("Handed over to you"),
        NotificationKind.LATE: _("Told too late to ring"),
        NotificationKind.CLOSED_STORE: _("From a store that is closed"),
        NotificationKind.OWN: _("Being looked after by a colleague"),
        NotificationKind.UNANSWERED: _("Nobody answered"),
        NotificationKind.UNANSWERED_SEVERE: _("Nobody answered"),
        NotificationKind.PRAISE: _("Praise for you"),
        NotificationKind.APPROVAL: _("May a colleague give more?"),
        NotificationKind.DECISION: _("It is decided"),
        NotificationKind.DAY_LIMIT: _("More was given than the limit of the day"),
        NotificationKind.FOLLOW_UP: _("A promise to keep"),
        NotificationKind.CONTACT_MISSING: _("Promised, and no contact"),
        NotificationKind.BROKEN: _("A promise was not kept"),
        NotificationKind.DAILY_LOG: _("How the day went"),
    }
    return starts.get(kind) or _alert_title(_, context)


def _action_title(_: Translate, kind: NotificationKind, context: MessageContext) -> str:
    """Return how much is asked for, or what was decided about it."""
    if kind is NotificationKind.APPROVAL:
        return _("May a colleague give {amount}?")
    decisions = {
        ConcernStep.ACTION_APPROVED: _("Approved: {amount}"),
        ConcernStep.ACTION_DECLINED: _("Declined: {amount}"),
        ConcernStep.ACTION_EXPIRED: _("Nobody decided in time: {amount}"),
    }
    return decisions.get(context.decision, _("It is decided")) if context.decision else _("It is decided")


def _alert_title(_: Translate, context: MessageContext) -> str:
    """Return the strongest of what can be said of an alert."""
    if context.urgent:
        return _("Urgent")
    if context.reason == Reason.FEEDBACK:
        return _("Unhappy after all")
    if context.reason == Reason.SECOND_CONCERN:
        return _("Unhappy again") if context.again_for_sure else _("Unhappy, possibly again")
    if context.reason == Reason.ORDER_VALUE:
        return _("Concern about a large order")
    return _("Very unhappy customer") if context.severity == Severity.SEVERE else _("Unhappy customer")


def _outcome_title(_: Translate, context: MessageContext) -> str:
    """Return 'table 12 left happy'. Without a place it is another sentence, as word order differs by language."""
    happy = context.mood_after is not None and context.mood_after >= CONTENT_MOOD
    match context.outcome:
        case Outcome.RECOVERED if happy:
            without_place, with_place = _("Left happy"), _("{place} left happy")
        case Outcome.RECOVERED:
            without_place, with_place = _("Put right"), _("{place}: put right")
        case Outcome.LOST:
            without_place, with_place = _("Could not be put right"), _("{place}: could not be put right")
        case _:
            without_place, with_place = (
                _("Over, nobody knows how it ended"),
                _("{place}: over, nobody knows how it ended"),
            )
    return with_place.format(place=context.place) if context.place else without_place


def _with_place(start: str, context: MessageContext) -> str:
    return f"{start}, {context.place}" if context.place else start


def _with_category(remark: str, context: MessageContext) -> str:
    return f"{remark} · {context.category}" if context.category else remark
