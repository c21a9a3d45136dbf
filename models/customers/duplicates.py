"""Likely duplicates of a customer's profile. A person decides whether they are the same customer."""

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
    """A likely duplicate, and its fields that match but for the spelling: name, phone, email, loyalty_number."""

    customer: Customer
    reasons: Sequence[str]


def find_duplicates(session: Session, customer: Customer, *, actor: Actor) -> Sequence[Duplicate]:
    """Return the profiles within the actor's reach that may be the same customer, best matches first.

    Of more than `MAX_DUPLICATES` the oldest profiles are returned.
    """
    own_keys = {name: key for name in MATCH_KEYS if (key := getattr(customer, f"{name}_key")) is not None}
    matches = or_(*(getattr(Customer, f"{name}_key") == key for name, key in own_keys.items()))
    others = session.scalars(
        select(Customer)
        .where(Customer.id != customer.id, matches, *Customer.visible_to(actor))
        .options(*Customer.eager_options())
        .order_by(Customer.created_at, Customer.id)
        .limit(MAX_DUPLICATES)
    )
    duplicates = [
        Duplicate(other, [name for name, key in own_keys.items() if getattr(other, f"{name}_key") == key])
        for other in others
    ]
    return sorted(duplicates, key=lambda duplicate: -len(duplicate.reasons))
