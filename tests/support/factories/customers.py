"""Customers, as stores get to know them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from models.customers.contacts import normalize_contacts
from models.customers.customer import Customer
from models.db.session import ScopedSession
from tests.support.app import App
from tests.support.clock import NOON
from tests.support.factories.fixes import request
from tests.support.factories.organizations import Shop


def recognise(
    session: ScopedSession, store_id: UUID | None, *, country: str | None = "PT", at: datetime = NOON, **fields: Any
) -> Customer:
    """Recognise or make the customer with these details, as a store of this country would."""
    details = normalize_contacts(fields, country)
    return Customer.recognise(
        session, details, known=Customer.find_by_contacts(session, details), at=at, store_id=store_id
    )


def make_customer(app: App, shop: Shop, name: str, *, agrees: bool | None = True, **fields: Any) -> str:
    """Make a customer of the first store who agreed to be contacted, refused, or was not asked; return their id."""
    consent = {} if agrees is None else {"consent": {"contact": agrees, "source": "in_person"}}
    answer = request(app, shop, "POST", "/customers", "floor", json={"name": name, **fields, **consent})
    assert answer.status_code == 201, answer.text
    return str(answer.json["id"])


def set_consent(app: App, shop: Shop, customer_id: str, *, contact: bool = True) -> None:
    body = {"consent": {"contact": contact, "source": "phone"}}
    headers = {"If-Match": "*"}
    assert request(app, shop, "PATCH", f"/customers/{customer_id}", json=body, headers=headers).status_code == 200
