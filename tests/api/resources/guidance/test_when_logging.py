"""Guidance in the answer of a new concern: the same as GET /v1/guidance."""

from typing import Any

import pytest
from sqlalchemy import select

from models.organizations.vocabulary import Question
from tests.support.app import App
from tests.support.factories.concerns import log_concern, move
from tests.support.factories.guidance import COLD_FOOD, get_guidance, guidance_offer, limit_vouchers, log_past_concerns
from tests.support.factories.organizations import Shop, make_shop

QUILL = {"customer": {"phone": "912 345 678"}}
OVER = {"handling": "mine", "outcome": "recovered", "mood_after": 4}


def left(concern: dict[str, Any], remedy: str = "voucher") -> Any:
    (offer,) = (offer for offer in concern["guidance"]["offers"] if offer["remedy"] == remedy)
    return offer["left"]["amount"] if offer["left"] else None


def cents(amount: int) -> dict[str, Any]:
    return {"amount": amount, "currency": "EUR"}


def test_logging_answers_the_same_guidance_as_asking(app: App, shop: Shop) -> None:
    log_past_concerns(app, shop, 10, cost=100, **QUILL)
    concern = log_concern(app, shop, mood=1, **COLD_FOOD, **QUILL)
    guidance = get_guidance(app, shop, **COLD_FOOD, mood=1, customer_id=concern["customer_id"]).json
    assert concern["guidance"] == guidance
    assert (guidance["same_cause"]["n"], guidance["offers"][0]["kind"]) == (10, "apology")
    assert guidance["question"]["slug"] == "what-happened"


@pytest.mark.parametrize("said", [{"kind": "praise", "mood": 5}, {"mood": 2, **OVER}])
def test_where_there_is_nothing_to_do_there_are_no_hints(app: App, shop: Shop, said: dict[str, Any]) -> None:
    assert log_concern(app, shop, **said)["guidance"] is None


def test_hints_are_for_the_moment_and_no_part_of_the_concern(app: App, shop: Shop) -> None:
    headers = {"Idempotency-Key": "k"}
    first, again = (
        app.request("POST", "/v1/concerns", (shop, "floor"), json={"mood": 2}, headers=headers) for _ in range(2)
    )
    assert first.json["guidance"]["words_first"] is True
    assert again.json == {**first.json, "guidance": None}
    path = f"/v1/concerns/{first.json['id']}"
    match = {"If-Match": first.headers["ETag"]}
    shown = [
        app.request("GET", path, (shop, "floor")).json,
        app.request("PATCH", path, (shop, "floor"), json={"stake": "birthday"}, headers=match).json,
        *app.request("GET", "/v1/concerns", (shop, "floor")).json["items"],
    ]
    assert len(shown) == 3
    assert all("guidance" not in concern for concern in shown)


def test_what_is_given_at_this_moment_is_seen_in_what_is_left(app: App, shop: Shop) -> None:
    limit_vouchers(app, shop, 1000, 2500)
    with_voucher = {"recovery_actions": [{"remedy": "voucher", "cost": cents(700)}]}
    concern = log_concern(app, shop, **QUILL, **with_voucher)
    assert left(concern) == left(log_concern(app, shop, **QUILL)) == 300
    assert left(log_concern(app, shop)) == 1000
    path = f"/v1/concerns/{concern['id']}/recovery-actions"
    voucher = app.request("GET", path, (shop, "floor")).json["items"][0]
    reversed_ = app.request("POST", f"/v1/recovery-actions/{voucher['id']}/reverse", (shop, "floor"), json={})
    assert reversed_.status_code < 300
    assert left(log_concern(app, shop, **QUILL)) == 1000
    assert guidance_offer(app, shop, "voucher", customer_id=concern["customer_id"])["left"] == cents(1000)
    app.clock.move(days=1)
    log_concern(app, shop, **QUILL, **with_voucher)
    app.clock.move(days=1)
    assert left(log_concern(app, shop, **QUILL)) == 1000


def test_of_somebody_unknown_the_order_counts(app: App, shop: Shop) -> None:
    limit_vouchers(app, shop, 1000)
    order = {"order": {"reference": "T-17"}}
    log_concern(app, shop, **order, recovery_actions=[{"remedy": "voucher", "cost": cents(400)}])
    assert left(log_concern(app, shop, **order)) == 600
    assert left(log_concern(app, shop, order={"reference": "T-18"})) == 1000


def test_each_role_reads_its_own_limits(app: App, shop: Shop) -> None:
    limit_vouchers(app, shop, 1000)
    store = {"store_id": str(shop.store_id)}
    assert left(log_concern(app, shop, "manager", **store)) is None
    assert left(log_concern(app, shop, "key", **store)) == 1000


def test_it_shows_what_was_tried_as_the_history_does(app: App, shop: Shop) -> None:
    done = [{"remedy": "remake"}, {"remedy": "apology"}, {"remedy": "apology"}]
    first = log_concern(app, shop, category="food", **QUILL, recovery_actions=done)
    assert first["guidance"]["tried_before"] is None
    move(app, shop, first, "resolve")
    app.clock.move(hours=1)
    second = log_concern(app, shop, **QUILL)
    now = app.request("GET", f"/v1/customers/{first['customer_id']}/history", (shop, "floor")).json["now"]
    tried = second["guidance"]["tried_before"]
    assert tried == now["tried_before"]
    assert (tried["concern_id"], tried["remedies"]) == (first["id"], ["remake", "apology", "apology"])
    for by in ("floor", "admin"):  # with a store and without one
        assert get_guidance(app, shop, by, customer_id=first["customer_id"]).json["tried_before"] == tried
    assert get_guidance(app, shop).json["tried_before"] is None


def test_what_was_tried_out_of_reach_is_not_shown(app: App, shop: Shop) -> None:
    hidden = log_concern(app, shop, "manager", store_id=str(shop.store_id), sensitive=True, **QUILL)
    move(app, shop, hidden, "resolve")
    app.clock.move(hours=1)
    assert log_concern(app, shop, **QUILL)["guidance"]["tried_before"] is None
    there = log_concern(app, shop, "manager", store_id=str(shop.store_id), **QUILL)
    assert there["guidance"]["tried_before"]["concern_id"] == hidden["id"]


def test_new_lessons_are_seen_after_a_minute(app: App, shop: Shop) -> None:
    log_past_concerns(app, shop, 9)
    assert log_concern(app, shop, mood=2, **COLD_FOOD)["guidance"]["same_cause"] is None
    log_concern(app, shop, mood=2, **COLD_FOOD, **OVER)
    app.clock.move(seconds=59)
    assert log_concern(app, shop, mood=2, **COLD_FOOD)["guidance"]["same_cause"] is None
    app.clock.move(seconds=1)
    assert log_concern(app, shop, mood=2, **COLD_FOOD)["guidance"]["same_cause"]["n"] == 10


def test_what_one_organization_learned_is_not_shown_to_another(app: App, shop: Shop) -> None:
    other = make_shop(app.back_office, "other")
    with app.back_office.writing(other.organization_id) as session:
        session.scalars(select(Question)).one().text = "What would help?"
    log_past_concerns(app, other, 12)
    questions = {
        organization.slug: log_concern(app, organization, mood=2)["guidance"]["question"]["text"]
        for organization in (shop, other)
    }
    assert questions == {"acme": "What happened?", "other": "What would help?"}
    guidance = {
        organization.slug: log_concern(app, organization, mood=2, **COLD_FOOD)["guidance"]
        for organization in (other, shop)
    }
    assert (guidance["other"]["same_cause"]["n"], guidance["acme"]["same_cause"]) == (12, None)
