"""README's walk over the real processes: logged by phone, rung, taken, put right, read as log and as report."""

import json
from datetime import date, timedelta

from tests.processes import House, running_house


def sign_in(house: House, login: str) -> str:
    return house.sign_in("demo", login, f"demo-{login}-2468")


def test_the_main_job_runs_from_the_first_word_to_the_report(empty_database_url, subtests):
    with running_house(empty_database_url, seed=True) as house:
        floor, manager = sign_in(house, "floor"), sign_in(house, "manager")

        with subtests.test("one request makes a resolved concern and rings nobody"):
            told = {
                "mood": 2,
                "handling": "mine",
                "recovery_actions": [{"remedy": "apology"}, {"remedy": "gift"}],
                "outcome": "recovered",
                "mood_after": 4,
            }
            alone = house.request("POST", "/v1/concerns", floor, json=told).json()
            assert (alone["status"], alone["outcome"], alone["alert"]) == ("resolved", "recovered", None)

        told = {
            "mood": 1,
            "customer": {"phone": "900 000 101"},
            "category": "waiting-time",
            "place": "table-12",
            "their_words": "We ordered forty minutes ago.",
        }
        logged = house.request("POST", "/v1/concerns", floor, json=told)
        assert logged.status_code == 201, logged.text
        concern = logged.json()
        path = f"/v1/concerns/{concern['id']}"

        with subtests.test("the manager's phone rings, and shows nothing about a person"):
            alert = concern["alert"]["id"]
            push = house.hears(rf"PUSH  to log:phone of manager  (.*)   \[alert {alert} ").group(1)
            assert push == "Very unhappy customer, table 12 | Waiting time"

        with subtests.test("the manager takes it, and the phone falls silent"):
            taken = house.request("POST", f"{path}/take", manager)
            assert taken.json()["taken_by"]["name"] == "Helena Brandes"
            house.hears(rf"UNDO  to log:phone of manager .*\[alert {alert} ")

        with subtests.test("what was done and how it ended is written down"):
            for done in ({"remedy": "replacement", "cost": {"amount": 1250, "currency": "EUR"}}, {"remedy": "apology"}):
                assert house.request("POST", f"{path}/recovery-actions", manager, json=done).status_code == 201
            ended = {"outcome": "recovered", "mood_after": 4}
            resolved = house.request("POST", f"{path}/resolve", manager, json=ended).json()
            assert (resolved["status"], resolved["alert"]["state"]) == ("resolved", "resolved")

        with subtests.test("the customer is known again, with what was tried before"):
            history = house.request("GET", f"/v1/customers/{concern['customer_id']}/history", floor).json()
            assert history["customer"]["name"] == "Beatriz Nevoeiro"
            newest, *before = history["items"]
            assert newest["id"] == concern["id"]
            assert [action["remedy"] for action in newest["recovery_actions"]] == ["replacement", "apology"]
            assert before

        with subtests.test("a mood alone is enough to ring"):
            alert = house.request("POST", "/v1/concerns", floor, json={"mood": 2}).json()["alert"]["id"]
            house.hears(rf"PUSH  to log:phone of manager  Unhappy customer .*\[alert {alert} ")

        with subtests.test("nobody was rung for the one that was put right alone"):
            assert sum(line.startswith("PUSH") for line in house.said) == 2

        with subtests.test("the manager reads harbour's recovery log of the day"):
            day = f"/v1/stores/{concern['store_id']}/recovery-logs/{concern['business_date']}"
            log = house.request("GET", day, manager)
            assert log.status_code == 200, log.text
            assert concern["id"] in {entry["id"] for entry in log.json()["concerns"]}

        with subtests.test("head office reads the report by region and month with an API key"):
            made = house.command(
                "api-key", "create", "--organization", "demo", "--name", "BI", "--scope", "reports:read"
            )
            to = date.fromisoformat(concern["business_date"])
            asked = {"from": str(to - timedelta(days=59)), "to": str(to), "group_by": "region,month"}
            report = house.request("GET", "/v1/reports/recovery", json.loads(made)["token"], params=asked)
            assert report.status_code == 200, report.text
            assert {row["group"]["region"]["slug"] for row in report.json()["rows"]} == {"north", "south"}
            assert report.json()["totals"]["concerns"] >= 600

        with subtests.test("nothing is left to be sent"):
            waiting = json.loads(house.command("outbox", "status"))
            assert (waiting["due"], waiting["later"], waiting["leased"], waiting["set_aside"]) == (0, 0, 0, 0)

        with subtests.test("a SIGTERM drains both"):
            assert house.stop() == 0
            house.hears("worker drained")
            house.hears("Shutting down: Master")
            assert not [line for line in house.said if "Traceback" in line or "it starts again" in line]
