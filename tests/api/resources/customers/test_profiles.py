"""Customer profiles over HTTP: preferences, consent, external references, and the overview."""

from typing import Any

import pytest

from tests.support.app import App
from tests.support.factories.concerns import log_concern, move
from tests.support.factories.organizations import Shop

ANY = {"If-Match": "*"}


def create(app: App, shop: Shop, login: str = "floor", *, status: int = 201, **said: Any) -> Any:
    answer = app.request("POST", "/v1/customers", (shop, login), json=said)
    assert answer.status_code == status, answer.text
    return answer.json


def edit(app: App, shop: Shop, customer: Any, *, status: int = 200, **said: Any) -> Any:
    path = f"/v1/customers/{customer['id']}"
    answer = app.request("PATCH", path, (shop, "floor"), json=said, headers=ANY)
    assert answer.status_code == status, answer.text
    return answer.json


def read(app: App, shop: Shop, path: str, login: str = "floor") -> Any:
    answer = app.request("GET", f"/v1/customers{path}", (shop, login))
    assert answer.status_code == 200, answer.text
    return answer.json


SAID = {
    "name": "Siobhán",
    "preferred_name": "Shiv",
    "pronunciation": "shi-VAWN",
    "languages": ["ga", "pt-PT"],
    "tags": ["regular", "window"],
    "preferences": "Never near the door.",
}


def test_details_of_a_customer_are_read_again_and_can_be_removed(app: App, shop: Shop) -> None:
    made = create(app, shop, **SAID)
    assert {name: made[name] for name in SAID} == SAID
    edited = edit(app, shop, made, tags=[" vip ", "vip", "regular"], pronunciation=" ", languages=[])
    assert (edited["tags"], edited["pronunciation"], edited["languages"]) == (["vip", "regular"], None, [])
    assert (edited["preferred_name"], edited["version"]) == ("Shiv", 2)


@pytest.mark.parametrize(
    "said",
    [
        {"languages": ["p"]},
        {"languages": ["pt_PT"]},
        {"languages": ["pt"] * 11},
        {"tags": ["a"] * 21},
        {"tags": ["a" * 41]},
        {"preferences": "a" * 1001},
        {"consent": {"contact": True}},
        {"consent": {"contact": True, "source": "a dream"}},
        {"consent": {"contact": True, "source": "web", "given_at": "2026-03-03T12:00:00Z"}},
        {"references": [{"source": "The Till", "reference": "1"}]},
        {"references": [{"source": "till", "reference": " "}]},
        {"merged_into_id": "01a2057b-741c-7631-8cca-22605be163db"},
    ],
)
def test_what_does_not_fit_is_refused(app: App, shop: Shop, said: dict[str, Any]) -> None:
    create(app, shop, name="Ana", status=422, **said)


def test_consent_to_contact_carries_the_time_we_took_it_down(app: App, shop: Shop) -> None:
    made = create(app, shop, name="Ana", consent={"contact": True, "source": "in_person"})
    assert made["consent"] == {"contact": True, "source": "in_person", "given_at": "2026-03-03T12:00:00Z"}
    app.clock.move(hours=1)
    edited = edit(app, shop, made, consent={"contact": False, "source": "phone"})
    assert edited["consent"] == {"contact": False, "source": "phone", "given_at": "2026-03-03T13:00:00Z"}
    assert edit(app, shop, made, consent=None)["consent"] is None


def test_allergies_are_kept_with_a_consent_of_their_own_and_gone_with_it(app: App, shop: Shop) -> None:
    refused = create(app, shop, name="Ana", allergies="peanuts", status=422)
    assert refused["errors"][0]["pointer"] == "/allergies"
    create(app, shop, name="Ana", allergies="peanuts", allergies_consent=False, status=422)
    made = create(app, shop, name="Ana", allergies="peanuts", allergies_consent=True)
    assert (made["allergies"], made["allergies_consent_at"]) == ("peanuts", "2026-03-03T12:00:00Z")
    assert edit(app, shop, made, allergies="peanuts, sesame")["allergies"] == "peanuts, sesame"  # given earlier
    gone = edit(app, shop, made, allergies_consent=False)
    assert (gone["allergies"], gone["allergies_consent_at"]) == (None, None)
    edit(app, shop, made, allergies="peanuts", status=422)


def test_allergies_stand_in_a_profile_and_in_no_list(app: App, shop: Shop) -> None:
    made = create(app, shop, phone="+351912345678", allergies="peanuts", allergies_consent=True)
    assert read(app, shop, f"/{made['id']}")["allergies"] == "peanuts"
    assert read(app, shop, f"/{made['id']}/history")["customer"]["allergies"] == "peanuts"
    concern = log_concern(app, shop, customer_id=made["id"])
    search = app.request("POST", "/v1/customers/search", (shop, "elsewhere"), json={"phone": "+351912345678"})
    day = f"/v1/stores/{shop.store_id}/recovery-logs/{concern['business_date']}"
    answers = [
        search,
        *(app.request("GET", path, (shop, "manager")) for path in ("/v1/customers", "/v1/concerns", day)),
    ]
    events = app.request("GET", f"/v1/concerns/{concern['id']}/events", (shop, "manager"))
    for answer in (*answers, events):
        assert answer.status_code == 200
        assert "peanuts" not in answer.text
        assert "allergies" not in answer.text


def test_a_customer_is_found_by_what_the_till_calls_them(app: App, shop: Shop) -> None:
    till, crm = {"source": "till", "reference": "C-17"}, {"source": "crm", "reference": "9"}
    made = create(app, shop, name="Ana", references=[till, till, crm])
    assert made["references"] == [crm, till]
    matches = app.request("POST", "/v1/customers/search", (shop, "floor"), json={"reference": till})
    assert [customer["id"] for customer in matches.json["items"]] == [made["id"]]
    assert edit(app, shop, made, references=[till])["references"] == [till]
    nobody = app.request("POST", "/v1/customers/search", (shop, "floor"), json={"reference": crm})
    assert nobody.json == {"items": []}


def test_a_reference_is_one_customers(app: App, shop: Shop) -> None:
    till = {"source": "till", "reference": "C-17"}
    create(app, shop, name="Ana", references=[till])
    rui = create(app, shop, name="Rui")
    refused = edit(app, shop, rui, references=[{"source": "crm", "reference": "1"}, till], status=409)
    assert refused["pointer"] == "/references/1"
    assert read(app, shop, f"/{rui['id']}")["references"] == []


def test_a_name_is_found_without_its_accents(app: App, shop: Shop) -> None:
    made = create(app, shop, name="Álvaro  Zé")
    create(app, shop, name="Alba")
    for beginning in ("alv", "ALVARO Z", "álvaro zé"):
        assert [customer["id"] for customer in read(app, shop, f"?name={beginning}", "manager")["items"]] == [
            made["id"]
        ]
    assert len(read(app, shop, "?name=al", "manager")["items"]) == 2


ALIKE = [
    ({"name": "José Maria"}, {"name": " jose  MARIA "}, ["name"]),
    ({"loyalty_number": "0047-11"}, {"loyalty_number": "4711"}, ["loyalty_number"]),
    ({"phone": "+351912345678"}, {"phone": "+34912345678"}, ["phone"]),
    ({"phone": "+351210000020 x12"}, {"phone": "+351210000020"}, ["phone"]),
    ({"email": "ana.lima@example.org"}, {"email": "AnaLima+news@example.org"}, ["email"]),
    ({"name": "Ana", "email": "a.b@example.org"}, {"name": "ana", "email": "ab@example.org"}, ["name", "email"]),
]


@pytest.mark.parametrize(("first", "second", "reasons"), ALIKE)
def test_a_profile_spelled_differently_may_be_the_same(
    app: App, shop: Shop, first: dict[str, str], second: dict[str, str], reasons: list[str]
) -> None:
    made, other = create(app, shop, **first), create(app, shop, **second)
    create(app, shop, name="Rui", phone="+351930000000")
    (likely,) = read(app, shop, f"/{made['id']}/duplicates")["items"]
    assert (likely["customer"]["id"], likely["reasons"]) == (other["id"], reasons)


def test_nobody_out_of_reach_is_suggested(app: App, shop: Shop) -> None:
    made = create(app, shop, name="Ana")
    there = create(app, shop, "elsewhere", name="Ana")
    assert read(app, shop, f"/{made['id']}/duplicates")["items"] == []
    assert [
        duplicate["customer"]["id"] for duplicate in read(app, shop, f"/{made['id']}/duplicates", "admin")["items"]
    ] == [there["id"]]


def test_a_history_opens_with_what_matters_now(app: App, shop: Shop) -> None:
    phone = {"customer": {"phone": "+351912345678"}}
    first = log_concern(app, shop, category="food", recovery_actions=[{"remedy": "remake"}], **phone)
    path = f"/{first['customer_id']}/history"
    opened = [{"id": first["id"], "status": "open", "business_date": "2026-03-03"}]
    assert read(app, shop, path)["now"] == {
        "open": opened,
        "promised": [],
        "second_failure": False,
        "tried_before": None,
    }
    move(app, shop, first, "resolve")
    tried = {
        "concern_id": first["id"],
        "business_date": "2026-03-03",
        "category": "food",
        "outcome": "recovered",
        "mood_after": 4,
        "remedies": ["remake"],
    }
    promise = {"what": "A call from the chef.", "kind": "call", "due_at": "2026-03-04T12:00:00Z"}
    promised = app.request("POST", f"/v1/concerns/{first['id']}/follow-ups", (shop, "floor"), json=promise).json
    of_concern = {"customer_name", "place_name"}  # which say here what the profile says
    listed = {name: value for name, value in promised.items() if name not in of_concern}
    assert read(app, shop, path)["now"] == {
        "open": [],
        "promised": [listed],
        "second_failure": False,
        "tried_before": tried,
    }
    app.request("POST", f"/v1/follow-ups/{promised['id']}/keep", (shop, "floor"), json={})
    assert read(app, shop, path)["now"]["promised"] == []
    app.clock.move(days=29)
    second = log_concern(app, shop, "key", **phone)  # people have long been signed out
    log_concern(app, shop, "key", kind="praise", mood=5, **phone)
    now = read(app, shop, path, "key")["now"]
    assert [concern["id"] for concern in now["open"]] == [second["id"]]
    assert (now["second_failure"], now["tried_before"]) == (True, tried)
    app.clock.move(days=31)
    assert read(app, shop, path, "key")["now"]["second_failure"] is False


def test_what_matters_now_shows_no_sensitive_concern_to_those_below_a_manager(app: App, shop: Shop) -> None:
    hidden = log_concern(app, shop, sensitive=True, customer={"phone": "+351912345678"})
    path = f"/{hidden['customer_id']}/history"
    assert [concern["id"] for concern in read(app, shop, path, "manager")["now"]["open"]] == [hidden["id"]]
    assert read(app, shop, path, "colleague")["now"]["open"] == []
