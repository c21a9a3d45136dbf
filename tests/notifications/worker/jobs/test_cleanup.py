"""The cleanup job: rows that are deleted when they have expired."""

from datetime import timedelta
from uuid import uuid4

from models.concerns.concern import Concern
from models.db.idempotency import IdempotencyKey
from models.recovery.feedback_request import FeedbackRequest
from models.staff.credentials.invitation import Invitation
from models.staff.credentials.staff_session import StaffSession
from models.staff.enrolment import Enrolment
from models.staff.staff import Staff
from notifications.channels.log import LogChannel
from tests.support.app import App
from tests.support.factories.concerns import log_concern
from tests.support.factories.feedback import request_feedback, resolved_concern
from tests.support.factories.organizations import Shop
from tests.support.factories.people import make_code
from tests.support.factories.shared_phones import enrol
from tests.support.rows import rows
from tests.support.worker import for_all_kinds, running_worker


def test_an_idempotency_key_is_stored_for_thirty_days_and_then_deleted(app: App, shop: Shop) -> None:
    body = {"mood": 3, "id": str(uuid4()), "store_id": str(shop.store_id)}
    by_key = (shop, "key")  # a key does not run out, as a sign-in does
    assert app.request("POST", "/v1/concerns", by_key, json=body).status_code == 201
    with running_worker(app, for_all_kinds(LogChannel())) as worker:
        app.clock.move(days=29)
        worker.work_once()
        assert app.request("POST", "/v1/concerns", by_key, json=body).headers["Idempotent-Replayed"] == "true"
        app.clock.move(days=2)
        worker.work_once()
    assert rows(app, IdempotencyKey) == []
    again = app.request("POST", "/v1/concerns", by_key, json=body)
    assert (again.status_code, again.json["code"]) == (409, "already-exists")


def test_a_sign_in_that_has_run_out_is_forgotten(app: App, shop: Shop) -> None:
    with running_worker(app, for_all_kinds(LogChannel())) as worker:
        worker.work_once()
        assert rows(app, StaffSession)
        app.clock.move(days=31)
        worker.work_once()
    assert rows(app, StaffSession) == []


def test_a_code_is_kept_as_long_as_a_repeat_of_its_request_may_ask_for_it(app: App, shop: Shop) -> None:
    assert make_code(app, shop, "floor").status_code == 201
    enrol(app, shop)
    with running_worker(app, for_all_kinds(LogChannel())) as worker:
        for days, kept in ((30, 1), (1, 0)):
            app.clock.move(days=days)
            worker.work_once()
            assert (len(rows(app, Invitation)), len(rows(app, Enrolment))) == (kept, kept)


def test_what_was_typed_and_nobody_corrected_is_blank_after_thirty_days(app: App, shop: Shop) -> None:
    log_concern(app, shop, place="Table 99", customer={"phone": "12"})
    with running_worker(app, for_all_kinds(LogChannel())) as worker:
        for days, kept in ((30, 1), (1, 0)):
            app.clock.move(days=days)
            worker.work_once()
            (concern,) = rows(app, Concern)
            assert (concern.as_typed is not None, concern.version) == (kept, 2 - kept)


def test_from_where_a_link_for_feedback_was_made_is_forgotten_once_no_answer_is_compared_with_it(
    app: App, shop: Shop
) -> None:
    with running_worker(app, for_all_kinds(LogChannel())) as worker:
        worker.work_once()
        app.clock.move(seconds=3_580)
        request_feedback(app, shop, resolved_concern(app, shop))
        for seconds, kept in ((20, True), (3_600, False)):
            app.clock.move(seconds=seconds)
            worker.work_once()
            (request,) = rows(app, FeedbackRequest)
            assert (request.asked_from is not None) is kept


def test_a_clock_that_is_set_back_does_not_stop_the_cleanup(app: App, shop: Shop) -> None:
    with running_worker(app, for_all_kinds(LogChannel())) as worker:
        app.clock.move(days=31)
        worker.work_once()
        app.clock.move(days=-1)
        with app.back_office.writing(shop.organization_id) as session:
            StaffSession.open(
                session,
                staff=session.get_one(Staff, (shop.organization_id, shop.staff["floor"])),
                at=app.clock() - timedelta(days=31),
            )
        worker.work_once()
    assert rows(app, StaffSession) == []
