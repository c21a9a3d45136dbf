"""Messages on a lock screen from a thousand random concerns: nothing about a person, and never more than 1 KiB."""

import json
import os
import random
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from sqlalchemy import select

from models.alerts.alert import Alert
from models.alerts.enums import AlertState, Reason
from models.alerts.escalation_policy import DEFAULT_POLICY
from models.alerts.notification import Notification, NotificationKind
from models.alerts.rule import Assessment
from models.concerns.concern import Concern
from models.concerns.enums import Kind, Outcome, Severity, Status
from models.customers.customer import Customer
from models.db.session import ScopedSession
from models.organizations.place import Place
from models.organizations.vocabulary import Category
from models.outbox.message import OutboxKind, OutboxMessage
from models.staff.device import AddressKind, Device, Platform
from models.staff.shift import Shift
from models.staff.staff import Staff
from notifications.channels.base import Message, MessageKind
from notifications.channels.push.message import message_for
from notifications.messages.compose import compose_messages
from tests.support.app import App
from tests.support.clock import NOON
from tests.support.databases import only_on_sqlite
from tests.support.factories.organizations import EVERYBODY_AT_ONCE, Shop
from tests.support.factories.staff import add_sign_in
from tests.support.profiles import by_profile, longer

CONCERNS = by_profile(quick=100, deep=200)
OCCASIONS = 4  # on which a colleague is informed of each
ONE_KIBIBYTE = 1024
# Without the log of a day, which is a mail only, and what a phone is told on which nobody is signed in.
OTHERS = sorted(
    set(NotificationKind) - {NotificationKind.RING, NotificationKind.DAILY_LOG, NotificationKind.SIGN_IN_EXPIRED}
)
TRUE_WHILE = {
    NotificationKind.REMINDER: AlertState.TAKEN,
    NotificationKind.UNANSWERED: AlertState.UNANSWERED,
    NotificationKind.UNANSWERED_SEVERE: AlertState.UNANSWERED,
}
LOCALES = (None, "en-GB", "pt-BR", "es-419", "ja")
SCRIPTS = (
    "abcdefghijklmnopqrstuvwxyz",
    "àéîõüßłøç",
    "бгджзийлпф",
    "δθλξπσφψω",
    "あいうえお卓番席",
    "ابتثجحخدذ",
    "👩🍳🎂✨",
    "\"\\/<&'{}%",
)
# All data about a person starts with one of these, and no name of a place or category holds one: a leak shows
# however much of it was cut off.
MARKS = ("Zoë Q", "Łukx", "Мария", "祐子さ", "أمينة", "+3519", "q@x.y", "«40 m", "7-Loyal")


class Inventor:
    """Generator of rows. Data about people starts with a marker; names of places and categories do not."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice

    def text(self, longest: int) -> str:
        script = self.dice.choice(SCRIPTS) + " "
        return "".join(self.dice.choices(script, k=self.dice.randint(0, longest)))

    def planted(self, longest: int) -> str:
        mark = self.dice.choice(MARKS)
        return mark + self.text(self.dice.choice((0, 5, longest - len(mark))))

    def name(self, longest: int = 60) -> str:
        return (self.text(longest).strip() or self.dice.choice("xж席"))[:longest]

    def maybe(self, value: Any) -> Any:
        return value if self.dice.random() < 0.8 else None


def leaked(text: str) -> list[str]:
    return [mark for mark in MARKS if mark.casefold() in text.casefold()]


def furnish(session: ScopedSession, shop: Shop, invent: Inventor) -> None:
    """Give everybody a name that must not leak, and the manager a phone of each platform in each language."""
    for person in session.scalars(select(Staff)):
        person.name = invent.planted(60)
    for n in range(60):
        session.add(Place(store_id=shop.store_id, slug=f"place-{n}", name=invent.name()))
        session.add(Category(slug=f"category-{n}", name=invent.name(), urgent=n % 6 == 0))
    ends_at = NOON + timedelta(minutes=10)
    manager, store_id = shop.staff["manager"], shop.store_id
    session.add(Shift(staff_id=manager, store_id=store_id, started_at=NOON, ends_at=ends_at, asked_at=NOON))
    for platform in Platform:
        for locale in LOCALES:
            phone = Device(
                staff_id=shop.staff["manager"],
                installation_id=f"{platform}-{locale}",
                platform=platform,
                address=f"address-{platform}-{locale}",
                address_kind=invent.dice.choice((AddressKind.FCM_TOKEN, AddressKind.FID)),
                locale=locale,
                registered_at=NOON,
                seen_at=NOON,
            )
            session.add(phone)
            session.flush()
            add_sign_in(session, phone, shop.staff["manager"], at=NOON)


def ring_for_anything(session: ScopedSession, shop: Shop, invent: Inventor) -> None:
    """A thousand concerns that hold all that could be said, each with an alert for one of the phones."""
    dice = invent.dice
    places = session.scalars(select(Place).where(Place.slug.like("place-%"))).all()
    categories = session.scalars(select(Category).where(Category.slug.like("category-%"))).all()
    phones = session.scalars(select(Device)).all()
    for n in range(CONCERNS):
        customer = Customer(
            name=invent.planted(200),
            phone=f"+3519{n:08}",
            email=f"{n}q@x.y",
            loyalty_number=f"7-Loyal{n}",
            created_at=NOON,
        )
        concern = Concern(
            store_id=shop.store_id,
            mood=dice.randint(1, 5),
            their_words=invent.planted(400),
            our_reading=invent.planted(400),
            stake=invent.planted(200),
            wanted=invent.planted(200),
            order_reference=invent.planted(100),
            sensitive=dice.random() < 0.2,
            customer=invent.maybe(customer),
            category=invent.maybe(dice.choice(categories)),
            place=invent.maybe(dice.choice(places)),
            reported_by_id=shop.staff["floor"],
            praised_id=shop.staff["manager"],
            outcome=dice.choice((None, *Outcome)),
            mood_after=dice.choice((None, 1, 3, 5)),
            occurred_at=NOON,
            received_at=NOON,
            business_date=NOON.date(),
        )
        ring = Assessment(dice.choice(list(Severity)), dice.choice(list(Reason)), "some-rule")
        alert = Alert.open(concern, ring, policy={**DEFAULT_POLICY, "steps": EVERYBODY_AT_ONCE}, late=False, at=NOON)
        phone = dice.choice(phones)
        notification = Notification(
            alert_id=alert.id,
            concern_id=concern.id,
            device_id=phone.id,
            staff_id=phone.staff_id,
            run_id=alert.run_id,
            step=0,
            queued_at=NOON,
            expires_at=NOON + timedelta(minutes=10),
        )
        task = OutboxMessage.for_alert(alert, OutboxKind.DELIVER_RING, at=NOON, notification=notification)
        session.add_all([concern, alert, notification, task])


def messages(session: ScopedSession, dice: random.Random) -> Iterator[Message]:
    """What the worker would send for each of them: the ring, what informs on some occasions, the withdrawal."""
    for task in session.scalars(select(OutboxMessage)).all():
        ring = compose_one(session, task)
        assert ring is not None
        yield from on_each_platform(ring)
        yield from on_each_platform(replace(ring, kind=MessageKind.UPDATE))
        alert, notification = task.alert, task.notification_or_raise
        assert alert is not None
        for kind in dice.sample(OTHERS, OCCASIONS):
            notification.kind, alert.state = kind, TRUE_WHILE.get(kind, AlertState.OPEN)
            alert.reminded_at = NOON
            alert.concern.status = Status.OPEN if kind is NotificationKind.HAND_OVER else Status.RESOLVED
            alert.concern.kind = Kind.PRAISE if kind is NotificationKind.PRAISE else Kind.CONCERN
            information = OutboxMessage.for_alert(alert, OutboxKind.DELIVER_INFO, at=NOON, notification=notification)
            if kind is NotificationKind.CARRIED_OVER:
                information = OutboxMessage.day_information(kind, alert.store, NOON.date(), due_at=NOON, at=NOON)
                information = information.delivery_to(notification, at=NOON)
                information.store = alert.store
            message = compose_one(session, information)
            assert message is not None
            yield to_platform(message, dice.choice(list(Platform)))
        notification.kind, alert.state, alert.concern.status = NotificationKind.RING, AlertState.OPEN, Status.OPEN
        alert.take(by=session.get_one(Staff, (alert.organization_id, task.notification_or_raise.staff_id)), at=NOON)
        undo = OutboxMessage.for_alert(
            alert, OutboxKind.DELIVER_WITHDRAWAL, at=NOON, notification=task.notification_or_raise
        )
        withdrawal = compose_one(session, undo)
        assert withdrawal is not None
        yield from on_each_platform(withdrawal)


def compose_one(session: ScopedSession, task: OutboxMessage) -> Message | None:
    return compose_messages(session, [task], at=NOON)[task]


def to_platform(message: Message, platform: Platform) -> Message:
    return replace(message, recipient=replace(message.recipient, platform=platform))


def on_each_platform(message: Message) -> Iterator[Message]:
    return (to_platform(message, platform) for platform in Platform)


def sent(message: Message) -> str:
    """The message as Firebase gets it, without the address."""
    sent_message = json.loads(str(message_for(message)))
    assert (sent_message.pop("token", None) or sent_message.pop("fid", None)) == message.recipient.address
    return json.dumps({"message": sent_message}, ensure_ascii=False, separators=(",", ":"))


@longer
@only_on_sqlite  # what is tried is no database; and the rows are many
def test_many_concerns_show_a_lock_screen_nothing_of_a_person_in_less_than_a_kibibyte(
    app: App, shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = int(os.environ.get("FUZZ_SEED") or random.SystemRandom().randrange(10**9))
    invent = Inventor(random.Random(seed))
    with app.back_office.writing(shop.organization_id) as session:
        furnish(session, shop, invent)
        ring_for_anything(session, shop, invent)
    seen: Counter[tuple[MessageKind, Platform]] = Counter()
    largest = shown = 0
    with app.back_office.writing(shop.organization_id) as session:
        for message in messages(session, invent.dice):
            text = sent(message)
            assert leaked(text) == [], f"FUZZ_SEED={seed}: {text}"
            octets = len(text.encode())
            assert octets < ONE_KIBIBYTE, f"FUZZ_SEED={seed}: {octets} octets: {text}"
            largest = max(largest, octets)
            shown += json.dumps(message.body, ensure_ascii=False)[1:-1] in text
            seen[message.kind, message.recipient.platform] += 1
    assert set(seen) == set(product(MessageKind, Platform))
    assert seen.total() == CONCERNS * (3 * len(Platform) + OCCASIONS)
    assert shown > CONCERNS  # the category is there, so what is looked through is what is shown
    with capsys.disabled():
        sys.stdout.write(f"\n{seen.total()} messages, the largest {largest} octets (FUZZ_SEED={seed}) ")
