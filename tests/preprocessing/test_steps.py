import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline

from sknemg import Downsampler, InvalidRecordingsError, Recordings, Segmenter

pytestmark = pytest.mark.filterwarnings("ignore::sknemg.ImplausibleWarning")  # toy signals


# -- resampling --------------------------------------------------------------------------------


def test_downsampler_rewrites_the_rate_and_only_that():
    X = Recordings(
        [np.zeros(48_000), np.zeros(23_438), np.ones(5000)],
        sfreq=[48_000, 23_437.5, 10_000],
        subject=["a", "b", "c"],
    )
    new = Downsampler().fit_transform(X)
    assert new.lengths.tolist() == [10_000, 10_000, 5000]
    assert new["sfreq"].tolist() == [10_000] * 3
    assert new["subject"].tolist() == ["a", "b", "c"]
    assert X["sfreq"].tolist() == [48_000, 23_437.5, 10_000]
    np.testing.assert_array_equal(new[2], X[2])


def test_rates_far_apart_are_refused_by_row():
    X = Recordings([np.zeros(10)] * 3, sfreq=[48_000, 4.8e7, 48])
    with pytest.raises(InvalidRecordingsError, match="sampled at 48000000 Hz, for 10000") as error:
        Downsampler(upsample=True).fit_transform(X)
    assert error.value.problems["row"].tolist() == [1]


def test_kilohertz_given_for_hertz_are_asked_about():
    X = Recordings([np.ones(9), np.ones(9)], sfreq=[48, 4000])
    with pytest.raises(InvalidRecordingsError) as error:
        Downsampler().fit_transform(X)
    assert error.value.problems["problem"].tolist() == [
        "sampled at 48 Hz (kilohertz?), below 10000 Hz",
        "sampled at 4000 Hz, below 10000 Hz",
    ]
    assert "give the rate in hertz if it is in kilohertz; else lower `sfreq`" in str(error.value)
    with pytest.raises(InvalidRecordingsError) as error:
        Downsampler().fit_transform(X[[1]])
    assert "kilohertz" not in str(error.value)


def test_rows_below_the_target_rate_are_all_named():
    X = Recordings([np.zeros(10)] * 3, sfreq=[4000, 48_000, 8000])
    with pytest.raises(InvalidRecordingsError, match="sampled at 4000 Hz, below 10000") as error:
        Downsampler().fit_transform(X)
    assert error.value.problems["row"].tolist() == [0, 2]
    assert Downsampler(upsample=True).fit_transform(X).lengths.tolist() == [25, 2, 12]


# -- windows -----------------------------------------------------------------------------------


def test_counts_survive_the_downsampling():
    rng = np.random.default_rng(0)
    lengths = [19_200, 19_201, 24_000, *rng.integers(19_680, 192_000, size=30)]
    X = Recordings([np.zeros(n) for n in lengths], sfreq=48_000)
    direct = Segmenter().fit_transform(X).lengths
    after = make_pipeline(Downsampler(), Segmenter()).fit_transform(X).lengths
    np.testing.assert_array_equal(direct, after)


def test_rounding_errors_of_seconds_cost_no_segment():
    X = Recordings([np.arange(9000)], sfreq=10_000)
    assert Segmenter(0.1 * 3, 0.1 * 3).fit_transform(X).lengths.tolist() == [3]


def test_windows_and_hops_under_one_sample_are_refused():
    X = Recordings(np.zeros((2, 50)), sfreq=1000)
    with pytest.raises(ValueError, match=r"hop=0\.0005 s is 0\.5 samples at 1000 Hz: give"):
        Segmenter(window=0.01, hop=0.0005).fit_transform(X)
    with pytest.raises(ValueError, match=r"window=0\.0001 s is 0\.1 samples at 1000 Hz"):
        Segmenter(window=0.0001, hop=0.01).fit_transform(X)
    assert Segmenter(window=0.001, hop=0.001).fit_transform(X).lengths.tolist() == [50, 50]


def test_segments_are_the_windows_of_the_signal():
    X = Recordings([np.arange(10), np.arange(100, 107)], sfreq=10, subject=["a", "b"])
    segments = Segmenter(window=0.4, hop=0.3).fit_transform(X)
    assert segments.item_shape == (4,)
    assert segments.lengths.tolist() == [3, 2]
    np.testing.assert_array_equal(segments[0], [[0, 1, 2, 3], [3, 4, 5, 6], [6, 7, 8, 9]])
    np.testing.assert_array_equal(segments[1], [[100, 101, 102, 103], [103, 104, 105, 106]])
    assert segments[["window", "hop"]].iloc[0].tolist() == [0.4, 0.3]
    assert segments["subject"].tolist() == ["a", "b"]


def test_short_recordings():
    X = Recordings([np.ones(3), np.ones(4), np.ones(2)], sfreq=10)
    with pytest.raises(InvalidRecordingsError, match=r"0.3 s long, one window is 0.4 s") as error:
        Segmenter().fit_transform(X)
    assert error.value.problems["row"].tolist() == [0, 2]
    assert Segmenter(short="drop").fit_transform(X).lengths.tolist() == [0, 1, 0]
    padded = Segmenter(short="pad").fit_transform(X)
    np.testing.assert_array_equal(padded[0], [[1, 1, 1, 0]])


def test_several_rates_cannot_share_one_segment_shape():
    X = Recordings([np.ones(10), np.ones(10)], sfreq=[10, 20])
    with pytest.raises(ValueError, match="rates 10, 20 Hz: put a Downsampler first"):
        Segmenter().fit_transform(X)
    X = X.with_columns(sfreq=[23437.5, 23437.50001])
    with pytest.raises(ValueError, match=r"rates 23437\.5, 23437\.50001 Hz"):
        Segmenter().fit_transform(X)


# -- containers --------------------------------------------------------------------------------


@pytest.fixture
def signals():
    rng = np.random.default_rng(0)
    return [rng.normal(size=n) for n in (2000, 2600, 3100)]


def test_every_container_gives_the_same_segments_in_its_own_kind(signals):
    X = Recordings(signals, sfreq=2000, subject=["a", "b", "c"])
    known = make_pipeline(Downsampler(1000), Segmenter())
    bare = make_pipeline(Downsampler(1000, input_sfreq=2000), Segmenter(input_sfreq=1000))
    expected = known.fit_transform(X)
    frame = known.fit_transform(X.to_frame().set_axis([7, 5, 9]))
    assert frame.index.tolist() == [7, 5, 9]
    frame = frame.reset_index()
    assert frame["subject"].tolist() == ["a", "b", "c"]
    rows = bare.fit_transform(signals)
    assert isinstance(rows, list)
    for row in range(3):
        np.testing.assert_array_equal(frame["signal"][row], expected[row])
        np.testing.assert_array_equal(rows[row], expected[row])
    array = bare.fit_transform(np.array([signal[:2000] for signal in signals]))
    assert array.shape == (3, 7, 400)


@pytest.mark.parametrize("step", [Downsampler(), Segmenter()])
def test_a_bare_array_without_a_rate_is_refused(step, signals):
    for X in (signals, np.ones((2, 5000)), pd.DataFrame({"signal": signals})):
        with pytest.raises(ValueError, match=r"rate of this input is unknown.*input_sfreq"):
            step.fit_transform(X)


def test_a_rate_that_contradicts_the_recordings_is_refused():
    X = Recordings([np.ones(10)] * 2, sfreq=[10, 20])
    with pytest.raises(InvalidRecordingsError, match="row 1: sampled at 20 Hz, not at input_sf"):
        Segmenter(input_sfreq=10).fit_transform(X)


def test_segments_cannot_be_segmented_again():
    X = Recordings([np.ones(10)], sfreq=10)
    with pytest.raises(ValueError, match="works on signals"):
        make_pipeline(Segmenter(), Segmenter()).fit_transform(X)


def test_no_recordings_at_all():
    X = Recordings([], sfreq=10)
    assert len(make_pipeline(Downsampler(5), Segmenter()).fit_transform(X)) == 0


@pytest.mark.parametrize("params", [{"window": 0}, {"hop": -1.0}, {"short": "cut"}])
def test_wrong_parameters_are_named(params):
    with pytest.raises(ValueError, match=next(iter(params))):
        Segmenter(**params).fit_transform(Recordings([np.ones(10)], sfreq=10))


def test_lists_of_lists_and_series_are_recordings():
    signals = [np.arange(40.0), np.arange(60.0)]
    step = Segmenter(window=2, hop=1, input_sfreq=10)
    expected = step.fit_transform(signals)
    for given in ([list(signal) for signal in signals], [pd.Series(signal) for signal in signals]):
        for one, other in zip(step.fit_transform(given), expected, strict=True):
            np.testing.assert_array_equal(one, other)


def test_one_signal_is_told_what_to_be():
    with pytest.raises(ValueError, match=r"X\[np.newaxis\], or in a list"):
        Segmenter(input_sfreq=10).fit(np.zeros(4000))
