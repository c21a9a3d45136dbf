"""The texts of messages on each occasion."""

import pytest

from models.alerts.alert import Alert
from models.alerts.enums import Reason
from models.alerts.notification import NotificationKind
from models.concerns.concern import Concern
from models.concerns.enums import Outcome, Severity
from models.concerns.event import ConcernStep
from models.db.base import Money
from models.organizations.place import Place
from models.organizations.vocabulary import Category
from notifications.messages import texts as words
from notifications.messages.texts import MessageContext

HERE = {"place": "table 12", "category": "Waiting time"}


@pytest.mark.parametrize(
    ("gist", "opening"),
    [
        (MessageContext(), "Unhappy customer"),
        (MessageContext(severity="severe"), "Very unhappy customer"),
        (MessageContext(reason="mood"), "Unhappy customer"),
        (MessageContext(reason="second_concern"), "Unhappy again"),
        (MessageContext(reason="second_concern", severity="severe"), "Unhappy again"),
        (MessageContext(reason="second_concern", again_for_sure=False), "Unhappy, possibly again"),
        (MessageContext(reason="order_value"), "Concern about a large order"),
        (MessageContext(severity="severe", urgent=True, reason="second_concern"), "Urgent"),
    ],
)
def test_a_call_opens_with_the_strongest_of_what_could_be_said(gist: MessageContext, opening: str) -> None:
    assert words.title(NotificationKind.RING, gist, locale=None) == opening


@pytest.mark.parametrize(
    ("occasion", "title", "body"),
    [
        (NotificationKind.RING, "Unhappy customer, table 12", "Waiting time"),
        (NotificationKind.REMINDER, "Still open, table 12", "Nobody has done anything yet · Waiting time"),
        (
            NotificationKind.CONTACT_MISSING,
            "Promised, and no contact, table 12",
            "Ask how the customer can be reached · Waiting time",
        ),
        (NotificationKind.HAND_OVER, "Handed over to you, table 12", "Waiting time"),
        (NotificationKind.LATE, "Told too late to ring, table 12", "For your information · Waiting time"),
        (
            NotificationKind.CLOSED_STORE,
            "From a store that is closed, table 12",
            "For your information · Waiting time",
        ),
        (NotificationKind.OWN, "Being looked after by a colleague, table 12", "Waiting time"),
        (NotificationKind.UNANSWERED, "Nobody answered, table 12", "Waiting time"),
        (NotificationKind.FOLLOW_UP, "A promise to keep, table 12", "Open to see more · Waiting time"),
        (NotificationKind.BROKEN, "A promise was not kept, table 12", "Open to see more · Waiting time"),
        (NotificationKind.PAUSE, "A colleague needs a pause", "Open to see more"),
        (
            NotificationKind.CODE_MADE,
            "A new sign-in code for you",
            "If that is not right, tell your manager at once",
        ),
        (
            NotificationKind.PHONE_TAKEN,
            "Somebody else has your phone",
            "If that is not right, tell your manager at once",
        ),
        (NotificationKind.SIGN_IN_EXPIRED, "You are signed out here", "Sign in again to be called"),
        (
            NotificationKind.PHONE_ELSEWHERE,
            "This phone no longer rings here",
            "It was registered elsewhere: open the app to be called",
        ),
        (NotificationKind.TEST, "This phone can be reached", "A test: nothing to do"),
    ],
)
def test_each_occasion_has_its_words(occasion: NotificationKind, title: str, body: str) -> None:
    gist = MessageContext(**HERE)
    assert (words.title(occasion, gist, locale="en"), words.body(occasion, gist, locale="en")) == (title, body)


@pytest.mark.parametrize(
    ("outcome", "mood_after", "ending", "without_a_place"),
    [
        (Outcome.RECOVERED, 5, "table 12 left happy", "Left happy"),
        (Outcome.RECOVERED, 4, "table 12 left happy", "Left happy"),
        (Outcome.RECOVERED, 3, "table 12: put right", "Put right"),
        (Outcome.RECOVERED, None, "table 12: put right", "Put right"),
        (Outcome.LOST, 1, "table 12: could not be put right", "Could not be put right"),
        (Outcome.UNKNOWN, None, "table 12: over, nobody knows how it ended", "Over, nobody knows how it ended"),
    ],
)
def test_who_logged_or_helped_is_informed_how_it_ended(
    outcome: Outcome, mood_after: int | None, ending: str, without_a_place: str
) -> None:
    gist = MessageContext(outcome=outcome, mood_after=mood_after, **HERE)
    assert words.title(NotificationKind.OUTCOME, gist, locale=None) == ending
    assert words.body(NotificationKind.OUTCOME, gist, locale=None) == "Waiting time"
    nowhere = MessageContext(outcome=outcome, mood_after=mood_after)
    assert words.title(NotificationKind.OUTCOME, nowhere, locale=None) == without_a_place


def test_without_a_category_one_has_to_open_it() -> None:
    assert words.body(NotificationKind.RING, locale="en") == "Open to see what it is about"
    assert words.body(NotificationKind.REMINDER, locale="en") == "Nobody has done anything yet"


def test_a_place_is_a_name_whatever_characters_stand_in_it() -> None:
    odd = MessageContext(place="{0} %s {place!r}", outcome="recovered")
    assert words.title(NotificationKind.OUTCOME, odd, locale=None) == "{0} %s {place!r}: put right"
    assert words.title(NotificationKind.RING, odd, locale=None) == "Unhappy customer, {0} %s {place!r}"


@pytest.mark.parametrize(
    ("locale", "title", "body"),
    [
        ("en", "Very unhappy customer, mesa 12", "Open to see what it is about"),
        ("pt-BR", "Cliente muito insatisfeito, mesa 12", "Abra para ver do que se trata"),
        ("es-MX", "Cliente muy descontento, mesa 12", "Abra para ver de qué se trata"),
    ],
)
def test_it_is_said_in_the_language_of_the_phone(locale: str, title: str, body: str) -> None:
    gist = MessageContext(severity="severe", place="mesa 12")
    assert words.title(NotificationKind.RING, gist, locale=locale) == title
    assert words.body(NotificationKind.RING, gist, locale=locale) == body


def test_the_gist_of_an_alert_is_what_is_known_where_others_can_read_it() -> None:
    allergy, table = Category(name="Allergy", urgent=True), Place(name="table 12")
    concern = Concern(category=allergy, place=table, stake="a birthday", outcome=Outcome.LOST, mood_after=1)
    alert = Alert(severity=Severity.SEVERE, reason=Reason.URGENT_CATEGORY, concern=concern)
    assert MessageContext.of(alert.concern, alert) == MessageContext(
        severity="severe",
        reason="urgent_category",
        urgent=True,
        place="table 12",
        category="Allergy",
        outcome="lost",
        mood_after=1,
        again_for_sure=False,
    )
    bare = Alert(severity=Severity.NORMAL, reason=Reason.MOOD, concern=Concern())
    assert MessageContext.of(bare.concern, bare) == MessageContext(reason="mood", again_for_sure=False)


@pytest.mark.parametrize(
    ("kind", "decision", "locale", "title"),
    [
        (NotificationKind.APPROVAL, None, "en", "May a colleague give €25.00?, table 12"),
        (NotificationKind.APPROVAL, None, "es-MX", "¿Puede un colega dar 25,00\xa0€?, table 12"),
        (NotificationKind.APPROVAL, None, "pt", "Pode um colega dar €\xa025,00?, table 12"),
        (NotificationKind.DECISION, ConcernStep.ACTION_APPROVED, "tlh", "Approved: €25.00, table 12"),
        (NotificationKind.DECISION, ConcernStep.ACTION_DECLINED, "es", "Rechazado: 25,00\xa0€, table 12"),
        (NotificationKind.DECISION, ConcernStep.ACTION_EXPIRED, None, "Nobody decided in time: €25.00, table 12"),
        (NotificationKind.DECISION, None, None, "It is decided, table 12"),
    ],
)
def test_how_much_is_asked_for_and_what_was_decided_is_said(
    kind: NotificationKind, decision: ConcernStep | None, locale: str | None, title: str
) -> None:
    gist = MessageContext(**HERE, amount=Money(2500, "EUR"), decision=decision)
    assert words.title(kind, gist, locale=locale) == title


def test_a_request_of_which_no_amount_is_known_names_none() -> None:
    assert words.title(NotificationKind.APPROVAL, locale="en") == "May a colleague give more?"
