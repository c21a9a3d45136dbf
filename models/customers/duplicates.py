"""Likely duplicates of a customer's profile. A person decides whether they are the same customer."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from models.access import Actor
from models.customers.contacts import MATCH_KEYS, SAME_PHONE_END
from models.customers.customer import Customer
from models.db.text import begins_with
from models.policy_defaults import MAX_DUPLICATES


@dataclass(frozen=True)
class Duplicate:
    """A likely duplicate, and its fields that match but for the spelling: name, phone, email, loyalty_number."""

    customer: Customer
    reasons: Sequence[str]


def find_duplicates(session: Session, customer: Customer, *, actor: Actor) -> Sequence[Duplicate]:
    """Return the profiles that may be the same customer, best matches first: of those that the actor may read.

    Raises InvalidState unless they may read that of the customer.
        Of more than `MAX_DUPLICATES` the oldest profiles are returned.
    """
    customer.require_open_to(actor)
    own_keys = {name: key for name in MATCH_KEYS if (key := getattr(customer, f"{name}_key")) is not None}
    matches = or_(*(_matches(customer, name, key) for name, key in own_keys.items()))
    others = session.scalars(
        select(Customer)
        .where(Customer.id != customer.id, matches, *Customer.visible_to(actor), *Customer.open_to(actor))
        .options(*Customer.eager_options(), Customer.is_open_option(actor))
        .order_by(Customer.created_at, Customer.id)
        .limit(MAX_DUPLICATES)
    )
    duplicates = [
        Duplicate(other, [name for name, key in own_keys.items() if _has_matching(customer, other, name, key)])
        for other in others
    ]
    return sorted(duplicates, key=lambda duplicate: -len(duplicate.reasons))


def _matches(customer: Customer, name: str, key: str) -> ColumnElement[bool]:
    column = getattr(Customer, f"{name}_key")
    if name != "phone":
        is_same: ColumnElement[bool] = column == key
        return is_same
    same_end = begins_with(column, key[:SAME_PHONE_END])
    if not customer.phone_extension:
        return same_end
    # Callers behind one switchboard are no duplicates; whoever gave its number alone may be one of them.
    return and_(same_end, Customer.phone_extension.in_(["", customer.phone_extension]))


def _has_matching(customer: Customer, other: Customer, name: str, key: str) -> bool:
    other_key = getattr(other, f"{name}_key")
    if name != "phone" or other_key is None:
        return bool(other_key == key)
    extensions = {customer.phone_extension, other.phone_extension} - {""}
    return bool(other_key[:SAME_PHONE_END] == key[:SAME_PHONE_END]) and len(extensions) < 2
