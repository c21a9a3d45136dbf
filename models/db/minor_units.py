"""Minor units of currencies: with how many decimals an amount in minor units is shown.

ISO 4217 says so, and not CLDR, which says how prices are usually printed: 125000 RSD is 1,250.00 although nobody pays
in paras. The table is List One of the standard's maintenance agency (SIX Group), as published on 1 January 2026: every
currency that has not two decimals.
"""

from decimal import Decimal
from typing import Final

_TWO: Final = 2
_NOT_TWO: Final = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
_DECIMALS: Final = {currency: decimals for decimals, codes in _NOT_TWO.items() for currency in codes.split()}


def decimals_of(currency: str) -> int:
    """Return the number of decimals in which amounts of a currency (ISO 4217) are shown."""
    return _DECIMALS.get(currency, _TWO)


def major_units(amount: int, currency: str) -> Decimal:
    """Return an amount in minor units in major ones, with all decimals of the currency: 1250 EUR is 12.50."""
    return Decimal(amount).scaleb(-decimals_of(currency))
