"""Who approves, and what happens where nobody could: after hours the store acts first up to a sum."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from api.web import approver as approver_module
from models.access import Role
from models.alerts.notification import NotificationKind
from models.organizations.store import Store
from models.recovery.approvers import Approver, Approvers
from models.staff.staff import Staff, StaffStore
from tests.support.app import App
from tests.support.assertions import assert_problem
from tests.support.databases import only_on_postgresql
from tests.support.factories.concerns import edit, log_concern
from tests.support.factories.customers import make_customer
from tests.support.factories.organizations import Shop
from tests.support.factories.people import make_code
from tests.support.factories.shared_phones import PIN, SharedPhone, enrol, set_pins, sign_in_with_pin
from tests.support.factories.staff import give_phone
from tests.support.factories.vocabulary import create_word, edit_word
from tests.support.sign_in import sign_in_again
from tests.support.store_scenario import StoreScenario, store_scenario
from tests.support.threads import Meeting

APPROVAL, DAY_LIMIT = NotificationKind.APPROVAL, NotificationKind.DAY_LIMIT
SHUT_AT_NOON = {"weekly": [{"weekday": "monday", "opens_at": "18:00", "closes_at": "22:00"}], "exceptions": []}


def give(app: App, shop: Shop, amount: float, by: str = "floor", remedy: str = "voucher", **fields: Any) -> Any:
    concern = log_concern(app, shop, by, mood=3, **fields)
    body = {"remedy": remedy, "cost": {"amount": round(amount * 100), "currency": "EUR"}}
    return app.request("POST", f"/v1/concerns/{concern['id']}/recovery-actions", (shop, by), json=body)


def decide(app: App, shop: Shop, action: dict[str, Any], verb: str, by: str, **body: Any) -> Any:
    return app.request("POST", f"/v1/recovery-actions/{action['id']}/{verb}", (shop, by), json=body)


def to_review(app: App, shop: Shop, by: str = "manager") -> list[str]:
    query = {"beyond": True, "reviewed": False}
    answer = app.request("GET", "/v1/recovery-actions", (shop, by), query_string=query)
    return [action["id"] for action in answer.json["items"]]


def change(app: App, shop: Shop, **fields: Any) -> None:
    """Change columns of the first store."""
    with app.back_office.writing(shop.organization_id) as session:
        store = session.get_one(Store, (shop.organization_id, shop.store_id))
        for name, value in fields.items():
            setattr(store, name, value)


def let_leave(app: App, shop: Shop, *logins: str) -> None:
    with app.back_office.writing(shop.organization_id) as session:
        for staff in session.scalars(select(Staff).where(Staff.login.in_(logins))):
            staff.left_at = app.clock()


@pytest.mark.parametrize(
    ("people", "asked"),
    [
        ([(Role.MANAGER, True), (Role.REGIONAL, True), (Role.ADMIN, True)], {Role.MANAGER}),
        ([(Role.MANAGER, False), (Role.REGIONAL, True), (Role.ADMIN, True)], {Role.REGIONAL}),
        ([(Role.MANAGER, False), (Role.REGIONAL, False), (Role.ADMIN, True)], {Role.ADMIN}),
        ([(Role.MANAGER, False), (Role.ADMIN, False)], {Role.MANAGER, Role.ADMIN}),
        ([], set()),
    ],
)
def test_the_next_ones_are_asked_where_those_before_cannot_be_reached(
    people: list[tuple[Role, bool]], asked: set[Role]
) -> None:
    approvers = Approvers([Approver(Staff(role=role), is_reachable) for role, is_reachable in people])
    assert {staff.role for staff in approvers.to_ask} == asked


@pytest.fixture
def scenario(app: App) -> Iterator[StoreScenario]:
    with store_scenario(app) as scenario:
        yield scenario


def test_phones_ring_of_the_managers_else_of_the_regional_manager_else_of_the_administrator(
    scenario: StoreScenario,
) -> None:
    app, shop = scenario.app, scenario.shop
    voucher = {"remedy": "voucher", "cost": {"amount": 5000, "currency": "EUR"}}
    for second, login in enumerate(("admin", "regional", "manager")):
        give_phone(app.back_office, shop, login, login)
        scenario.log(mood=3, recovery_actions=[voucher])
        assert scenario.addresses_by_second(APPROVAL)[second] == {login}
        scenario.let_pass(seconds=1)
    scenario.log(mood=3, recovery_actions=[{"remedy": "voucher", "cost": {"amount": 20_000, "currency": "EUR"}}])
    assert scenario.addresses_by_second(APPROVAL)[3] == {"regional"}  # it is more than a manager may approve


def test_an_administrator_approves_where_nobody_before_them_can_be_reached(app: App, shop: Shop) -> None:
    first, second = give(app, shop, 50).json, give(app, shop, 50).json
    answer = decide(app, shop, first, "approve", "admin")
    assert answer.json["status"] == "done", answer.text
    change(app, shop, above_limit="act_first")
    beyond = give(app, shop, 30, by="colleague").json
    give_phone(app.back_office, shop, "regional", "phone of the regional")
    assert_problem(decide(app, shop, second, "approve", "admin"), 403, "forbidden")
    assert_problem(decide(app, shop, second, "decline", "admin", note="No."), 403, "forbidden")
    assert beyond["status"] == "done"
    for verb, body in (("review", {}), ("approve", {}), ("decline", {"note": "Next time ask."})):
        assert_problem(decide(app, shop, beyond, verb, "admin", **body), 403, "forbidden")
    assert decide(app, shop, beyond, "review", "regional").status_code == 200
    assert_problem(decide(app, shop, second, "approve", "floor"), 403, "forbidden")


def test_where_nobody_may_approve_the_answer_says_so_at_once(app: App, shop: Shop) -> None:
    let_leave(app, shop, "regional", "admin")
    make_code(app, shop, "floor", by="manager")  # who could be the one who asks
    refused = assert_problem(give(app, shop, 50), 409, "nobody-may-approve")
    assert refused["acts_first_up_to"] == {"amount": 10_000, "currency": "EUR"}
    voucher = {"remedy": "voucher", "cost": {"amount": 5000, "currency": "EUR"}}
    logged = log_concern(app, shop, mood=2, recovery_actions=[voucher])
    assert (logged["as_typed"], logged["alert"]["state"]) == ({"recovery_actions": [voucher]}, "open")
    assert give(app, shop, 50, by="colleague").json["status"] == "pending"
    end = {"outcome": "recovered", "mood_after": 5}
    alone = log_concern(app, shop, mood=1, handling="mine", recovery_actions=[voucher], **end)
    assert (alone["status"], alone["outcome"]) != ("resolved", "recovered"), "it did not end with what was not given"
    assert alone["as_typed"] == {"recovery_actions": [voucher], **end}


def test_a_manager_whose_own_day_is_used_up_approves_nothing_and_keeps_nobody_from_it(app: App, shop: Shop) -> None:
    """It was asked of the manager, who might not, and of the administrator, for whom a manager could be reached."""
    floor, manager = ({"amount": amount, "currency": "EUR"} for amount in (1000, 5000))
    limits = [
        {"role": "floor", "per_customer": floor},
        {"role": "manager", "per_customer": manager, "per_staff": manager},
    ]
    assert edit_word(app, shop, "remedies", "voucher", limits=limits).status_code == 200
    let_leave(app, shop, "regional")
    give_phone(app.back_office, shop, "manager", "phone of the manager")
    action = give(app, shop, 20).json
    assert_problem(decide(app, shop, action, "approve", "admin"), 403, "forbidden")
    assert give(app, shop, 45, by="manager").json["status"] == "done"
    assert_problem(decide(app, shop, action, "approve", "manager"), 403, "forbidden")
    assert decide(app, shop, action, "approve", "admin").json["status"] == "done"
    let_leave(app, shop, "admin")
    assert_problem(give(app, shop, 20, by="colleague"), 409, "nobody-may-approve")


def test_where_managers_have_no_limit_they_approve_up_to_the_ceiling_of_the_store(app: App, shop: Shop) -> None:
    """Who had to ask for a cent approved millions."""
    limits = [{"role": "floor", "per_customer": {"amount": 1000, "currency": "EUR"}}]
    assert edit_word(app, shop, "remedies", "voucher", limits=limits).status_code == 200
    assert give(app, shop, 0.01, by="manager").json["status"] == "pending"
    within, beyond = give(app, shop, 150).json, give(app, shop, 150.01, by="colleague").json
    assert_problem(decide(app, shop, beyond, "approve", "manager"), 403, "forbidden")
    assert decide(app, shop, within, "approve", "manager").json["status"] == "done"
    assert decide(app, shop, beyond, "approve", "regional").json["status"] == "done"


def test_after_hours_the_store_acts_first_up_to_a_sum_and_it_is_reviewed(app: App, shop: Shop) -> None:
    decide(
        app, shop, give(app, shop, 120, by="colleague").json, "approve", "manager"
    )  # somebody was asked: it counts apart
    change(app, shop, hours=SHUT_AT_NOON)
    beyond = [give(app, shop, 45, by).json for by in ("floor", "colleague")]
    assert [(action["status"], action["beyond"]) for action in beyond] == [("done", True)] * 2
    refused = assert_problem(give(app, shop, 45), 409, "nobody-may-approve")
    assert refused["acts_first_up_to"]["amount"] == 1000
    assert sorted(to_review(app, shop)) == sorted(action["id"] for action in beyond)
    give_phone(app.back_office, shop, "manager", "phone of the manager")
    assert give(app, shop, 45).json["status"] == "pending"  # somebody could approve now


def test_after_hours_nothing_is_done_that_asks_first_whatever_the_store_says(app: App, shop: Shop) -> None:
    """Only the sum was looked at: not the ceiling, the third day, the budget of a key, nor a limit that is missing."""
    limits = [{"currency": "EUR", "most_per_action": 4000, "most_per_day": 50_000, "most_after_hours": 10_000}]
    change(app, shop, own_limits=limits)
    budget = {"per_day": {"amount": 500, "currency": "EUR"}, "per_order": {"amount": 500, "currency": "EUR"}}
    body = {"name": "till", "scopes": ["concerns:write"], "budgets": [budget]}
    shop.tokens["till"] = app.request("POST", "/v1/api-keys", (shop, "admin"), json=body).json["token"]
    create_word(app, shop, "remedies", "words", kind="apology")  # it has no limit, because it costs nothing
    here, anas = {"store_id": str(shop.store_id)}, {"customer": {"phone": "912 345 678"}}
    for _ in range(2):
        assert give(app, shop, 1, by="key", **here, **anas).json["status"] == "done"
        app.clock.at += timedelta(days=7)
    change(app, shop, hours=SHUT_AT_NOON)
    refused = [
        give(app, shop, 40.01, by="key", **here),
        give(app, shop, 5.01, by="till", **here),
        give(app, shop, 1, by="key", **here, **anas),
        give(app, shop, 1, by="key", remedy="words", **here),
    ]
    nothing = [assert_problem(answer, 409, "nobody-may-approve")["acts_first_up_to"]["amount"] for answer in refused]
    assert nothing == [0, 0, 0, 0]
    sign_in_again(app, shop, "floor")
    assert give(app, shop, 40).json["beyond"]  # a limit of floor staff, and nothing else
    inline = {"remedy": "voucher", "cost": {"amount": 4001, "currency": "EUR"}}
    logged = log_concern(app, shop, "key", mood=3, recovery_actions=[inline], **here)
    assert logged["as_typed"] == {"recovery_actions": [inline]}


def test_a_manager_on_shift_is_there_also_without_a_phone(app: App, shop: Shop) -> None:
    change(app, shop, hours=SHUT_AT_NOON)
    assert give(app, shop, 45).json["status"] == "done"  # nobody could approve
    on_shift = app.request("PUT", "/v1/me/shift", (shop, "manager"), json={"store_id": str(shop.store_id)})
    assert on_shift.status_code == 200, on_shift.text
    action = give(app, shop, 45, by="colleague").json
    assert action["status"] == "pending"
    assert_problem(decide(app, shop, action, "approve", "admin"), 403, "forbidden")


def test_a_store_acts_first_for_so_much_in_a_day(app: App, shop: Shop) -> None:
    """A store that reviews afterwards acted first without end."""
    change(app, shop, above_limit="act_first")
    actions = [give(app, shop, amount, by).json for amount, by in ((60, "floor"), (41, "colleague"), (40, "colleague"))]
    assert [action["status"] for action in actions] == ["done", "pending", "done"]
    assert give(app, shop, 26, "colleague").json["status"] == "pending"
    app.clock.move(days=1)
    assert give(app, shop, 100).json["status"] == "done"


def test_what_is_found_to_be_beyond_later_uses_up_nothing_of_it(app: App, shop: Shop) -> None:
    """Four customers were said to be one, and the store acted first no more that day."""
    change(app, shop, above_limit="act_first")
    actions = [give(app, shop, 25).json for _ in range(4)]
    anas = make_customer(app, shop, "Ana", phone="+351912345678")
    for action in actions:
        edit(app, shop, {"id": action["concern_id"]}, customer_id=anas)
    assert to_review(app, shop) == [action["id"] for action in actions[:0:-1]]
    assert [give(app, shop, amount, by="colleague").json["status"] for amount in (60, 40, 26)] == [
        "done",
        "done",
        "pending",
    ]


def test_a_review_is_owed_though_it_was_taken_back(app: App, shop: Shop) -> None:
    change(app, shop, above_limit="act_first")
    action, other = (give(app, shop, amount).json for amount in (30, 40))
    for each in (action, other):
        assert decide(app, shop, each, "reverse", "floor").json["status"] == "reversed"
    void = f"/v1/concerns/{other['concern_id']}/void"
    assert app.request("POST", void, (shop, "floor"), json={"reason": "twice"}).status_code == 200
    assert to_review(app, shop) == [other["id"], action["id"]]
    path = f"/v1/stores/{shop.store_id}/recovery-logs/2026-03-03"
    waiting = app.request("GET", path, (shop, "manager")).json["needs_you_now"]["to_review"]
    assert [each["id"] for each in waiting] == [action["id"], other["id"]]
    for each in (action, other):
        reviewed = decide(app, shop, each, "review", "manager").json
        assert (reviewed["status"], reviewed["decision"]["at"] is not None) == ("reversed", True)
    assert to_review(app, shop) == []


def test_what_was_given_beyond_the_limit_waits_for_a_review(app: App, shop: Shop) -> None:
    change(app, shop, above_limit="act_first")
    by_floor, by_manager = give(app, shop, 50).json, give(app, shop, 500, by="manager").json
    assert (by_floor["status"], by_manager["status"]) == ("done", "pending")
    other = give(app, shop, 30).json
    assert to_review(app, shop) == [other["id"], by_floor["id"]]
    path = f"/v1/stores/{shop.store_id}/recovery-logs/2026-03-03"
    now = app.request("GET", path, (shop, "manager")).json["needs_you_now"]
    assert [action["id"] for action in now["to_review"]] == [by_floor["id"], other["id"]]
    for by in ("floor", "colleague"):
        assert_problem(decide(app, shop, by_floor, "review", by), 403, "forbidden")
    reviewed = decide(app, shop, by_floor, "review", "manager", note="Well done.").json
    assert (reviewed["status"], reviewed["decision"]["note"]) == ("done", "Well done.")
    assert to_review(app, shop) == [other["id"]]
    for action in (by_floor, by_manager):  # reviewed already; not given
        assert_problem(decide(app, shop, action, "review", "regional"), 409, "not-now")
    query = {"beyond": True, "reviewed": True}
    items = app.request("GET", "/v1/recovery-actions", (shop, "manager"), query_string=query).json["items"]
    assert [action["id"] for action in items] == [by_floor["id"]]


def test_the_region_is_told_when_a_store_passes_the_limit_of_its_day(scenario: StoreScenario) -> None:
    app, shop = scenario.app, scenario.shop
    scenario.give_phones()
    limits = [{"currency": "EUR", "most_per_action": 15_000, "most_per_day": 4000, "most_after_hours": 10_000}]
    change(app, shop, own_limits=limits, above_limit="act_first")
    for second, by in enumerate(("floor", "colleague", "lead")):
        assert give(app, shop, 25, by).json["status"] == "done", second
        scenario.let_pass(seconds=1)
    assert scenario.addresses_by_second(DAY_LIMIT) == {1: {"regional"}}


def test_the_region_is_told_too_where_a_concern_or_an_approval_takes_it_there(scenario: StoreScenario) -> None:
    app, shop = scenario.app, scenario.shop
    scenario.give_phones()
    limits = [{"currency": "EUR", "most_per_action": 15_000, "most_per_day": 2000, "most_after_hours": 10_000}]
    change(app, shop, own_limits=limits, above_limit="act_first")
    scenario.log(mood=3, recovery_actions=[{"remedy": "voucher", "cost": {"amount": 2500, "currency": "EUR"}}])
    scenario.let_pass(seconds=1)
    app.clock.move(days=1)
    change(app, shop, above_limit="ask_first")
    action = give(app, shop, 25, by="colleague").json
    scenario.let_pass(seconds=1)
    assert decide(app, shop, action, "approve", "manager").json["status"] == "done"
    scenario.let_pass(seconds=1)
    assert scenario.addresses_by_second(DAY_LIMIT) == {0: {"regional"}, 86_402: {"regional"}}


def test_a_third_day_within_ninety_asks_first_and_shows_what_was_given(app: App, shop: Shop) -> None:
    quill = {"customer": {"phone": "912 345 678"}}
    change(app, shop, above_limit="act_first")
    seen = []
    for days in (0, 40, 40):
        app.clock.at += timedelta(days=days)
        answer = give(app, shop, 1, by="key", store_id=str(shop.store_id), **quill).json
        seen.append((answer["status"], answer["given_90_days"]["days"], answer["given_90_days"]["cost"]["amount"]))
    assert seen == [("done", 0, 0), ("done", 1, 100), ("pending", 2, 200)]
    listed = app.request("GET", "/v1/recovery-actions", (shop, "key")).json["items"]
    assert [each["given_90_days"]["days"] for each in listed] == [2, 1, 0]
    app.clock.at += timedelta(days=11)  # the first of them is longer ago
    assert give(app, shop, 1, by="key", store_id=str(shop.store_id), **quill).json["status"] == "done"
    assert give(app, shop, 1, by="key", store_id=str(shop.store_id)).json["given_90_days"] is None


def test_what_was_given_before_is_read_when_somebody_looks(app: App, shop: Shop) -> None:
    """The approver saw what the customer had been given when it was asked for."""
    change(app, shop, above_limit="act_first")
    anas = {"customer": {"phone": "912 345 678"}}
    first, unknown = give(app, shop, 10, **anas).json, give(app, shop, 7).json
    pending = give(app, shop, 200, by="colleague", **anas).json
    concern, path = unknown["concern_id"], f"/v1/recovery-actions/{first['id']}/reverse"
    nothing = [pending["given_90_days"]["cost"]["amount"], unknown["given_90_days"]]
    change_of_concern = {"customer_id": first["customer_id"]}
    headers = {"If-Match": "*"}
    edited = app.request("PATCH", f"/v1/concerns/{concern}", (shop, "floor"), json=change_of_concern, headers=headers)
    named = edited.json["recovery_actions"][0]["given_90_days"]
    assert app.request("POST", path, (shop, "floor"), json={}).status_code == 200
    look = app.request("GET", "/v1/recovery-actions?status=pending", (shop, "manager")).json["items"]
    seen = [action["given_90_days"] for action in look]
    assert (nothing, named["cost"]["amount"]) == ([1000, None], 1000)
    assert seen == [{"days": 1, "cost": {"amount": 700, "currency": "EUR"}}]
    give(app, shop, 5, by="manager", **anas)
    answer = decide(app, shop, pending, "approve", "regional").json
    assert answer["given_90_days"] == {"days": 1, "cost": {"amount": 1200, "currency": "EUR"}}


def test_a_key_has_a_budget_of_a_day_and_of_an_order(app: App, shop: Shop) -> None:
    budget = {"per_day": {"amount": 3000, "currency": "EUR"}, "per_order": {"amount": 1200, "currency": "EUR"}}
    body = {"name": "till", "scopes": ["concerns:write"], "budgets": [budget]}
    made = app.request("POST", "/v1/api-keys", (shop, "admin"), json=body).json
    assert made["budgets"] == [budget]
    shop.tokens["till"] = made["token"]

    def by_till(amount: float, reference: str) -> str:
        answer = give(app, shop, amount, "till", store_id=str(shop.store_id), order={"reference": reference})
        return str(answer.json["status"])

    assert [by_till(8, "A"), by_till(8, "A"), by_till(8, "B")] == ["done", "pending", "done"]
    assert [by_till(12, "C"), by_till(8, "D"), by_till(2, "E")] == ["done", "pending", "done"]
    twice = {**body, "budgets": [budget, budget]}
    answer = app.request("POST", "/v1/api-keys", (shop, "admin"), json=twice)
    assert answer.json["errors"][0]["pointer"] == "/budgets/1"


def on_phone(app: App, shop: Shop) -> SharedPhone:
    """A phone of the store on which the floor is signed in."""
    set_pins(app, shop, "floor", "manager", "regional", "elsewhere")
    phone = enrol(app, shop)
    shop.tokens["floor"] = sign_in_with_pin(phone, shop, "floor").json["token"]
    return phone


def test_who_stands_at_the_phone_approves_with_their_pin(app: App, shop: Shop) -> None:
    on_phone(app, shop)
    action = give(app, shop, 50).json
    approver = {"staff_id": str(shop.staff["manager"]), "pin": PIN}
    body = {"approver": approver, "note": "As you say."}
    answer = decide(app, shop, action, "approve", "floor", **body)
    assert answer.status_code == 200, answer.text
    approved = answer.json
    assert (approved["status"], approved["decision"]["by"]["id"]) == ("done", approver["staff_id"])
    events = app.request("GET", f"/v1/concerns/{action['concern_id']}/events", (shop, "manager")).json["items"]
    step = events[-1]
    assert (step["step"], step["by"]["id"]) == ("action_approved", approver["staff_id"])
    assert step["details"]["on_phone_of"] == str(shop.staff["floor"])


def test_a_pin_on_the_phone_of_a_store_approves_nothing_of_another(app: App, shop: Shop) -> None:
    on_phone(app, shop)
    with app.back_office.writing(shop.organization_id) as session:
        session.add(StaffStore(staff_id=shop.staff["floor"], store_id=shop.other_store_id))
    voucher = {"remedy": "voucher", "cost": {"amount": 5000, "currency": "EUR"}}
    concern = log_concern(app, shop, mood=3, store_id=str(shop.other_store_id), recovery_actions=[voucher])
    (action,) = concern["recovery_actions"]
    assert action["status"] == "pending"
    approver = {"staff_id": str(shop.staff["manager"]), "pin": PIN}
    assert_problem(decide(app, shop, action, "approve", "floor", approver=approver), 403, "forbidden")


def test_a_pin_that_is_wrong_counts_and_opens_nothing(app: App, shop: Shop) -> None:
    phone = on_phone(app, shop)
    action = give(app, shop, 50).json

    def approve(login: str, pin: str, by: str = "floor") -> Any:
        return decide(app, shop, action, "approve", by, approver={"staff_id": str(shop.staff[login]), "pin": pin})

    assert_problem(approve("floor", PIN), 403, "forbidden")  # their own
    assert_problem(approve("elsewhere", PIN), 403, "wrong-pin")  # of another store
    assert approve("manager", PIN, by="colleague").status_code == 422  # no enrolled phone
    for _ in range(5):
        assert_problem(approve("manager", "000000"), 403, "wrong-pin")
    assert approve("manager", PIN).status_code == 429
    assert sign_in_with_pin(phone, shop, "manager").status_code == 429
    assert approve("regional", PIN).json["status"] == "done"


@only_on_postgresql  # SQLite has one writer
def test_pins_at_once_are_counted_before_they_are_checked(
    app: App, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_phone(app, shop)
    actions = [give(app, shop, 50).json for _ in range(4)]
    who = {"staff_id": str(shop.staff["manager"]), "pin": "000000"}
    for action in actions[:3]:
        assert decide(app, shop, action, "approve", "floor", approver=who).status_code == 403
    meeting, left = Meeting(4), iter(actions)
    monkeypatch.setattr(approver_module, "find_by_pin", meeting.before(approver_module.find_by_pin))
    answers = meeting.all_at_once(lambda: decide(app, shop, next(left), "approve", "floor", approver=who))
    assert sorted(answer.status_code for answer in answers) == [403] * 2 + [429] * 2
    assert meeting.met == 2
