"""The change export: every row and each change, in its current state, for those who may export."""

import gzip
import json

import pytest
from sqlalchemy import select

from models.reports.change_export import KINDS
from tests.support.app import App
from tests.support.assertions import assert_invalid_value
from tests.support.export_reader import PATH, applied, follow, page
from tests.support.factories.concerns import edit, log_concern, move
from tests.support.factories.full_organization import PHONE, make_full_organization
from tests.support.factories.organizations import Shop

TYPED = {
    "their_words": "The soup is stone cold.",
    "our_reading": "He is in a hurry.",
    "stake": "A birthday of somebody.",
    "wanted": "Another one, hot.",
    "order": {"reference": "T12-0815", "value": {"amount": 4200, "currency": "EUR"}},
    "items": [{"name": "Grandmother's soup"}],
    "customer": {"name": "Customer of all", "phone": PHONE},
}


def test_a_first_walk_brings_everything_there_is(app: App) -> None:
    org = make_full_organization(app, "acme")
    items, _ = follow(app, org.shop, login="admin", limit=7)
    with app.back_office.reading(org.shop.organization_id) as session:
        there = {(kind, str(id_)) for kind, model in KINDS.items() for id_ in session.scalars(select(model.id))}
    assert applied(items).keys() == there
    assert {kind for kind, _ in there} == KINDS.keys()
    assert [item["seq"] for item in items] == sorted({item["seq"] for item in items})


def test_what_follows_is_what_changed_since_and_as_it_is_now(app: App, shop: Shop) -> None:
    _, cursor = follow(app, shop)
    assert page(app, shop, cursor) == {"items": [], "next_cursor": cursor, "end_of_stream": True}
    concern = log_concern(app, shop, mood=1, category="food", cause="cold", place="table-12", **TYPED)
    move(app, shop, concern, "take")
    changes = page(app, shop, cursor)
    by_kind = {item["kind"]: item for item in changes["items"]}
    assert by_kind.keys() == {"concern", "alert"}
    assert changes["end_of_stream"]
    concern_change = by_kind["concern"]
    assert (concern_change["op"], concern_change["id"], concern_change["store_id"], concern_change["version"]) == (
        "upsert",
        concern["id"],
        concern["store_id"],
        2,
    )
    known = {"mood": 1, "status": "taken", "category": "food", "cause": "cold", "place": "table-12"}
    assert known.items() <= concern_change["object"].items()
    assert concern_change["object"]["order_value"] == {"amount": 4200, "currency": "EUR"}
    assert by_kind["alert"]["object"]["concern_id"] == concern["id"]
    again = page(app, shop, cursor)
    assert again["items"] == changes["items"]


def test_several_changes_of_one_thing_are_there_once_with_the_last_number(app: App, shop: Shop) -> None:
    _, cursor = follow(app, shop)
    concern = log_concern(app, shop, mood=4)
    for number in range(3):
        edit(app, shop, concern, login="floor", stake=f"Reason {number}")
    first, second = (page(app, shop, cursor, limit=limit) for limit in (3, 4))
    assert [item["version"] for item in (*first["items"], *second["items"])] == [4, 4]
    assert second["items"][0]["seq"] == first["items"][0]["seq"] + 1
    assert (first["end_of_stream"], second["end_of_stream"]) == (False, True)


@pytest.mark.parametrize("login", ["hq", "admin"])
def test_no_words_names_or_contacts_leave(app: App, shop: Shop, login: str) -> None:
    concern = log_concern(app, shop, mood=1, category="food", **TYPED)
    act = {"remedy": "voucher", "cost": {"amount": 700, "currency": "EUR"}, "note": "A note of the giver."}
    promise = {"what": "We call you.", "kind": "call", "due_at": "2026-03-04T12:00:00Z"}
    for part, body in (("recovery-actions", act), ("follow-ups", promise)):
        path = f"/v1/concerns/{concern['id']}/{part}"
        assert app.request("POST", path, (shop, "manager"), json=body).status_code == 201
    ended = {"outcome": "recovered", "mood_after": 4, "note": "All is well, they said."}
    assert (
        app.request("POST", f"/v1/concerns/{concern['id']}/resolve", (shop, "manager"), json=ended).status_code == 200
    )
    exported = json.dumps(follow(app, shop, login=login)[0])
    people = [str(id_) for id_ in shop.staff.values()]
    private = [TYPED["their_words"], TYPED["our_reading"], TYPED["stake"], TYPED["wanted"], "T12-0815", "soup"]
    private += ["Customer of all", PHONE, concern["customer_id"], act["note"], promise["what"], ended["note"], *people]
    assert [text for text in private if str(text) in exported] == []
    assert '"amount": 700' in exported


def test_the_fields_of_each_kind_are_these_and_no_others(app: App) -> None:
    """New fields are exported on purpose only: document them in docs/bi.md, and check that they identify nobody."""
    org = make_full_organization(app, "acme")
    shapes = {key[0]: set(row) - {"version", "store_id"} for key, row in applied(follow(app, org.shop)[0]).items()}
    assert {kind: len(fields) for kind, fields in shapes.items()} == {
        "region": 2,
        "store": 11,
        "store_group": 4,
        "category": 6,
        "question": 4,
        "remedy": 4,
        "concern": 31,
        "alert": 9,
        "recovery_action": 12,
        "follow_up": 8,
        "feedback_request": 8,
        "store_day": 4,
    }


def test_what_becomes_sensitive_leaves_the_copy_with_all_its_parts_and_comes_back(app: App, shop: Shop) -> None:
    concern = log_concern(app, shop, mood=1, recovery_actions=[{"remedy": "apology"}])
    before, cursor = follow(app, shop)
    of_it = {key for key, row in applied(before).items() if concern["id"] in (key[1], row.get("concern_id"))}
    assert {kind for kind, _ in of_it} == {"concern", "alert", "recovery_action"}
    edit(app, shop, concern, sensitive=True)
    hidden, cursor = follow(app, shop, cursor)
    assert {(item["kind"], item["id"], item["op"], item["object"]) for item in hidden} == {
        (*key, "delete", None) for key in of_it
    }
    edit(app, shop, concern, login="manager", sensitive=False)
    shown, _ = follow(app, shop, cursor)
    assert applied(shown).keys() == of_it
    assert applied(before + hidden + shown).keys() == applied(before).keys()


def test_of_what_was_always_sensitive_not_even_the_id_leaves(app: App, shop: Shop) -> None:
    concern = log_concern(app, shop, mood=1, sensitive=True, recovery_actions=[{"remedy": "apology"}])
    move(app, shop, concern, "take")
    for login in ("hq", "exports-key"):
        items, _ = follow(app, shop, login=login)
        assert concern["id"] not in json.dumps(items)
        assert not {item["kind"] for item in items} & {"concern", "alert", "recovery_action"}
    mine = {item["kind"] for item in follow(app, shop, login="admin")[0]}
    assert mine >= {"concern", "alert", "recovery_action"}


def test_a_cursor_is_of_those_who_see_the_same(app: App, shop: Shop) -> None:
    _, cursor = follow(app, shop)
    assert page(app, shop, cursor, login="exports-key")["items"] == []
    for login in ("admin", "key"):
        answer = app.request("GET", PATH, (shop, login), query_string={"cursor": cursor})
        assert (answer.status_code, answer.json["code"], answer.json["start_over"]) == (410, "cursor-expired", True)


@pytest.mark.parametrize(
    ("login", "status"),
    [
        *(("hq", 200), ("admin", 200), ("exports-key", 200), ("key", 200)),
        *(("reports-key", 403), ("floor", 403), ("manager", 403), ("regional", 403)),
    ],
)
def test_only_head_office_takes_everything_away(app: App, shop: Shop, login: str, status: int) -> None:
    assert app.request("GET", PATH, (shop, login)).status_code == status


def test_what_a_store_took_leaves_for_those_who_may_read_it_there(app: App, shop: Shop) -> None:
    path, sales = f"/v1/stores/{shop.store_id}/days/2026-03-03", {"amount": 98_000, "currency": "EUR"}
    body = {"covers": 80, "transactions": 40, "sales": sales}
    assert app.request("PUT", path, (shop, "manager"), json=body).status_code == 200
    for login in ("hq", "exports-key", "admin", "key"):
        (day,) = (item["object"] for item in follow(app, shop, login=login)[0] if item["kind"] == "store_day")
        may = app.request("GET", path, (shop, login)).status_code == 200
        assert may == (login in ("admin", "key"))
        assert day == {"business_date": "2026-03-03", **body, "sales": sales if may else None}, login


def test_lines_say_the_same_as_the_page(app: App, shop: Shop) -> None:
    log_concern(app, shop, mood=1)
    for limit in (3, 500):
        whole = page(app, shop, limit=limit)
        lines = app.request("GET", f"{PATH}?limit={limit}", (shop, "hq"), headers={"Accept": "application/x-ndjson"})
        assert lines.content_type == "application/x-ndjson"
        *items, end = [json.loads(line) for line in lines.text.splitlines()]
        assert {"items": items, **end} == whole


def test_it_is_compressed_for_whoever_takes_it(app: App, shop: Shop) -> None:
    plain = app.request("GET", PATH, (shop, "hq"))
    for accepted, packed in (("gzip, br", True), ("br", False), ("gzip;q=0", False)):
        answer = app.request("GET", PATH, (shop, "hq"), headers={"Accept-Encoding": accepted})
        assert ("Content-Encoding" in answer.headers) == packed
        body = gzip.decompress(answer.data) if packed else answer.data
        assert json.loads(body)["items"] == plain.json["items"]
        assert "Accept-Encoding" in answer.headers["Vary"]
    assert "Content-Encoding" not in plain.headers


def test_a_limit_above_a_thousand_is_cut_down_and_another_form_refused(app: App, shop: Shop) -> None:
    assert app.request("GET", f"{PATH}?limit=100000", (shop, "hq")).status_code == 200
    assert app.request("GET", PATH, (shop, "hq"), headers={"Accept": "text/html"}).status_code == 406
    assert_invalid_value(app.request("GET", f"{PATH}?cursor=x", (shop, "hq")), "query", "/cursor")
    assert_invalid_value(app.request("GET", f"{PATH}?limit=0", (shop, "hq")), "query", "/limit")
