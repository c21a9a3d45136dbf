"""Planned leaves are carried out when they are due; what was given to somebody while they left is handed over."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from models.concerns.concern import Concern
from models.concerns.enums import Status
from models.operations.people.leave_staff import Leave
from models.recovery.follow_up import FollowUp
from models.staff.device import Device
from models.staff.shift import Shift
from models.staff.staff import Staff
from notifications.worker.jobs import leaves
from tests.support.factories.concerns import move
from tests.support.factories.follow_ups import make_follow_up
from tests.support.factories.people import let_go
from tests.support.rows import rows
from tests.support.store_scenario import StoreScenario


def plan(scenario: StoreScenario, login: str = "floor", *, by: str = "admin", **body: str) -> None:
    at = (scenario.app.clock() + timedelta(hours=1)).isoformat()
    assert let_go(scenario.app, scenario.shop, login, by, at=at, **body).status_code == 200


def person(scenario: StoreScenario, login: str = "floor") -> Staff:
    return next(staff for staff in rows(scenario.app, Staff) if staff.id == scenario.shop.staff[login])


def test_a_planned_leave_is_carried_out_within_a_minute(scenario: StoreScenario) -> None:
    plan(scenario)
    ends_at = person(scenario).leaves_at
    scenario.let_pass(minutes=59)
    assert (person(scenario).left_at, person(scenario).has_password) == (None, True)
    scenario.let_pass(minutes=2)
    left = person(scenario)
    assert (left.left_at, left.leaves_at, left.has_password) == (ends_at, None, False)
    (phone,) = (device for device in rows(scenario.app, Device) if device.staff_id == left.id)
    assert (phone.address, phone.retired_reason) == (None, "left")
    (shift,) = (shift for shift in rows(scenario.app, Shift) if shift.staff_id == left.id)
    assert shift.ended_at is not None


def test_what_is_open_then_goes_to_whom_it_was_planned_for(scenario: StoreScenario) -> None:
    plan(scenario, hand_over_to="colleague")
    promised = make_follow_up(scenario, minutes=600)
    concern = scenario.log("lead", mood=1)
    scenario.let_pass(minutes=55)
    move(scenario.app, scenario.shop, concern, "take", "floor")
    scenario.let_pass(minutes=6)
    assert {str(row.id): row.owner_id for row in rows(scenario.app, FollowUp)} == {
        promised["id"]: scenario.shop.staff["colleague"]
    }
    taken = next(row for row in rows(scenario.app, Concern) if str(row.id) == concern["id"])
    assert (taken.status, taken.taken_by_id) == (Status.OPEN, None)


def test_if_that_colleague_has_left_it_goes_to_whoever_recorded_the_leave(scenario: StoreScenario) -> None:
    plan(scenario, by="regional", hand_over_to="colleague")
    make_follow_up(scenario, minutes=600)
    let_go(scenario.app, scenario.shop, "colleague", "admin")
    scenario.let_pass(minutes=61)
    assert [row.owner_id for row in rows(scenario.app, FollowUp)] == [scenario.shop.staff["regional"]]


def test_what_a_request_gave_them_while_they_left_is_handed_over(scenario: StoreScenario) -> None:
    make_follow_up(scenario, "colleague", minutes=600)
    concern = scenario.log("lead", mood=1)
    move(scenario.app, scenario.shop, concern, "take", "colleague")
    let_go(scenario.app, scenario.shop, "floor", "admin")
    with scenario.app.back_office.writing(scenario.shop.organization_id) as session:
        # As of requests that had looked the person up before the leave was committed.
        for follow_up in rows(scenario.app, FollowUp):
            session.get_one(FollowUp, (follow_up.organization_id, follow_up.id)).owner_id = scenario.shop.staff["floor"]
        taken = next(row for row in rows(scenario.app, Concern) if str(row.id) == concern["id"])
        session.get_one(Concern, (taken.organization_id, taken.id)).taken_by_id = scenario.shop.staff["floor"]
    scenario.let_pass(minutes=1)
    assert [row.owner_id for row in rows(scenario.app, FollowUp)] == [scenario.shop.staff["manager"]]
    taken = next(row for row in rows(scenario.app, Concern) if str(row.id) == concern["id"])
    assert (taken.status, taken.taken_by_id) == (Status.OPEN, None)


def test_a_leave_that_fails_holds_up_no_other(scenario: StoreScenario, monkeypatch: pytest.MonkeyPatch) -> None:
    plan(scenario, "floor")
    plan(scenario, "colleague")
    carry_out, broken = leaves.carry_out_planned, scenario.shop.staff["floor"]

    def fail_for_one(session: Session, staff_id: UUID, *, at: datetime) -> Leave | None:
        if staff_id == broken:
            raise RuntimeError("this one is broken")
        return carry_out(session, staff_id, at=at)

    monkeypatch.setattr(leaves, "carry_out_planned", fail_for_one)
    scenario.let_pass(minutes=61)
    assert (person(scenario, "floor").left_at is None, person(scenario, "colleague").left_at is None) == (True, False)
    monkeypatch.undo()
    scenario.let_pass(minutes=1)
    assert person(scenario, "floor").left_at is not None
