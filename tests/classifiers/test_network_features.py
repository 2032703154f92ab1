"""Columns that a shipped network makes of segments: what they are, and what is refused."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from sknemg import Recordings, Segmenter, SegmentFeatures
from sknemg.classifiers import NetworkFeatures
from sknemg.classifiers.nemgnet import shipped_network
from sknemg.model_selection.origin import SEEN, caution_of
from sknemg.weights import read_network

SHIPPED = read_network("volitional-small")
N_TIMES, SFREQ = SHIPPED.input_shape[-1], SHIPPED.sfreq


def segments(n=5):
    return np.random.default_rng(0).normal(size=(n, N_TIMES)).astype(np.float32)


def test_columns_are_measures_and_means_and_deviations_of_the_last_map():
    X = segments()
    seen = NetworkFeatures(input_sfreq=SFREQ).fit(X)
    found = seen.transform(X)
    network, _ = shipped_network("volitional-small")
    (last,) = network.layer_outputs(X, ["blocks.block12"]).values()
    measured = SegmentFeatures(input_sfreq=SFREQ).fit_transform(X)
    assert_allclose(found, np.hstack([measured, last.mean(2), last.std(2)]), rtol=1e-5, atol=1e-6)
    assert len(seen.get_feature_names_out()) == found.shape[1]
    alone = clone(seen).set_params(measures=False).fit(X)
    assert_allclose(alone.transform(X), found[:, measured.shape[1] :])
    assert alone.get_feature_names_out()[0] == "mean_0"


def test_the_last_map_is_what_the_head_sees():
    network, _ = shipped_network("volitional-small")
    (last,) = network.layer_outputs(segments(2), ["blocks.block12"]).values()
    assert last.shape[:2] == (2, 16 * network.width)
    assert last.std() > 0


def test_recordings_keep_their_rows_and_many_segments_are_as_few():
    signals = [np.random.default_rng(k).normal(size=(k + 2) * N_TIMES) for k in range(3)]
    X = Recordings(signals, sfreq=SFREQ, subject=list("abc"))
    cut = Segmenter(window=N_TIMES / SFREQ, hop=N_TIMES / SFREQ / 200).fit_transform(X)
    assert len(cut.items) > 512  # several pieces
    found = NetworkFeatures().fit_transform(cut)
    assert found.offsets.tolist() == cut.offsets.tolist()
    assert found["subject"].tolist() == list("abc")
    one = NetworkFeatures().fit_transform(cut[[2]])
    assert_allclose(found[[2]].items, one.items, rtol=1e-4, atol=1e-4)


def test_segments_of_another_length_or_rate_are_refused():
    seen = NetworkFeatures(input_sfreq=SFREQ).fit(segments())
    with pytest.raises(ValueError, match="have 1100 samples, those of"):
        NetworkFeatures(input_sfreq=SFREQ).fit_transform(segments()[:, :1100])
    with pytest.raises(ValueError, match=r"sampled at 5000 Hz, 'volitional-small' was trained at"):
        seen.set_params(input_sfreq=5000).transform(segments())


def test_what_is_not_fitted_or_unknown_is_refused():
    with pytest.raises(NotFittedError):
        NetworkFeatures(input_sfreq=SFREQ).transform(segments())
    with pytest.raises(ValueError, match="No model 'volitional-smal'"):
        NetworkFeatures("volitional-smal", input_sfreq=SFREQ).fit(segments())
    with pytest.raises(ValueError, match="'volitional-muap' holds 0 networks"):
        NetworkFeatures("volitional-muap", input_sfreq=SFREQ).fit(segments())


def test_it_says_where_it_comes_from_and_is_pickled():
    seen = NetworkFeatures(input_sfreq=SFREQ).fit(segments())
    assert caution_of(seen) == SEEN
    again = pickle.loads(pickle.dumps(seen))
    assert_allclose(again.transform(segments()), seen.transform(segments()))
