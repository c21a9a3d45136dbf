"""Filters of the list of concerns: several values, people, places, orders, days, words, changes, order."""

from typing import Any

import pytest

from models.db.epoch import RestoreEvent
from models.db.session import ALL_TENANTS
from models.operations import find_concerns
from notifications.decide.escalation import escalate_due
from tests.support.app import App
from tests.support.assertions import assert_invalid_value, assert_problem
from tests.support.factories.concerns import edit, log_concern, move
from tests.support.factories.organizations import Shop


def ask(app: App, shop: Shop, by: str = "manager", **query: Any) -> Any:
    return app.request("GET", "/v1/concerns", (shop, by), query_string={"store_id": shop.store_id, **query})


def moods(app: App, shop: Shop, by: str = "manager", **query: Any) -> list[int]:
    """Return the moods of what is listed: each concern of a test has another."""
    answer = ask(app, shop, by, **query)
    assert answer.status_code == 200, answer.text
    return [concern["mood"] for concern in answer.json["items"]]


@pytest.fixture
def five(app: App, shop: Shop) -> dict[int, dict[str, Any]]:
    """Five concerns, one a minute: the first is taken, the third resolved."""
    described: dict[int, dict[str, Any]] = {
        1: {"category": "food", "place": "table-12", "order": {"reference": "T12-0815"}},
        2: {"category": "waiting-time", "place": "table-1", "login": "colleague"},
        3: {"category": "food", "kind": "request", "login": "colleague"},
        4: {"category": "allergy"},
        5: {"kind": "praise", "place": "table-12"},
    }
    logged = {}
    for mood, fields in described.items():
        logged[mood] = log_concern(app, shop, mood=mood, **fields)
        app.clock.move(minutes=1)
    move(app, shop, logged[1], "take")
    move(app, shop, logged[3], "resolve")
    return logged


MATCHES: list[tuple[dict[str, str], list[int]]] = [
    ({"status": "open,taken"}, [4, 2, 1]),
    ({"status": "taken"}, [1]),
    ({"kind": "request,praise"}, [5, 3]),
    ({"category": "food,allergy"}, [4, 3, 1]),
    ({"category": "food,unknown"}, [3, 1]),
    ({"category": "unknown"}, []),
    ({"mood": "1,3"}, [3, 1]),
    ({"severity": "severe"}, [4, 1]),
    ({"severity": "normal"}, [5, 3, 2]),
    ({"severity": "normal,severe", "status": "open"}, [4, 2]),
    ({"place": "table-12"}, [5, 1]),
    ({"place": "table-12,table-1"}, [5, 2, 1]),
    ({"place": "unknown"}, []),
    ({"order": "t12-0815"}, [1]),
    ({"order": "T12"}, []),
    ({"from": "2026-03-03", "to": "2026-03-03"}, [5, 4, 3, 2, 1]),
    ({"from": "2026-03-04"}, []),
    ({"to": "2026-03-02"}, []),
    ({"sort": "received_at"}, [1, 2, 3, 4, 5]),
    ({"sort": "-received_at", "mood": "4,5"}, [5, 4]),
    ({"sort": "severity", "status": "open,taken"}, [1, 4, 2]),
]


def test_what_matches_is_listed(app: App, shop: Shop, five: dict[int, Any]) -> None:
    for query, expected in MATCHES:
        assert moods(app, shop, **query) == expected, query
    for query in ({"sort": "severity", "status": "open,taken"}, {"sort": "received_at", "place": "table-12,table-1"}):
        first = ask(app, shop, limit=2, **query).json
        second = ask(app, shop, limit=2, cursor=first["next_cursor"], **query).json
        paged = [concern["mood"] for concern in (*first["items"], *second["items"])]
        assert paged == moods(app, shop, **query), "page by page"


def test_what_is_logged_late_is_found_on_the_day_it_happened(app: App, shop: Shop) -> None:
    log_concern(app, shop, mood=1, occurred_at="2026-02-02T12:00:00Z")
    log_concern(app, shop, mood=2)
    on_that_day = {"from": "2026-02-02", "to": "2026-02-02"}
    assert (moods(app, shop, **on_that_day), moods(app, shop, to="2026-03-02")) == ([1], [1])
    assert moods(app, shop, **{"from": "2026-02-03"}) == [2]


def test_a_concern_is_found_by_who_logged_it(app: App, shop: Shop, five: dict[int, Any]) -> None:
    assert moods(app, shop, reported_by=shop.staff["colleague"]) == [3, 2]
    assert moods(app, shop, reported_by=shop.staff["admin"]) == []
    for name, value in {**dict.fromkeys(("reported_by", "taken_by"), shop.staff["manager"]), "order": "T12"}.items():
        assert_problem(ask(app, shop, "hq", **{name: value}), 403, "forbidden")
    of_owner = f"/v1/follow-ups?owner_id={shop.staff['manager']}"
    assert_problem(app.request("GET", of_owner, (shop, "hq")), 403, "forbidden")


def test_a_place_is_found_by_the_slug_it_had_before(app: App, shop: Shop, five: dict[int, Any]) -> None:
    places = f"/v1/stores/{shop.store_id}/places"
    listed = app.request("GET", places, (shop, "manager")).json["items"]
    (table,) = (place for place in listed if place["slug"] == "table-12")
    body, headers = {"slug": "window"}, {"If-Match": "*"}
    assert app.request("PATCH", f"{places}/{table['id']}", (shop, "manager"), json=body, headers=headers).status_code
    assert moods(app, shop, place="table-12") == moods(app, shop, place="window") == [5, 1]


def test_words_are_found_whatever_their_accents_and_capitals(app: App, shop: Shop) -> None:
    words = {"their_words": "A sopa de LIMÃO está fria.", "stake": "Straße, Łódź"}
    log_concern(app, shop, mood=1, **words)
    log_concern(app, shop, mood=2, our_reading="100% Æblekage", customer={"phone": "912 345 678", "name": "Álvaro Zé"})
    matches = {
        q: moods(app, shop, q=q) for q in ("limao", "SOPA fría", "sopa æble", "strasse lodz", "100%", "0%e", "%")
    }
    assert matches == {
        "limao": [1],
        "SOPA fría": [1],
        "sopa æble": [],
        "strasse lodz": [1],
        "100%": [2],
        "0%e": [],
        "%": [2],
    }
    assert moods(app, shop, q="aeblek") == moods(app, shop, q="alvaro") == moods(app, shop, q="Zé 100") == [2]
    key = {"name": "reader", "scopes": ["concerns:read"]}
    shop.tokens["reader"] = app.request("POST", "/v1/api-keys", (shop, "admin"), json=key).json["token"]
    assert moods(app, shop, "reader", q="alvaro") == [], "who may not read customers"
    assert moods(app, shop, "reader", q="limao") == [1]
    assert_problem(ask(app, shop, "hq", q="limao"), 403, "forbidden")


def test_words_are_searched_for_in_one_store_and_a_quarter(app: App, shop: Shop) -> None:
    log_concern(app, shop, mood=1, their_words="cold")
    app.clock.move(days=90)
    assert moods(app, shop, "key", q="cold") == [1]
    app.clock.move(days=30)
    assert moods(app, shop, "key", q="cold") == []
    for days in ({"to": "2026-06-02"}, {"from": "2026-03-03"}):
        assert moods(app, shop, "key", q="cold", **days) == [1]
    refused = ask(app, shop, "key", q="cold", to="2026-06-03", **{"from": "2026-03-03"})
    assert_invalid_value(refused, "query", "/from")
    assert_invalid_value(ask(app, shop, "key", q="a b c d e f"), "query", "/q")
    everywhere = app.request("GET", "/v1/concerns?q=cold", (shop, "key"))
    assert_invalid_value(everywhere, "query", "/store_id")


def test_what_changed_since_is_listed(app: App, shop: Shop, five: dict[int, Any]) -> None:
    def since(cursor: str, **query: Any) -> tuple[list[int], str]:
        answer = ask(app, shop, changed_since=cursor, **query).json
        return [concern["mood"] for concern in answer["items"]], answer["feed_cursor"]

    cursor = ask(app, shop).json["feed_cursor"]
    assert since(cursor)[0] == []
    edit(app, shop, five[4], stake="a train")
    edit(app, shop, five[1], stake="a boat")
    void = app.request("POST", f"/v1/concerns/{five[2]['id']}/void", (shop, "manager"), json={"reason": "no"})
    assert void.status_code == 200
    changed, later = since(cursor)
    assert changed == [4, 2, 1], "what was voided, too"
    assert since(cursor, status="open,taken")[0] == [4, 1]
    assert since(later)[0] == []
    log_concern(app, shop, mood=5)
    assert (since(later)[0], since(cursor)[0]) == ([5], [5, 4, 2, 1])
    first = ask(app, shop, changed_since=cursor, limit=2).json
    second = ask(app, shop, changed_since=cursor, limit=2, cursor=first["next_cursor"]).json
    assert [concern["mood"] for concern in second["items"]] == [2, 1]
    assert (second["next_cursor"], second["feed_cursor"]) == (None, None)
    later = ask(app, shop).json["feed_cursor"]
    app.clock.move(minutes=21)
    with app.back_office.writing(ALL_TENANTS) as session:
        assert escalate_due(session, at=app.clock(), limit=5)
    assert since(later)[0] == [4, 1], "one alert is unanswered, and the taker of the other was reminded"
    app.request("POST", "/v1/concerns", (shop, "elsewhere"), json={"mood": 3})
    assert moods(app, shop, changed_since=later, store_id=shop.other_store_id) == []


def test_a_feed_cursor_is_one_of_ours_and_not_too_old(app: App, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    log_concern(app, shop)
    log_concern(app, shop)
    listed = ask(app, shop, limit=1).json
    for cursor in ("", "x", listed["next_cursor"]):
        assert_invalid_value(ask(app, shop, changed_since=cursor), "query", "/changed_since")
    assert_invalid_value(ask(app, shop, cursor=listed["feed_cursor"]), "query", "/cursor")
    everywhere = app.request("GET", "/v1/concerns?limit=1", (shop, "manager")).json["next_cursor"]
    wrong = app.request("GET", f"/v1/concerns?changed_since={everywhere}", (shop, "manager"))
    assert_invalid_value(wrong, "query", "/changed_since")
    monkeypatch.setattr(find_concerns, "MAX_CHANGES_FOLLOWED", 0)
    assert moods(app, shop, changed_since=listed["feed_cursor"]) == []
    log_concern(app, shop)
    assert assert_problem(ask(app, shop, changed_since=listed["feed_cursor"]), 410, "cursor-expired")["start_over"]


def test_a_feed_cursor_of_data_that_was_replaced_is_not_continued(app: App, shop: Shop) -> None:
    cursor = ask(app, shop).json["feed_cursor"]
    with app.back_office.writing(ALL_TENANTS) as session:
        RestoreEvent.record(session, at=app.clock())
    app.clock.move(minutes=2)  # until then the epoch is cached
    assert_problem(ask(app, shop, changed_since=cursor), 410, "cursor-expired")


def test_the_severity_of_a_concern_is_that_of_its_alert(app: App, shop: Shop) -> None:
    rule = {"slug": "mild", "name": "Mild", "mood_at_most": 3, "severity": "severe"}
    assert app.request("POST", "/v1/alert-rules", (shop, "admin"), json=rule).status_code == 201
    for mood in (3, 4):
        log_concern(app, shop, mood=mood)
    assert {concern["mood"]: concern["severity"] for concern in ask(app, shop).json["items"]} == {
        3: "severe",
        4: "normal",
    }
    assert (moods(app, shop, severity="severe"), moods(app, shop, severity="normal")) == ([3], [4])


def test_a_filter_that_is_not_valid_is_pointed_at(app: App, shop: Shop) -> None:
    wrong = {
        "status": ("open,closed", "open,open", "open,", ""),
        "mood": ("0", "6", "x", "1,1"),
        "severity": ("mild",),
        "category": ("", "food,"),
        "reported_by": ("x",),
        "to": ("1999-01-01",),
        "sort": ("mood", "severity"),
    }
    for name, values in wrong.items():
        for value in values:
            assert_invalid_value(ask(app, shop, **{name: value}), "query", f"/{name}")
    for status in ("open,resolved", "voided"):
        assert_invalid_value(ask(app, shop, sort="severity", status=status), "query", "/sort")
    refused = ask(app, shop, to="2026-03-02", **{"from": "2026-03-03"})
    assert_invalid_value(refused, "query", "/to")


def test_a_cursor_belongs_to_all_filters(app: App, shop: Shop, five: dict[int, Any]) -> None:
    cursor = ask(app, shop, limit=1, status="open,taken").json["next_cursor"]
    assert ask(app, shop, limit=1, status="open,taken", cursor=cursor).status_code == 200
    for other in ({"status": "open"}, {}, {"status": "open,taken", "sort": "received_at"}):
        assert_invalid_value(ask(app, shop, limit=1, cursor=cursor, **other), "query", "/cursor")


def test_other_lists_take_several_states(app: App, shop: Shop, five: dict[int, Any]) -> None:
    def states(path: str, name: str, value: str) -> list[str]:
        answer = app.request("GET", f"/v1/{path}?{name}={value}", (shop, "manager"))
        assert answer.status_code == 200, answer.text
        return sorted(entry[name] for entry in answer.json["items"])

    for kind in ("apology", "voucher"):
        path = f"/v1/concerns/{five[1]['id']}/recovery-actions"
        body = {"remedy": kind, **({"cost": {"amount": 90000, "currency": "EUR"}} if kind == "voucher" else {})}
        assert app.request("POST", path, (shop, "floor"), json=body).status_code == 201
    call = {"what": "We call you.", "kind": "call", "due_at": "2026-03-04T12:00:00Z"}
    assert app.request("POST", f"/v1/concerns/{five[1]['id']}/follow-ups", (shop, "floor"), json=call).status_code
    assert states("alerts", "state", "taken,open") == ["open", "open", "taken"]
    assert states("alerts", "state", "taken") == ["taken"]
    assert states("recovery-actions", "status", "pending,done") == ["done", "pending"]
    assert states("recovery-actions", "settlement", "recorded,settled") == []
    assert states("follow-ups", "status", "broken,open") == ["open"]
    assert states("follow-ups", "status", "broken,kept") == []
