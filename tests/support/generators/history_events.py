"""Further events of a history: items, questions, fixes, notifications and their receipts."""

from datetime import timedelta
from random import Random

from sqlalchemy import select

from models.access import GRANTS, Actor, Role
from models.alerts.alert import Alert
from models.alerts.notification import Notification, NotificationKind, ReceiptEvent
from models.concerns.concern import Concern
from models.db.session import Database, ScopedSession
from models.organizations.catalogue_item import CatalogueItem
from models.organizations.vocabulary import Cause, Question
from models.recovery.fix import Fix
from models.recovery.follow_up import FollowUp, FollowUpKind
from models.staff.device import AddressKind, Device, Platform
from tests.support.factories.organizations import Shop
from tests.support.generators.histories import BEGIN, DAYS

DISHES = [{"name": name} for name in ("Soup", "Bread", "Fish")]


def live_on(database: Database, shop: Shop, rng: Random) -> None:
    """Let the concerns of a shop that has lived be about something, and their alerts be heard."""
    with database.writing(shop.organization_id) as session:
        dishes = CatalogueItem.find_or_create(session, DISHES, at=BEGIN)
        dishes += CatalogueItem.find_or_create(session, [{"name": "The man in the red coat"}], sensitive=True, at=BEGIN)
        soup, bread, *_, hidden = dishes
        soup.rename("Soup of the day")
        for item in (bread, hidden):
            item.confirm(confirmed=True)
        questions = [
            Question(slug="what-happened-here", text="What happened here?"),
            *session.scalars(select(Question)),
        ]
        session.add(questions[0])
        session.flush()
        for concern in session.scalars(select(Concern).order_by(Concern.id)).all():
            named = rng.sample(dishes, rng.choice([0, 0, 1, 2, 3]))
            concern.apply_changes({"items": [{"item": item} for item in named], "read_back": rng.random() < 0.5})
            if rng.random() < 0.6:
                concern.apply_changes({"question": rng.choice(questions)})
        for promised in session.scalars(select(FollowUp).order_by(FollowUp.id)).all():
            promised.kind = rng.choice(list(FollowUpKind))
        _fix(session, shop, rng)
        _ring(session, shop, rng)


def _fix(session: ScopedSession, shop: Shop, rng: Random) -> None:
    admin = Actor(shop.organization_id, GRANTS[Role.ADMIN], None, staff_id=shop.staff["admin"])
    causes = session.scalars(select(Cause).order_by(Cause.slug)).all()
    for cause in rng.sample(causes, len(causes) // 2):
        where = {"cause": cause.slug, "category": cause.category.slug, "what": "Mended."}
        for store_id in rng.choice([(None,), (shop.store_id,), (shop.other_store_id, None)]):
            at = BEGIN + timedelta(seconds=rng.randrange(DAYS * 24 * 3600))
            Fix.record(session, **where, store_id=store_id, by=admin, at=at)


def _ring(session: ScopedSession, shop: Shop, rng: Random) -> None:
    """Add notifications of each alert, some of them twice, and receipts of some."""
    phones = [
        Device(
            staff_id=shop.staff["manager"],
            installation_id=f"phone-{number}",
            platform=Platform.IOS,
            address=f"address {number}",
            address_kind=AddressKind.LOG,
            registered_at=BEGIN,
            seen_at=BEGIN,
        )
        for number in range(3)
    ]
    session.add_all(phones)
    session.flush()
    for alert in session.scalars(select(Alert).order_by(Alert.id)).all():
        for step in range(rng.choice([0, 1, 2, 4])):
            at = alert.raised_at + timedelta(seconds=30 * step)
            sent = Notification(
                kind=rng.choice([NotificationKind.RING] * 4 + [NotificationKind.OUTCOME]),
                alert_id=alert.id,
                concern_id=alert.concern_id,
                device_id=rng.choice([None, *(phone.id for phone in phones)]),
                staff_id=shop.staff["manager"],
                run_id=alert.run_id,
                step=step,
                queued_at=at,
                expires_at=at + timedelta(hours=1),
            )
            session.add(sent)
            if rng.random() < 0.8:
                sent.accept(provider_id=None, at=at)
            for event in rng.sample(list(ReceiptEvent), rng.randrange(4)):
                sent.record(event, at=at + timedelta(seconds=rng.choice([-5, 0, 1, 59, 600]), milliseconds=750))
