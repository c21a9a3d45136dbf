"""Numbers as people read them, in the reader's language."""

from collections.abc import Mapping
from copy import copy
from typing import Any

from babel import Locale

from models.db.minor_units import decimals_of, major_units


def format_money(money: Mapping[str, Any], language: str) -> str:
    """Return an amount with the decimals of its currency, which CLDR, and so babel alone, does not always know."""
    currency = money["currency"]
    locale = Locale.parse(language)
    pattern = copy(locale.currency_formats["standard"])
    pattern.frac_prec = (decimals_of(currency),) * 2
    text: str = pattern.apply(major_units(money["amount"], currency), locale, currency=currency, currency_digits=False)
    return text
