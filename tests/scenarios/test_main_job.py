"""The main job over the whole application: logged, taken, put right, resolved."""

from tests.support.app import App
from tests.support.factories.organizations import Shop


def test_a_mood_alone_makes_a_concern_and_raises_an_alert(app: App, shop: Shop) -> None:
    with app.counting():
        answer = app.request(
            "POST", "/v1/concerns", (shop, "floor"), json={"mood": 2}, headers={"Idempotency-Key": "k"}
        )
    assert answer.status_code == 201, answer.text
    assert answer.json["alert"]["state"] == "open"


def test_the_way_from_the_first_word_to_the_end(app: App, shop: Shop) -> None:
    body = {
        "mood": 1,
        "customer": {"phone": "912 345 678"},
        "category": "food",
        "cause": "cold",
        "place": "table-12",
        "their_words": "It is stone cold.",
    }
    with app.counting():
        logged = app.request("POST", "/v1/concerns", (shop, "floor"), json=body)
    assert logged.status_code == 201, logged.text
    concern = f"/v1/concerns/{logged.json['id']}"
    taken = app.request("POST", f"{concern}/take", (shop, "manager"))
    assert taken.status_code == 200, taken.text
    action = app.request("POST", f"{concern}/recovery-actions", (shop, "manager"), json={"remedy": "remake"})
    assert action.status_code == 201, action.text
    resolved = app.request(
        "POST", f"{concern}/resolve", (shop, "manager"), json={"outcome": "recovered", "mood_after": 4}
    )
    assert resolved.status_code == 200, resolved.text
    read = app.request("GET", concern, (shop, "floor"))
    assert read.json == resolved.json
    for path in (
        "/v1/concerns",
        f"{concern}/events",
        f"{concern}/recovery-actions",
        f"/v1/customers/{read.json['customer_id']}/history",
        "/v1/stores",
        "/v1/staff",
        "/v1/regions",
        "/v1/categories",
        "/v1/remedies",
        "/v1/questions",
        "/v1/alerts",
        f"/v1/alerts/{read.json['alert']['id']}/notifications",
        "/v1/me",
        "/v1/customers?name=x",
        "/v1/recovery-actions",
        "/readyz",
        "/openapi.json",
    ):
        with app.counting():
            got = app.request("GET", path, (shop, "manager"))
        assert got.status_code == 200
