"""Rounding: each figure has the digits that are worth reading, halves go away from zero, and nothing is off by one."""

from decimal import ROUND_HALF_UP, Decimal
from random import Random

import numpy as np

from models.reports.figures import MoodChange
from models.reports.stats.ddsketch import pack_values, percentiles_of_sketch, unpack
from models.reports.stats.percentiles import percentiles_of
from models.reports.stats.rate import Rate
from models.reports.stats.rounding import round_ratio, round_significant


def test_minutes_have_three_significant_digits_in_reports_and_a_decimal_in_the_log() -> None:
    seconds = np.array([1_511, 1_525, 1_540], dtype=np.int64)
    of_report = percentiles_of_sketch(unpack(pack_values(seconds)))
    assert (of_report.median, of_report.p90) == (25.4, 25.4)  # it was 25.42797086456135
    assert (percentiles_of(seconds).median, percentiles_of(seconds).p90) == (25.4, 25.6)
    assert [round_significant(value) for value in (0.0, 0.012349, 1.005, 9.996, 1234.5)] == [
        0.0,
        0.0123,
        1.0,
        10.0,
        1230.0,
    ]


def test_rates_have_four_decimals_and_means_two() -> None:
    assert Rate(1, 30).value == 0.0333
    assert Rate(123, 160).value == 0.7688  # exactly 0.76875, which no float is
    assert MoodChange(-1, 8).mean == -0.13
    assert MoodChange(1, 3).mean == 0.33


def test_a_ratio_is_rounded_as_decimals_are() -> None:
    rng = Random(5)
    for _ in range(2_000):
        numerator, denominator, decimals = rng.randrange(-999, 9_999), rng.randrange(1, 999), rng.randrange(5)
        exact = (Decimal(numerator) / Decimal(denominator)).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
        assert round_ratio(numerator, denominator, decimals) == float(exact), (numerator, denominator, decimals)
