"""What needs somebody now, in every form of the log: the severe first, then what waits longest, and marked."""

import csv
import io
import re
from datetime import timedelta
from typing import Any

from tests.support.app import App
from tests.support.clock import NOON
from tests.support.factories.daily_log import log_concern_id, log_path, read_log
from tests.support.factories.guidance import limit_vouchers
from tests.support.factories.organizations import Shop


def in_form(app: App, shop: Shop, accept: str) -> str:
    answer = app.request("GET", log_path(shop), (shop, "manager"), headers={"Accept": accept})
    assert answer.status_code == 200, answer.text
    return str(answer.text)


def by_severity(entries: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(entry["severity"], entry.get("concern_id", entry["id"])) for entry in entries]


def test_the_severe_come_first_in_every_form_of_the_log(app: App, shop: Shop) -> None:
    limit_vouchers(app, shop, 500, 2500)
    voucher = {"recovery_actions": [{"remedy": "voucher"}]}
    logged = []
    for fields in ({"mood": 2}, {"mood": 1}, {"mood": 3}, {"mood": 1, "handling": "mine"}):
        logged.append(log_concern_id(app, shop, **fields, **voucher))
        due = {"kind": "call", "what": "Call", "due_at": (NOON + timedelta(hours=9 - len(logged))).isoformat()}
        path = f"/v1/concerns/{logged[-1]}/follow-ups"
        assert app.request("POST", path, (shop, "floor"), json=due).status_code == 201
        app.clock.move(minutes=1)
    unhappy, severe, content, mine = logged
    now = read_log(app, shop)["needs_you_now"]
    by_time = [("severe", severe), ("severe", mine), ("normal", unhappy), ("normal", content)]
    assert by_severity(now["open_concerns"]) == by_severity(now["pending_approvals"]) == by_time
    assert by_severity(now["follow_ups"]) == [by_time[n] for n in (1, 0, 3, 2)], "by when it is due"

    lines = list(csv.DictReader(io.StringIO(in_form(app, shop, "text/csv").removeprefix("\ufeff"))))
    marked = [(line["severity"], line["id"], line["needs_you_now"]) for line in lines[:-1]]
    assert marked == [(*pair, str(place)) for place, pair in enumerate(by_time, start=1)]

    page = in_form(app, shop, "text/html")
    entries = re.findall(r"<li><strong>(.*?)</strong> (<span class=\"tag\">severe</span> )?", page)
    assert [bool(mark) for _, mark in entries] == [True] * 6 + [False] * 6
    assert [what for what, _ in entries[:4]] == ["Not resolved:", "May this be given?"] * 2
    assert (
        "grave"
        in app.request(
            "GET", log_path(shop), (shop, "manager"), headers={"Accept": "text/html", "Accept-Language": "pt"}
        ).text
    )


def test_a_concern_says_how_severe_it_is(app: App, shop: Shop) -> None:
    path = f"/v1/concerns/{log_concern_id(app, shop, mood=4, category='allergy')}"
    assert app.request("GET", path, (shop, "manager")).json["severity"] == "severe"
