"""Name of a customer as a concern shows it: how to greet them, or who it may be."""

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from models.concerns.concern import Concern


@dataclass(frozen=True)
class CustomerName:
    """What staff read of a customer where they do not open the profile.

    `name` (the preferred name, else the first one) and its `pronunciation` are None until the match is confirmed: then
    `initials`, and `last_here`, the first day of the month in which this store last heard from the customer, say who it
    may be. One wrong digit in a phone number must not greet a stranger by name.
    """

    confirmed: bool
    name: str | None
    pronunciation: str | None
    initials: str | None
    last_here: date | None

    @classmethod
    def of(cls, concern: "Concern") -> Self | None:
        """Return the name of the customer of a concern; None where nobody is named."""
        customer = concern.customer
        if customer is None:
            return None
        known = concern.is_customer_known
        words = (customer.name or "").split()
        return cls(
            confirmed=known,
            name=(customer.preferred_name or next(iter(words), None)) if known else None,
            pronunciation=customer.pronunciation if known else None,
            initials=" ".join(f"{word[0].upper()}." for word in words) or None,
            last_here=concern.last_here_on.replace(day=1) if concern.last_here_on else None,
        )
