"""Money is printed with the decimals that ISO 4217 gives its currency, whatever CLDR prints."""

import pytest
from babel.numbers import get_currency_precision

from models.db.base import Money
from models.db.minor_units import decimals_of, major_units
from models.organizations.store import _currencies
from notifications.messages.money import format_money

# All currencies a store may have of which CLDR and ISO 4217 do not say the same, and what ISO says.
DIFFERENT = {
    **dict.fromkeys(["AFN", "ALL", "IRR", "KPW", "LAK", "LBP", "MGA", "MMK", "RSD", "SOS", "SYP", "YER"], 2),
    "IQD": 3,
}


def test_the_thirteen_currencies_that_cldr_prints_otherwise_are_as_iso_has_them() -> None:
    assert {c: decimals_of(c) for c in _currencies() if decimals_of(c) != get_currency_precision(c)} == DIFFERENT
    assert {format_money(Money(125000, c), language="en")[-8:] for c in DIFFERENT} == {"1,250.00", "D125.000"}


@pytest.mark.parametrize(
    ("amount", "currency", "language", "printed"),
    [
        (125000, "RSD", "en", "RSD1,250.00"),
        (125000, "RSD", "es", "1.250,00\xa0RSD"),
        (125000, "JPY", "en", "¥125,000"),
        (125000, "KWD", "pt", "KWD\xa0125,000"),
        (125000, "EUR", "pt", "€\xa01.250,00"),
        (-5, "IQD", "en", "-IQD0.005"),
        (10**12 + 1, "EUR", "en", "€10,000,000,000.01"),
    ],
)
def test_money_is_printed_in_the_readers_language(amount: int, currency: str, language: str, printed: str) -> None:
    assert format_money(Money(amount, currency), language=language) == printed


def test_major_units_are_exact() -> None:
    assert [str(major_units(*money)) for money in ((1250, "EUR"), (0, "EUR"), (-1, "KWD"), (7, "JPY"))] == [
        "12.50",
        "0.00",
        "-0.001",
        "7",
    ]
