"""Limits of a store: what may be given there at once, and in one business day, before somebody has to approve."""

from dataclasses import asdict, dataclass
from typing import Any, Self

from models.db.base import Money
from models.policy_defaults import (
    ACT_FIRST_AFTER_HOURS,
    DEFAULT_LIMIT_CURRENCIES,
    MAX_PER_ACTION,
    STORE_LIMIT_PER_DAY,
)


@dataclass(frozen=True)
class StoreLimits:
    """The limits of a store in one currency, in minor units.

    `most_per_action` is what nobody, whatever their role, gives at once unless somebody else approves. `most_per_day`
    counts all remedies and people of a business day together; None: without end. `most_after_hours` is for how much in
    a day the store acts first: where nobody could approve, and where it always acts first beyond a limit.
    """

    currency: str
    most_per_action: int
    most_per_day: int | None
    most_after_hours: int

    @classmethod
    def default(cls, currency: str) -> Self | None:
        """Return the limits that hold until somebody sets others. None: everything asks first."""
        if currency not in DEFAULT_LIMIT_CURRENCIES:
            return None
        return cls(currency, MAX_PER_ACTION, STORE_LIMIT_PER_DAY, ACT_FIRST_AFTER_HOURS)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def per_action(self) -> Money:
        return Money(self.most_per_action, self.currency)

    @property
    def per_day(self) -> Money | None:
        return None if self.most_per_day is None else Money(self.most_per_day, self.currency)

    @property
    def after_hours(self) -> Money:
        return Money(self.most_after_hours, self.currency)
