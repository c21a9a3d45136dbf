"""Visibility of customers: a store reads those it met, however it met them."""

from uuid import uuid4

from sqlalchemy import select

from models.db.change_feed import Change
from models.staff.device import Device
from tests.support.app import App
from tests.support.factories.organizations import Shop


def test_who_looks_after_several_stores_reads_the_customer_they_created(app: App, shop: Shop) -> None:
    regional = (shop, "regional")
    body = {"id": str(uuid4()), "name": "Quill"}
    assert app.request("POST", "/v1/customers", regional, json=body).status_code == 201
    assert app.request("GET", f"/v1/customers/{body['id']}", regional).status_code == 200
    assert app.request("POST", "/v1/customers", regional, json=body).headers["Idempotent-Replayed"] == "true"


def test_a_customer_named_by_id_is_met_by_the_store_of_the_concern(app: App, shop: Shop) -> None:
    customer = app.request("POST", "/v1/customers", (shop, "key"), json={"phone": "+351912345678"}).json
    path = f"/v1/customers/{customer['id']}"
    assert app.request("GET", path, (shop, "floor")).status_code == 404
    body = {"mood": 3, "store_id": str(shop.store_id), "customer_id": customer["id"]}
    assert app.request("POST", "/v1/concerns", (shop, "key"), json=body).status_code == 201
    assert app.request("GET", path, (shop, "floor")).status_code == 200


def test_a_customer_found_out_later_is_met_by_the_store_too(app: App, shop: Shop) -> None:
    customer = app.request("POST", "/v1/customers", (shop, "key"), json={"phone": "+351912345678"}).json
    concern = app.request("POST", "/v1/concerns", (shop, "floor"), json={"mood": 3}).json["id"]
    edit, found_out = f"/v1/concerns/{concern}", {"customer_id": customer["id"]}
    edited = app.request("PATCH", edit, (shop, "key"), json=found_out, headers={"If-Match": "*"})
    assert edited.status_code == 200
    assert app.request("GET", f"/v1/customers/{customer['id']}", (shop, "floor")).status_code == 200


def test_a_name_is_found_by_its_beginning_with_accents_and_in_any_case(app: App, shop: Shop) -> None:
    app.request("POST", "/v1/customers", (shop, "floor"), json={"name": "Álvaro Zé"})
    for beginning in ("Álv", "ÁLV", "álv"):
        answer = app.request("GET", "/v1/customers", (shop, "manager"), query_string={"name": beginning})
        assert [customer["name"] for customer in answer.json["items"]] == ["Álvaro Zé"]


def test_an_email_that_grows_when_it_is_made_small_is_refused(app: App, shop: Shop) -> None:
    answer = app.request("POST", "/v1/customers", (shop, "floor"), json={"email": "İ" * 150 + "@example.org"})
    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, "/email")


def test_trying_contacts_by_creating_customers_is_searching_too(app: App, shop: Shop) -> None:
    statuses = [
        app.request("POST", "/v1/customers", (shop, "floor"), json={"phone": f"+3519123456{number:02}"}).status_code
        for number in range(21)
    ]
    assert statuses == [201] * 20 + [429]


def test_two_things_that_a_phone_gave_one_id_are_both_in_the_feed(app: App, shop: Shop) -> None:
    same = str(uuid4())
    body = {"id": same, "mood": 3, "recovery_actions": [{"id": same, "remedy": "apology"}]}
    assert app.request("POST", "/v1/concerns", (shop, "floor"), json=body).status_code == 201
    with app.back_office.reading(shop.organization_id) as session:
        kinds = {change.kind for change in session.scalars(select(Change)) if str(change.object_id) == same}
    assert kinds == {"concern", "recovery_action"}


def test_head_office_reads_no_text_that_staff_typed(app: App, shop: Shop) -> None:
    marker = "Quentina"
    texts = ("their_words", "our_reading", "stake", "wanted")
    body = dict.fromkeys(texts, marker) | {
        "mood": 3,
        "items": [{"name": marker}],
        "order": {"reference": marker},
        "customer": {"name": marker},
        "recovery_actions": [{"remedy": "apology", "note": marker}],
    }
    concern = app.request("POST", "/v1/concerns", (shop, "floor"), json=body).json
    day = f"/v1/stores/{shop.store_id}/recovery-logs/{concern['business_date']}"
    one = f"/v1/concerns/{concern['id']}"
    for path in ("/v1/concerns", one, f"{one}/events", f"{one}/recovery-actions", "/v1/recovery-actions", day):
        assert marker in app.request("GET", path, (shop, "manager")).text or path.endswith("events")
        answer = app.request("GET", path, (shop, "hq"))
        assert answer.status_code == 200
        assert marker.lower() not in answer.text.lower(), path


def test_signing_out_silences_the_phone_one_was_signed_in_on(app: App, shop: Shop) -> None:
    phone = {"platform": "android", "address": "phone-1", "address_kind": "log"}
    assert app.request("PUT", "/v1/me/devices/installation-1", (shop, "manager"), json=phone).status_code == 200
    assert app.request("DELETE", "/v1/sessions/current", (shop, "manager")).status_code == 204
    with app.back_office.reading(shop.organization_id) as session:
        (device,) = session.scalars(select(Device)).all()
    assert (device.address, device.retired_reason) == (None, "signed-out")


def test_a_key_repeated_with_the_id_in_capitals_is_the_same_request(app: App, shop: Shop) -> None:
    concern = app.request("POST", "/v1/concerns", (shop, "floor"), json={"mood": 3}).json["id"]
    made = {
        app.request(
            "POST",
            f"/v1/concerns/{spelling}/recovery-actions",
            (shop, "floor"),
            json={"remedy": "apology"},
            headers={"Idempotency-Key": "k"},
        ).json["id"]
        for spelling in (concern, concern.upper())
    }
    assert len(made) == 1
