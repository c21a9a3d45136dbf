"""What is said on each occasion."""

import pytest

from models.alert import Alert, Reason, Severity
from models.concern import Concern
from models.store import Place
from models.terms import Outcome
from models.vocabulary import Category
from notifications import words
from notifications.words import Gist, Occasion

HERE = {"place": "table 12", "category": "Waiting time"}


@pytest.mark.parametrize(
    ("gist", "opening"),
    [
        (Gist(), "Unhappy customer"),
        (Gist(severity="severe"), "Very unhappy customer"),
        (Gist(reason="mood"), "Unhappy customer"),
        (Gist(reason="repeat_customer"), "Unhappy again"),
        (Gist(reason="repeat_customer", severity="severe"), "Unhappy again"),
        (Gist(reason="order_value"), "Concern about a large order"),
        (Gist(severity="severe", urgent=True, reason="repeat_customer"), "Urgent"),
    ],
)
def test_a_call_opens_with_the_strongest_of_what_could_be_said(gist: Gist, opening: str) -> None:
    assert words.title(Occasion.CALL, gist, locale=None) == opening


@pytest.mark.parametrize(
    ("occasion", "title", "body"),
    [
        (Occasion.CALL, "Unhappy customer, table 12", "Waiting time"),
        (Occasion.REMINDER, "Still open, table 12", "Nobody has done anything yet · Waiting time"),
        (Occasion.HANDED_OVER, "Handed over to you, table 12", "Waiting time"),
        (Occasion.TOLD_LATE, "Told too late to ring, table 12", "For your information · Waiting time"),
        (Occasion.LOOKED_AFTER, "Being looked after by a colleague, table 12", "Waiting time"),
        (Occasion.UNANSWERED, "Nobody answered, table 12", "Waiting time"),
        (Occasion.PAUSE, "A colleague needs a pause", "Open to see more"),
        (Occasion.TEST, "This phone can be reached", "A test: nothing to do"),
    ],
)
def test_each_occasion_has_its_words(occasion: Occasion, title: str, body: str) -> None:
    gist = Gist(**HERE)
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
def test_who_logged_or_helped_is_told_how_it_ended(
    outcome: Outcome, mood_after: int | None, ending: str, without_a_place: str
) -> None:
    gist = Gist(outcome=outcome, mood_after=mood_after, **HERE)
    assert words.title(Occasion.ENDED, gist, locale=None) == ending
    assert words.body(Occasion.ENDED, gist, locale=None) == "Waiting time"
    nowhere = Gist(outcome=outcome, mood_after=mood_after)
    assert words.title(Occasion.ENDED, nowhere, locale=None) == without_a_place


def test_without_a_category_one_has_to_open_it() -> None:
    assert words.body(Occasion.CALL, locale="en") == "Open to see what it is about"
    assert words.body(Occasion.REMINDER, locale="en") == "Nobody has done anything yet"


def test_a_place_is_a_name_whatever_characters_stand_in_it() -> None:
    odd = Gist(place="{0} %s {place!r}", outcome="recovered")
    assert words.title(Occasion.ENDED, odd, locale=None) == "{0} %s {place!r}: put right"
    assert words.title(Occasion.CALL, odd, locale=None) == "Unhappy customer, {0} %s {place!r}"


@pytest.mark.parametrize(
    ("locale", "title", "body"),
    [
        ("en", "Very unhappy customer, mesa 12", "Open to see what it is about"),
        ("pt-BR", "Cliente muito insatisfeito, mesa 12", "Abra para ver do que se trata"),
        ("es-MX", "Cliente muy descontento, mesa 12", "Abra para ver de qué se trata"),
    ],
)
def test_it_is_said_in_the_language_of_the_phone(locale: str, title: str, body: str) -> None:
    gist = Gist(severity="severe", place="mesa 12")
    assert words.title(Occasion.CALL, gist, locale=locale) == title
    assert words.body(Occasion.CALL, gist, locale=locale) == body


def test_the_gist_of_an_alert_is_what_is_known_where_others_can_read_it() -> None:
    allergy, table = Category(name="Allergy", urgent=True), Place(name="table 12")
    concern = Concern(category=allergy, place=table, stake="a birthday", outcome=Outcome.LOST, mood_after=1)
    alert = Alert(severity=Severity.SEVERE, reason=Reason.URGENT_CATEGORY, concern=concern)
    assert Gist.of(alert) == Gist(
        severity="severe",
        reason="urgent_category",
        urgent=True,
        place="table 12",
        category="Allergy",
        outcome="lost",
        mood_after=1,
    )
    bare = Alert(severity=Severity.NORMAL, reason=Reason.MOOD, concern=Concern())
    assert Gist.of(bare) == Gist(reason="mood")
