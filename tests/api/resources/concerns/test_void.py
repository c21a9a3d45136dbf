"""A concern that was none: who may void it, and where it is no more."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from models.access import GRANTS, Actor, Role
from models.concerns.concern import Concern as ConcernRow
from models.concerns.enums import Source
from models.customers.customer import Customer
from models.operations.void_concern import void_concern
from models.organizations.store import Store
from tests.support.app import App
from tests.support.assertions import assert_problem
from tests.support.databases import only_on_postgresql
from tests.support.factories.concerns import edit, log_concern, move
from tests.support.factories.guidance import limit_vouchers
from tests.support.factories.organizations import Shop
from tests.support.factories.people import let_go
from tests.support.factories.staff import sign_in_anew
from tests.support.store_scenario import StoreScenario
from tests.support.threads import at_once, wait_for_blocked_transaction

REASON = {"reason": "It was logged twice."}
Concern = dict[str, Any]


def void(app: App, shop: Shop, concern: Concern, login: str = "floor", **said: Any) -> TestResponse:
    return app.request("POST", f"/v1/concerns/{concern['id']}/void", (shop, login), json={**REASON, **said})


def seen(app: App, shop: Shop, concern: Concern, login: str = "manager") -> Concern:
    answer: Concern = app.request("GET", f"/v1/concerns/{concern['id']}", (shop, login)).json
    return answer


def ids(answer: TestResponse) -> list[str]:
    return [item["id"] for item in answer.json["items"]]


def test_whoever_logged_it_voids_it_and_it_stops_ringing(scenario: StoreScenario) -> None:
    app, shop = scenario.app, scenario.shop
    concern = scenario.log(mood=1)
    assert concern["alert"]["state"] == "open"
    answer = void(app, shop, concern)
    assert (answer.status_code, answer.json["status"], answer.json["alert"]["state"]) == (200, "voided", "cancelled")
    scenario.let_pass(minutes=30)
    assert set(scenario.addresses_by_second()) == {0}
    assert {message.kind for at, message in scenario.messages if scenario.seconds(at)} == set()
    kinds_sent = [message.kind for _, message in scenario.messages if message.recipient.address == "colleague"]
    assert kinds_sent == ["ring", "withdraw"]
    timeline = app.request("GET", f"/v1/concerns/{concern['id']}/events", (shop, "manager")).json["items"]
    assert (timeline[-1]["step"], timeline[-1]["by"]["id"], timeline[-1]["details"]) == (
        "voided",
        str(shop.staff["floor"]),
        REASON,
    )


@pytest.mark.parametrize(
    ("login", "minutes", "status"),
    [
        ("floor", 10, 200),
        ("floor", 10.1, 403),
        ("colleague", 1, 403),
        ("manager", 60 * 24 * 20, 200),
        ("regional", 11, 200),
        ("admin", 1, 403),
        ("hq", 1, 403),
        ("elsewhere", 1, 404),
    ],
)
def test_its_reporter_may_at_once_and_a_manager_later(
    app: App, shop: Shop, login: str, minutes: float, status: int
) -> None:
    concern = log_concern(app, shop)
    app.clock.at += timedelta(minutes=minutes)
    answer = void(app, shop, concern, login)
    assert answer.status_code == status, answer.text
    assert seen(app, shop, concern)["status"] == ("voided" if status == 200 else "open")


WEIGHTS = [
    "urgent",
    "no longer urgent",
    "no longer urgent as typed",
    "sensitive",
    "no longer sensitive",
    "from a customer",
    "signed",
]


@pytest.mark.parametrize("weight", WEIGHTS)
@pytest.mark.parametrize(("login", "status"), [("floor", 403), ("manager", 403), ("regional", 200), ("admin", 403)])
def test_what_weighs_more_takes_a_regional_manager(app: App, shop: Shop, weight: str, login: str, status: int) -> None:
    concern = weighty(app, shop, weight)
    assert void(app, shop, concern, login).status_code == status


def weighty(app: App, shop: Shop, weight: str) -> Concern:
    match weight:
        case "urgent":
            return log_concern(app, shop, category="allergy")
        case "no longer urgent":
            return edit(app, shop, log_concern(app, shop, category="allergy"), category="food")
        case "no longer urgent as typed":
            return edit(app, shop, log_concern(app, shop, category="allergies"), category="food")
        case "sensitive":
            return log_concern(app, shop, sensitive=True)
        case "no longer sensitive":
            return edit(app, shop, log_concern(app, shop, sensitive=True), sensitive=False)
    concern = log_concern(app, shop)
    if weight == "signed":
        sign(app, shop, concern)
    else:
        with app.back_office.writing(shop.organization_id) as session:
            session.get_one(ConcernRow, (shop.organization_id, UUID(concern["id"]))).source = Source.CUSTOMER
    return concern


def sign(app: App, shop: Shop, concern: Concern) -> None:
    path = f"/v1/stores/{shop.store_id}/recovery-logs/{concern['business_date']}/sign-off"
    app.clock.at += timedelta(days=1)
    sign_in_anew(app.back_office, shop, "admin", at=app.clock())
    answer = app.request("POST", path, (shop, "manager"))
    assert answer.status_code == 200, answer.text


def test_a_sensitive_one_is_not_there_for_a_colleague(app: App, shop: Shop) -> None:
    assert_problem(void(app, shop, log_concern(app, shop, sensitive=True), "colleague"), 404, "not-found")


def test_an_administrator_does_it_where_nobody_else_may(app: App, shop: Shop) -> None:
    plain, urgent = log_concern(app, shop), log_concern(app, shop, category="allergy")
    assert let_go(app, shop, "regional", "admin").status_code == 200
    assert void(app, shop, urgent, "admin").status_code == 200
    assert_problem(void(app, shop, plain, "admin"), 403, "forbidden")
    assert let_go(app, shop, "manager", "admin").status_code == 200
    assert void(app, shop, plain, "admin").status_code == 200


def test_an_api_key_voids_nothing(app: App, shop: Shop) -> None:
    assert_problem(void(app, shop, log_concern(app, shop, "key"), "key"), 403, "forbidden")


@pytest.mark.parametrize("reason", ["", " \u200b", None, "a" * 1001])
def test_it_takes_a_reason(app: App, shop: Shop, reason: str | None) -> None:
    assert void(app, shop, log_concern(app, shop), reason=reason).status_code == 422


def test_it_is_final(app: App, shop: Shop) -> None:
    concern = log_concern(app, shop)
    assert void(app, shop, concern).status_code == 200
    resolved = {"outcome": "lost", "mood_after": 1}
    for verb, body in (("take", {}), ("resolve", resolved), ("reopen", {}), ("void", REASON)):
        answer = app.request("POST", f"/v1/concerns/{concern['id']}/{verb}", (shop, "manager"), json=body)
        assert_problem(answer, 409, "not-now")
    etag = {"If-Match": app.request("GET", f"/v1/concerns/{concern['id']}", (shop, "floor")).headers["ETag"]}
    path = f"/v1/concerns/{concern['id']}"
    assert_problem(app.request("PATCH", path, (shop, "floor"), json={"mood": 3}, headers=etag), 409, "not-now")
    answer = app.request("POST", f"{path}/recovery-actions", (shop, "floor"), json={"remedy": "apology"})
    assert_problem(answer, 409, "not-now")


def test_a_repeat_by_key_answers_it_again(app: App, shop: Shop) -> None:
    concern, headers = log_concern(app, shop), {"Idempotency-Key": "one-tap"}
    path = f"/v1/concerns/{concern['id']}/void"
    answers = [app.request("POST", path, (shop, "floor"), json=REASON, headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[1].headers["Idempotent-Replayed"] == "true"


def act(app: App, shop: Shop, concern: Concern, **said: Any) -> Concern:
    path = f"/v1/concerns/{concern['id']}/recovery-actions"
    answer = app.request("POST", path, (shop, "floor"), json={"remedy": "apology", **said})
    assert answer.status_code == 201, answer.text
    return answer.json  # type: ignore[no-any-return]


def ask_for_voucher(app: App, shop: Shop, concern: Concern) -> Concern:
    """Ask for more than one may give; the action waits for a decision."""
    limit_vouchers(app, shop, 100)
    action = act(app, shop, concern, remedy="voucher", cost={"amount": 5000, "currency": "EUR"})
    assert action["status"] == "pending"
    return action


def settle(app: App, shop: Shop, action_id: str, settlement: str) -> None:
    path = f"/v1/recovery-actions/{action_id}/settle"
    assert app.request("POST", path, (shop, "key"), json={"settlement": settlement}).status_code == 200


def reverse(app: App, shop: Shop, action: Concern) -> None:
    path = f"/v1/recovery-actions/{action['id']}/reverse"
    assert app.request("POST", path, (shop, "manager"), json={}).status_code == 200


def test_what_was_given_for_it_is_in_the_way_until_it_is_reversed(app: App, shop: Shop) -> None:
    concern = log_concern(app, shop)
    action = act(app, shop, concern)
    refused = assert_problem(void(app, shop, concern, "manager"), 409, "has-actions")
    assert refused["recovery_action_ids"] == [action["id"]]
    reverse(app, shop, action)
    assert void(app, shop, concern, "manager").status_code == 200


def test_what_waits_for_a_decision_is_in_the_way_until_it_is_decided(app: App, shop: Shop) -> None:
    concern = log_concern(app, shop)
    action = ask_for_voucher(app, shop, concern)
    assert_problem(void(app, shop, concern, "manager"), 409, "has-actions")
    path = f"/v1/recovery-actions/{action['id']}/decline"
    assert app.request("POST", path, (shop, "manager"), json={"note": "Too much."}).status_code == 200
    assert void(app, shop, concern, "manager").status_code == 200


def test_money_that_has_left_is_in_the_way_until_it_is_back(app: App, shop: Shop) -> None:
    body = {"slug": "refund", "name": "Money back", "kind": "refund"}
    assert app.request("POST", "/v1/remedies", (shop, "admin"), json=body).status_code == 201
    concern = log_concern(app, shop)
    action = act(app, shop, concern, remedy="refund", cost={"amount": 100, "currency": "EUR"})
    settle(app, shop, action["id"], "settled")
    reverse(app, shop, action)
    refused = assert_problem(void(app, shop, concern, "manager"), 409, "has-actions")
    (entry,) = refused["recovery_action_ids"]
    settle(app, shop, entry, "settled")
    assert void(app, shop, concern, "manager").status_code == 200


def test_it_leaves_lists_unless_they_ask_for_it(app: App, shop: Shop) -> None:
    concern, stays = log_concern(app, shop), log_concern(app, shop)
    void(app, shop, concern)
    for query in ("", "?kind=concern", "?open_before=2099-01-01"):
        assert ids(app.request("GET", f"/v1/concerns{query}", (shop, "manager"))) == [stays["id"]]
    assert ids(app.request("GET", "/v1/concerns?status=voided", (shop, "manager"))) == [concern["id"]]


def test_what_came_of_it_leaves_lists_too_and_is_still_found_with_it(app: App, shop: Shop) -> None:
    voided, stays = log_concern(app, shop, mood=1), log_concern(app, shop, mood=1)
    due = {"what": "A call.", "kind": "call", "due_at": (app.clock() + timedelta(hours=1)).isoformat()}
    rows: dict[str, list[str]] = {"alerts": [concern["alert"]["id"] for concern in (voided, stays)]}
    for concern in (voided, stays):
        for name, body in (("recovery-actions", {"remedy": "apology"}), ("follow-ups", due)):
            path = f"/v1/concerns/{concern['id']}/{name}"
            rows.setdefault(name, []).append(app.request("POST", path, (shop, "manager"), json=body).json["id"])
    reverse(app, shop, {"id": rows["recovery-actions"][0]})
    assert void(app, shop, voided, "manager").status_code == 200
    for name, (of_voided, of_other) in rows.items():
        for login in ("manager", "hq"):
            assert ids(app.request("GET", f"/v1/{name}", (shop, login))) == [of_other], name
        of_the_concern = f"/v1/concerns/{voided['id']}/{name}"
        if name == "alerts":
            assert app.request("GET", f"/v1/alerts/{of_voided}", (shop, "manager")).status_code == 200
        else:
            assert of_voided in ids(app.request("GET", of_the_concern, (shop, "manager")))


def test_it_is_no_first_failure_of_a_customer(app: App, shop: Shop) -> None:
    """The second of three is voided: the third follows the first, and then nothing is a second failure."""
    customer: dict[str, Any] = {"customer": {"phone": "+351 912 345 678"}}
    first = log_concern(app, shop, **customer)
    app.clock.at += timedelta(days=40)
    sign_in_anew(app.back_office, shop, "manager", at=app.clock())
    second = log_concern(app, shop, "manager", **customer)
    app.clock.at += timedelta(minutes=1)
    third = log_concern(app, shop, "manager", **customer)
    overview = f"/v1/customers/{first['customer_id']}/history"
    assert app.request("GET", overview, (shop, "manager")).json["now"]["second_failure"]
    assert void(app, shop, second, "manager").status_code == 200
    about = app.request("GET", overview, (shop, "manager")).json["now"]
    assert not about["second_failure"]
    assert [concern["id"] for concern in about["open"]] == [third["id"], first["id"]]
    assert ids(app.request("GET", overview, (shop, "manager"))) == [third["id"], first["id"]]
    with app.database.reading(shop.organization_id) as session:
        row = session.get_one(ConcernRow, (shop.organization_id, UUID(third["id"])))
        assert (str(row.previous_id), row.seconds_since_previous) == (first["id"], 40 * 86_400 + 60)


def test_what_was_promised_about_it_is_cancelled_and_counts_nowhere(app: App, shop: Shop) -> None:
    concern = log_concern(app, shop, "manager")
    path = f"/v1/concerns/{concern['id']}/follow-ups"
    due = (app.clock() + timedelta(hours=1)).isoformat()
    promises = [
        app.request("POST", path, (shop, "manager"), json={"what": "A call.", "kind": "call", "due_at": due}).json
        for _ in range(2)
    ]
    answer = app.request("POST", f"/v1/follow-ups/{promises[0]['id']}/keep", (shop, "manager"), json={})
    assert answer.status_code == 200
    assert void(app, shop, concern, "manager").status_code == 200
    listed = {item["id"]: item["status"] for item in app.request("GET", path, (shop, "manager")).json["items"]}
    assert listed == {promises[0]["id"]: "kept", promises[1]["id"]: "cancelled"}
    figures = log_of(app, shop, concern)["figures"]
    assert (figures["follow_ups_due"], figures["follow_ups_kept"], figures["concerns"]) == (0, 0, 0)


def log_of(app: App, shop: Shop, concern: Concern, accept: str = "application/json", login: str = "manager") -> Any:
    path = f"/v1/stores/{shop.store_id}/recovery-logs/{concern['business_date']}"
    answer = app.request("GET", path, (shop, login), headers={"Accept": accept})
    assert answer.status_code == 200, answer.text
    return answer.json if accept == "application/json" else answer.text


def test_the_log_says_who_voided_it_and_why(app: App, shop: Shop) -> None:
    concern = log_concern(app, shop, their_words="The soup is cold.")
    void(app, shop, concern)
    shown = log_of(app, shop, concern)
    (entry,) = shown["voided"]
    assert (entry["id"], entry["by"]["name"], entry["reason"]) == (concern["id"], "Floor of acme", REASON["reason"])
    assert (shown["concerns"], shown["needs_you_now"]["open_concerns"], shown["after_sign_off"]) == ([], [], [])
    assert (shown["figures"]["concerns"], shown["figures"]["voided"]) == (0, 1)
    for accept in ("text/csv", "text/html"):
        text = log_of(app, shop, concern, accept)
        assert "Floor of acme" in text
        assert REASON["reason"] in text
        assert "The soup is cold." not in text
    (to_head_office,) = log_of(app, shop, concern, login="hq")["voided"]
    assert (to_head_office["by"], to_head_office["reason"]) == (None, None)


def test_after_the_sign_off_it_is_a_late_change(app: App, shop: Shop) -> None:
    concern = log_concern(app, shop)
    sign(app, shop, concern)
    assert log_of(app, shop, concern)["after_sign_off"] == []
    assert void(app, shop, concern, "regional").status_code == 200
    shown = log_of(app, shop, concern)
    assert shown["after_sign_off"] == [concern["id"]]
    signed, now = shown["page"]["signed_figures"], shown["figures"]
    assert (signed["concerns"], signed["voided"], now["concerns"], now["voided"]) == (1, 0, 0, 1)
    assert log_of(app, shop, {"business_date": "2026-03-04"})["carried_over"]["concerns"] == []


def test_report_and_export_count_it_once(app: App, shop: Shop) -> None:
    concern, _ = log_concern(app, shop), log_concern(app, shop)
    void(app, shop, concern)
    day = concern["business_date"]
    query = {"from": day, "to": day, "group_by": "store"}
    (row,) = app.request("GET", "/v1/reports/recovery", (shop, "hq"), query_string=query).json["rows"]
    assert (row["concerns"], row["unhappy"], row["open"], row["voided"]) == (1, 1, 1, 1)
    query["group_by"] = "cause"
    by_cause = app.request("GET", "/v1/reports/recovery", (shop, "hq"), query_string=query).json["rows"]
    assert [(row["concerns"], row["voided"]) for row in by_cause] == [(1, None)]
    changes = app.request("GET", "/v1/exports/changes", (shop, "hq")).json["items"]
    exported = {item["id"]: item["object"] for item in changes if item["kind"] == "concern"}
    assert exported[concern["id"]]["status"] == "voided"
    assert REASON["reason"] not in str(changes)


def test_its_feedback_link_leads_nowhere_any_more(app: App, shop: Shop) -> None:
    concern = move(app, shop, log_concern(app, shop), "resolve")
    path = f"/v1/concerns/{concern['id']}/feedback-requests"
    link = app.request("POST", path, (shop, "manager"), json={}).json["link"]
    assert void(app, shop, concern, "manager").status_code == 200
    page = link.partition(app.flask.config["PUBLIC_URL"])[2]
    assert app.request("GET", page).status_code == 410
    assert app.request("POST", page, data={"rating": "1"}).status_code == 410


@only_on_postgresql
@pytest.mark.parametrize("other", ["take", "resolve", "recovery-actions", "void"])
def test_it_and_another_step_at_the_same_moment_leave_one_truth(app: App, shop: Shop, other: str) -> None:
    lost, apology = {"outcome": "lost", "mood_after": 1}, {"remedy": "apology"}
    bodies: dict[str, Concern] = {"resolve": lost, "recovery-actions": apology, "void": REASON}
    for _ in range(5):
        concern = log_concern(app, shop)
        path = f"/v1/concerns/{concern['id']}"
        step = partial(app.request, "POST", f"{path}/{other}", (shop, "floor"), json=bodies.get(other, {}))
        voided, went_on = at_once([partial(void, app, shop, concern, "manager"), step])
        assert {voided.status_code, went_on.status_code} <= {200, 201, 409}
        after = seen(app, shop, concern)
        actions = app.request("GET", f"{path}/recovery-actions", (shop, "manager")).json["items"]
        if other == "recovery-actions":
            assert (after["status"] == "voided") is (actions == [])
        else:
            assert (after["status"], after["alert"]["state"]) == ("voided", "cancelled")


@only_on_postgresql
@pytest.mark.parametrize("change", ["void", "edit"])
def test_it_waits_for_the_customer_before_it_holds_up_the_store(app: App, shop: Shop, change: str) -> None:
    """Whoever gives something locks the customer and then the store. The other way round both would wait for ever."""
    order = {"reference": "12", "value": {"amount": 2000, "currency": "EUR"}}
    bea, concern = (log_concern(app, shop, customer={"loyalty_number": number}, order=order) for number in "12")
    edited = {"customer_id": bea["customer_id"], "order": order | {"reference": "13"}}
    changes: dict[str, Any] = {
        "void": partial(void, app, shop, concern, "manager"),
        "edit": partial(edit, app, shop, concern, "manager", **edited),
    }
    with ThreadPoolExecutor(1) as pool, app.back_office.writing(shop.organization_id) as session:
        session.execute(select(Customer.id).with_for_update())
        other = pool.submit(changes[change])
        wait_for_blocked_transaction(app)
        session.execute(select(Store.id).where(Store.id == shop.store_id).with_for_update(key_share=True, nowait=True))
        session.commit()
        assert other.result(60)


@only_on_postgresql
@pytest.mark.parametrize("consent", [{}, {"consent": {"contact": True}}], ids=["", "with consent"])
def test_what_is_logged_meanwhile_does_not_follow_it(app: App, shop: Shop, consent: Concern) -> None:
    known = {"phone": "912 345 678"}
    first = log_concern(app, shop, customer=known)
    app.clock.move(minutes=1)
    mistake = log_concern(app, shop, customer=known)
    app.clock.move(minutes=1)
    with app.back_office.writing(shop.organization_id) as session, ThreadPoolExecutor(1) as pool:
        voided = session.get_one(ConcernRow, (shop.organization_id, UUID(mistake["id"])))
        by = Actor(shop.organization_id, GRANTS[Role.MANAGER], frozenset({shop.store_id}), shop.staff["manager"])
        void_concern(session, voided, reason="It was logged twice.", by=by, at=app.clock())
        session.flush()
        logged = pool.submit(log_concern, app, shop, customer={**known, **consent})
        wait_for_blocked_transaction(app)
        session.commit()
        after = logged.result()
    with app.back_office.reading(shop.organization_id) as session:
        row = session.get_one(ConcernRow, (shop.organization_id, UUID(after["id"])))
        assert row.previous_id == UUID(first["id"])


@only_on_postgresql
def test_it_and_an_approval_at_the_same_moment_leave_one_truth(app: App, shop: Shop) -> None:
    for _ in range(5):
        concern = log_concern(app, shop)
        action = ask_for_voucher(app, shop, concern)
        decide = partial(
            app.request,
            "POST",
            f"/v1/recovery-actions/{action['id']}/decline",
            (shop, "manager"),
            json={"note": "Too much."},
        )
        voided, decided = at_once([partial(void, app, shop, concern, "regional"), decide])
        assert (voided.status_code, decided.status_code) in {(200, 200), (409, 200)}
        assert seen(app, shop, concern)["status"] == ("voided" if voided.status_code == 200 else "open")
