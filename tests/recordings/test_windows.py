"""`Windows`: what an array of overlapping windows would be, cut only where it is asked for."""

import pickle
import sys
from io import BytesIO

import joblib
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from sknemg import (
    DiVoteClassifier,
    MelSpectrogram,
    NEMGNetClassifier,
    PlotImage,
    Recordings,
    Segmenter,
    SegmentFeatures,
)
from sknemg.recordings import InvalidRecordingsError, Windows
from sknemg.signal import n_window_samples, window_starts


def cut(X, window, hop, pad=False):
    """Cut every window of every row, one by one."""
    n_times = n_window_samples(sfreq := float(X["sfreq"].iloc[0]), window)
    rows = []
    for signal in X:
        starts = window_starts(len(signal), sfreq, window, hop)
        rows += [signal[start : start + n_times] for start in starts]
        if pad and not len(starts):
            rows.append(np.pad(signal, (0, n_times - len(signal))))
    return np.array(rows, dtype=signal.dtype).reshape(-1, n_times)


@pytest.fixture
def segments(make_ragged):
    return Segmenter(0.4, 0.03).fit_transform(make_ragged(sfreq=10_000.0)[0])


@pytest.fixture
def asked(monkeypatch):
    """How many windows were cut at once, each time."""
    numbers, original = [], Windows.__array__

    def counted(self, dtype=None, copy=None):
        numbers.append(len(self))
        return original(self, dtype, copy)

    monkeypatch.setattr(Windows, "__array__", counted)
    monkeypatch.setattr("sknemg.features.segments._CHUNK", 64)
    monkeypatch.setattr("sknemg.images._raster._CHUNK_PIXELS", 64 * 128 * 64)
    monkeypatch.setattr(NEMGNetClassifier, "_prediction_batch", 64)
    return numbers


@pytest.mark.parametrize("sfreq", [10_000.0, 23_437.5])
@pytest.mark.parametrize("short", ["drop", "pad"])
def test_windows_have_the_samples_of_their_signal(sfreq, short):
    rng = np.random.default_rng(0)
    lengths = [n_window_samples(sfreq, s) for s in (0.4, 0.21, 1.234, 0.39, 0.8)]
    X = Recordings([rng.normal(size=n) for n in lengths], sfreq=sfreq)
    found = Segmenter(short=short).fit_transform(X)
    assert isinstance(found.items, Windows) and found.items.signal is X.values
    expected = cut(X, 0.4, 0.1, pad=short == "pad")
    assert_array_equal(found.items, expected)
    assert found.items.shape == expected.shape and found.items.dtype == expected.dtype
    assert found.items.nbytes == expected.nbytes
    for row, items in enumerate(found):
        assert isinstance(items, np.ndarray)
        assert_array_equal(items, expected[found.row_index == row])


def test_rows_stay_windows_until_the_array_is_asked_for(segments, asked):
    rows = np.array([3, 0, 5])
    chosen = [segments[rows], segments[2:4], segments.with_columns(age=5), segments[rows, ...]]
    chosen.append(Recordings.concat([segments[rows], segments[2:4]]))
    assert all(isinstance(part.items, Windows) for part in chosen)
    assert chosen[0].items.signal is segments.items.signal
    assert "segments of 4000" in repr(segments) and not len(segments.problems())
    assert max(asked, default=0) == 0
    expected = np.concatenate([segments[int(row)] for row in rows])
    assert_array_equal(chosen[0].items, expected)
    assert_array_equal(chosen[-1].items, np.concatenate([expected, *segments[2:4]]))
    assert segments.equals(segments.with_values(np.array(segments.items)))
    assert not segments.equals(segments.with_values(np.array(segments.items) + 1))


def test_values_are_an_array_that_can_be_written_into(segments):
    expected = np.array(segments.items)
    segments.values[:, 0] = 7
    expected[:, 0] = 7
    assert_array_equal(segments[0], expected[: segments.offsets[1]])
    assert_array_equal(segments.items, expected)


@pytest.mark.parametrize("key", [3, -1, slice(2, 9, 3), [4, 1], (slice(None), 0), None, (1, 2)])
def test_windows_are_indexed_as_an_array(segments, key):
    windows = segments.items
    assert_array_equal(windows[key], np.asarray(windows)[key])
    mask = np.arange(len(windows)) % 2 == 0
    assert_array_equal(windows[mask, ...], np.asarray(windows)[mask])


def test_bad_samples_are_found_without_cutting(make_ragged, asked):
    X, _ = make_ragged(sfreq=10_000.0)
    X.values[X.offsets[2] + 3000] = np.nan
    segments = Segmenter().fit(X)._transform(X)
    table = segments.problems()
    assert not asked
    dense = segments.with_values(np.array(segments.items))
    assert table.equals(dense.problems()) and table["row"].tolist() == [2]
    with pytest.raises(InvalidRecordingsError, match="row 2"):
        SegmentFeatures().fit_transform(segments)
    network = NEMGNetClassifier("A", width=2)
    with pytest.raises(ValueError, match="NaN or infinite values") as lazy:
        network.fit(segments.items, np.arange(len(segments.items)) % 2)
    with pytest.raises(ValueError, match="NaN or infinite values") as array:
        network.fit(dense.values, np.arange(len(dense.values)) % 2)
    assert str(lazy.value) == str(array.value)
    X.values[X.offsets[2] + 3000] = 2e6
    with pytest.raises(InvalidRecordingsError, match="beyond 1e"):
        PlotImage().fit_transform(segments)


def test_a_pickle_holds_the_signal_once_and_of_the_rows_alone(segments):
    signal = segments.items.signal
    assert len(pickle.dumps(segments)) < 1.2 * signal.nbytes < 0.4 * segments.items.nbytes
    again = pickle.loads(pickle.dumps(segments))
    assert isinstance(again.items, Windows) and again.equals(segments)
    assert joblib.hash(again) == joblib.hash(segments)
    few = pickle.loads(pickle.dumps(segments[[6, 2]]))
    assert few.equals(segments[[6, 2]])
    assert not set(few.items.signal) & set(np.ravel(segments[0]))
    assert len(few.items.signal) < len(signal) / 3


def test_joblib_maps_the_signal_into_memory(segments, tmp_path):
    kept, whole = BytesIO(), tmp_path / "segments.joblib"
    joblib.dump(segments, whole)
    mapped = joblib.load(whole, mmap_mode="r")
    assert isinstance(mapped.items.signal, np.memmap)
    assert_array_equal(mapped.items, segments.items)
    pickle.dump(mapped, kept)
    assert len(kept.getvalue()) < 1.2 * segments.items.signal.nbytes


def test_trimming_leaves_out_what_is_far_from_every_window():
    signal = np.arange(100.0)
    windows = Windows(signal, [60, 20, 25, 90], 10, [10, 10, 10, 4])
    assert_array_equal(windows.trimmed().signal, np.r_[20:35, 60:70, 90:100])
    assert_array_equal(windows.trimmed(), windows)
    near = Windows(signal[:40], [5, 24], 10)
    assert near.trimmed() is near
    assert len(windows[[]].trimmed().signal) == 0


@pytest.mark.parametrize(
    ("starts", "sizes", "match"),
    [
        ([0, 95], None, "beyond the 100"),
        ([-1], None, "beyond the 100"),
        ([0], [11], "beyond the 100"),
        ([0, 1], [5], "2 starts and 1 sizes"),
    ],
)
def test_windows_beyond_the_signal_are_refused(starts, sizes, match):
    with pytest.raises(ValueError, match=match):
        Windows(np.zeros(100), starts, 10, sizes)
    with pytest.raises(ValueError, match="without copy=False"):
        np.array(Windows(np.zeros(100), [0], 10), copy=False)


@pytest.mark.parametrize(
    "step",
    [SegmentFeatures(), MelSpectrogram(), PlotImage((128, 64), limits=None)],
    ids=lambda step: type(step).__name__,
)
def test_steps_cut_piece_by_piece_what_an_array_gives(segments, asked, step):
    found = step.fit_transform(segments)
    assert isinstance(segments.items, Windows) and 0 < max(asked) <= 64
    assert found.equals(step.fit_transform(segments.with_values(np.array(segments.items))))
    bare = step.set_params(input_sfreq=10_000).fit_transform(segments.items[:40])
    assert_array_equal(bare, found.values[:40])


def _network(**options):
    options = {"max_epochs": 1, "epoch_fraction": 0.2, "random_state": 0} | options
    return NEMGNetClassifier("A", width=2, **options)


@pytest.mark.slow
@pytest.mark.parametrize(
    "classifier",
    [
        _network(),
        make_pipeline(SegmentFeatures(input_sfreq=10_000), LinearDiscriminantAnalysis()),
        make_pipeline("passthrough", _network()),
    ],
    ids=["network", "features", "pipeline"],
)
def test_segment_classifiers_cut_batch_by_batch_what_an_array_gives(
    make_ragged, segments, asked, classifier, one_thread
):
    y = make_ragged(sfreq=10_000.0)[1]
    model = DiVoteClassifier(classifier, subject_features="all").fit(segments, y)
    levels = model.levels(segments)
    asked.remove(len(segments.items))  # for the salt of the hashes of subjects, of 1024 at least
    assert isinstance(segments.items, Windows) and 0 < max(asked) <= 256 < len(segments.items)
    dense = segments.with_values(np.array(segments.items))
    again = DiVoteClassifier(classifier, subject_features="all").fit(dense, y)
    for name in ("items", "subjects", "votes"):
        table, other = getattr(levels, name), getattr(again.levels(dense), name)
        assert table.equals(other)
    with pytest.raises(ValueError, match=r"X holds items of shape \(3000,\)"):
        model.predict(dense.with_values(dense.values[:, :3000]))


def test_other_classifiers_are_given_an_array(make_ragged, segments):
    class Strict(LinearDiscriminantAnalysis):
        def fit(self, X, y):
            assert isinstance(X, np.ndarray)
            return super().fit(X[:, :50], y)

        def predict_proba(self, X):
            assert isinstance(X, np.ndarray)
            return super().predict_proba(X[:, :50])

    y = make_ragged(sfreq=10_000.0)[1]
    DiVoteClassifier(Strict(), subject_features="all").fit(segments, y).predict(segments)
    assert isinstance(segments.items, Windows)


def test_a_search_over_windows_splits_them(segments, asked, one_thread):
    y, windows = np.arange(100) % 2, segments.items[:100]
    search = GridSearchCV(_network(), {"lr": [1e-3, 1e-2]}, cv=2, refit=False)
    scores = search.fit(windows, y).cv_results_["mean_test_score"]
    assert max(asked) <= 50
    dense = search.fit(np.asarray(windows), y).cv_results_["mean_test_score"]
    assert_array_equal(scores, dense)


def test_a_network_refuses_windows_of_another_length_as_an_array(segments, one_thread):
    y, windows = np.arange(60) % 2, segments.items[:60]
    network = _network().fit(windows, y)
    assert network.n_features_in_ == 4000 and network.input_shape_ == (4000,)
    with pytest.raises(ValueError, match="has 2000 features"):
        network.predict(Windows(windows.signal, [0, 5], 2000))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        network.fit(windows, y[:-1])
    with pytest.raises(ValueError, match="0 sample"):
        network.predict(windows[:0])


def test_windows_on_a_device_are_those_in_memory():
    torch = pytest.importorskip("torch")
    from sknemg.classifiers.data import TensorWindows

    signal = np.random.default_rng(0).normal(size=100).astype(np.float32)
    for sizes in ([10, 10, 4], None):
        windows = Windows(signal, [0, 80, 90], 10, sizes)
        there = TensorWindows(windows, "cpu")
        rows = torch.tensor([2, 0, 1, 2])
        assert_array_equal(there[rows].numpy(), np.asarray(windows)[rows.numpy()])
        assert len(there) == 3


@pytest.mark.filterwarnings("ignore::sknemg.ImplausibleWarning")
def test_picked_windows_are_kept_without_the_signal_between_them():
    signals = [np.full(n, value, np.float32) for n, value in [(1000, 1), (300, 2), (1000, 3)]]
    X = Recordings(signals, sfreq=1000, subject=["a", "secret", "b"])
    for short in ["pad", "drop"]:
        S = Segmenter(window=0.4, short=short).fit_transform(X)
        kept = pickle.loads(pickle.dumps(S[[0, 2]]))
        assert not (np.asarray(kept.items.signal) == 2).any()
        assert_array_equal(kept.values, S.values[S.row_index != 1])


@pytest.mark.filterwarnings("ignore::sknemg.ImplausibleWarning")
@pytest.mark.parametrize("key", [np.arange(4).reshape(2, 2), True])
def test_windows_take_keys_of_any_shape_as_arrays_do(key):
    X = Recordings(np.arange(24.0).reshape(2, 12), sfreq=10, subject=["a", "b"])
    items = Segmenter().fit_transform(X).items
    assert_array_equal(items[key], np.asarray(items)[key])


def test_a_size_is_that_of_what_is_held(make_ragged):
    X, _ = make_ragged()
    segments = Segmenter().fit_transform(X)
    dense = segments.with_values(np.asarray(segments.items))
    assert X.values.nbytes < sys.getsizeof(X) < X.values.nbytes + 20_000
    assert sys.getsizeof(dense) > sys.getsizeof(segments) > X.values.nbytes
    assert dense.items.nbytes < sys.getsizeof(dense) < dense.items.nbytes + 20_000
