"""Customers, as stores get to know them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from models.customers.contacts import normalize_contacts
from models.customers.customer import Customer
from models.db.session import ScopedSession
from tests.support.app import World
from tests.support.clock import NOON
from tests.support.factories.fixes import ask
from tests.support.factories.organizations import Shop


def recognise(
    session: ScopedSession, store_id: UUID | None, *, country: str | None = "PT", at: datetime = NOON, **said: Any
) -> Customer:
    """The customer with these details as a store of this country would get to know them."""
    details = normalize_contacts(said, country)
    return Customer.recognise(
        session, details, known=Customer.find_by_contacts(session, details), at=at, store_id=store_id
    )


def regular(world: World, shop: Shop, name: str, *, agrees: bool | None = True, **said: Any) -> str:
    """A customer met in the first store, who agreed to be contacted, refused, or was not asked; their id."""
    consent = {} if agrees is None else {"consent": {"contact": agrees, "source": "in_person"}}
    answer = ask(world, shop, "POST", "/customers", "floor", json={"name": name, **said, **consent})
    assert answer.status_code == 201, answer.text
    return str(answer.json["id"])


def agree(world: World, shop: Shop, customer_id: str, *, contact: bool = True) -> None:
    body = {"consent": {"contact": contact, "source": "phone"}}
    headers = {"If-Match": "*"}
    assert ask(world, shop, "PATCH", f"/customers/{customer_id}", json=body, headers=headers).status_code == 200
