"""Names of customers on concerns and what belongs to them: a stranger is never greeted by name."""

from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa

from models.concerns.concern import Concern
from models.concerns.customer_name import CustomerName
from models.customers.customer import Customer
from models.db.earlier import DaysBetween
from models.policy_defaults import KNOWN_CUSTOMER_WINDOW
from tests.support.app import App
from tests.support.assertions import assert_invalid_value
from tests.support.factories.concerns import log_concern
from tests.support.factories.organizations import Shop

ANA = {"name": "Ana Maria Fado", "phone": "912 345 678"}
ELSEWHERE, HERE = "elsewhere", "floor"


def is_ana(*, last_here: str | None = None) -> dict[str, Any]:
    return {"confirmed": True, "name": "Ana", "pronunciation": None, "initials": "A. M. F.", "last_here": last_here}


def may_be_ana(*, last_here: str | None = None) -> dict[str, Any]:
    return {**is_ana(last_here=last_here), "confirmed": False, "name": None}


def change(app: App, shop: Shop, concern: dict[str, Any], **changes: Any) -> Any:
    headers = {"If-Match": "*"}
    return app.request("PATCH", f"/v1/concerns/{concern['id']}", (shop, HERE), json=changes, headers=headers)


def take_back(app: App, shop: Shop, mistake: dict[str, Any], later: dict[str, Any]) -> Any:
    """Take a concern back; return the name of the customer that a later one has then."""
    body = {"reason": "Twice."}
    assert app.request("POST", f"/v1/concerns/{mistake['id']}/void", (shop, "regional"), json=body).status_code == 200
    return app.request("GET", f"/v1/concerns/{later['id']}", (shop, HERE)).json["customer_name"]


def test_a_name_that_came_with_the_concern_is_shown(app: App, shop: Shop) -> None:
    concern = log_concern(app, shop, customer=ANA)
    assert (concern["customer_name"], concern["customer_confirmed"]) == (is_ana(), True)
    assert log_concern(app, shop)["customer_name"] is None


def test_a_contact_that_another_store_knows_greets_nobody_until_somebody_confirms_it(app: App, shop: Shop) -> None:
    there = log_concern(app, shop, ELSEWHERE, store_id=str(shop.other_store_id), customer=ANA)
    app.clock.move(minutes=1)
    concern = log_concern(app, shop, customer={"phone": ANA["phone"]})
    assert (concern["customer_name"], concern["customer_confirmed"]) == (may_be_ana(), False)
    confirmed = change(app, shop, concern, customer_confirmed=True).json
    assert (confirmed["customer_name"], confirmed["customer_confirmed"]) == (is_ana(), True)
    assert change(app, shop, concern, customer_confirmed=False).json["customer_name"] == may_be_ana()
    named = change(app, shop, log_concern(app, shop), customer_id=there["customer_id"]).json
    assert named["customer_name"]["confirmed"], "whoever names a profile has seen it"
    refused = change(app, shop, named, customer_id=None, customer_confirmed=True)
    assert_invalid_value(refused, "body", "/customer_confirmed")
    nobody = change(app, shop, named, customer_id=None).json
    assert (nobody["customer_name"], nobody["customer_confirmed"]) == (None, False)


def test_the_profile_is_read_along_once_the_match_is_sure(app: App, shop: Shop) -> None:
    log_concern(app, shop, ELSEWHERE, store_id=str(shop.other_store_id), customer=ANA)
    app.clock.move(minutes=1)
    concern = log_concern(app, shop, customer={"phone": ANA["phone"]})
    addresses = (f"/v1/concerns/{concern['id']}?include=customer", "/v1/alerts?include=customer")
    for expected in (None, "Ana Maria Fado"):
        for address in addresses:
            answer = app.request("GET", address, (shop, HERE)).json
            profile = (answer["items"][0] if "next_cursor" in answer else answer)["customer"]
            assert (profile and profile["name"]) == expected, address
        change(app, shop, concern, customer_confirmed=True)


def test_a_contact_used_in_this_store_within_a_year_is_that_of_whom_it_knows(app: App, shop: Shop) -> None:
    log_concern(app, shop, customer=ANA)
    app.clock.move(hours=20)
    concern = log_concern(app, shop, customer={"phone": ANA["phone"]})
    assert (concern["customer_name"], concern["customer_confirmed"]) == (is_ana(last_here="2026-03"), False)


@pytest.mark.parametrize(("last_here_on", "is_known"), [(date(2025, 3, 2), True), (date(2025, 3, 1), False)])
def test_after_a_year_a_contact_may_be_that_of_somebody_else(
    app: App, shop: Shop, last_here_on: date, *, is_known: bool
) -> None:
    dates = (sa.literal(last_here_on), sa.literal(date(2026, 3, 3)))
    with app.database.reading(shop.organization_id) as session:
        assert session.scalars(sa.select(DaysBetween(*dates) <= KNOWN_CUSTOMER_WINDOW.days)).one() is is_known
    concern = Concern(business_date=date(2026, 3, 3), last_here_on=last_here_on)
    concern.customer = Customer(name="Ana Maria Fado")
    assert concern.is_customer_known is is_known
    assert concern.customer_name == CustomerName(
        confirmed=is_known,
        name="Ana" if is_known else None,
        pronunciation=None,
        initials="A. M. F.",
        last_here=date(2025, 3, 1),
    )


def test_a_profile_that_was_made_here_is_known_here(app: App, shop: Shop) -> None:
    profile = {**ANA, "preferred_name": "Nita", "pronunciation": "NEE-tah"}
    assert app.request("POST", "/v1/customers", (shop, HERE), json=profile).status_code == 201
    app.clock.move(hours=20)
    shown = log_concern(app, shop, customer={"phone": ANA["phone"]})["customer_name"]
    assert shown == {**is_ana(last_here="2026-03"), "name": "Nita", "pronunciation": "NEE-tah"}


def test_a_concern_that_was_taken_back_makes_nobody_known(app: App, shop: Shop) -> None:
    log_concern(app, shop, ELSEWHERE, store_id=str(shop.other_store_id), customer=ANA)
    app.clock.move(minutes=1)
    mistake = log_concern(app, shop, customer={"phone": ANA["phone"]})
    app.clock.move(hours=20)
    later = log_concern(app, shop, customer={"phone": ANA["phone"]})
    app.clock.move(minutes=1)
    last = log_concern(app, shop, customer={"phone": ANA["phone"]})
    assert later["customer_name"] == last["customer_name"] == is_ana(last_here="2026-03")
    assert take_back(app, shop, mistake, later) == may_be_ana()
    assert app.request("GET", f"/v1/concerns/{last['id']}", (shop, HERE)).json["customer_name"] == may_be_ana()


def test_whoever_left_their_contact_here_stays_known_when_a_concern_is_taken_back(app: App, shop: Shop) -> None:
    assert app.request("POST", "/v1/customers", (shop, HERE), json=ANA).status_code == 201
    app.clock.move(minutes=1)
    mistake = log_concern(app, shop, customer={"phone": ANA["phone"]})
    app.clock.move(hours=20)
    later = log_concern(app, shop, customer={"phone": ANA["phone"]})
    assert take_back(app, shop, mistake, later) == later["customer_name"] == is_ana(last_here="2026-03")


def test_the_same_contact_at_the_same_visit_makes_nobody_known(app: App, shop: Shop) -> None:
    log_concern(app, shop, ELSEWHERE, store_id=str(shop.other_store_id), customer=ANA)
    app.clock.move(minutes=1)
    first = log_concern(app, shop, customer={"phone": ANA["phone"]})
    app.clock.move(minutes=30)
    second = log_concern(app, shop, customer={"phone": ANA["phone"]})
    assert second["customer_name"] == may_be_ana(), "the same wrong digit"
    assert change(app, shop, first, customer_confirmed=True).status_code == 200
    app.clock.move(minutes=1)
    assert log_concern(app, shop, customer={"phone": ANA["phone"]})["customer_name"] == is_ana(last_here="2026-03")


def test_a_name_is_found_by_searching_once_the_answer_says_it(app: App, shop: Shop) -> None:
    log_concern(app, shop, ELSEWHERE, store_id=str(shop.other_store_id), customer=ANA)
    app.clock.move(minutes=1)
    concern = log_concern(app, shop, customer={"phone": ANA["phone"]})
    address = f"/v1/concerns?store_id={shop.store_id}&q=fado"
    assert app.request("GET", address, (shop, HERE)).json["items"] == [], "it may be somebody else"
    change(app, shop, concern, customer_confirmed=True)
    assert len(app.request("GET", address, (shop, HERE)).json["items"]) == 1
    change(app, shop, concern, customer_confirmed=False)
    app.clock.move(hours=20)
    known = log_concern(app, shop, customer={"phone": ANA["phone"]})
    assert [line["id"] for line in app.request("GET", address, (shop, HERE)).json["items"]] == [known["id"]]


@pytest.mark.parametrize("who", [HERE, "hq"])
def test_the_name_stands_where_staff_read_and_head_office_reads_none(app: App, shop: Shop, who: str) -> None:
    concern = log_concern(app, shop, customer=ANA)
    of_concern = f"/v1/concerns/{concern['id']}"
    promise = {"what": "Call back.", "kind": "call", "due_at": "2026-03-03T15:00:00Z"}
    promised = app.request("POST", f"{of_concern}/follow-ups", (shop, HERE), json=promise)
    action = app.request("POST", f"{of_concern}/recovery-actions", (shop, HERE), json={"remedy": "voucher"})
    assert (promised.status_code, action.status_code) == (201, 201)
    lists = ("/v1/concerns", "/v1/alerts", "/v1/follow-ups", "/v1/recovery-actions", f"{of_concern}/follow-ups")
    one = (of_concern, f"/v1/alerts/{concern['alert']['id']}", f"/v1/recovery-actions/{action.json['id']}")
    names = [app.request("GET", address, (shop, who)).json["items"][0]["customer_name"] for address in lists]
    names += [app.request("GET", address, (shop, who)).json["customer_name"] for address in one]
    assert names == [is_ana() if who == HERE else None] * 8


def test_tables_and_the_log_of_a_day_name_no_customer(app: App, shop: Shop) -> None:
    log_concern(app, shop, customer=ANA)
    for address in ("/v1/concerns", "/v1/follow-ups", "/v1/recovery-actions"):
        table = app.request("GET", address, (shop, HERE), headers={"Accept": "text/csv"}).text
        assert "customer_name" not in table
        assert "Ana" not in table
    log = app.request("GET", f"/v1/stores/{shop.store_id}/recovery-logs/2026-03-03", (shop, HERE))
    assert log.status_code == 200
    assert "Ana" not in log.text
