"""Follow-ups over HTTP: who may make and keep them, what is refused, who reads which fields."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from models.access import GRANTS, Actor, Role
from models.recovery.follow_up import FollowUp
from models.staff.staff import Staff
from tests.support.app import App
from tests.support.assertions import assert_invalid_value, assert_problem
from tests.support.clock import NOON
from tests.support.factories.concerns import log_concern, move
from tests.support.factories.organizations import Shop

CALL = {"what": "We call with the day of delivery.", "kind": "call", "due_at": "2026-03-03T18:00:00Z"}
DAY = "2026-03-03"


def ask(app: App, shop: Shop, method: str, path: str, by: str = "floor", **options: Any) -> Any:
    return app.request(method, f"/v1{path}", (shop, by), **options)


def promise(app: App, shop: Shop, concern: dict[str, Any] | None = None, by: str = "floor", **said: Any) -> Any:
    concern = concern or log_concern(app, shop, mood=3)
    return ask(app, shop, "POST", f"/concerns/{concern['id']}/follow-ups", by, json={**CALL, **said})


def step(app: App, shop: Shop, promised: dict[str, Any], verb: str, by: str = "floor", **said: Any) -> Any:
    return ask(app, shop, "POST", f"/follow-ups/{promised['id']}/{verb}", by, json=said)


def listed(app: App, shop: Shop, by: str = "manager", **query: Any) -> list[str]:
    answer = ask(app, shop, "GET", "/follow-ups", by, query_string=query)
    assert answer.status_code == 200, answer.text
    return [follow_up["id"] for follow_up in answer.json["items"]]


def needs_you_now(app: App, shop: Shop, by: str = "manager", *, day: str = DAY) -> dict[str, list[str]]:
    log = ask(app, shop, "GET", f"/stores/{shop.store_id}/recovery-logs/{day}", by).json
    return {name: [item["id"] for item in them] for name, them in log["needs_you_now"].items()}


def test_a_follow_up_is_read_by_its_id_as_the_link_of_a_push_names_it(app: App, shop: Shop) -> None:
    promised = promise(app, shop).json
    answer = ask(app, shop, "GET", f"/follow-ups/{promised['id']}", "manager")
    assert (answer.json, "ETag" in answer.headers) == (promised, True)
    assert_problem(ask(app, shop, "GET", f"/follow-ups/{promised['id']}", "elsewhere"), 404, "not-found")


def test_a_follow_up_is_answered_as_it_was_sent(app: App, shop: Shop) -> None:
    concern = log_concern(app, shop, mood=3, customer={"phone": "912 345 678"})
    answer = promise(app, shop, concern, id="01a2057b-741c-7631-8cca-22605be163db")
    assert answer.status_code == 201, answer.text
    floor = {"id": str(shop.staff["floor"]), "name": "Floor of acme"}
    assert answer.json == {
        **CALL,
        "id": "01a2057b-741c-7631-8cca-22605be163db",
        "version": 1,
        "concern_id": concern["id"],
        "store_id": str(shop.store_id),
        "customer_id": concern["customer_id"],
        "customer_name": concern["customer_name"],
        "place_name": None,
        "business_date": DAY,
        "status": "open",
        "owner": floor,
        "promised_by": floor,
        "promised_at": "2026-03-03T12:00:00Z",
        "kept_at": None,
        "broken_at": None,
        "note": None,
        "missing": [],
        "fix_id": None,
    }
    again = promise(app, shop, concern, id="01a2057b-741c-7631-8cca-22605be163db")
    assert (again.status_code, again.json, again.headers["Idempotent-Replayed"]) == (200, answer.json, "true")
    assert ask(app, shop, "GET", f"/concerns/{concern['id']}/follow-ups").json["items"] == [answer.json]


@pytest.mark.parametrize(
    ("kind", "customer", "missing"),
    [
        ("call", None, ["contact"]),
        ("call", {"name": "Ana"}, ["contact"]),
        ("call", {"email": "ana@example.com"}, ["contact"]),
        ("call", {"phone": "912 345 678"}, []),
        ("message", {"name": "Ana"}, ["contact"]),
        ("message", {"email": "ana@example.com"}, []),
        ("message", {"phone": "912 345 678"}, []),
        ("visit", None, []),
    ],
    ids=str,
)
def test_a_promise_says_that_it_lacks_a_contact_until_it_is_over(
    app: App, shop: Shop, kind: str, customer: dict[str, str] | None, missing: list[str]
) -> None:
    concern = log_concern(app, shop, mood=3, customer=customer)
    promised = promise(app, shop, concern, kind=kind).json
    assert promised["missing"] == missing
    assert ask(app, shop, "GET", f"/concerns/{concern['id']}/follow-ups").json["items"] == [promised]
    assert step(app, shop, promised, "keep").json["missing"] == []


def test_follow_ups_are_made_and_kept_once_the_concern_is_over(app: App, shop: Shop) -> None:
    concern = log_concern(app, shop)
    move(app, shop, concern, "resolve")
    promised = promise(app, shop, concern).json
    kept_follow_up = step(app, shop, promised, "keep", "colleague", note="They were glad.").json
    assert (kept_follow_up["status"], kept_follow_up["kept_at"], kept_follow_up["note"]) == (
        "kept",
        "2026-03-03T12:00:00Z",
        "They were glad.",
    )
    timeline = ask(app, shop, "GET", f"/concerns/{concern['id']}/events").json["items"]
    assert [event["step"] for event in timeline] == ["logged", "resolved", "promised", "promise_kept"]


@pytest.mark.parametrize("due_at", ["2026-03-03T12:00:00Z", "2026-03-03T11:59:59Z", "2027-03-03T12:00:01Z"])
def test_a_follow_up_is_due_in_the_coming_year(app: App, shop: Shop, due_at: str) -> None:
    answer = promise(app, shop, due_at=due_at)
    assert_invalid_value(answer, "body", "/due_at")


def test_a_follow_up_may_be_due_in_the_next_moment_and_on_the_same_day_next_year(app: App, shop: Shop) -> None:
    for due_at in ("2026-03-03T12:00:01Z", "2027-03-03T12:00:00Z"):
        assert promise(app, shop, due_at=due_at).status_code == 201


@pytest.mark.parametrize("body", [{"what": ""}, {"what": None}, {"kind": "postcard"}, {"due_at": "tomorrow"}])
def test_an_empty_follow_up_is_refused(app: App, shop: Shop, body: dict[str, Any]) -> None:
    (field,) = body
    answer = promise(app, shop, **body)
    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, f"/{field}")


def test_it_is_kept_by_a_colleague_who_works_there_and_may_act(app: App, shop: Shop) -> None:
    for login in ("colleague", "manager", "regional"):
        answer = promise(app, shop, by="regional", owner_id=str(shop.staff[login]))
        assert answer.json["owner"]["id"] == str(shop.staff[login]), answer.text
    for login in ("hq", "admin", "elsewhere"):  # who does not work here is out of sight
        refused = promise(app, shop, owner_id=str(shop.staff[login]))
        assert_invalid_value(refused, "body", "/owner_id", "not-found")


def test_who_does_not_work_in_the_store_owns_no_follow_up_of_it(app: App, shop: Shop) -> None:
    elsewhere = str(shop.staff["elsewhere"])
    assert_invalid_value(promise(app, shop, by="key", owner_id=elsewhere), "body", "/owner_id")
    assert_invalid_value(promise(app, shop, by="key", owner_id=str(shop.staff["hq"])), "body", "/owner_id")
    promised = promise(app, shop).json
    assert_invalid_value(step(app, shop, promised, "hand-over", "key", staff_id=elsewhere), "body", "/staff_id")


def test_who_has_left_owns_no_follow_up(app: App, shop: Shop) -> None:
    with app.back_office.writing(shop.organization_id) as session:
        session.get_one(Staff, (shop.organization_id, shop.staff["colleague"])).left_at = NOON
    assert_invalid_value(promise(app, shop, owner_id=str(shop.staff["colleague"])), "body", "/owner_id")


def test_a_key_names_who_keeps_it(app: App, shop: Shop) -> None:
    assert_invalid_value(promise(app, shop, by="key"), "body", "/owner_id")
    follow_up = promise(app, shop, by="key", owner_id=str(shop.staff["floor"])).json
    assert (follow_up["owner"]["id"], follow_up["promised_by"]) == (str(shop.staff["floor"]), None)


def test_a_sensitive_one_is_kept_by_who_may_read_it(app: App, shop: Shop) -> None:
    concern = log_concern(app, shop, "floor", mood=3, sensitive=True)
    assert_invalid_value(
        promise(app, shop, concern, "manager", owner_id=str(shop.staff["colleague"])), "body", "/owner_id"
    )
    promised = promise(app, shop, concern, "manager", owner_id=str(shop.staff["floor"])).json
    assert_invalid_value(
        step(app, shop, promised, "hand-over", staff_id=str(shop.staff["colleague"])), "body", "/staff_id"
    )
    assert_problem(step(app, shop, promised, "keep", "colleague"), 404, "not-found")
    assert listed(app, shop, "colleague") == []
    assert listed(app, shop, "floor") == listed(app, shop, "manager") == [promised["id"]]


def test_what_is_over_stays_over(app: App, shop: Shop) -> None:
    kept, cancelled = promise(app, shop).json, promise(app, shop).json
    step(app, shop, kept, "keep")
    step(app, shop, cancelled, "cancel", note="Not needed.")
    for promised, state in ((kept, "kept"), (cancelled, "cancelled")):
        for verb, said in (
            ("keep", {}),
            ("cancel", {"note": "No."}),
            ("hand-over", {"staff_id": str(shop.staff["colleague"])}),
        ):
            assert assert_problem(step(app, shop, promised, verb, **said), 409, "not-now")["state"] == state


def test_who_cancels_says_why(app: App, shop: Shop) -> None:
    assert_invalid_value(step(app, shop, promise(app, shop).json, "cancel"), "body", "/note", "required")


def test_lists_are_by_due_date_and_narrowed(app: App, shop: Shop) -> None:
    later = promise(app, shop, due_at="2026-03-05T12:00:00Z").json["id"]
    first = promise(app, shop, due_at="2026-03-03T12:01:00Z").json["id"]
    theirs = promise(app, shop, due_at="2026-03-04T12:00:00Z", owner_id=str(shop.staff["colleague"])).json["id"]
    assert listed(app, shop) == [first, theirs, later]
    assert listed(app, shop, owner_id=shop.staff["colleague"]) == [theirs]
    assert listed(app, shop, due_before="2026-03-04T12:00:00Z") == [first]
    assert listed(app, shop, store_id=shop.other_store_id) == []
    assert listed(app, shop, "elsewhere") == []
    step(app, shop, {"id": first}, "keep")
    assert listed(app, shop, status="open") == [theirs, later]
    assert listed(app, shop, status="kept") == [first]


def test_head_office_reads_follow_ups_without_words_and_names(app: App, shop: Shop) -> None:
    promised = promise(app, shop, what="planted words").json
    step(app, shop, promised, "keep", note="planted note")
    answer = ask(app, shop, "GET", "/follow-ups", "hq")
    assert "planted" not in answer.text
    assert "Floor of acme" not in answer.text
    assert (answer.json["items"][0]["status"], answer.json["items"][0]["what"]) == ("kept", None)
    for verb, said in (("keep", {}), ("cancel", {"note": "No."})):
        assert_problem(step(app, shop, promised, verb, "hq", **said), 403, "forbidden")


def test_what_a_customer_still_waits_for_is_found_across_their_concerns(app: App, shop: Shop) -> None:
    person = {"customer": {"phone": "912 345 678"}}
    first, second = (log_concern(app, shop, mood=3, **person) for _ in range(2))
    later = promise(app, shop, first, due_at="2026-03-05T12:00:00Z").json["id"]
    sooner = promise(app, shop, second).json["id"]
    step(app, shop, promise(app, shop, first).json, "keep")
    promise(app, shop)  # to somebody else
    with app.back_office.writing(shop.organization_id) as session:
        session.get_one(FollowUp, (shop.organization_id, UUID(sooner))).mark_broken(at=NOON + timedelta(hours=6))
    with app.database.reading(shop.organization_id) as session:
        customer_id, actor = (
            UUID(first["customer_id"]),
            Actor(shop.organization_id, GRANTS[Role.MANAGER], frozenset({shop.store_id})),
        )
        waits = session.scalars(FollowUp.pending_for_customer(customer_id, actor=actor)).unique().all()
        assert [str(follow_up.id) for follow_up in waits] == [sooner, later]
        nobody = Actor(shop.organization_id, actor.permissions, frozenset({shop.other_store_id}))
        assert session.scalars(FollowUp.pending_for_customer(customer_id, actor=nobody)).all() == []


def test_the_daily_log_shows_which_follow_ups_were_made_and_which_are_due(app: App, shop: Shop) -> None:
    promised = promise(app, shop).json
    tomorrow = promise(app, shop, due_at="2026-03-04T12:00:00Z").json
    gone = promise(app, shop).json
    step(app, shop, gone, "cancel", note="Not needed.")
    assert needs_you_now(app, shop)["follow_ups"] == [promised["id"]]
    assert needs_you_now(app, shop, day="2026-03-04")["follow_ups"] == [tomorrow["id"]]
    kept_follow_up = promise(app, shop).json
    step(app, shop, kept_follow_up, "keep")
    app.clock.move(hours=7)
    late = promise(app, shop, due_at="2026-03-03T20:00:00Z").json
    step(app, shop, promised, "keep")
    assert needs_you_now(app, shop)["follow_ups"] == [late["id"]]
    figures = ask(app, shop, "GET", f"/stores/{shop.store_id}/recovery-logs/{DAY}", "manager").json["figures"]
    assert (figures["follow_ups_due"], figures["follow_ups_kept"]) == (3, 1)


def test_the_log_of_the_day_lists_what_is_asked_for_and_what_is_not_paid(app: App, shop: Shop) -> None:
    for remedy, kind in (("refund", "refund"), ("present", "gift")):
        body = {"slug": remedy, "name": remedy, "kind": kind}
        assert ask(app, shop, "POST", "/remedies", "admin", json=body).status_code == 201
    concern = log_concern(app, shop, "colleague", mood=3)

    def act(remedy: str, amount: int) -> dict[str, Any]:
        body = {"remedy": remedy, "cost": {"amount": amount, "currency": "EUR"}}
        action: dict[str, Any] = ask(app, shop, "POST", f"/concerns/{concern['id']}/recovery-actions", json=body).json
        return action

    unpaid, paid, pending = act("refund", 500), act("refund", 500), act("present", 5000)
    act("present", 500)
    path = f"/recovery-actions/{paid['id']}/settle"
    settled = ask(app, shop, "POST", path, "key", json={"settlement": "settled"})
    assert settled.status_code == 200
    needs = needs_you_now(app, shop, "floor")
    assert (needs["pending_approvals"], needs["promised_not_paid"]) == ([pending["id"]], [unpaid["id"]])
    assert needs_you_now(app, shop, day="2026-03-04")["promised_not_paid"] == []
