"""Features of segments: known values, edge cases, containers."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.signal import periodogram
from sklearn import config_context
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknemg import DiVoteClassifier, InvalidRecordingsError, Recordings, Segmenter, SegmentFeatures
from sknemg.features import (
    amplitude_features,
    count_crossings,
    count_turns,
    feature_names,
    interference_features,
    pattern_features,
    segment_features,
    small_segments,
    spectral_features,
)

SFREQ = 10_000


def sine(freq, *, amplitude=1.0, offset=0.0, n_times=4000):
    phase = 2 * np.pi * freq * np.arange(n_times) / SFREQ
    return (offset + amplitude * np.sin(phase))[None]


def named(segments, sfreq=SFREQ, **kwargs):
    return dict(zip(feature_names(), segment_features(segments, sfreq, **kwargs).T, strict=True))


@pytest.mark.parametrize("amplitude", [0.5, 2.0])
@pytest.mark.parametrize("offset", [0.0, 3.0])
def test_sine_has_its_textbook_values(amplitude, offset):
    got = named(sine(125, amplitude=amplitude, offset=offset))
    expected = {
        "rms": amplitude / np.sqrt(2),
        "mean_abs": 2 * amplitude / np.pi,
        "peak_to_peak": 2 * amplitude,
        "crest_factor": np.sqrt(2),
        "waveform_length": 4 * amplitude * 125,
        "kurtosis": -1.5,
        "zero_crossings": 250,
        "turns": 250,
        "turn_amplitude": 2 * amplitude,
        "mean_frequency": 125,
        "median_frequency": 125,
        "band_100_250": 1,
        "band_250_500": 0,
    }
    for name, value in expected.items():
        np.testing.assert_allclose(got[name], value, rtol=0.01, atol=0.01, err_msg=name)


def test_white_noise_fills_the_spectrum():
    noise = np.random.default_rng(0).normal(size=(20, 4000))
    got = named(noise)
    np.testing.assert_allclose(got["mean_frequency"], 2500, rtol=0.05)
    np.testing.assert_allclose(got["median_frequency"], 2500, rtol=0.08)
    np.testing.assert_allclose(got["bandwidth"], 5000 / np.sqrt(12), rtol=0.05)
    np.testing.assert_allclose(got["kurtosis"], 0, atol=0.3)
    assert (got["spectral_entropy"] > 0.9).all()
    np.testing.assert_allclose(got["band_1000_5000"], 0.8, atol=0.05)


@pytest.mark.parametrize("n_times", [4000, 4001])
def test_the_highest_frequency_counts_once(n_times):
    time = np.arange(n_times) / SFREQ
    x = np.sin(2 * np.pi * 1000 * time) + np.sqrt(0.5) * (-1.0) ** np.arange(n_times)
    mean, *_, share = spectral_features(x[None], SFREQ, bands=[(500, 1500)])[0]
    assert share == pytest.approx(0.5, abs=1e-3)
    assert mean == pytest.approx(3000, rel=1e-3)
    frequency, power = periodogram(x - x.mean(), SFREQ, window="hann")
    power[0] = 0
    assert mean == pytest.approx((frequency * power).sum() / power.sum(), rel=1e-9)


def test_two_tones_share_power_and_median():
    got = named(sine(200) + sine(800, amplitude=0.5))
    assert got["mean_frequency"][0] == pytest.approx((200 + 0.25 * 800) / 1.25, rel=0.01)
    assert got["median_frequency"][0] == pytest.approx(200, abs=3)
    assert got["band_100_250"][0] == pytest.approx(0.8, abs=0.001)
    assert got["band_500_1000"][0] == pytest.approx(0.2, abs=0.001)


@pytest.mark.parametrize(
    ("signal", "n_turns", "amplitude"),
    [
        ([0, 1, 0], 1, 0),  # one turn has no neighbour to be measured from
        ([0, 1, 0, 1, 0], 3, 1),
        ([0, 1, 0.95, 1.2, 0, 0.5], 2, 1.2),  # a dip of 0.05 does not end the rise
        ([0, 1, 0.8, 1.2, 0, 0.5], 4, (0.2 + 0.4 + 1.2) / 3),  # a dip of 0.2 does
        ([0, 0.05, 0, 0.05, 0], 0, 0),
        ([0, 0.06, 0.12, 0.06, 0], 1, 0),  # it is the whole rise that counts
        ([1, 0, -1, 0, 1, 0], 2, 2),
        ([0, 1, 2, 3], 0, 0),
    ],
)
def test_turns_counted_by_hand(signal, n_turns, amplitude):
    for sign in (1, -1):
        got = count_turns([np.multiply(sign, signal)])
        assert got[0][0] == n_turns
        assert got[1][0] == pytest.approx(amplitude)


def test_turns_of_noise_equal_a_plain_loop():
    segments = np.random.default_rng(3).normal(0, 0.1, size=(7, 300))
    expected = [_turns_by_loop(row, 0.1) for row in segments]
    assert count_turns(segments)[0].tolist() == expected


def _turns_by_loop(signal, threshold):
    """Every local extreme in turn, small swings taken out one after the other, smallest first."""
    points = signal.tolist()
    points = [
        points[0],
        *(
            b
            for a, b, c in zip(points, points[1:], points[2:], strict=False)
            if (b - a) * (c - b) < 0
        ),
        points[-1],
    ]
    while len(points) > 2:
        swings = np.abs(np.diff(points))
        k = int(swings.argmin())
        if swings[k] >= threshold:
            break
        if k == 0:
            del points[0]
        elif k == len(swings) - 1:
            del points[-1]
        else:
            del points[k : k + 2]
    return len(points) - 2


def test_crossings_need_both_sides_of_the_noise():
    assert count_crossings([[1, -1, 0.05, -1, 1, -1, 1]], threshold=0.1)[0] == 4
    assert count_crossings([[0.05, -0.05, 0.05, -0.05]], threshold=0.1)[0] == 0
    assert count_crossings([[0, 0, 1, -1]], threshold=0.1)[0] == 1  # no side before the first


def test_rates_are_per_second_whatever_the_rate_and_length():
    short, long = named(sine(200, n_times=2000)), named(sine(200, n_times=8000))
    coarse = named(sine(200)[:, ::2], sfreq=SFREQ / 2)
    for name in ("zero_crossings", "turns", "waveform_length", "mean_frequency"):
        np.testing.assert_allclose(short[name], long[name], rtol=0.02, err_msg=name)
        np.testing.assert_allclose(coarse[name], long[name], rtol=0.02, err_msg=name)


@pytest.mark.parametrize("value", [0.0, 0.1, -5.0])
@pytest.mark.parametrize("n_times", [1, 2, 4000])
def test_flat_segment_is_all_zero(value, n_times):
    np.testing.assert_array_equal(segment_features(np.full((2, n_times), value), SFREQ), 0)


def test_rows_do_not_see_each_other():
    segments = np.random.default_rng(1).normal(0, 0.2, size=(300, 500)).astype(np.float32)
    segments[7] = 0
    together = segment_features(segments, SFREQ)
    for row in (0, 7, 255, 256, 299):
        np.testing.assert_allclose(
            together[row], segment_features(segments[[row]], SFREQ)[0], rtol=1e-12, atol=1e-12
        )


def test_sign_does_not_matter():
    segments = np.random.default_rng(2).gamma(1, 0.2, size=(5, 800))
    np.testing.assert_allclose(
        segment_features(segments, SFREQ), segment_features(-segments, SFREQ), rtol=1e-9
    )


def test_functions_fill_the_named_columns():
    segments = sine(300)
    whole = segment_features(segments, SFREQ)
    np.testing.assert_array_equal(whole[:, :6], amplitude_features(segments, SFREQ))
    np.testing.assert_array_equal(whole[:, 9:], spectral_features(segments, SFREQ))
    assert whole.shape[1] == len(feature_names())


def test_bands_name_and_fill_columns():
    features = SegmentFeatures(input_sfreq=SFREQ, bands=[(20, 450), (450, 1500)])
    got = features.fit_transform(sine(500))
    assert features.get_feature_names_out()[-2:].tolist() == ["band_20_450", "band_450_1500"]
    np.testing.assert_allclose(got[0, -2:], [0, 1], atol=1e-6)
    assert features.set_output(transform="pandas").fit_transform(sine(500)).shape == (1, 15)


def ragged():
    rng = np.random.default_rng(5)
    signals = [rng.normal(0, 0.1, size=n) for n in (9000, 4000, 100)]
    X = Recordings(signals, sfreq=SFREQ, subject=["S1", "S1", "S2"])
    return Segmenter(window=0.4, hop=0.1, short="drop").fit_transform(X)


def test_recordings_stay_rows_and_may_be_empty():
    segments = ragged()
    X = SegmentFeatures().fit_transform(segments)
    assert X.lengths.tolist() == [6, 1, 0]
    assert X.item_shape == (18,)
    assert X["subject"].tolist() == ["S1", "S1", "S2"]
    expected = SegmentFeatures(input_sfreq=SFREQ).fit_transform(segments.values)
    np.testing.assert_array_equal(X.values, expected)


def test_pandas_output_is_for_arrays_and_leaves_recordings_alone(make_ragged):
    X, y = make_ragged(sfreq=3000.0)
    segments = Segmenter().fit_transform(X)
    bare = SegmentFeatures(input_sfreq=3000.0).set_output(transform="pandas")
    assert bare.transform(segments.values).columns.tolist() == feature_names()
    with config_context(transform_output="pandas"):
        step = SegmentFeatures()
        assert isinstance(step.transform(segments), Recordings)
        assert isinstance(step.fit_transform(segments), Recordings)
        frame = step.transform(segments.to_frame())
        assert frame.columns.tolist() == segments.to_frame().columns.tolist()
        model = make_pipeline(
            Segmenter(),
            step,
            DiVoteClassifier(LinearDiscriminantAnalysis(), subject_features="all"),
        )
        inside_pandas = model.fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(model.fit(X, y).predict_proba(X), inside_pandas)


def test_bare_array_without_rate_is_refused():
    with pytest.raises(ValueError, match="input_sfreq"):
        SegmentFeatures().fit_transform(sine(100))


@pytest.mark.filterwarnings("ignore::sknemg.ImplausibleWarning")
def test_signals_are_refused():
    X = Recordings([np.zeros(100)], sfreq=SFREQ)
    with pytest.raises(ValueError, match="Segmenter"):
        SegmentFeatures().fit_transform(X)


def test_pipeline_tells_large_from_small_potentials():
    rng = np.random.default_rng(0)
    y = np.repeat(["myopathy", "neuropathy"], 100)
    X = rng.normal(0, np.where(y == "myopathy", 0.1, 0.2)[:, None], size=(200, 1000))
    model = make_pipeline(
        SegmentFeatures(input_sfreq=SFREQ), StandardScaler(), LinearDiscriminantAnalysis()
    )
    assert model.fit(X[::2].astype(np.float32), y[::2]).score(X[1::2], y[1::2]) == 1


def test_real_recordings_have_plausible_features(data_dir):
    signals = {
        name: np.fromfile(data_dir / "emgdb" / f"emg_{name}.dat", dtype="<i2") / 10_000
        for name in ("healthy", "myopathy", "neuropathy")
    }
    got = {name: named(x[None, :48_000], sfreq=4000) for name, x in signals.items()}
    assert got["neuropathy"]["rms"] > got["myopathy"]["rms"]
    assert got["neuropathy"]["peak_to_peak"] > 3
    assert got["myopathy"]["turns"] > got["healthy"]["turns"]
    for values in got.values():
        assert 50 < values["mean_frequency"][0] < 1000
        assert values["kurtosis"] > 3  # spikes on a quiet baseline


@pytest.mark.parametrize(
    "measure",
    [
        lambda x: segment_features(x, SFREQ),
        lambda x: amplitude_features(x, SFREQ),
        lambda x: spectral_features(x, SFREQ),
        count_crossings,
        count_turns,
    ],
)
def test_unusable_segments_are_named(measure):
    segments = np.zeros((6, 4000))
    segments[[1, 5], 7] = np.nan
    with pytest.raises(ValueError, match="NaN or infinite in segments 1, 5: leave them out"):
        measure(segments)
    with pytest.raises(ValueError, match=r"shape \(n_segments, n_times\), got \(4000,\)"):
        measure(segments[0])


@pytest.mark.parametrize("sfreq", [20_000, 23_437.5, 30_000, 48_000])
def test_one_analogue_signal_has_the_same_features_at_every_rate(sfreq):
    """Decaying oscillations at known times, computed at each rate rather than resampled."""
    rng = np.random.default_rng(0)
    starts, sizes = rng.uniform(0, 0.4, (6, 40)), rng.lognormal(-1, 0.7, (6, 40))
    frequencies, widths = rng.uniform(80, 900, (6, 40)), rng.uniform(1e-3, 4e-3, (6, 40))

    def sample(rate):
        time = np.arange(round(0.4 * rate)) / rate
        lag = time - starts[..., None]
        wave = np.exp(-((lag / widths[..., None]) ** 2))
        wave *= np.cos(2 * np.pi * frequencies[..., None] * lag)
        return (sizes[..., None] * wave).sum(axis=1)

    at_10k, got = segment_features(sample(10_000), 10_000), segment_features(sample(sfreq), sfreq)
    # The band up to 5 kHz ends at the Nyquist rate of 10 kHz; absolute, since it may hold nothing.
    assert_allclose(got, at_10k, rtol=0.03, atol=1e-3)


def test_entropy_of_white_noise_up_to_5_khz_is_one_at_every_rate():
    rng = np.random.default_rng(0)
    for sfreq in (10_000, 23_437.5, 48_000):
        noise = rng.normal(size=(50, round(0.4 * sfreq)))
        entropy = spectral_features(noise, sfreq)[:, 3]
        assert 0.93 < entropy.mean() < 0.96  # of a periodogram, whose bins scatter: 1 - 0.42 / ln n


@pytest.mark.parametrize("function", [segment_features, pattern_features])
def test_a_segment_alone_has_the_bits_that_it_has_among_others(function):
    segments = np.random.default_rng(0).normal(size=(7, 1111)).cumsum(axis=1)
    batch = function(segments, 10_000)
    alone = [function(segment[None], 10_000)[0] for segment in segments]
    np.testing.assert_array_equal(batch, alone)


@pytest.mark.filterwarnings("ignore::sknemg.ImplausibleWarning")
def test_implausible_amplitudes_are_refused_by_name():
    segments = np.ones((4, 100)) * np.sin(np.arange(100))
    segments[[1, 3], 5] = [-1e308, 2e6]
    with pytest.raises(ValueError, match=r"beyond 1e\+06 mV in segments 1, 3: give signals"):
        segment_features(segments, SFREQ)
    X = Recordings(np.ones((3, 4)), sfreq=SFREQ).with_values(segments, [0, 1, 2, 4])
    with pytest.raises(InvalidRecordingsError, match=r"row 1: samples beyond 1e\+06 mV") as error:
        SegmentFeatures().fit_transform(X)
    assert error.value.problems["row"].tolist() == [1, 2]
    largest = np.where(segments > 1, 1e6, np.clip(segments, -1e6, 1))
    assert np.isfinite(segment_features(largest, SFREQ)).all()


@pytest.mark.parametrize("band", [(100, 20), (-1, 20), (20, 20), (1, 2, 3)])
def test_bands_rise(band):
    with pytest.raises(ValueError, match=r"bands holds .*: give pairs \(low, high\) in Hz"):
        spectral_features(np.zeros((1, 4000)), SFREQ, bands=[(20, 100), band])
    with pytest.raises(ValueError, match=r"bands holds .*: give pairs \(low, high\) in Hz"):
        SegmentFeatures(input_sfreq=SFREQ, bands=[(20, 100), band]).fit_transform(
            np.zeros((1, 4000))
        )


SEGMENTS = np.random.default_rng(0).normal(size=(2, 900))
TAKE_RATES = [
    segment_features,
    amplitude_features,
    spectral_features,
    interference_features,
    pattern_features,
    small_segments,
]


@pytest.mark.parametrize("sfreq", [0, -1000, np.nan, np.inf, True, "1000", None], ids=repr)
@pytest.mark.parametrize("measure", TAKE_RATES)
def test_rates_that_are_none_are_refused(measure, sfreq):
    with pytest.raises(ValueError, match=r"^sfreq=.* is no rate: give the sampling rate in hertz"):
        measure(SEGMENTS, sfreq)


@pytest.mark.parametrize("measure", [*TAKE_RATES, lambda segments, _: count_crossings(segments)])
def test_segments_without_samples_are_refused(measure):
    with pytest.raises(
        ValueError, match=r"Segments of shape \(2, 0\) hold no samples: give longer"
    ):
        measure(SEGMENTS[:, :0], 1000)
    assert len(measure(SEGMENTS[:0], 1000)) == 0


def test_limits_that_are_none_are_refused():
    for limit in (0, -1, np.nan, np.inf, True, None):
        for name in ("max_amplitude", "max_duration"):
            with pytest.raises(ValueError, match=f"{name}=.* must be a finite number above 0"):
                small_segments(SEGMENTS, 1000, **{name: limit})
        if limit != 0:
            with pytest.raises(ValueError, match=r"threshold=.* must be a finite number from 0"):
                count_crossings(SEGMENTS, threshold=limit)
