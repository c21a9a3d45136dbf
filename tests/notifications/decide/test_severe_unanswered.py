"""A severe call that nobody answered: it rings the managers while somebody may be in the store; else it is told."""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta

import pytest

from models.access import Role
from models.alerts.enums import AlertState
from models.alerts.notification import NotificationKind as K
from models.organizations.opening_hours import Hours, parse_weekly
from models.organizations.store import Store
from tests.support.app import App
from tests.support.factories.concerns import move
from tests.support.factories.staff import give_phone, hire
from tests.support.rows import only_alert
from tests.support.store_scenario import StoreScenario, store_scenario

BY_DAY: Hours = {"weekly": parse_weekly("mon-sun 09:00-23:00"), "exceptions": []}
NIGHT = datetime(2026, 3, 3, 23, 30, tzinfo=UTC)  # shut; quiet hours of everybody


@pytest.fixture
def scenario(app: App) -> Iterator[StoreScenario]:
    """A store that is open by day. Whoever is at home has quiet hours from noon to eight in the morning."""
    with store_scenario(app) as scenario:
        with app.back_office.writing(scenario.shop.organization_id) as session:
            session.get_one(Store, (scenario.shop.organization_id, scenario.shop.store_id)).hours = BY_DAY
        for login in ("manager", "regional"):
            scenario.set_preferences(login, quiet_from=time(11), quiet_until=time(8))
        scenario.give_phones("manager", "regional")
        yield scenario


def told(scenario: StoreScenario, kind: K) -> set[str]:
    return set().union(*scenario.addresses_by_second(kind).values())


def rung(scenario: StoreScenario) -> set[str]:
    return {message.recipient.address for _, message in scenario.messages if message.kind == "ring"}


def test_it_rings_the_manager_through_quiet_hours_and_tells_the_others_quietly(scenario: StoreScenario) -> None:
    scenario.set_preferences("regional", quiet_from=None, quiet_until=None)
    concern = scenario.log(mood=1)
    scenario.let_pass(minutes=19)
    assert "manager" not in rung(scenario)
    scenario.let_pass(minutes=1)
    assert scenario.addresses_by_second(K.UNANSWERED_SEVERE) == {1200: {"manager"}}
    assert scenario.addresses_by_second(K.UNANSWERED) == {1200: {"regional"}}
    move(scenario.app, scenario.shop, concern, "take", "colleague")
    scenario.let_pass(seconds=1)
    assert [m.recipient.address for _, m in scenario.messages if m.kind == "withdraw"].count("manager") == 1


def test_a_manager_is_not_rung_for_their_own_call_but_told_when_not_at_home(scenario: StoreScenario) -> None:
    scenario.log(mood=1, login="manager")
    scenario.let_pass(minutes=21)
    assert "manager" not in rung(scenario) | told(scenario, K.UNANSWERED)  # in their quiet hours
    scenario.check_in("manager")
    scenario.log(mood=1, login="manager")
    scenario.let_pass(minutes=21)
    assert (told(scenario, K.UNANSWERED_SEVERE), told(scenario, K.UNANSWERED)) == (set(), {"manager"})


def test_what_is_not_severe_rings_nobody(scenario: StoreScenario) -> None:
    scenario.log(mood=2)
    scenario.let_pass(minutes=21)
    assert (rung(scenario), told(scenario, K.UNANSWERED)) == (set(), set())


def test_it_rings_in_a_store_that_is_shut_while_anybody_is_on_shift_in_it(scenario: StoreScenario) -> None:
    scenario.app.clock.at = NIGHT
    scenario.log(mood=1)
    scenario.let_pass(minutes=20)
    assert told(scenario, K.UNANSWERED_SEVERE) == {"manager"}


def test_a_pause_is_respected(scenario: StoreScenario) -> None:
    scenario.check_in("manager")
    scenario.pause("manager", until=scenario.began_at + timedelta(hours=1))
    scenario.log(mood=1)
    scenario.let_pass(minutes=30)
    assert rung(scenario) == set()


def test_shut_and_empty_nothing_rings_and_it_is_told_at_the_opening(scenario: StoreScenario) -> None:
    scenario.app.clock.at = NIGHT
    concern = scenario.log(mood=1)
    scenario.check_out("floor", "colleague", "lead")
    scenario.let_pass(minutes=25)
    assert (rung(scenario), told(scenario, K.UNANSWERED)) == (set(), set())
    scenario.app.clock.at = datetime(2026, 3, 4, 8, 59, tzinfo=UTC)
    scenario.let_pass(minutes=2)
    assert (rung(scenario), told(scenario, K.UNANSWERED)) == (set(), {"manager", "regional"})
    log = f"/v1/stores/{scenario.shop.store_id}/recovery-logs/2026-03-03"
    needs = scenario.app.request("GET", log, (scenario.shop, "manager")).json["needs_you_now"]
    assert [each["id"] for each in needs["unanswered_alerts"]] == [concern["id"]]


def test_the_manager_is_told_at_the_opening_in_quiet_hours_too_without_a_sound(scenario: StoreScenario) -> None:
    for login in ("manager", "regional"):
        scenario.set_preferences(login, quiet_from=time(22), quiet_until=time(10))
    scenario.app.clock.at = NIGHT
    scenario.log(mood=1)
    scenario.check_out("floor", "colleague", "lead")
    scenario.let_pass(minutes=25)
    scenario.app.clock.at = datetime(2026, 3, 4, 8, 59, tzinfo=UTC)
    scenario.let_pass(minutes=2)
    assert (rung(scenario), told(scenario, K.UNANSWERED)) == (set(), {"manager"})


def test_what_was_answered_in_the_night_is_not_told_at_the_opening(scenario: StoreScenario) -> None:
    scenario.app.clock.at = NIGHT
    concern = scenario.log(mood=1)
    scenario.check_out("floor", "colleague", "lead")
    scenario.let_pass(minutes=25)
    move(scenario.app, scenario.shop, concern, "resolve", "manager")
    scenario.let_pass(hours=10)
    assert (rung(scenario), told(scenario, K.UNANSWERED)) == (set(), set())


def test_the_severe_ones_come_first_in_the_log(scenario: StoreScenario) -> None:
    unhappy = scenario.log(mood=2)
    severe = scenario.log(mood=1)
    scenario.let_pass(minutes=21)
    log = f"/v1/stores/{scenario.shop.store_id}/recovery-logs/2026-03-03"
    needs = scenario.app.request("GET", log, (scenario.shop, "manager")).json["needs_you_now"]
    assert [each["id"] for each in needs["unanswered_alerts"]] == [severe["id"], unhappy["id"]]


def test_floor_staff_whom_a_policy_names_are_rung_on_shift_only(app: App, scenario: StoreScenario) -> None:
    hire(app.back_office, scenario.shop, "named", role=Role.FLOOR, at=app.clock())
    give_phone(app.back_office, scenario.shop, "named", "named")
    steps = [{"after_seconds": 0, "whom": [], "staff_ids": [str(scenario.shop.staff["named"])]}]
    path, by = "/v1/escalation-policies", (scenario.shop, "admin")
    (policy,) = app.request("GET", path, by).json["items"]
    answer = app.request("PATCH", f"{path}/{policy['id']}", by, json={"steps": steps}, headers={"If-Match": "*"})
    assert answer.status_code == 200, answer.text
    scenario.log(mood=2)
    assert scenario.step_log() == [(0, 0, "off_shift")]
    scenario.check_in("named")
    scenario.log(mood=2)
    assert rung(scenario) == {"named"}


def test_a_request_for_approval_rings_nobody_in_quiet_hours(scenario: StoreScenario) -> None:
    concern = scenario.log(mood=2)
    scenario.app.request("POST", "/v1/remedies", (scenario.shop, "admin"), json=GIFT)
    action = {"remedy": "gift", "cost": {"amount": 2000, "currency": "EUR"}}
    path = f"/v1/concerns/{concern['id']}/recovery-actions"
    assert scenario.app.request("POST", path, (scenario.shop, "colleague"), json=action).json["status"] == "pending"
    scenario.let_pass(seconds=1)
    assert rung(scenario) == set()
    scenario.check_in("manager")
    assert scenario.app.request("POST", path, (scenario.shop, "colleague"), json=action).json["status"] == "pending"
    scenario.let_pass(seconds=1)
    assert rung(scenario) == {"manager"}


GIFT = {
    "slug": "gift",
    "name": "Gift",
    "kind": "gift",
    "limits": [{"role": "floor", "per_customer": {"amount": 1000, "currency": "EUR"}}],
}


def test_what_is_handed_over_rings_nobody_who_has_gone_home_meanwhile(scenario: StoreScenario) -> None:
    scenario.give_phones("colleague")
    concern = scenario.log(mood=3)
    body = {"staff_id": str(scenario.shop.staff["colleague"])}
    answer = scenario.app.request(
        "POST", f"/v1/concerns/{concern['id']}/hand-over", (scenario.shop, "floor"), json=body
    )
    assert (answer.status_code, answer.json["phones"]) == (200, 1), answer.text
    scenario.check_out("colleague")
    scenario.let_pass(seconds=1)
    assert rung(scenario) == set()


def test_an_alert_that_was_given_back_in_the_night_is_open_again(scenario: StoreScenario) -> None:
    scenario.app.clock.at = NIGHT
    concern = scenario.log(mood=1)
    move(scenario.app, scenario.shop, concern, "take", "colleague")
    scenario.app.request("DELETE", "/v1/me/shift", (scenario.shop, "colleague"))
    assert only_alert(scenario.app).state is AlertState.OPEN
