"""Budget of an API key: what it may give without approval in a business day, and for one order."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from models.db.base import Money
from models.errors import Invalid
from models.policy_defaults import DEFAULT_LIMIT_CURRENCIES, KEY_BUDGET_PER_DAY, KEY_BUDGET_PER_ORDER


@dataclass(frozen=True)
class KeyBudget:
    """The budget of a key in one currency, in minor units, for all remedies together."""

    currency: str
    most_per_day: int
    most_per_order: int

    @classmethod
    def defaults(cls) -> list[Self]:
        """Return the budgets of a key for which nobody has chosen others. In other currencies it asks first."""
        return [cls(name, KEY_BUDGET_PER_DAY, KEY_BUDGET_PER_ORDER) for name in sorted(DEFAULT_LIMIT_CURRENCIES)]

    @classmethod
    def check(cls, budgets: Iterable[dict[str, Any]]) -> list[Self]:
        """Return the budgets that these dicts of `per_day` and `per_order` are. Invalid where they contradict."""
        by_currency: dict[str, Self] = {}
        for number, budget in enumerate(budgets):
            day, order = budget["per_day"], budget["per_order"]
            if day.currency != order.currency:
                raise Invalid("Both budgets are in one currency.", pointer=f"/budgets/{number}/per_order/currency")
            if day.currency in by_currency:
                raise Invalid("A key has one budget in each currency.", pointer=f"/budgets/{number}")
            by_currency[day.currency] = cls(day.currency, day.amount, order.amount)
        return [by_currency[currency] for currency in sorted(by_currency)]

    @classmethod
    def to_json(cls, budgets: Sequence["KeyBudget"]) -> list[dict[str, Any]]:
        return [asdict(budget) for budget in budgets]

    @property
    def per_day(self) -> Money:
        return Money(self.most_per_day, self.currency)

    @property
    def per_order(self) -> Money:
        return Money(self.most_per_order, self.currency)
