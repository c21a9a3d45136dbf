"""What may stand on a lock screen, tried with everything that may not."""

import json
from typing import Any
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from models.alert import Alert, Reason, Severity
from models.concern import Concern
from models.customer import Customer
from models.staff import Staff
from models.store import Place
from models.terms import Handling, Kind
from models.vocabulary import Category, Cause, Question
from notifications import words
from notifications.channels import AddressKind, Letter, LetterKind, Platform
from notifications.channels.push_message import message_for
from tests.factories import NOON

# Each piece of a person carries one of these, so that a piece of any length is found again.
PLANTED = ("Mw", "٩٣٥", "Zoë", "+3519", "@x.y", "«", "Loyal")
private = st.builds(lambda mark, rest: mark + rest, st.sampled_from(PLANTED), st.text(max_size=30))
public = st.text(st.characters(exclude_characters="".join(PLANTED)), min_size=1, max_size=60)


def concerns() -> st.SearchStrategy[Concern]:
    """Concerns that hold all a person could have said, and people with names."""
    customers = st.builds(Customer, name=private, phone=private, email=private, loyalty_number=private)
    people = st.builds(Staff, name=private, login=private)
    return st.builds(
        Concern,
        mood=st.integers(1, 5),
        kind=st.sampled_from(Kind),
        handling=st.sampled_from(Handling),
        their_words=private,
        our_reading=private,
        stake=private,
        wanted=private,
        order_reference=private,
        sensitive=st.booleans(),
        customer=st.none() | customers,
        reported_by=st.none() | people,
        taken_by=st.none() | people,
        question=st.none() | st.builds(Question, text=private),
        cause=st.none() | st.builds(Cause, name=private),
        category=st.none() | st.builds(Category, name=public, urgent=st.booleans()),
        place=st.none() | st.builds(Place, name=public),
    )


alerts = st.builds(
    Alert,
    severity=st.sampled_from(Severity),
    reason=st.sampled_from(Reason),
    taken_by=st.builds(Staff, name=private),
)


def leaked(text: str) -> list[str]:
    return [mark for mark in PLANTED if mark in text]


@given(alerts, concerns())
def test_title_and_body_say_severity_category_and_place_and_nothing_of_a_person(alert: Alert, concern: Concern) -> None:
    title, body = words.title(alert, concern), words.body(concern)
    assert leaked(title + body) == []
    assert (
        (concern.place.name in title)
        if concern.place
        else title in {"Unhappy customer", "Very unhappy customer", "Urgent"}
    )
    assert body == (concern.category.name if concern.category else "Open to see what it is about")


@given(alerts, concerns(), st.sampled_from(Platform), st.sampled_from(LetterKind))
def test_the_whole_message_holds_nothing_of_a_person_either(
    alert: Alert, concern: Concern, platform: Platform, kind: LetterKind
) -> None:
    message = message_for(
        Letter(
            notification_id=uuid4(),
            alert_id=uuid4(),
            concern_id=uuid4(),
            kind=kind,
            address="an address",
            address_kind=AddressKind.FID,
            platform=platform,
            title=words.title(alert, concern),
            body=words.body(concern),
            severity=alert.severity,
            sent_at=NOON,
            expires_at=NOON,
        )
    )
    shown: dict[str, Any] = {"notification": vars(message.notification) if message.notification else {}, **message.data}
    assert leaked(json.dumps(shown, ensure_ascii=False)) == []


def test_the_three_openings() -> None:
    table = Place(name="table 12")
    waiting, allergy = Category(name="Waiting time"), Category(name="Allergy", urgent=True)
    normal, severe = Alert(severity=Severity.NORMAL), Alert(severity=Severity.SEVERE)
    assert words.title(normal, Concern(place=table, category=waiting)) == "Unhappy customer, table 12"
    assert words.title(severe, Concern(place=table)) == "Very unhappy customer, table 12"
    assert words.title(severe, Concern(place=table, category=allergy)) == "Urgent, table 12"
    assert words.title(normal, Concern()) == "Unhappy customer"
    assert words.body(Concern(category=waiting)) == "Waiting time"
