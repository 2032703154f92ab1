"""Features of the interference pattern that do not depend on its amplitude."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sknemg import PatternFeatures, Recordings, Segmenter
from sknemg.features import pattern_features, pattern_names

SFREQ = 10_000


def triangle(freq, seconds=1.0):
    """A triangle from 0 to 1 that begins with a peak."""
    time = np.arange(round(seconds * SFREQ)) / SFREQ
    return np.abs(2 * (freq * time % 1) - 1)


def named(segment):
    """The features of one segment by name."""
    return dict(zip(pattern_names(), pattern_features([segment], SFREQ)[0], strict=True))


@pytest.mark.parametrize("gain", [-1.0, 0.001, 50.0])
def test_neither_gain_nor_sign_nor_offset_changes_anything(gain):
    noise = np.random.default_rng(0).normal(size=(3, 4000)).cumsum(axis=1)
    found = pattern_features(gain * noise + 0.3, SFREQ)
    assert_allclose(found, pattern_features(noise, SFREQ), rtol=1e-6, atol=1e-6)


def test_turns_of_a_triangle():
    found = named(triangle(100))  # 199 turns, 5 ms apart; RMS 1 / sqrt(12)
    for threshold in (0.25, 0.5, 1, 2):
        assert np.expm1(found[f"turns_{threshold:g}"]) == pytest.approx(199, abs=1)
        assert np.exp(found[f"turn_amplitude_{threshold:g}"]) == pytest.approx(12**0.5, rel=0.01)
        assert np.exp(found[f"turn_interval_{threshold:g}"]) == pytest.approx(0.005)
        assert found[f"short_intervals_{threshold:g}"] == 0
    assert np.exp(found["crest_factor"]) == pytest.approx(3**0.5, rel=0.01)
    fast = named(triangle(500))  # 1 ms apart
    assert fast["short_intervals_1"] == 1
    assert fast["median_frequency"] > found["median_frequency"] + np.log(4)


def test_small_turns_are_seen_by_small_thresholds_alone():
    both = triangle(20) + 0.3 * triangle(400)  # wiggles of 0.25, a root mean square of 0.3
    found = named(both)
    assert np.expm1(found["turns_0.5"]) > 500
    assert np.expm1(found["turns_1"]) < 60
    assert found["short_intervals_0.5"] > 0.9 > 0.1 > found["short_intervals_2"]


def test_one_turn_has_the_size_of_the_whole_segment():
    at = np.arange(4000)
    spike = np.maximum(1 - np.abs(at - 2000) / 20, 0)  # monophasic: the peak is the only turn
    found = named(spike)
    height = 1 / spike.std()  # times the root mean square
    assert np.expm1(found["turns_2"]) == pytest.approx(2.5)  # one in 0.4 s
    assert found["turn_amplitude_2"] == pytest.approx(np.log(height))
    assert height > 10
    assert found["turn_interval_2"] == pytest.approx(np.log(0.4))
    assert found["short_intervals_2"] == 0
    both = named(spike - np.maximum(1 - np.abs(at - 2040) / 20, 0))
    assert 0 < both["turn_amplitude_2"] - found["turn_amplitude_2"] < np.log(2)


def test_intervals_have_no_floor_and_shares_have():
    zigzag = pattern_features([np.tile([0.0, 1.0], 2000)], 200_000)[0]  # turns 5 us apart
    found = dict(zip(pattern_names(), zigzag, strict=True))
    assert np.exp(found["turn_interval_1"]) == pytest.approx(5e-6)
    assert found["band_20_100"] == pytest.approx(np.log(1e-4))


def test_flat_and_nearly_turnless_segments_are_finite():
    rows = np.array([np.zeros(4000), np.full(4000, 0.1), np.linspace(0, 1, 4000)])
    found = pattern_features(rows, SFREQ)
    assert np.isfinite(found).all()
    assert not found[:2].any()
    assert found[2].any()
    assert pattern_features(np.empty((0, 4000)), SFREQ).shape == (0, len(pattern_names()))


def test_a_step_picks_its_columns_and_says_which_there_are_not():
    X = Recordings(np.random.default_rng(0).normal(size=(2, 8000)), sfreq=SFREQ)
    windows = Segmenter(window=0.4, hop=0.4).fit_transform(X)
    chosen = ["kurtosis", "turns_0.7"]
    step = PatternFeatures(chosen, thresholds=[0.7])
    found = step.fit_transform(windows)
    assert found.lengths.tolist() == [2, 2]
    assert step.get_feature_names_out().tolist() == chosen
    whole = pattern_features(np.asarray(windows.items), SFREQ, thresholds=[0.7])
    places = [pattern_names([0.7]).index(name) for name in chosen]
    assert_allclose(found.items, whole[:, places], rtol=1e-6)
    with pytest.raises(ValueError, match=r"features holds \['turns_1'\], which are not measured"):
        PatternFeatures(["turns_1"], thresholds=[0.7]).fit_transform(windows)
    with pytest.raises(ValueError, match=r"features is empty: give at least one"):
        PatternFeatures([]).fit_transform(windows)


@pytest.mark.parametrize("wrong", [[0], [], [np.inf], [np.nan], [[0.5]], [[1], [1, 2]], ["1"], 1.0])
def test_thresholds_are_finite_multiples(wrong):
    message = r"thresholds=.* must be one or more finite multiples above 0: give"
    with pytest.raises(ValueError, match=message):
        pattern_features(np.ones((1, 400)), SFREQ, thresholds=wrong)
    if np.ndim(wrong := np.asarray(wrong, dtype=object)):
        with pytest.raises(ValueError, match=message):
            PatternFeatures(thresholds=wrong.tolist()).fit(np.ones((1, 400)))


def test_thresholds_of_one_name_and_segments_without_samples_are_refused():
    with pytest.raises(ValueError, match=r"has several that are named \['0.5'\]: give each once"):
        PatternFeatures(thresholds=[0.5, 1, 0.5000001]).fit(np.ones((1, 400)))
    with pytest.raises(ValueError, match=r"shape \(3, 0\) hold no samples"):
        pattern_features(np.empty((3, 0)), SFREQ)
    with pytest.raises(ValueError, match="which are not measured"):
        PatternFeatures(["turn"]).fit(np.ones((1, 400)))
