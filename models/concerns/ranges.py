"""Ranges of the numbers and amounts of a concern. A new concern keeps what is beyond as it was typed."""

import re
from collections.abc import Mapping
from typing import Any, Final

from models.db.base import Money

MOODS: Final = range(1, 6)
TIMES_TOLD: Final = range(1, 101)
QUANTITIES: Final = range(1, 10_001)
PRICES: Final = range(10**12 + 1)  # in minor units


def price_of(typed: Mapping[str, Any]) -> Money | None:
    """Return the cost or value that was typed; None for one that cannot be."""
    amount, currency = typed.get("amount", -1), typed.get("currency", "")
    if amount not in PRICES or not re.fullmatch("[A-Z]{3}", currency):
        return None
    return Money(amount, currency)
