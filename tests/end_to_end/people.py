"""People of the demo who use the running application: they send requests, and their phones ring."""

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import requests

from tests.support.oracle.recovery_recount import minutes, percentiles, to_a_decimal
from tests.support.processes import RunningApp, eventually

PHONE = {"platform": "android", "address_kind": "log"}
NOTHING = {"value": None, "numerator": 0, "denominator": 0}


@dataclass
class Person:
    """Somebody who is signed in, with a phone that prints what it shows."""

    running: RunningApp
    organization: str
    login: str
    token: str = field(init=False, repr=False)
    heard: Counter[str] = field(init=False, default_factory=Counter)

    def __post_init__(self) -> None:
        self.token = self.running.sign_in(self.organization, self.login, f"demo-{self.login}-2468")
        self.sends("PUT", f"/v1/me/devices/demo-{self.login}", {**PHONE, "address": f"phone of {self.login}"})

    def sends(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        answer = self.running.request(method, path, self.token, json=body, **options)
        assert answer.status_code < 300, f"{method} {path}: {answer.text}"
        return answer.json()

    def read_only(self, path: str) -> Any:
        return self.sends("GET", path)

    def posts(self, path: str, **body: Any) -> Any:
        return self.sends("POST", path, body)

    def logs(self, **said: Any) -> dict[str, Any]:
        concern: dict[str, Any] = self.posts("/v1/concerns", **said)
        return concern

    def does(self, concern: dict[str, Any], verb: str, **body: Any) -> Any:
        return self.posts(f"/v1/concerns/{concern['id']}/{verb}", **body)

    def promises(self, concern: dict[str, Any], what: str, **minutes: float) -> Any:
        """Make a follow-up that is due so soon that its owner is reminded at once."""
        due_at = (datetime.now(UTC) + timedelta(**minutes)).isoformat()
        return self.does(concern, "follow-ups", what=what, kind="call", due_at=due_at)

    def changes(self, path: str, **body: Any) -> Any:
        """PATCH, whatever version stands there."""
        headers = {"Authorization": f"Bearer {self.token}", "If-Match": "*"}
        answer = requests.patch(self.running.url + path, json=body, headers=headers, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def wait_for_line(self, text: str) -> None:
        """Wait until this person's phone shows it once more."""
        self.heard[text] += 1
        shown = re.compile(rf"^(PUSH|TELL)  to log:phone of {self.login}  {re.escape(text)}   \[")
        eventually(lambda: sum(bool(shown.match(line)) for line in self.running.lines) >= self.heard[text], 60)

    def was_not_called(self) -> bool:
        """Return whether their phone has not rung. Of a promise of the demo that is due they may have been told."""
        return not any(line.startswith(f"PUSH  to log:phone of {self.login}  ") for line in self.running.lines)


def figures_of(person: Person, concern: dict[str, Any]) -> dict[str, Any]:
    """Return the figures of the log of that concern's day, with the promises of the day after it.

    What is promised for five minutes from now is due on the day after it if the business day ends before.
    """
    day = date.fromisoformat(concern["business_date"])
    figures, following = (
        person.read_only(f"/v1/stores/{concern['store_id']}/recovery-logs/{it}")["figures"]
        for it in (day, day + timedelta(days=1))
    )
    promises = {name: figures[name] + following[name] for name in ("follow_ups_due", "follow_ups_kept")}
    return {**figures, **promises}


def waited(person: Person, concerns: list[dict[str, Any]]) -> dict[str, Any]:
    """Return how long each of these took, computed from the concerns themselves."""
    read = [person.read_only(f"/v1/concerns/{concern['id']}") for concern in concerns]
    times = [{name: datetime.fromisoformat(concern[f"{name}_at"]) for name in MOMENTS} for concern in read]
    spreads = {
        "minutes_to_take": percentiles(minutes(moments["received"], moments["taken"]) for moments in times),
        "minutes_to_resolve": percentiles(minutes(moments["received"], moments["resolved"]) for moments in times),
    }
    return to_a_decimal(spreads)


def feedback_figures(*, asked: int, suspect: int = 0) -> dict[str, Any]:
    """Return what customers said who were asked from the address where they answer: nothing that counts."""
    return {
        "feedback_asked": asked,
        "feedback_answered": 0,
        "feedback_suspect": suspect,
        "response_rate": {**NOTHING, "denominator": asked},
        "rating": {"mean": None, "n": 0, **{f"of_{number}": 0 for number in (1, 2, 3, 4, 5)}},
        "recommend": {"mean": None, "n": 0, "promoters": 0, "passives": 0, "detractors": 0, "score": None},
    }


MOMENTS = ("received", "taken", "resolved")
