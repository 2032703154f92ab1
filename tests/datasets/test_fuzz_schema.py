"""Arbitrary columns come back from a written cohort as they were, or are refused."""

import json

import numpy as np
import pandas as pd
import pytest

from sknemg import Recordings
from sknemg.datasets import load_cohort, write_cohort
from sknemg.datasets._schema import UnwritableError, encode, same

hypothesis = pytest.importorskip("hypothesis")
from hypothesis import HealthCheck, example, given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402


def objects(*entries):
    return pd.Series(entries, dtype=object)


_texts = st.text(max_size=6) | st.sampled_from(["", "NA", "nan", " a", "1e5", "True", '"', "\r"])
_entries = _texts | st.integers() | st.floats() | st.booleans() | st.none()
_columns = st.one_of(
    st.lists(_texts, min_size=3, max_size=3),
    st.lists(_entries | st.sampled_from([pd.NA, b"x", (1,)]), min_size=3, max_size=3).map(
        lambda entries: objects(*entries)
    ),
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=3, max_size=3),
    st.lists(st.floats(), min_size=3, max_size=3),
    st.lists(st.floats(width=32), min_size=3, max_size=3).map(lambda x: np.array(x, "f4")),
    st.lists(_texts | st.none(), min_size=3, max_size=3).map(pd.Categorical),
    st.lists(_texts | st.none(), min_size=3, max_size=3).map(lambda x: pd.array(x, dtype="string")),
    st.lists(st.datetimes(), min_size=3, max_size=3).map(lambda x: np.array(x, "datetime64[us]")),
)


@pytest.mark.slow
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(columns=st.dictionaries(st.text(max_size=4), _columns, max_size=3))
@example(columns={"": pd.Categorical([""] * 3)})
@example(columns={"\0": [0, 0, 0]})
@example(columns={"code": ["a", "\0", "b"]})
def test_any_columns_come_back_or_are_refused_before_writing(columns, tmp_path_factory):
    folder = tmp_path_factory.mktemp("any") / "new"
    meta = pd.DataFrame({"sfreq": 10.0, "subject": ["S1", "S1", "S2"]}).assign(**columns)
    signals = np.random.default_rng(0).normal(size=12).astype(np.float32)
    X = Recordings.from_ragged(signals, [0, 3, 7, 12], meta)
    try:
        write_cohort(folder, X, ["normal", "normal", "myopathy"])
    except ValueError:
        assert not folder.exists()
        return
    back = load_cohort(folder)[0]
    assert back.values.tobytes() == X.values.tobytes()
    for name in columns:
        assert same(X[name], back[name]), name


@settings(max_examples=100, deadline=None)
@given(column=_columns)
def test_types_of_any_column(column):
    column = pd.Series(column, name="x")
    try:
        texts, field = encode(column)
    except UnwritableError:
        return
    assert all(isinstance(text, str) for text in texts)
    assert json.loads(json.dumps(field)) == field
