"""Query plans on PostgreSQL with ten thousand phones and as many sign-ins: whom an alert rings is found by indexes."""

from collections.abc import Iterator
from contextlib import closing
from uuid import UUID

import pytest
import sqlalchemy as sa

from models.alerts.alert import Alert
from models.alerts.notification import NotificationKind
from models.outbox.message import OutboxMessage
from models.staff.credentials.staff_session import StaffSession
from models.staff.credentials.token import Token
from models.staff.device import Device
from models.staff.shift import Shift
from notifications.decide.informational import find_readers
from notifications.decide.recipients import recipients_of
from tests.support.app import App
from tests.support.databases import Databases, only_on_postgresql
from tests.support.factories.bulk_copies import multiply, originals
from tests.support.factories.concerns import log_concern
from tests.support.factories.organizations import Shop, make_shop
from tests.support.factories.staff import add_sign_in, give_phone, give_shared_phone
from tests.support.query_plans import read_through, sent

pytestmark = only_on_postgresql
PEOPLE, ON_SHIFT, IN_STORE, PHONES, SHARED = 10_000, 1_000, 20, 10_000, 50
LARGE = {"device", "staff_session", "shift", "staff"}


@pytest.fixture(scope="module")
def large(databases: Databases, database_kind: str) -> Iterator[tuple[App, Shop]]:
    """A chain of 10,000 people with a phone each; twenty of them are on shift in the first store."""
    with databases.alone(database_kind) as url, closing(App(url)) as app:
        shop = make_shop(app.back_office, "acme", on_shift=("colleague",))
        own = give_phone(app.back_office, shop, "colleague", "own")
        shared = give_shared_phone(app.back_office, shop, "bar")
        with app.back_office.writing(shop.organization_id) as session:
            device = session.get_one(Device, (shop.organization_id, shared))
            sign_in_id = add_sign_in(session, device, shop.staff["colleague"], at=app.clock()).id
        owner = sa.create_engine(url)
        with owner.begin() as connection:
            _fill(connection, shop, own=own, shared=shared, shared_sign_in=sign_in_id)
        with owner.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.text("VACUUM ANALYZE"))
        owner.dispose()
        yield app, shop


def _fill(owner: sa.Connection, shop: Shop, *, own: UUID, shared: UUID, shared_sign_in: UUID) -> None:
    person = f"md5('staff' || (n - 1) % {PEOPLE} + 1)::uuid"
    store = f"CASE WHEN n <= {IN_STORE} THEN '{shop.store_id}'::uuid ELSE '{shop.other_store_id}'::uuid END"
    multiply(owner, "staff", shop.staff["colleague"], PEOPLE, login="'person-' || n")
    (belongs, *_) = originals(owner, "staff_store", staff_id=shop.staff["colleague"])
    multiply(owner, "staff_store", belongs["id"], PEOPLE, staff_id=person, store_id=store)
    (shift,) = originals(owner, "shift", staff_id=shop.staff["colleague"])
    multiply(owner, "shift", shift["id"], ON_SHIFT, staff_id=person, store_id=store)
    over = {"id": "md5('over' || n)::uuid", "ended_at": "original.started_at"}
    multiply(owner, "shift", shift["id"], PEOPLE, **over, staff_id=person, store_id=store)
    names = {"address": "'address ' || n", "installation_id": "'installation ' || n"}
    multiply(owner, "device", own, PHONES, staff_id=person, **names)
    (sign_in,) = originals(owner, "staff_session", device_id=own)
    digest = "decode(md5('{0}' || n) || md5('{0}' || n), 'hex')"
    of_own = {"device_id": "md5('device' || n)::uuid", "staff_id": person, "digest": digest.format("own")}
    multiply(owner, "staff_session", sign_in["id"], PHONES, **of_own)
    names = {"address": "'shared ' || n", "installation_id": "'shared ' || n", "secret_digest": digest.format("phone")}
    multiply(owner, "device", shared, SHARED, id="md5('shared' || n)::uuid", store_id=store, **names)
    on_shared = {"device_id": f"md5('shared' || (n - 1) % {SHARED} + 1)::uuid", "digest": digest.format("shared")}
    multiply(
        owner, "staff_session", shared_sign_in, ON_SHIFT, id="md5('on shared' || n)::uuid", staff_id=person, **on_shared
    )


def test_whom_a_step_rings_is_found_by_indexes(large: tuple[App, Shop]) -> None:
    app, shop = large
    log_concern(app, shop, "floor", mood=2)

    def ask() -> None:
        with app.back_office.writing(shop.organization_id) as session:
            alert = session.scalars(sa.select(Alert)).one()
            phones = recipients_of(session, alert, step=0, at=app.clock()).people_by_phone
            assert len([device for device in phones if device.staff_id is not None]) == IN_STORE + 1
            assert len([device for device in phones if device.store_id is not None]) == IN_STORE + 1

    questions = [(statement, values) for statement, values in sent(app.back_office, ask) if "addressed AS" in statement]
    assert len(questions) == 1  # for people, shifts and phones
    assert read_through(app.back_office, shop.organization_id, questions, large=LARGE) == []


def test_whom_information_reaches_is_found_by_indexes(large: tuple[App, Shop]) -> None:
    app, shop = large

    def ask() -> None:
        with app.back_office.writing(shop.organization_id) as session:
            staff_id = session.scalars(sa.select(Shift.staff_id).where(Shift.store_id == shop.store_id).limit(1)).one()
            kind = NotificationKind.CODE_MADE
            information = OutboxMessage.information(kind, shop.organization_id, staff_id=staff_id, at=app.clock())
            find_readers(session, information, at=app.clock())

    questions = [(statement, values) for statement, values in sent(app.back_office, ask) if "device" in statement]
    assert questions
    assert read_through(app.back_office, shop.organization_id, questions, large=LARGE) == []


def test_whom_a_token_stands_for_is_found_by_indexes(large: tuple[App, Shop]) -> None:
    app, shop = large
    token = Token.parse(shop.tokens["colleague"])
    assert token is not None

    def ask() -> None:
        with app.database.reading(shop.organization_id) as session:
            assert StaffSession.actor(session, token, app.clock()) is not None

    questions = sent(app.database, ask)
    assert len(questions) == 1
    assert read_through(app.database, shop.organization_id, questions, large=LARGE | {"staff_store"}) == []
