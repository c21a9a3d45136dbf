"""A concern is never refused for what can be sorted out later: it is kept as typed, listed as missing, and rings."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import select, update
from uuid_utils.compat import uuid7

from models.db.rate_limiter import Limit, MemoryCounter, RateLimiter, Usage
from models.organizations.place import Place
from models.organizations.store import Store
from models.organizations.vocabulary import Category, Cause
from models.recovery.action import RecoveryAction
from models.recovery.remedy import RemedyLimit
from models.staff.shift import Shift
from models.staff.staff import StaffStore
from tests.support.app import App
from tests.support.assertions import assert_problem
from tests.support.clock import NOON
from tests.support.factories.concerns import edit, log_concern
from tests.support.factories.organizations import Shop, make_shop
from tests.support.profiles import examples

NOBODY = "01a22c00-0000-7000-8000-000000000000"
# What is sent besides the mood, what is kept of it, and what is missing for it.
LEFT_OUT: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a place nobody knows": ({"place": "Table 99"}, {"place": "Table 99"}),
    "a category nobody knows": ({"category": "Wi-Fi"}, {"category": "Wi-Fi"}),
    "a cause nobody knows": ({"category": "food", "cause": "Salty"}, {"cause": "Salty"}),
    "a cause of another category": ({"category": "food", "cause": "kitchen"}, {"cause": "kitchen"}),
    "a question nobody knows": ({"question": "What now?"}, {"question": "What now?"}),
    "a customer out of reach": ({"customer_id": NOBODY}, {"customer_id": NOBODY}),
    "a number that cannot be one": ({"customer": {"phone": "12"}}, {"customer": {"phone": "12"}}),
    "an address that cannot be one": ({"customer": {"email": "ana at home"}}, {"customer": {"email": "ana at home"}}),
    "a colleague out of reach": ({"praised_id": NOBODY}, {"praised_id": NOBODY}),
    "a concern out of reach": ({"linked_id": NOBODY}, {"linked_id": NOBODY}),
    "an item without a name": ({"items": [{"quantity": 2}]}, {"items": [{"quantity": 2, "slug": None, "name": None}]}),
    "an unknown remedy": (
        {"recovery_actions": [{"remedy": "champagne", "note": "two"}]},
        {"recovery_actions": [{"remedy": "champagne", "note": "two"}]},
    ),
    "another currency": (
        {"recovery_actions": [{"remedy": "voucher", "cost": {"amount": 500, "currency": "USD"}}]},
        {"recovery_actions": [{"remedy": "voucher", "cost": {"amount": 500, "currency": "USD"}}]},
    ),
    "a cost that cannot be": (
        {"recovery_actions": [{"remedy": "voucher", "cost": {"amount": -5, "currency": "EUR"}}]},
        {"recovery_actions": [{"remedy": "voucher", "cost": {"amount": -5, "currency": "EUR"}}]},
    ),
    "a currency that cannot be": (
        {"recovery_actions": [{"remedy": "voucher", "cost": {"amount": 5, "currency": "eur"}}]},
        {"recovery_actions": [{"remedy": "voucher", "cost": {"amount": 5, "currency": "eur"}}]},
    ),
    "half a cost": (
        {"recovery_actions": [{"remedy": "voucher", "cost": {"amount": 5}}]},
        {"recovery_actions": [{"remedy": "voucher", "cost": {"amount": 5}}]},
    ),
    "an action with the id of another one": (
        {"recovery_actions": [{"id": NOBODY, "remedy": "remake"}, {"id": NOBODY, "remedy": "voucher"}]},
        {"recovery_actions": [{"id": NOBODY, "remedy": "voucher"}]},
    ),
    "a value that no order has": (
        {"order": {"reference": "A7", "value": {"amount": -1, "currency": "EUR"}}},
        {"order": {"value": {"amount": -1, "currency": "EUR"}}},
    ),
    "none of an item": (
        {"items": [{"name": "Soup", "quantity": 0}, {"name": "Bread"}]},
        {"items": [{"name": "Soup", "quantity": 0, "slug": None}]},
    ),
    "told not even once": ({"times_told": 0}, {"times_told": 0}),
    "a mood after that is none": ({"mood_after": 9}, {"mood_after": 9}),
    "the way of a customer": ({"channel": "qr"}, {"channel": "qr"}),
    "a mood after no outcome": ({"mood_after": 4}, {"mood_after": 4}),
}


def kept(concern: dict[str, Any]) -> set[str]:
    return {"customer" if name == "customer_id" else name for name in concern["as_typed"] or ()}


@pytest.mark.parametrize("sent", LEFT_OUT)
def test_it_is_kept_as_typed_and_the_concern_rings(app: App, shop: Shop, sent: str) -> None:
    body, typed = LEFT_OUT[sent]
    concern = log_concern(app, shop, mood=1, **body)
    assert concern["as_typed"] == typed
    assert kept(concern) <= set(concern["missing"])
    assert concern["alert"]["state"] == "open"
    assert app.request("GET", f"/v1/concerns/{concern['id']}", (shop, "floor")).json["as_typed"] == typed


@pytest.mark.parametrize("field", ["customer_id", "praised_id", "linked_id"])
def test_what_is_out_of_reach_is_left_out_alike_whether_it_exists_or_not(app: App, shop: Shop, field: str) -> None:
    ids = {NOBODY}
    stranger = make_shop(app.back_office, "globex")
    for org, login in ((shop, "elsewhere"), (stranger, "floor")):
        store_id = str(org.other_store_id if login == "elsewhere" else org.store_id)
        answer = app.request(
            "POST",
            "/v1/concerns",
            (org, login),
            json={"mood": 3, "store_id": store_id, "customer": {"phone": "912345678"}},
        )
        own = {"customer_id": answer.json["customer_id"], "linked_id": answer.json["id"]}
        ids.add({**own, "praised_id": str(org.staff[login])}[field])
    answers = [log_concern(app, shop, **{field: id_}) for id_ in sorted(ids)]
    assert [answer["as_typed"] for answer in answers] == [{field: id_} for id_ in sorted(ids)]
    assert len({str(answer["missing"]) for answer in answers}) == 1


def test_what_stands_is_no_part_of_it(app: App, shop: Shop) -> None:
    concern = log_concern(
        app,
        shop,
        place="Table 99",
        category="Food",
        customer={"name": "Ana", "phone": "12", "email": " ana@x.example "},
    )
    assert concern["category"] == "food"
    assert concern["as_typed"] == {"place": "Table 99", "customer": {"phone": "12"}}
    customer = app.request("GET", f"/v1/customers/{concern['customer_id']}", (shop, "floor")).json
    assert (customer["name"], customer["email"]) == ("Ana", "ana@x.example")


def test_a_customer_who_is_sent_twice_is_the_one_of_the_id(app: App, shop: Shop) -> None:
    ana = log_concern(app, shop, customer={"name": "Ana", "phone": "912 345 678"})["customer_id"]
    concern = log_concern(app, shop, customer_id=ana, customer={"name": "Rui"})
    assert (concern["customer_id"], concern["as_typed"]) == (ana, {"customer": {"name": "Rui"}})
    assert "customer" in concern["missing"]


def test_contacts_of_several_customers_are_nobodys_until_somebody_says_whose(app: App, shop: Shop) -> None:
    ana = log_concern(app, shop, customer={"phone": "912 345 678"})["customer_id"]
    log_concern(app, shop, customer={"email": "rui@x.example"})
    both = {"phone": "912 345 678", "email": "rui@x.example"}
    concern = log_concern(app, shop, customer=both)
    assert (concern["customer_id"], concern["as_typed"]) == (None, {"customer": both})
    assert {"customer", "ambiguous_customer"} <= set(concern["missing"])
    corrected = edit(app, shop, concern, customer_id=ana)
    assert (corrected["customer_id"], corrected["as_typed"]) == (ana, None)
    assert not {"customer", "ambiguous_customer"} & set(corrected["missing"])


def test_a_concern_linked_to_itself_is_logged_without_the_link_and_a_change_to_that_is_refused(
    app: App, shop: Shop
) -> None:
    own = str(uuid7())
    concern = log_concern(app, shop, id=own, linked_id=own)
    assert (concern["linked_id"], concern["as_typed"]) == (None, {"linked_id": own})
    path = f"/v1/concerns/{own}"
    answer = app.request("PATCH", path, (shop, "floor"), json={"linked_id": own}, headers={"If-Match": "*"})
    assert [error["pointer"] for error in assert_problem(answer, 422, "invalid")["errors"]] == ["/linked_id"]


def test_more_than_the_order_is_left_out_and_counts_nowhere(app: App, shop: Shop) -> None:
    refund = {"slug": "refund", "name": "Refund", "kind": "refund"}
    assert app.request("POST", "/v1/remedies", (shop, "admin"), json=refund).status_code == 201
    order = {"reference": "A7", "value": {"amount": 1000, "currency": "EUR"}}
    costs = [{"remedy": "refund", "cost": {"amount": amount, "currency": "EUR"}} for amount in (800, 300)]
    concern = log_concern(app, shop, order=order, recovery_actions=costs)
    assert concern["as_typed"] == {"recovery_actions": [costs[1]]}
    with app.back_office.reading(shop.organization_id) as session:
        actions = session.scalars(select(RecoveryAction).where(RecoveryAction.concern_id == UUID(concern["id"])))
        assert [action.cost_amount for action in actions.unique()] == [800]


@pytest.mark.parametrize("kind", ["refund", "discount", "voucher"])
def test_money_without_a_cost_is_left_out(app: App, shop: Shop, kind: str) -> None:
    remedy = {"slug": "money", "name": "Money", "kind": kind}
    assert app.request("POST", "/v1/remedies", (shop, "admin"), json=remedy).status_code == 201
    concern = log_concern(app, shop, mood=1, recovery_actions=[{"remedy": "money"}, {"remedy": "apology"}])
    assert concern["as_typed"] == {"recovery_actions": [{"remedy": "money"}]}
    assert (concern["alert"]["state"], "recovery_actions" in concern["missing"]) == ("open", True)
    done = app.request("GET", f"/v1/concerns/{concern['id']}/recovery-actions", (shop, "floor")).json["items"]
    assert [action["remedy"] for action in done] == ["apology"]


def test_of_what_cannot_be_the_rest_stands(app: App, shop: Shop) -> None:
    own = str(uuid7())
    concern = log_concern(
        app,
        shop,
        items=[{"name": "Soup", "quantity": 0}, {"name": "Bread", "quantity": 2}],
        order={"reference": "A7", "value": {"amount": 5, "currency": "eur"}},
        recovery_actions=[{"id": own, "remedy": "remake"}, {"id": own, "remedy": "voucher"}],
        outcome="recovered",
        mood_after=9,
    )
    assert [(item["name"], item["quantity"]) for item in concern["items"]] == [("Bread", 2)]
    assert concern["order"] == {"reference": "A7", "value": None}
    assert (concern["outcome"], concern["mood_after"], concern["as_typed"]["mood_after"]) == ("recovered", None, 9)
    done = app.request("GET", f"/v1/concerns/{concern['id']}/recovery-actions", (shop, "floor")).json["items"]
    assert [(action["id"], action["remedy"]) for action in done] == [(own, "remake")]


@pytest.mark.parametrize(
    ("field", "wrong"),
    [("place", "Table 99"), ("category", "Wi-Fi"), ("question", "What now?"), ("customer_id", NOBODY)],
)
def test_a_correction_removes_what_was_typed_there_and_nothing_else(
    app: App, shop: Shop, field: str, wrong: str
) -> None:
    right = {"place": "table-12", "category": "food", "question": "what-happened"}
    ana = log_concern(app, shop, customer={"phone": "912 345 678"})["customer_id"]
    concern = log_concern(app, shop, praised_id=NOBODY, **{field: wrong})
    corrected = edit(app, shop, concern, **{field: right.get(field, ana)})
    assert corrected["as_typed"] == {"praised_id": NOBODY}
    assert field.removesuffix("_id") not in corrected["missing"]


def test_how_it_ended_and_what_was_done_are_corrected_by_saying_so(app: App, shop: Shop) -> None:
    concern = log_concern(app, shop, mood_after=4, recovery_actions=[{"remedy": "champagne"}])
    path, by = f"/v1/concerns/{concern['id']}", (shop, "floor")
    assert app.request("POST", f"{path}/recovery-actions", by, json={"remedy": "apology"}).status_code == 201
    assert app.request("POST", f"{path}/resolve", by, json={"outcome": "recovered"}).status_code == 200
    assert app.request("GET", path, by).json["as_typed"] is None


@pytest.mark.parametrize("typed", ["Table 12", " table  12", "TABLE-12", "Mesa 12", "mesa-doze", "old-twelve"])
def test_a_place_is_found_as_slug_as_former_slug_and_by_name_in_every_language(
    app: App, shop: Shop, typed: str
) -> None:
    with app.back_office.writing(shop.organization_id) as session:
        twelve = session.scalars(select(Place).where(Place.slug == "table-12")).one()
        twelve.names = {"pt": "Mesa 12", "pt-BR": "Mesa-doze"}
        place_id = twelve.id
    path, headers = f"/v1/stores/{shop.store_id}/places/{place_id}", {"If-Match": "*"}
    for slug in ("old-twelve", "table-12"):
        renamed = app.request("PATCH", path, (shop, "manager"), json={"slug": slug}, headers=headers)
        assert renamed.status_code == 200, renamed.text
    concern = log_concern(app, shop, place=typed)
    assert (concern["place"], concern["as_typed"]) == ("table-12", None)


def test_a_cause_brings_its_category_and_words_are_found_by_name(app: App, shop: Shop) -> None:
    assert (
        app.request(
            "PATCH",
            f"/v1/categories/{category_id(app, shop, 'food')}",
            (shop, "admin"),
            json={"names": {"pt": "Comida"}},
            headers={"If-Match": "*"},
        ).status_code
        == 200
    )
    for sent in ({"cause": "cold"}, {"cause": "COLD"}, {"category": "comida", "cause": "Cold"}):
        concern = log_concern(app, shop, **sent)
        assert (concern["category"], concern["cause"], concern["as_typed"]) == ("food", "cold", None), sent


def test_a_retired_word_still_matches_and_a_name_of_two_matches_neither(app: App, shop: Shop) -> None:
    with app.back_office.writing(shop.organization_id) as session:
        waiting = session.scalars(select(Category).where(Category.slug == "waiting-time")).one()
        waiting.retired_at = app.clock()
        session.add(Cause(category_id=waiting.id, slug="cold-kitchen", name="Cold"))
    assert log_concern(app, shop, category="Waiting time")["category"] == "waiting-time"
    assert log_concern(app, shop, category="Waiting time", cause="cold ")["as_typed"] == {"cause": "cold"}


def category_id(app: App, shop: Shop, slug: str) -> UUID:
    with app.back_office.reading(shop.organization_id) as session:
        return session.scalars(select(Category.id).where(Category.slug == slug)).one()


URGENT = [
    {"category": "Wi-Fi", "handling": "mine"},
    {"cause": "who knows", "handling": "mine"},
    {"category": "Allergic reaction"},
    {"category": "Reação alérgica"},
    {"cause": "le ha dado ALERGIA"},
    {"category": "food", "cause": "nut allergy"},
]


@pytest.mark.parametrize("sent", URGENT, ids=str)
def test_what_matches_nothing_is_never_calmer(app: App, shop: Shop, sent: dict[str, Any]) -> None:
    concern = log_concern(app, shop, mood=4, **sent)
    alert = app.request("GET", f"/v1/alerts/{concern['alert']['id']}", (shop, "floor")).json
    assert (concern["status"], alert["severity"], alert["reason"]) == ("open", "severe", "urgent_category")


def test_a_word_of_the_organizations_own_urgent_category_counts_if_no_other_has_it(app: App, shop: Shop) -> None:
    body = {"slug": "hot-food", "name": "Scalding food", "urgent": True}
    assert app.request("POST", "/v1/categories", (shop, "admin"), json=body).status_code == 201
    assert log_concern(app, shop, mood=4, category="scalding coffee")["alert"]
    assert log_concern(app, shop, mood=4, category="food to go")["alert"] is None


def add_causes(app: App, shop: Shop, category: str, **names: str) -> None:
    id_ = category_id(app, shop, category)
    with app.back_office.writing(shop.organization_id) as session:
        session.add_all(Cause(category_id=id_, slug=slug, name=name) for slug, name in names.items())


@pytest.mark.parametrize("typed", ["peanuts", "Shellfish or nuts", "more shellfish"])
def test_a_cause_of_an_urgent_category_that_does_not_fit_is_never_calmer(app: App, shop: Shop, typed: str) -> None:
    add_causes(app, shop, "allergy", peanuts="Peanuts", shellfish="Shellfish or nuts")
    add_causes(app, shop, "waiting-time", crumbs="Crumbs of peanuts")
    concern = log_concern(app, shop, mood=4, category="food", cause=typed)
    assert (concern["category"], concern["as_typed"]) == ("food", {"cause": typed})
    alert = app.request("GET", f"/v1/alerts/{concern['alert']['id']}", (shop, "floor")).json
    assert (alert["severity"], alert["reason"]) == ("severe", "urgent_category")
    assert log_concern(app, shop, mood=4, category="food", cause="some crumbs")["alert"] is None


def test_a_category_that_somebody_chooses_decides(app: App, shop: Shop) -> None:
    concern = log_concern(app, shop, mood=4, category="Allergic reaction")
    assert edit(app, shop, concern, category="food")["alert"]["state"] == "cancelled"


def test_contacts_as_typed_are_for_readers_of_contacts_and_the_rest_for_readers_of_words(app: App, shop: Shop) -> None:
    concern = log_concern(app, shop, place="Table 99", customer={"phone": "12"})
    path = f"/v1/concerns/{concern['id']}"
    seen = {by: app.request("GET", path, (shop, by)).json["as_typed"] for by in ("floor", "manager", "hq", "key")}
    assert seen["floor"] == seen["manager"] == {"place": "Table 99", "customer": {"phone": "12"}}
    assert seen["hq"] is None
    events = app.request("GET", f"{path}/events", (shop, "manager")).text
    exported = app.request("GET", "/v1/exports/changes", (shop, "exports-key")).text
    assert "Table 99" not in events + exported


def test_a_daily_log_says_what_is_missing_and_not_what_was_typed(app: App, shop: Shop) -> None:
    typed = {"place": "Table 99", "customer": {"phone": "12-planted"}}
    for fields in (
        {"mood": 1},
        {"mood": 4, "kind": "praise"},
        {"mood": 3, "recovery_actions": [{"remedy": "planted"}]},
    ):
        log_concern(app, shop, **fields, **typed)
    today = app.clock().date()
    for date, lists in ((today, ("concerns", "praise")), (today + timedelta(days=1), ())):
        path = f"/v1/stores/{shop.store_id}/recovery-logs/{date}"
        shown = [
            app.request("GET", path, (shop, "manager"), headers={"Accept": kind})
            for kind in ("application/json", "text/csv", "text/html")
        ]
        assert [answer.status_code for answer in shown] == [200, 200, 200]
        for answer in shown:
            assert "Table 99" not in answer.text
            assert "planted" not in answer.text
        for listed in lists:
            assert {"place", "customer"} <= set(shown[0].json[listed][0]["missing"])
        app.clock.move(days=1)


# ----------------------------------------------------------------------------------------------------------- the store


def test_without_a_store_it_is_that_of_the_shift_that_ran_when_it_occurred(app: App, shop: Shop) -> None:
    noon = app.clock()
    with app.back_office.writing(shop.organization_id) as session:
        session.add(StaffStore(staff_id=shop.staff["floor"], store_id=shop.other_store_id))
        session.execute(update(Shift).values(ended_at=noon + timedelta(hours=1)))
        later = {"started_at": noon + timedelta(hours=2), "ends_at": noon + timedelta(hours=4)}
        session.add(Shift(staff_id=shop.staff["floor"], store_id=shop.other_store_id, **later))
    app.clock.move(hours=3)
    here, there = str(shop.store_id), str(shop.other_store_id)
    for minutes, store in ((0, here), (59, here), (120, there), (180, there), (90, there)):
        occurred_at = (noon + timedelta(minutes=minutes)).isoformat()
        answer = app.request("POST", "/v1/concerns", (shop, "floor"), json={"mood": 3, "occurred_at": occurred_at})
        assert (answer.status_code, answer.json["store_id"]) == (201, store), minutes
    checked = app.request("POST", "/v1/checks", (shop, "floor"), json={})
    assert (checked.status_code, checked.json["store_id"]) == (201, there)


def test_without_a_shift_it_is_the_one_store_the_person_belongs_to(app: App, shop: Shop) -> None:
    answer = app.request("POST", "/v1/concerns", (shop, "colleague"), json={"mood": 3})
    assert (answer.status_code, answer.json["store_id"]) == (201, str(shop.store_id))


def test_of_several_it_is_that_of_the_last_shift_within_thirty_days(app: App, shop: Shop) -> None:
    with app.back_office.writing(shop.organization_id) as session:
        session.add(StaffStore(staff_id=shop.staff["floor"], store_id=shop.other_store_id))
        session.execute(update(Shift).values(ended_at=app.clock()))
    app.clock.move(days=29)
    answer = app.request("POST", "/v1/concerns", (shop, "floor"), json={"mood": 3})
    assert (answer.status_code, answer.json["store_id"]) == (201, str(shop.store_id))
    with app.back_office.writing(shop.organization_id) as session:
        session.execute(update(Shift).values(started_at=app.clock() - timedelta(days=30, seconds=1)))
    for path, body in (("/v1/concerns", {"mood": 3}), ("/v1/checks", {})):
        refused = app.request("POST", path, (shop, "floor"), json=body)
        assert [error["pointer"] for error in assert_problem(refused, 422, "invalid")["errors"]] == ["/store_id"]


# ------------------------------------------------------------------------------------------------------------ Must show

WORDS = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=40)
TYPED = WORDS | st.sampled_from(["food", "Food", "cold", "kitchen", "allergy", "table-12", "Table 12", "what-happened"])
MONEY = st.fixed_dictionaries(
    {}, optional={"amount": st.integers(-10, 10**6), "currency": st.sampled_from(["EUR", "EUR", "USD", "eur"])}
)
IDS = st.uuids().map(str)
ACTIONS = st.fixed_dictionaries(
    {},
    optional={
        "remedy": TYPED | st.sampled_from(["voucher", "remake", "refund", "apology"]),
        "cost": MONEY,
        "note": WORDS,
        "id": st.sampled_from(["one", "two"]),  # in the place of ids: those of one body may be the same
    },
)
USUAL_COSTS = {"voucher": {"amount": 1000, "currency": "EUR"}, "remake": {"amount": 450, "currency": "EUR"}}


def as_sent(body: dict[str, Any]) -> dict[str, Any]:
    """Return the body as a phone sends it, with new ids for its actions and a time with its zone."""
    ids = {name: str(uuid7()) for name in ("one", "two")}
    actions = [
        {name: ids[value] if name == "id" else value for name, value in action.items()}
        for action in body.get("recovery_actions", ())
    ]
    sent = {**body, "recovery_actions": actions}
    if "occurred_at" in body:
        sent["occurred_at"] = f"{body['occurred_at'].replace(tzinfo=None).isoformat()}Z"
    return sent


BODIES = st.fixed_dictionaries(
    {"mood": st.integers(1, 5)},
    optional={
        "category": TYPED,
        "cause": TYPED,
        "place": TYPED,
        "question": TYPED,
        "their_words": WORDS,
        "times_told": st.integers(-1, 101),
        "channel": st.sampled_from(["in_person", "phone", "qr"]),
        "items": st.lists(
            st.fixed_dictionaries({}, optional={"name": WORDS, "quantity": st.integers(-1, 10_001)}), max_size=2
        ),
        "order": st.fixed_dictionaries({}, optional={"reference": WORDS, "value": MONEY}),
        "customer": st.fixed_dictionaries(
            {}, optional={"name": WORDS, "phone": WORDS | st.sampled_from(["912 345 678", "555-0199"]), "email": WORDS}
        ),
        "customer_id": IDS,
        "praised_id": IDS,
        "linked_id": IDS,
        "kind": st.sampled_from(["concern", "request", "praise"]),
        "handling": st.sampled_from(["help", "mine"]),
        "recovery_actions": st.lists(ACTIONS, max_size=3),
        "outcome": st.sampled_from(["recovered", "lost"]),
        "mood_after": st.integers(-1, 9),
        "sensitive": st.booleans(),
        "occurred_at": st.datetimes() | st.integers(0, 30).map(lambda minutes: NOON - timedelta(minutes=minutes)),
    },
).map(as_sent)


def costs_that_stand(body: dict[str, Any]) -> list[int]:
    """Return what the actions of a body cost: those in euros of a known remedy, each id once; praise has none."""
    costs, ids = [], set()
    for action in body["recovery_actions"] if body.get("kind") != "praise" else ():
        remedy = action.get("remedy")
        cost = action.get("cost", USUAL_COSTS.get(remedy))
        fits = cost is None or (cost.get("currency") == "EUR" and cost.get("amount", -1) >= 0)
        if remedy in (*USUAL_COSTS, "apology") and action.get("id") not in ids and fits:
            costs += [cost["amount"]] if cost else []
            ids |= {action["id"]} if "id" in action else set()
    return sorted(costs)


@examples(quick=10, deep=60)
@given(body=BODIES)
def test_with_a_mood_right_types_and_a_store_within_reach_it_is_always_logged(
    app: App, shop: Shop, body: dict[str, Any]
) -> None:
    app.forget_hits()
    answer = app.request("POST", "/v1/concerns", (shop, "floor"), json={**body, "store_id": str(shop.store_id)})
    assert answer.status_code == 201, answer.text
    concern = answer.json
    assert kept(concern) <= set(concern["missing"])
    assert concern["version"] == 1
    if concern["mood"] <= 2 and concern["status"] == "open" and concern["handling"] == "help" and not concern["late"]:
        assert concern["alert"]["state"] == "open"
    with app.back_office.reading(shop.organization_id) as session:
        actions = session.scalars(select(RecoveryAction).where(RecoveryAction.concern_id == UUID(concern["id"])))
        assert sorted(action.amount.amount for action in actions.unique() if action.amount) == costs_that_stand(body)


class UsedUp(MemoryCounter):
    """Counter whose limits are all used up."""

    def count(self, key: str, limit: Limit, hits: Sequence[str], *, at: datetime) -> Usage:  # noqa: ARG002 no key has any left
        return Usage(limit, limit.amount, allowed=not hits, resets_at=at + limit.window)


def use_up_all_money(app: App, shop: Shop) -> None:
    """Set every limit of money to nothing."""
    with app.back_office.writing(shop.organization_id) as session:
        session.execute(update(RemedyLimit).values(most_per_customer=0, most_per_staff=0))
        store = session.get_one(Store, (shop.organization_id, shop.store_id))
        store.own_limits = [{"currency": "EUR", "most_per_action": 0, "most_per_day": 0, "most_after_hours": 0}]


EVERYTHING = {  # that a budget could stand against
    "mood": 1,
    "customer": {"name": "Ana", "phone": "912 345 678"},
    "items": [{"name": "Soup"}],
    "recovery_actions": [{"remedy": "voucher"}, {"remedy": "remake", "cost": {"amount": 10**6, "currency": "EUR"}}],
    "outcome": "recovered",
    "mood_after": 5,
}


@examples(quick=5, deep=60)
@given(body=BODIES, by=st.sampled_from(["floor", "manager", "key"]))
@example(body=as_sent(EVERYTHING), by="floor")
def test_it_is_logged_and_rings_when_every_budget_is_used_up_and_no_money_is_given(
    app: App, shop: Shop, body: dict[str, Any], by: str
) -> None:
    use_up_all_money(app, shop)
    app.limiter = RateLimiter(UsedUp())
    answer = app.request("POST", "/v1/concerns", (shop, by), json={**body, "store_id": str(shop.store_id)})
    app.forget_hits()
    assert answer.status_code == 201, answer.text
    concern = answer.json
    if concern["mood"] <= 2 and concern["status"] == "open" and concern["handling"] == "help" and not concern["late"]:
        assert concern["alert"]["state"] == "open"
    if not body.get("customer_id") and body.get("customer", {}).get("phone") == "912 345 678":
        assert concern["customer_id"] is None, "somebody was looked up beyond the budget"
    with app.back_office.reading(shop.organization_id) as session:
        actions = session.scalars(select(RecoveryAction).where(RecoveryAction.concern_id == UUID(concern["id"])))
        costs = [action.cost.amount for action in actions.unique() if action.cost and action.cost.amount]
    assert costs == []


def test_an_allergy_logged_offline_rings_severe_although_its_category_was_renamed_meanwhile(
    app: App, shop: Shop
) -> None:
    occurred_at = app.clock().isoformat()
    path, headers = f"/v1/categories/{category_id(app, shop, 'allergy')}", {"If-Match": "*"}
    renamed = {"slug": "reactions", "name": "Reactions"}
    assert app.request("PATCH", path, (shop, "admin"), json=renamed, headers=headers).status_code == 200
    app.clock.move(minutes=14)
    concern = log_concern(app, shop, mood=3, category="allergy", occurred_at=occurred_at)
    alert = app.request("GET", f"/v1/alerts/{concern['alert']['id']}", (shop, "floor")).json
    assert (concern["category"], concern["late"], alert["severity"], alert["state"]) == (
        "reactions",
        False,
        "severe",
        "open",
    )
