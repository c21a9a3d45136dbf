"""Consent that comes with a concern: the latest answer of the customer, where the store reads their profile."""

from functools import partial
from typing import Any

from tests.support.app import App
from tests.support.assertions import assert_invalid_value
from tests.support.factories.concerns import log_concern
from tests.support.factories.organizations import Shop
from tests.support.threads import at_once

PHONE = {"phone": "912 345 678"}
YES, NO = {"consent": {"contact": True}}, {"consent": {"contact": False, "source": "phone"}}


def consent(app: App, shop: Shop, concern: dict[str, Any], by: str = "floor") -> Any:
    answer = app.request("GET", f"/v1/customers/{concern['customer_id']}", (shop, by)).json["consent"]
    return answer and (answer["contact"], answer["source"], answer["given_at"])


def test_consent_comes_with_the_concern_and_the_latest_answer_counts(app: App, shop: Shop) -> None:
    first = log_concern(app, shop, customer={**PHONE, **YES})
    assert (consent(app, shop, first), first["as_typed"]) == ((True, "in_person", "2026-03-03T12:00:00Z"), None)
    app.clock.move(hours=1)
    log_concern(app, shop, customer=PHONE)
    assert consent(app, shop, first) == (True, "in_person", "2026-03-03T12:00:00Z"), "who is not asked changes nothing"
    log_concern(app, shop, customer={**PHONE, "name": "Ana", **NO})
    assert consent(app, shop, first) == (False, "phone", "2026-03-03T13:00:00Z")
    app.clock.move(hours=1)
    by_id = log_concern(app, shop, customer_id=first["customer_id"], customer=YES)
    assert (consent(app, shop, by_id), by_id["as_typed"]) == ((True, "in_person", "2026-03-03T14:00:00Z"), None)


def test_an_older_answer_that_comes_late_does_not_replace_a_later_no(app: App, shop: Shop) -> None:
    first = log_concern(app, shop, customer={**PHONE, **YES})
    app.clock.move(hours=2)
    log_concern(app, shop, customer={**PHONE, **NO})
    no = (False, "phone", "2026-03-03T14:00:00Z")
    app.clock.move(hours=1)
    typed = {"customer": {"consent": {"contact": True, "source": "in_person"}}}
    for occurred_at in ("2026-03-03T12:10:00Z", "2026-03-03T14:00:00Z"):
        late = log_concern(app, shop, customer={**PHONE, **YES}, occurred_at=occurred_at)
        assert (consent(app, shop, first), late["as_typed"]) == (no, typed), occurred_at
    log_concern(app, shop, customer_id=first["customer_id"], customer=YES, occurred_at="2026-03-03T12:10:00Z")
    assert consent(app, shop, first) == no
    log_concern(app, shop, customer={**PHONE, **YES}, occurred_at="2026-03-03T15:04:00Z")
    assert consent(app, shop, first) == (True, "in_person", "2026-03-03T15:00:00Z"), "never dated ahead"
    log_concern(app, shop, customer={**PHONE, **NO}, occurred_at="2026-03-03T15:00:00Z")
    assert consent(app, shop, first) == (False, "phone", "2026-03-03T15:00:00Z")


def test_an_older_yes_that_comes_late_does_not_undo_that_a_consent_was_cleared(app: App, shop: Shop) -> None:
    first = log_concern(app, shop, customer={**PHONE, **YES})
    app.clock.move(hours=2)
    address, headers = f"/v1/customers/{first['customer_id']}", {"If-Match": "*"}
    cleared = app.request("PATCH", address, (shop, "floor"), json={"consent": None}, headers=headers)
    assert (cleared.status_code, cleared.json["consent"]) == (200, None)
    app.clock.move(hours=1)
    for occurred_at in ("2026-03-03T13:00:00Z", "2026-03-03T14:00:00Z"):
        late = log_concern(app, shop, customer={**PHONE, **YES}, occurred_at=occurred_at)
        assert (consent(app, shop, first), late["as_typed"]["customer"].keys()) == (None, {"consent"}), occurred_at
    log_concern(app, shop, customer={**PHONE, **YES}, occurred_at="2026-03-03T14:30:00Z")
    assert consent(app, shop, first) == (True, "in_person", "2026-03-03T14:30:00Z"), "asked again since"
    unknown = log_concern(app, shop, customer={"phone": "912 345 679"})
    body = {"name": "Ana", "consent": None}
    made = app.request("POST", "/v1/customers", (shop, "floor"), json=body).json["id"]
    for customer_id in (unknown["customer_id"], made):
        late = log_concern(app, shop, customer_id=customer_id, customer=YES, occurred_at="2026-03-03T13:00:00Z")
        assert consent(app, shop, late) == (True, "in_person", "2026-03-03T13:00:00Z"), "nothing was cleared"


def test_of_answers_that_arrive_at_once_the_newest_stands(app: App, shop: Shop) -> None:
    first = log_concern(app, shop, customer=PHONE)
    app.clock.move(hours=1)
    answers = [(YES, "12:10"), (NO, "12:40"), (YES, "12:30"), (YES, "12:20")]
    at_once(
        [
            partial(log_concern, app, shop, customer={**PHONE, **answer}, occurred_at=f"2026-03-03T{minute}:00Z")
            for answer, minute in answers
        ]
    )
    assert consent(app, shop, first) == (False, "phone", "2026-03-03T12:40:00Z")


def test_who_may_not_write_customers_records_no_consent(app: App, shop: Shop) -> None:
    key = {"name": "till", "scopes": ["concerns:write"]}
    shop.tokens["till"] = app.request("POST", "/v1/api-keys", (shop, "admin"), json=key).json["token"]
    first = log_concern(app, shop, customer={**PHONE, **NO})
    app.clock.move(hours=1)
    body = {"mood": 2, "store_id": str(shop.store_id), "customer": {**PHONE, **YES}}
    answer = app.request("POST", "/v1/concerns", (shop, "till"), json=body)
    assert answer.status_code == 201
    assert consent(app, shop, first) == (False, "phone", "2026-03-03T12:00:00Z")


def test_consent_of_nobody_or_of_a_profile_that_is_not_read_here_is_kept_as_typed(app: App, shop: Shop) -> None:
    typed = {"customer": {"consent": {"contact": True, "source": "in_person"}}}
    nobody = log_concern(app, shop, customer=YES)
    assert (nobody["customer_id"], nobody["as_typed"]) == (None, typed)
    there = {"store_id": str(shop.other_store_id)}
    known = log_concern(app, shop, "elsewhere", customer={**PHONE, **NO}, **there)
    here = log_concern(app, shop, customer={**PHONE, **YES})
    assert (here["customer_id"], here["as_typed"]) == (known["customer_id"], typed)
    assert log_concern(app, shop, customer_id=known["customer_id"], customer=YES)["as_typed"] == typed
    assert consent(app, shop, known, "elsewhere") == (False, "phone", "2026-03-03T12:00:00Z")


def test_a_consent_says_yes_or_no(app: App, shop: Shop) -> None:
    body = {"mood": 2, "customer": {**PHONE, "consent": {"source": "phone"}}}
    answer = app.request("POST", "/v1/concerns", (shop, "floor"), json=body)
    assert_invalid_value(answer, "body", "/customer/consent/contact", "required")
