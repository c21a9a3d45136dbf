"""Rounding: how many digits a figure has. It is rounded once, when it is made, so that every form shows the same."""

from typing import Final

RATE_DECIMALS: Final = 4  # 0.7692 is 76.92 %
COUNT_DECIMALS: Final = 2  # such as concerns per thousand receipts
MEAN_DECIMALS: Final = 2  # steps of the mood
LOG_MINUTE_DECIMALS: Final = 1  # exact minutes of one store and day
SIGNIFICANT_DIGITS: Final = 3  # minutes of reports, which are within one per cent


def round_ratio(numerator: int, denominator: int, decimals: int) -> float:
    """Return a ratio of whole numbers with so many decimals, exactly rounded, halves away from zero."""
    scale: int = 10**decimals
    rounded = (2 * abs(numerator) * scale + denominator) // (2 * denominator)
    return (rounded if numerator >= 0 else -rounded) / scale


def round_significant(value: float) -> float:
    """Return a value with SIGNIFICANT_DIGITS digits."""
    return float(f"{value:.{SIGNIFICANT_DIGITS}g}")
