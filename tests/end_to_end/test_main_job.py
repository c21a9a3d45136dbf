"""README's walk over the real processes: logged by phone, rung, taken, put right, read as log and as report."""

import json
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import requests

from tests.support.processes import RunningApp, running_app

TOLD = {
    "mood": 1,
    "customer": {"phone": "900 000 101"},
    "category": "waiting-time",
    "place": "table-12",
    "their_words": "We ordered forty minutes ago.",
}


@dataclass
class Walk:
    """Two sign-ins at harbour, and the concern once it is logged."""

    running: RunningApp
    floor: str
    manager: str
    concern: dict[str, Any]

    def floor_sends(self, body: dict[str, Any]) -> dict[str, Any]:
        return self.answered(self.running.request("POST", "/v1/concerns", self.floor, json=body), 201)

    def manager_sends(self, verb: str, body: dict[str, Any] | None = None, *, status: int = 200) -> dict[str, Any]:
        path = f"/v1/concerns/{self.concern['id']}/{verb}"
        return self.answered(self.running.request("POST", path, self.manager, json=body), status)

    def read_only(self, path: str, token: str, **query: Any) -> dict[str, Any]:
        return self.answered(self.running.request("GET", path, token, params=query), 200)

    @staticmethod
    def answered(answer: requests.Response, status: int) -> dict[str, Any]:
        assert answer.status_code == status, answer.text
        body: dict[str, Any] = answer.json()
        return body


def one_request_makes_a_resolved_concern_and_rings_nobody(walk: Walk) -> None:
    alone = walk.floor_sends(
        {
            "mood": 2,
            "handling": "mine",
            "recovery_actions": [{"remedy": "apology"}, {"remedy": "gift"}],
            "outcome": "recovered",
            "mood_after": 4,
        }
    )
    assert (alone["status"], alone["outcome"], alone["alert"]) == ("resolved", "recovered", None)


def the_managers_phone_rings_and_shows_nothing_about_a_person(walk: Walk) -> None:
    walk.concern = walk.floor_sends(TOLD)
    alert = walk.concern["alert"]["id"]
    push = walk.running.wait_for_line(rf"^PUSH  to log:phone of manager  (.*)   \[alert {alert} ").group(1)
    assert push == "Very unhappy customer, table 12 | Waiting time"


def the_manager_takes_it_and_the_phone_falls_silent(walk: Walk) -> None:
    assert walk.manager_sends("take")["taken_by"]["name"] == "Helena Brandes"
    walk.running.wait_for_line(rf"^UNDO  to log:phone of manager .*\[alert {walk.concern['alert']['id']} ")


def what_was_done_and_how_it_ended_is_written_down(walk: Walk) -> None:
    replaced = {"remedy": "replacement", "cost": {"amount": 1250, "currency": "EUR"}}
    assert walk.manager_sends("recovery-actions", replaced, status=201)["cost"] == replaced["cost"]
    walk.manager_sends("recovery-actions", {"remedy": "apology"}, status=201)
    ended = walk.manager_sends("resolve", {"outcome": "recovered", "mood_after": 4})
    assert (ended["status"], ended["alert"]["state"]) == ("resolved", "resolved")


def the_customer_is_known_again_with_what_was_done_before(walk: Walk) -> None:
    history = walk.read_only(f"/v1/customers/{walk.concern['customer_id']}/history", walk.floor)
    newest, *before = history["items"]
    assert history["customer"]["name"] == "Beatriz Nevoeiro"
    assert newest["id"] == walk.concern["id"]
    assert [action["remedy"] for action in newest["recovery_actions"]] == ["replacement", "apology"]
    assert before


def a_mood_alone_is_enough_to_ring(walk: Walk) -> None:
    alert = walk.floor_sends({"mood": 2})["alert"]["id"]
    walk.running.wait_for_line(rf"^PUSH  to log:phone of manager  Unhappy customer .*\[alert {alert} ")
    assert sum(line.startswith("PUSH") for line in walk.running.lines) == 2, "the one that was put right alone rang"


def the_manager_reads_the_recovery_log_of_the_day(walk: Walk) -> None:
    store, day = walk.concern["store_id"], walk.concern["business_date"]
    log = walk.read_only(f"/v1/stores/{store}/recovery-logs/{day}", walk.manager)
    assert walk.concern["id"] in {entry["id"] for entry in log["concerns"]}
    assert log["figures"]["concerns"] == 3


def head_office_reads_the_report_with_a_key_made_on_the_command_line(walk: Walk) -> None:
    made = walk.running.command(
        "api-key", "create", "--organization", "demo", "--name", "BI", "--scope", "reports:read"
    )
    to = date.fromisoformat(walk.concern["business_date"])
    query = {"from": str(to - timedelta(days=59)), "to": str(to), "group_by": "region,month"}
    report = walk.read_only("/v1/reports/recovery", json.loads(made)["token"], **query)
    assert {row["group"]["region"]["slug"] for row in report["rows"]} == {"north", "south"}
    assert 600 < report["totals"]["concerns"] < 1200


def nothing_is_left_to_be_sent(walk: Walk) -> None:
    waiting = json.loads(walk.running.command("outbox", "status"))
    assert waiting.pop("done") > 0
    del waiting["later"]  # what rings when a promise of the demo is due
    assert not any(waiting.values())


def a_sigterm_drains_web_and_worker(walk: Walk) -> None:
    assert walk.running.stop() == 0
    walk.running.wait_for_line("worker drained")
    walk.running.wait_for_line("amends: web and worker drained")
    assert not [line for line in walk.running.lines if "Traceback" in line or "it starts again" in line]


STEPS = (
    one_request_makes_a_resolved_concern_and_rings_nobody,
    the_managers_phone_rings_and_shows_nothing_about_a_person,
    the_manager_takes_it_and_the_phone_falls_silent,
    what_was_done_and_how_it_ended_is_written_down,
    the_customer_is_known_again_with_what_was_done_before,
    a_mood_alone_is_enough_to_ring,
    the_manager_reads_the_recovery_log_of_the_day,
    head_office_reads_the_report_with_a_key_made_on_the_command_line,
    nothing_is_left_to_be_sent,
    a_sigterm_drains_web_and_worker,
)


# More than five seconds: the real processes migrate, seed sixty days, and start.
def test_the_main_job_runs_from_the_first_word_to_the_report(empty_database_url, subtests):
    with running_app(empty_database_url, seed=True) as running:
        floor, manager = (running.sign_in("demo", login, f"demo-{login}-2468") for login in ("floor", "manager"))
        walk = Walk(running, floor, manager, concern={})
        for step in STEPS:
            with subtests.test(step.__name__.replace("_", " ")):
                step(walk)
