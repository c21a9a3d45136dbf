"""Profiles that look like one and the same person; whether they are is for somebody to say."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from models.access import Actor
from models.customers.contacts import MATCH_KEYS
from models.customers.customer import Customer
from models.policy_defaults import MAX_DUPLICATES


@dataclass(frozen=True)
class Duplicate:
    """Another profile, and what is the same but for its spelling: name, phone, email, loyalty_number."""

    customer: Customer
    reasons: Sequence[str]


def find_duplicates(session: Session, customer: Customer, *, actor: Actor) -> Sequence[Duplicate]:
    """The profiles within this person's reach that may be the same customer, most alike first; at most 20."""
    own = {name: key for name in MATCH_KEYS if (key := getattr(customer, f"{name}_key")) is not None}
    alike = or_(*(getattr(Customer, f"{name}_key") == key for name, key in own.items()))
    stmt = select(Customer).where(Customer.id != customer.id, alike, *Customer.visible_to(actor))
    found = session.scalars(
        stmt.options(*Customer.eager_options()).order_by(Customer.created_at, Customer.id).limit(MAX_DUPLICATES)
    )
    likely = [
        Duplicate(other, [name for name, key in own.items() if getattr(other, f"{name}_key") == key]) for other in found
    ]
    return sorted(likely, key=lambda one: -len(one.reasons))
