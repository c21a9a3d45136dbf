"""A waiter who recovers a concern alone: one request, nobody rings, the lead is informed, it counts as on the spot."""

from models.alerts.notification import NotificationKind
from tests.support.store_scenario import StoreScenario

OWN = NotificationKind.OWN
ALONE = {
    "mood": 1,
    "handling": "mine",
    "their_words": "This is not what I ordered.",
    "category": "food",
    "place": "table-12",
    "recovery_actions": [{"remedy": "apology"}, {"remedy": "remake"}],
    "outcome": "recovered",
    "mood_after": 5,
}


def test_one_request_puts_it_right_rings_nobody_and_is_seen_by_the_lead(scenario: StoreScenario) -> None:
    concern = scenario.log("floor", **ALONE)
    scenario.let_pass(hours=1)
    assert (concern["status"], concern["alert"], concern["guidance"]) == ("resolved", None, None)
    assert (scenario.addresses_by_second(), scenario.addresses_by_second(OWN)) == ({}, {0: {"lead"}})
    ((_, message),) = scenario.messages
    assert (message.kind, message.title) == ("inform", "table 12 left happy")
    lead = (scenario.shop, "lead")
    seen = scenario.app.request("GET", "/v1/concerns?unhappy=true", lead).json["items"]
    assert [item["id"] for item in seen] == [concern["id"]]


def test_it_counts_as_on_the_spot_in_the_log_and_in_the_report(scenario: StoreScenario) -> None:
    concern = scenario.log("floor", **ALONE)
    scenario.app.request(
        "POST", f"/v1/concerns/{scenario.log('colleague', mood=2)['id']}/take", (scenario.shop, "floor")
    )
    day = concern["business_date"]
    log = f"/v1/stores/{concern['store_id']}/recovery-logs/{day}"
    report = f"/v1/reports/recovery?from={day}&to={day}"
    for figures in (
        scenario.app.request("GET", log, (scenario.shop, "manager")).json["figures"],
        scenario.app.request("GET", report, (scenario.shop, "manager")).json["totals"],
    ):
        counted = {name: figures[name] for name in ("concerns", "taken", "resolved", "recovered", "on_the_spot")}
        assert counted == {"concerns": 2, "taken": 2, "resolved": 1, "recovered": 1, "on_the_spot": 1}
        assert figures["cost"] == [{"amount": 450, "currency": "EUR"}]


def test_what_is_reopened_was_not_put_right_on_the_spot(scenario: StoreScenario) -> None:
    concern = scenario.log("floor", **ALONE)
    floor = (scenario.shop, "floor")
    assert scenario.app.request("POST", f"/v1/concerns/{concern['id']}/reopen", floor).status_code == 200
    ended = {"outcome": "recovered", "mood_after": 4}
    assert scenario.app.request("POST", f"/v1/concerns/{concern['id']}/resolve", floor, json=ended).status_code == 200
    log = f"/v1/stores/{concern['store_id']}/recovery-logs/{concern['business_date']}"
    figures = scenario.app.request("GET", log, (scenario.shop, "manager")).json["figures"]
    assert (figures["recovered"], figures["on_the_spot"], figures["reopened"]) == (1, 0, 1)
