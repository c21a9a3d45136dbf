"""Budget of contacts: one for every request that names a contact; beyond it nobody learns whose a contact is."""

from collections.abc import Callable
from itertools import count
from typing import Any
from uuid import uuid4

import pytest
from werkzeug.test import TestResponse

from models.policy_defaults import MAX_CONTACTS_OF_PERSON, MAX_CONTACTS_OF_STORE
from tests.support.app import App
from tests.support.factories.organizations import Shop

KNOWN, UNKNOWN = "+351912345678", "+351912345679"
ANYWHERE = {"If-Match": "*"}


def ask(app: App, shop: Shop, path: str, by: str = "floor", method: str = "POST", **body: Any) -> TestResponse:
    headers = ANYWHERE if method == "PATCH" else {}
    return app.request(method, path, (shop, by), json=body or None, headers=headers)


def search(app: App, shop: Shop, by: str = "floor", phone: str = UNKNOWN) -> int:
    return ask(app, shop, "/v1/customers/search", by, phone=phone).status_code


def use_up(app: App, shop: Shop, by: str = "floor") -> None:
    assert [search(app, shop, by) for _ in range(MAX_CONTACTS_OF_PERSON)] == [200] * MAX_CONTACTS_OF_PERSON


def make_customer(app: App, shop: Shop, by: str = "floor", **fields: str) -> str:
    answer = ask(app, shop, "/v1/customers", by, **fields)
    assert answer.status_code == 201, answer.text
    return str(answer.json["id"])


REFUSED: dict[str, Callable[[App, Shop, str, str], TestResponse]] = {
    "search": lambda app, shop, _, phone: ask(app, shop, "/v1/customers/search", "manager", phone=phone),
    "create": lambda app, shop, _, phone: ask(app, shop, "/v1/customers", "manager", phone=phone),
    "change": lambda app, shop, own, phone: ask(app, shop, f"/v1/customers/{own}", "manager", "PATCH", phone=phone),
    "reference": lambda app, shop, own, phone: ask(
        app, shop, f"/v1/customers/{own}", "manager", "PATCH", references=[{"source": "till", "reference": phone}]
    ),
    "duplicates": lambda app, shop, own, _: ask(app, shop, f"/v1/customers/{own}/duplicates", "manager", "GET"),
    "preview of a merge": lambda app, shop, own, _: ask(
        app, shop, f"/v1/customers/{own}/merge", "manager", customer_id=own, preview=True
    ),
}


def test_beyond_the_budget_every_request_that_names_a_contact_is_refused_alike(app: App, shop: Shop) -> None:
    make_customer(app, shop, "elsewhere", phone=KNOWN)
    own = make_customer(app, shop, name="Ana")
    use_up(app, shop, "manager")
    for name, request in REFUSED.items():
        hit, miss = (request(app, shop, own, phone) for phone in (KNOWN, UNKNOWN))
        assert (hit.status_code, miss.status_code) == (429, 429), name
        assert alike(hit.json) == alike(miss.json), name
        assert hit.headers["Retry-After"] == miss.headers["Retry-After"]
        assert len(hit.data) == len(miss.data), name
    app.clock.move(minutes=1)
    assert search(app, shop, "manager", KNOWN) == 200


def alike(answer: dict[str, Any]) -> dict[str, Any]:
    """Return what two answers can have in common: not their ids, and not what was sent."""
    return {name: value for name, value in answer.items() if name not in ("id", "request_id", "alert", "as_typed")}


def test_beyond_the_budget_a_concern_rings_and_nobody_is_looked_up(app: App, shop: Shop) -> None:
    known = make_customer(app, shop, "colleague", phone=KNOWN)
    ask(app, shop, "/v1/concerns", "colleague", mood=1, customer={"phone": KNOWN})
    use_up(app, shop)
    hit, miss = (
        ask(app, shop, "/v1/concerns", mood=1, customer={"name": "Ana", "phone": phone}) for phone in (KNOWN, UNKNOWN)
    )
    assert (hit.status_code, miss.status_code) == (201, 201)
    assert alike(hit.json) == alike(miss.json)
    assert len(hit.data) == len(miss.data)
    assert hit.json["alert"]["state"] == miss.json["alert"]["state"] == "open"
    assert (hit.json["customer_id"], hit.json["as_typed"]) == (None, {"customer": {"name": "Ana", "phone": KNOWN}})
    assert "customer" in hit.json["missing"]
    assert ask(app, shop, f"/v1/customers/{known}", method="GET").json["name"] is None
    app.clock.move(minutes=1)
    assert ask(app, shop, "/v1/customers/search", phone=UNKNOWN).json["items"] == []


def test_concerns_and_new_customers_share_the_budget_and_a_repeat_is_not_counted_again(app: App, shop: Shop) -> None:
    phones = (f"+3519{number:08}" for number in count())

    def left(path: str, body: dict[str, Any]) -> list[int]:
        answers = [app.request("POST", path, (shop, "floor"), json=body) for _ in range(3)]
        assert answers[0].status_code == 201
        headers = [answer.headers.get("RateLimit-Remaining") for answer in answers]
        return [int(header) for header in headers if header]  # a repeat that is answered again names nobody

    own = str(uuid4())
    assert left("/v1/concerns", {"id": own, "mood": 3, "customer": {"phone": next(phones)}}) == [19]
    assert left("/v1/customers", {"id": str(uuid4()), "phone": next(phones), "email": "ana@example.org"}) == [17]
    assert left("/v1/concerns", {"id": str(uuid4()), "mood": 3}) == []
    assert left("/v1/concerns", {"id": str(uuid4()), "mood": 3, "customer": {"name": "Ana"}}) == []
    # What failed had no effect to answer again: the repeat is looked up, and does not count either.
    failing = {"id": own, "phone": KNOWN}
    make_customer(app, shop, "elsewhere", phone=KNOWN)
    answers = [app.request("POST", "/v1/customers", (shop, "floor"), json=failing) for _ in range(3)]
    assert [(answer.status_code, answer.headers["RateLimit-Remaining"]) for answer in answers] == [(409, "16")] * 3
    other_contact = app.request("POST", "/v1/customers", (shop, "floor"), json={**failing, "phone": next(phones)})
    assert other_contact.headers["RateLimit-Remaining"] == "15"


def test_a_new_profile_without_a_contact_counts_as_one(app: App, shop: Shop) -> None:
    statuses = [ask(app, shop, "/v1/customers", name=f"Ana {number}").status_code for number in range(21)]
    assert statuses == [201] * MAX_CONTACTS_OF_PERSON + [429]


@pytest.mark.parametrize("header", ["X-Request-Id", "Idempotency-Key"])
def test_no_header_makes_two_searches_one(app: App, shop: Shop, header: str) -> None:
    answers = [
        app.request(
            "POST", "/v1/customers/search", (shop, "floor"), json={"phone": KNOWN}, headers={header: "the-same-1"}
        )
        for _ in range(2)
    ]
    assert [answer.headers["RateLimit-Remaining"] for answer in answers] == ["19", "18"]


def test_all_who_work_in_a_store_share_its_budget(app: App, shop: Shop) -> None:
    team = ["floor", "colleague", "manager"]
    assert len(team) * MAX_CONTACTS_OF_PERSON == MAX_CONTACTS_OF_STORE
    for login in team:
        use_up(app, shop, login)
    refused = ask(app, shop, "/v1/customers", "key", phone=KNOWN, store_id=str(shop.store_id))
    assert (refused.status_code, refused.json["detail"]) == (429, "At most 60 in a minute.")
    assert search(app, shop, "elsewhere") == 200


def test_more_contacts_in_one_request_than_the_budget_has_are_beyond_it(app: App, shop: Shop) -> None:
    references = [{"source": "till", "reference": str(number)} for number in range(MAX_CONTACTS_OF_PERSON)]
    assert ask(app, shop, "/v1/customers", phone=KNOWN, references=references).status_code == 429
    assert search(app, shop) == 200
