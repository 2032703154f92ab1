"""Rest, contraction and artefact: stretches that are known, and windows cut in one kind alone."""

import tracemalloc

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.ndimage import binary_closing, binary_dilation, maximum_filter1d
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from sknemg import DiVoteClassifier, InvalidRecordingsError, Recordings, Segmenter, SegmentFeatures
from sknemg.preprocessing import ActivityGate
from sknemg.preprocessing.activity import _closed, _largest_near

SFREQ = 10_000


def noise(seconds, seed=0):
    return np.random.default_rng(seed).normal(0, 0.002, round(seconds * SFREQ))


def contraction(seconds, *, rate=10.0, seed=0):
    """One motor unit at `rate` Hz, its first and last discharge 50 ms from the ends."""
    signal = noise(seconds, seed)
    wave = np.interp(np.arange(81), [0, 30, 40, 50, 80], [0, 0.1, -0.5, 0.1, 0])
    n = round((seconds - 0.1) * rate) + 1
    for start in np.linspace(0.05, seconds - 0.06, n) * SFREQ:
        signal[round(start) : round(start) + 81] += wave
    return signal


def hum(seconds, height=0.1, mains=50):
    return height * np.sin(2 * np.pi * mains * np.arange(round(seconds * SFREQ)) / SFREQ)


def movement(seconds, height=0.3):
    return height * np.sin(2 * np.pi * 7 * np.arange(round(seconds * SFREQ)) / SFREQ)


def kinds(signal, **gate):
    return ActivityGate(**gate).stretches(signal, SFREQ)


def test_a_recording_that_switches_is_divided_where_it_switches():
    parts = {
        "rest": noise(1.5),
        "contraction": contraction(2.0),
        "artefact": hum(1.5) + noise(1.5, 1),
    }
    found = kinds(np.concatenate(list(parts.values())))
    assert found["kind"].tolist() == list(parts)
    np.testing.assert_allclose(found["start"], [0, 1.5, 3.5], atol=0.1)
    np.testing.assert_allclose(found["stop"], [1.5, 3.5, 5.0], atol=0.1)


@pytest.mark.parametrize(
    ("signal", "kind"),
    [
        (noise(2), "rest"),
        (np.zeros(2 * SFREQ), "rest"),
        (noise(2) + hum(2, 0.008), "rest"),  # as faint as a good amplifier's
        (contraction(2), "contraction"),
        (contraction(2, rate=6), "contraction"),  # a unit that begins to fire
        (contraction(2) + hum(2, 0.05), "contraction"),
        (contraction(2) + hum(2, 2.0), "contraction"),  # hum hides what is there
        (contraction(2) + hum(2, 1.0, 60.04) + hum(2, 0.4, 180.12), "contraction"),
        (noise(2) + hum(2, 1.0) + hum(2, 0.4, 150), "artefact"),
        (noise(2) + hum(2, 0.5) * np.linspace(0.7, 1.3, 2 * SFREQ), "artefact"),  # it swells
        (np.random.default_rng(0).normal(0, 0.2, 2 * SFREQ), "contraction"),  # full interference
        (noise(2) + hum(2, 0.1, mains=60), "artefact"),
        (noise(2) + movement(2), "artefact"),
        (contraction(2, rate=2), "artefact"),  # pulses too far apart for a motor unit
    ],
)
def test_each_kind_is_told(signal, kind):
    found = kinds(signal)
    lasts = (found["stop"] - found["start"]).groupby(found["kind"]).sum()
    assert lasts.get(kind, 0) > 1.6, found
    assert lasts.sum() == pytest.approx(2)


@pytest.mark.parametrize("height", [0.05, 0.5, 2.0])
def test_hum_changes_no_verdict_and_is_named_where_it_is_larger_than_the_rest(height):
    parts = [noise(1.5), contraction(2.0), noise(1.5, 1)]
    mains = hum(5, height, 49.97) + hum(5, height / 4, 149.91)
    found = kinds(np.concatenate(parts) + mains)
    assert found["kind"].tolist() == ["artefact", "contraction", "artefact"]
    np.testing.assert_allclose(found["start"], [0, 1.5, 3.5], atol=0.15)
    assert found["mains"].tolist() == [True, height > 0.1, True]  # potentials of 0.06 mV RMS
    assert not kinds(np.concatenate(parts))["mains"].any()


def test_small_potentials_on_much_noise_are_a_contraction():
    signal = 4 * noise(4)
    for at in range(round(1.2 * SFREQ), round(2.8 * SFREQ), 700):
        signal[at : at + 11] += np.interp(np.arange(11), [0, 4, 6, 10], [0, 0.12, -0.12, 0])
    found = kinds(signal).set_index("kind")
    assert found.loc["contraction", "start"] == pytest.approx(1.2, abs=0.1)
    assert set(found.index) == {"rest", "contraction"}


def test_a_long_recording_is_judged_block_by_block_and_alike():
    signal = np.concatenate([noise(13), contraction(4.0), noise(3, 1)]) + hum(20, 0.5)
    found = kinds(signal)
    assert found["kind"].tolist() == ["artefact", "contraction", "artefact"]
    np.testing.assert_allclose(found["start"], [0, 13, 17], atol=0.15)


@pytest.mark.slow
def test_a_long_recording_takes_little_more_memory_than_its_samples():
    signal = np.tile(contraction(20.0) + hum(20, 0.5), 12)
    tracemalloc.start()
    kinds(signal)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * signal.nbytes


def test_the_clock_keeps_time_at_a_rate_of_which_a_frame_is_no_whole_number():
    sfreq = 1509.0  # 75.45 samples in 0.05 s
    rng = np.random.default_rng(0)
    signal = rng.normal(0, 0.002, round(100 * sfreq))
    for at in np.arange(97, 99, 0.1):
        signal[round(at * sfreq)] -= 0.8
        signal[round(at * sfreq) + 1] += 0.8
    found = ActivityGate().stretches(signal, sfreq)
    assert (found["stop"] > found["start"]).all()
    row = found[found["kind"] == "contraction"].iloc[0]
    assert row["start"] == pytest.approx(97, abs=0.1)
    assert row["stop"] == pytest.approx(98.95, abs=0.1)


def test_what_does_not_last_is_no_contraction():
    signal = noise(2)
    signal[9000:12_000] = contraction(0.3, rate=20)
    assert "contraction" not in set(kinds(signal)["kind"])
    assert "contraction" in set(kinds(signal, shortest=0.2)["kind"])


def test_a_gate_refuses_what_it_cannot_judge():
    with pytest.raises(ValueError, match=r"sfreq=1000 Hz is too low .*: give a recording of 1500"):
        ActivityGate().stretches(np.zeros(900), 1000)
    for wrong in ("10000", None, True, 0, np.nan):
        for judge in (ActivityGate().stretches, ActivityGate().contracts):
            with pytest.raises(
                ValueError, match=r"sfreq=.* is no rate: give the sampling rate in h"
            ):
                judge(np.zeros(900), wrong)
    with pytest.raises(ValueError, match=r"1 of 3 samples are NaN or infinite: cut them out\."):
        ActivityGate().stretches([0, np.nan, 0], SFREQ)
    short = ActivityGate().stretches(np.ones(500), SFREQ)
    assert short.to_numpy().tolist() == [[0, 0.05, "rest", False]]


@pytest.fixture(scope="module")
def recordings():
    rows = [
        np.concatenate([noise(1.5), contraction(1.0), noise(1.5, 1)]),
        noise(4.0, 2),
        np.concatenate([contraction(0.6), noise(3.4, 3)]),
    ]
    return Recordings(rows, sfreq=SFREQ, subject=["A", "B", "C"])


def test_windows_are_cut_in_contractions_alone(recordings):
    cut = Segmenter(0.4, 0.2, short="drop", activity="contraction").transform(recordings)
    assert cut.lengths[1] == 0
    assert len(cut) == 3
    assert np.abs(cut.values).max(axis=1).min() > 0.4  # no window without a discharge
    np.testing.assert_allclose(cut["activity_seconds"], [1.0, 0, 0.6], atol=0.15)
    assert "hop" not in cut.meta  # windows are not evenly spaced: no time follows from a number
    rest = Segmenter(0.4, 0.2, short="drop", activity="rest").transform(recordings)
    assert np.abs(rest.values).max() < 0.1
    assert rest.lengths[1] == 19  # all of it
    whole = Segmenter(0.4, 0.2).transform(recordings)
    assert cut.lengths[0] < whole.lengths[0]


def test_windows_that_hold_more_hum_than_emg_are_warned_of(recordings):
    drowned = recordings.with_values(recordings.values + hum(12, 1.0))
    with pytest.warns(UserWarning, match=r"EMG in rows 0, 2: put a BandPass") as caught:
        cut = Segmenter(0.4, 0.2, short="drop", activity="contraction").transform(drowned)
    assert len(caught) == 1 and caught[0].filename == __file__
    assert cut.lengths.tolist()[1] == 0 and cut.lengths[0] and cut.lengths[2]


def test_recordings_without_a_contraction_are_named(recordings):
    with pytest.raises(InvalidRecordingsError, match="at most 0 s of contraction at once in 4 s"):
        Segmenter(0.4, 0.2, activity="contraction").transform(recordings)
    padded = Segmenter(0.8, 0.2, short="pad", activity="contraction").transform(recordings)
    assert padded.lengths.tolist()[1:] == [0, 1]
    assert not padded[2][0, -1000:].any()  # filled up behind its 0.6 s
    assert padded[2][0].any()


def test_subjects_without_a_contraction_have_no_vote(recordings):
    X = Recordings.concat([recordings, recordings])
    X = X.with_columns(subject=list("ABCDEF"))
    X = X.with_values(X.values * np.repeat([1, 3], len(recordings.values)))
    model = make_pipeline(
        Segmenter(0.4, 0.2, short="drop", activity="contraction"),
        DiVoteClassifier(make_pipeline(SegmentFeatures(input_sfreq=SFREQ), LogisticRegression())),
    )
    y = np.repeat(["myopathy", "neuropathy"], 3)
    with pytest.warns(UserWarning, match="without a single segment have no vote, rows 1, 4"):
        model.fit(X, y)
    answered = [0, 2, 3, 5]
    assert (model.predict(X[answered]) == y[answered]).all()


@pytest.mark.parametrize(
    "params",
    [{"gap": -1}, {"shortest": True}, {"max_noise": 0}, {"quiet": -0.1}, {"quiet": float("nan")}],
)
def test_parameters_that_are_no_sizes_are_refused(params):
    ((name, value),) = params.items()
    with pytest.raises(ValueError, match=f"{name}={value} of ActivityGate must be a number >"):
        ActivityGate(**params).contracts(noise(1), SFREQ)


def test_noise_may_be_of_any_size():
    signal = noise(1)
    found = ActivityGate(max_noise=np.inf).stretches(signal, SFREQ)
    assert found.equals(ActivityGate(max_noise=1e3).stretches(signal, SFREQ))


def test_frames_are_treated_as_by_morphology():
    rng = np.random.default_rng(0)
    for _ in range(200):
        frames = rng.uniform(size=rng.integers(1, 40)) < rng.uniform(0, 1)
        n = int(rng.integers(0, 6))
        expected = frames
        if n:
            expected = binary_closing(np.pad(frames, n), np.ones(n + 1))[n:-n]
        assert_array_equal(_closed(frames, n), expected)
        assert_array_equal(_largest_near(frames, 2) > 0, binary_dilation(frames, np.ones(5)))
        level = rng.uniform(size=len(frames))
        assert_array_equal(_largest_near(level, 2), maximum_filter1d(level, 5))
