"""The cleanup job: rows that are deleted when they have expired."""

from datetime import timedelta
from uuid import uuid4

from models.db.idempotency import IdempotencyKey
from models.staff.credentials import StaffSession
from models.staff.staff import Staff
from notifications.channels.log import LogChannel
from tests.support.app import App
from tests.support.factories.organizations import Shop
from tests.support.rows import rows
from tests.support.worker import for_all_kinds, running_worker


def test_an_idempotency_key_is_stored_for_thirty_days_and_then_deleted(world: App, shop: Shop) -> None:
    body = {"mood": 3, "id": str(uuid4()), "store_id": str(shop.store_id)}
    by_key = (shop, "key")  # a key does not run out, as a sign-in does
    assert world.request("POST", "/v1/concerns", by_key, json=body).status_code == 201
    with running_worker(world, for_all_kinds(LogChannel())) as worker:
        world.clock.move(days=29)
        worker.work_once()
        assert world.request("POST", "/v1/concerns", by_key, json=body).headers["Idempotent-Replayed"] == "true"
        world.clock.move(days=2)
        worker.work_once()
    assert rows(world, IdempotencyKey) == []
    again = world.request("POST", "/v1/concerns", by_key, json=body)
    assert (again.status_code, again.json["code"]) == (409, "already-exists")


def test_a_sign_in_that_has_run_out_is_forgotten(world: App, shop: Shop) -> None:
    with running_worker(world, for_all_kinds(LogChannel())) as worker:
        worker.work_once()
        assert rows(world, StaffSession)
        world.clock.move(days=31)
        worker.work_once()
    assert rows(world, StaffSession) == []


def test_a_clock_that_is_set_back_does_not_stop_the_cleanup(world: App, shop: Shop) -> None:
    with running_worker(world, for_all_kinds(LogChannel())) as worker:
        world.clock.move(days=31)
        worker.work_once()
        world.clock.move(days=-1)
        with world.back_office.writing(shop.organization_id) as session:
            StaffSession.open(
                session,
                staff=session.get_one(Staff, (shop.organization_id, shop.staff["floor"])),
                at=world.clock() - timedelta(days=31),
            )
        worker.work_once()
    assert rows(world, StaffSession) == []
