"""Text of a value with its interval."""

import re

import numpy as np
import pytest

from sknemg.metrics import format_interval, proportion_interval
from sknemg.metrics._format import format_share


def test_a_value_and_its_bounds_are_rounded_alike():
    assert format_interval(0.514, 0.25, 0.7449) == "0.51 [0.25, 0.74]"
    assert format_interval(0.514, 0.25, 0.7449, percent=True, digits=0) == "51 [25, 74]"
    assert format_interval(-0.1, -0.5, 0.3, digits=1) == "-0.1 [-0.5, 0.3]"
    assert format_interval(-0.001, -0.004, 0.3) == "0.00 [0.00, 0.30]"  # no minus before a zero
    assert format_interval(-0.001, -0.3, -0.004, signed=True) == "0.00 [-0.30, 0.00]"


def test_what_is_undefined_or_without_interval_says_so():
    assert format_interval(np.nan, np.nan, np.nan) == "undefined"
    assert format_interval(0.5, np.nan, np.nan) == "0.50 [no interval]"
    assert format_interval(1.0, 1.0, 1.0) == "1.00 [no interval]"


@pytest.mark.parametrize("digits, percent", [(0, True), (1, True), (2, False), (3, False)])
def test_bounds_of_a_finite_number_of_subjects_never_look_equal(digits, percent):
    for n in [1, 2, 5, 57, 1000, 10**5, 10**7]:
        for k in {0, n // 2, n - 1, n}:
            right = k / n
            low, high = (f(right, n) for f in (_low, _high))
            text = format_interval(right, low, high, digits=digits, percent=percent)
            first, second = re.fullmatch(r"\S+ \[(\S+), (\S+)\]", text).groups()
            assert first != second, (n, k)


def _low(p, n):
    return max(0.0, p - 1.96 * np.sqrt(p * (1 - p) / n)) if 0 < p < 1 else p * (1 - 3.7 / (n + 3))


def _high(p, n):
    return min(1.0, p + 1.96 * np.sqrt(p * (1 - p) / n)) if 0 < p < 1 else p or 3.7 / (n + 3)


def test_a_thousand_of_a_thousand():
    low, high, _ = proportion_interval(np.ones(1000))
    assert format_interval(1, low, high) == "1.000 [0.996, 1.000]"


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0 %"), (1e-9, "< 1 %"), (0.005, "< 1 %"), (0.0051, "1 %"), (0.5, "50 %")]
    + [(0.9949, "99 %"), (0.995, "> 99 %"), (1 - 1e-9, "> 99 %"), (1, "100 %")],
)
def test_a_share_is_none_or_all_only_where_it_is(share, text):
    assert format_share(share) == text
