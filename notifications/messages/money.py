"""Amounts of money as people read them, in the language of a text."""

from copy import copy

from babel import Locale

from models.db.base import Money
from models.db.minor_units import decimals_of, major_units


def format_money(money: Money, *, language: str) -> str:
    """Return an amount with the decimals of its currency, which CLDR, and so babel alone, does not always know."""
    locale = Locale.parse(language, sep="-")
    pattern = copy(locale.currency_formats["standard"])
    pattern.frac_prec = (decimals_of(money.currency),) * 2
    amount = major_units(money.amount, money.currency)
    text: str = pattern.apply(amount, locale, currency=money.currency, currency_digits=False)
    return text
