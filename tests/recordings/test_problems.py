"""How messages spell out rows and values."""

import numpy as np
import pandas as pd
import pytest

from sknemg.recordings._problems import listed, shown


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.str_("normal"), "'normal'"),
        ("it's", '"it\'s"'),
        (np.int64(3), "3"),
        (np.float64(0.1), "0.1"),
        (np.float32(0.1), "0.1"),
        (np.bool_(True), "True"),
        (np.array("a"), "'a'"),
        (np.datetime64("2020-01-02"), "2020-01-02"),
        (np.bytes_(b"\xb5V"), r"b'\xb5V'"),
        (None, "None"),
        (pd.NA, "<NA>"),
        (float("nan"), "nan"),
        ([np.str_("a"), np.int64(1), None], "['a', 1, None]"),
        (np.array(["a", "b"]), "['a', 'b']"),
        (np.array([[1, 2], [3, 4]]), "[[1, 2], [3, 4]]"),
        (pd.Series(["a", "b"], index=[4, 5]), "['a', 'b']"),
        (pd.Index([True, False]), "[True, False]"),
        (pd.Series(["a", "b"]).unique(), "['a', 'b']"),
        (pd.array([1, None], dtype="Int64"), "[1, <NA>]"),
        ({np.str_("b"), "a"}, "{'a', 'b'}"),
        (set(), "set()"),
        ((np.int64(1),), "(1,)"),
        ((1.5, np.float64(2)), "(1.5, 2.0)"),
        ({"k": 1}.keys(), "['k']"),
        ({np.str_("k"): np.float64(1)}, "{'k': 1.0}"),
        ("x" * 1000, "'" + "x" * 200 + "...'"),
    ],
)
def test_values_are_shown_as_python_writes_them(value, text):
    assert shown(value) == text


def test_long_lists_are_cut():
    assert shown(np.arange(1000)) == "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ... 990 more]"
    assert listed(np.arange(1000), "row") == "rows 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 990 more"
    assert listed(np.array([7]), "row") == "row 7"
    assert listed(pd.Series(["a", "b"], index=[3, 4]), "subject") == "subjects 'a', 'b'"
