import numpy as np
import pytest
import scipy.signal

from sknemg.simulate import Instrument, monopolar
from sknemg.simulate.resting import clips as resting
from sknemg.simulate.resting.clips import (
    NODERA_CLASSES,
    RESTING_DISCHARGES,
    artefact,
    complex_repetitive_discharge,
    end_plate_noise,
    end_plate_spikes,
    fasciculation_potential,
    fibrillation_potential,
    insertional_activity,
    make_resting,
    myokymic_discharge,
    myotonic_discharge,
    neuromyotonic_discharge,
    positive_sharp_wave,
    remote_contraction,
    silence,
)
from sknemg.simulate.resting.firing import spaced_times
from sknemg.simulate.resting.waves import Site

SFREQ = 48_000
SEEDS = range(8)


def recorded(discharge, sfreq=SFREQ, noise=0.001):
    """What an ordinary amplifier makes of a discharge."""
    return Instrument(sfreq=sfreq, noise=noise).record(discharge.signal, 0)


def spikes(trace, *, sign=None, share=0.5, apart=0.002, sfreq=SFREQ):
    """Times of peaks above a share of the largest, found in the trace alone."""
    rectified = np.abs(trace) if sign is None else sign * trace
    found, _ = scipy.signal.find_peaks(
        rectified, height=share * rectified.max(), distance=round(apart * sfreq)
    )
    return found / sfreq


def variation(times):
    intervals = np.diff(times)
    return intervals.std() / intervals.mean()


def extent(trace, share=0.05, sfreq=SFREQ):
    """Seconds from the first to the last sample above a share of the peak."""
    above = np.flatnonzero(np.abs(trace) > share * np.abs(trace).max())
    return (above[-1] - above[0]) / sfreq


def lobes(trace, share):
    signs = np.sign(trace[np.abs(trace) > share * np.abs(trace).max()])
    return signs[np.r_[True, np.diff(signs) != 0]].tolist()


def around(trace, time, before=0.02, after=0.04):
    start = round((time - before) * SFREQ)
    return trace[start : start + round((before + after) * SFREQ)]


# Denervated fibres


@pytest.mark.parametrize("seed", SEEDS)
def test_fibrillation_fires_like_a_clock(seed):
    trace = recorded(fibrillation_potential(n_fibres=1, rate=8, random_state=seed))
    times = spikes(trace, apart=0.02)
    assert len(times) in (15, 16)
    assert variation(times) < 0.03


@pytest.mark.parametrize("seed", SEEDS)
def test_fibrillation_is_small_short_and_positive_first(seed):
    discharge = fibrillation_potential(0.5, n_fibres=1, rate=2, random_state=seed)
    wave = recorded(discharge, noise=0)
    assert 0.02 < np.ptp(wave) < 0.2
    assert 0.001 < extent(around(wave, discharge.times[0][0], 0.01, 0.01), 0.1) < 0.005
    assert lobes(wave, 0.1) == [1, -1, 1]


def test_fibrillation_slows_as_asked():
    times = fibrillation_potential(n_fibres=1, rate=10, slowing=0.5, random_state=0).times[0]
    assert np.diff(times)[-1] == pytest.approx(2 * np.diff(times)[0], rel=0.15)


def test_several_fibres_are_regular_each_but_not_together():
    times = fibrillation_potential(5.0, n_fibres=3, random_state=1).times
    assert len(times) == 3
    assert max(variation(train) for train in times) < 0.03
    assert variation(np.sort(np.concatenate(times))) > 0.2


@pytest.mark.parametrize("seed", SEEDS)
def test_positive_sharp_wave_is_a_steep_deflection_and_a_long_low_phase(seed):
    discharge = positive_sharp_wave(n_fibres=1, rate=4, random_state=seed)
    wave = around(recorded(discharge, noise=0), discharge.times[0][1], 0.02, 0.08)
    peak = wave.argmax()
    start = np.flatnonzero(wave > 0.1 * wave.max())[0]
    assert (peak - start) / SFREQ < 0.001
    assert 0.1 < -wave.min() / wave.max() < 0.3
    assert wave[:peak].min() > -0.05 * wave.max()
    assert wave.argmin() > peak
    assert 0.008 < np.sum(wave[peak:] < -0.03 * wave.max()) / SFREQ < 0.03
    assert 0.01 < extent(wave, 0.03) < 0.03


def test_positive_sharp_waves_fire_like_a_clock():
    trace = recorded(positive_sharp_wave(n_fibres=1, rate=9, random_state=0))
    assert variation(spikes(trace, sign=1, apart=0.02)) < 0.03


@pytest.mark.parametrize("positive", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_myotonic_rate_and_amplitude_wax_and_wane_together(seed, positive):
    discharge = myotonic_discharge(positive=positive, amplitude=0.4, random_state=seed)
    trace = recorded(discharge, noise=0)
    times = spikes(trace, sign=1 if positive else -1, share=0.15, apart=0.006)
    rate, height = 1 / np.diff(times), np.abs(trace[(times * SFREQ).astype(int)])
    assert rate.min() > 10
    assert 45 < np.percentile(rate, 90) < 150
    fastest = np.convolve(rate, np.ones(9) / 9, "valid").argmax() + 4
    assert rate[fastest - 4 : fastest + 5].mean() > 1.3 * max(rate[:3].mean(), rate[-3:].mean())
    assert np.corrcoef(rate, height[1:])[0, 1] > 0.8


# Rings of fibres


@pytest.mark.parametrize("seed", SEEDS)
def test_complex_repetitive_discharge_repeats_itself(seed):
    trace = recorded(complex_repetitive_discharge(breaks=False, random_state=seed))
    main = np.abs(trace[SFREQ // 2 : SFREQ]).argmax() + SFREQ // 2
    cycle = trace[main - SFREQ // 250 : main + SFREQ // 250]
    alike = scipy.signal.correlate(trace, cycle, "valid")
    found, _ = scipy.signal.find_peaks(alike, height=0.9 * alike.max(), distance=SFREQ // 150)
    assert 20 < len(found) < 150
    assert np.corrcoef([trace[at : at + len(cycle)] for at in found]).min() > 0.98
    assert variation(found) < 0.01


def test_complex_repetitive_discharge_is_polyphasic_and_of_its_height():
    for seed in SEEDS:
        discharge = complex_repetitive_discharge(
            n_fibres=6, rate=20, breaks=False, random_state=seed
        )
        cycle = around(recorded(discharge, noise=0), discharge.times[0][9], 0.005, 0.04)
        assert len(lobes(cycle, 0.05)) > 4
        assert 0.1 < np.ptp(cycle) < 0.8


def test_complex_repetitive_discharge_starts_stops_or_changes_abruptly():
    whole = []
    for seed in range(20):
        discharge = complex_repetitive_discharge(rate=40, breaks=True, random_state=seed)
        loud = np.abs(recorded(discharge)).reshape(-1, SFREQ // 10).max(axis=1) > 0.05
        whole.append(loud.all())
        changes = np.diff(loud.astype(int))
        assert np.abs(changes).sum() <= 1
        counts = {len(times) for times in discharge.times}
        assert not loud.all() or len(counts) > 1 or discharge.episodes[0, 1] > 1.8
    assert 0 < sum(whole) < 20


# What the needle provokes


@pytest.mark.parametrize("seed", SEEDS)
def test_end_plate_spikes_are_irregular_and_negative_first(seed):
    discharge = end_plate_spikes(4.0, n_fibres=1, rate=20, noise=False, random_state=seed)
    trace = recorded(discharge)
    times = spikes(trace, sign=-1, apart=0.003)
    assert variation(times) > 0.5
    assert np.diff(times).min() > 0.0035
    lone = times[1:-1][np.minimum(np.diff(times)[:-1], np.diff(times)[1:]) > 0.03][0]
    wave = around(trace, lone, 0.005, 0.01)
    assert lobes(wave, 0.15)[:2] == [-1, 1]
    assert 0.06 < np.ptp(wave) < 0.4


@pytest.mark.parametrize("seed", SEEDS)
def test_end_plate_noise_is_low_dense_and_negative(seed):
    trace = recorded(end_plate_noise(random_state=seed))
    assert scipy.stats.skew(trace) < -0.5
    assert 0.01 < -np.percentile(trace, 1) < 0.06
    assert len(spikes(trace, sign=-1, share=0.15, apart=0.001)) / 2 > 60


@pytest.mark.parametrize("seed", SEEDS)
def test_insertional_activity_stops_soon_after_the_movement(seed):
    discharge = insertional_activity(4.0, n_movements=2, random_state=seed)
    trace = recorded(discharge)
    silent = np.ones(len(trace), bool)
    for start, stop in discharge.episodes:
        span = slice(round((start - 0.005) * SFREQ), round((stop + 0.34) * SFREQ))
        assert np.abs(trace[span]).max() > 0.1
        silent[span] = False
    assert silent.any()
    assert np.abs(trace[silent]).max() < 0.015
    assert max(np.concatenate(discharge.times)) < discharge.episodes[-1, 1] + 0.3


# Motor units


@pytest.mark.parametrize("seed", SEEDS)
def test_fasciculations_are_few_large_and_random(seed):
    discharge = fasciculation_potential(30.0, 10_000, n_units=1, rate=1, random_state=seed)
    trace = recorded(discharge, 10_000)
    times = spikes(trace, apart=0.1, sfreq=10_000)
    assert 10 < len(times) < 55
    assert variation(times) > 0.5
    assert 0.25 < np.ptp(trace) < 5


def test_complex_fasciculations_last_longer_and_have_more_phases():
    def median(measure, complexity):
        waves = []
        for seed in range(12):
            made = fasciculation_potential(n_units=1, complexity=complexity, random_state=seed)
            time = min(made.times[0], key=lambda t: abs(t - 1))
            waves.append(around(made.signal, np.clip(time, 0.05, 1.9), 0.02, 0.03))
        return np.median([measure(wave) for wave in waves])

    assert median(extent, 1.0) > 1.25 * median(extent, 0.0)
    assert median(lambda w: len(lobes(w, 0.05)), 1.0) > median(lambda w: len(lobes(w, 0.05)), 0.0)


def test_a_short_clip_holds_a_fasciculation_and_a_fibrillation():
    for seed in range(20):
        assert len(fasciculation_potential(0.5, 10_000, rate=0.3, random_state=seed).times[0])
        assert len(fibrillation_potential(0.5, 10_000, rate=0.5, random_state=seed).times[0])


@pytest.mark.parametrize("seed", SEEDS)
def test_myokymia_comes_in_bursts(seed):
    discharge = myokymic_discharge(6.0, burst_rate=2.0, rate=40, n_spikes=(3, 8), random_state=seed)
    times = spikes(recorded(discharge), apart=0.01)
    intervals = np.diff(times)
    pauses = intervals > 0.1
    assert 9 <= pauses.sum() <= 13
    assert 30 < 1 / np.median(intervals[~pauses]) < 50
    starts = times[np.r_[True, pauses]]
    assert variation(starts[1:]) < 0.3
    assert len(discharge.episodes) == len(starts)


@pytest.mark.parametrize("seed", SEEDS)
def test_neuromyotonia_is_fast_slows_and_dwindles(seed):
    discharge = neuromyotonic_discharge(n_runs=1, amplitude=1.0, random_state=seed)
    trace = recorded(discharge, noise=0)
    times = spikes(trace, sign=-1, share=0.07, apart=0.0025)
    rate = 1 / np.diff(times)
    assert 150 < np.median(rate[-10:]) < np.median(rate[:10]) < 300
    height = -trace[(times * SFREQ).astype(int)]
    assert height[-5:].mean() < 0.6 * height[:5].mean()
    start, stop = discharge.episodes[0]
    assert 0.15 < stop - start <= 1.3
    assert np.abs(trace[: round((start - 0.01) * SFREQ)]).max(initial=0) < 0.05


def test_remote_contraction_is_low_and_dull():
    trace = recorded(remote_contraction(random_state=0), noise=0)
    power = np.abs(np.fft.rfft(trace)) ** 2
    freqs = np.fft.rfftfreq(len(trace), 1 / SFREQ)
    assert np.ptp(trace) < 0.3
    assert power[freqs < 300].sum() > 0.9 * power.sum()


# No muscle at all


@pytest.mark.parametrize("kind", ["mains", "pacemaker", "pops", "movement"])
def test_artefacts_have_the_height_asked(kind):
    signal = artefact(kind=kind, amplitude=0.3, random_state=0).signal
    assert np.abs(signal).max() == pytest.approx(0.3, rel=0.01)


def test_mains_artefact_is_hum_with_odd_harmonics():
    signal = artefact(kind="mains", random_state=2).signal
    power = np.abs(np.fft.rfft(signal * np.hanning(len(signal)))) ** 2
    freqs = np.fft.rfftfreq(len(signal), 1 / SFREQ)
    strongest = freqs[power.argmax()]
    assert strongest in (50, 60)
    odd = np.abs(freqs[:, None] - strongest * np.array([1, 3, 5, 7])).min(axis=1) < 3
    assert power[odd].sum() > 0.99 * power.sum()


@pytest.mark.parametrize("kind", ["mains", "pacemaker", "pops", "movement"])
@pytest.mark.parametrize("seconds", [1 / SFREQ, 0.01])
@pytest.mark.filterwarnings("error")
def test_artefacts_may_be_as_short_as_one_likes(kind, seconds):
    signal = artefact(seconds, SFREQ, kind=kind, random_state=0).signal
    assert len(signal) == round(seconds * SFREQ)
    assert np.isfinite(signal).all()


@pytest.mark.parametrize("kind", [kind for kind in RESTING_DISCHARGES if kind != "silence"])
def test_a_clip_of_a_second_and_a_half_holds_what_it_is_named_after(kind):
    for seed in range(20):
        assert np.ptp(RESTING_DISCHARGES[kind](1.5, 2000, random_state=seed).signal) > 0.01


def test_unknown_artefact_is_refused():
    with pytest.raises(ValueError, match="kind='ghost' is unknown"):
        artefact(kind="ghost")


def test_silence_is_silent():
    assert not silence(0.5).signal.any()


# What all share


@pytest.mark.parametrize("kind", RESTING_DISCHARGES)
def test_every_discharge_has_its_length_its_seed_and_its_truth(kind):
    function = RESTING_DISCHARGES[kind]
    first, again = (function(1.5, 10_000, random_state=3) for _ in range(2))
    assert first.signal.shape == (15_000,)
    assert first.signal.dtype == np.float32
    np.testing.assert_array_equal(first.signal, again.signal)
    for times in first.times:
        assert np.all((times >= 0) & (times < 1.5) & (np.diff(times, prepend=-1) > 0))
    if kind != "silence":
        other = function(1.5, 10_000, random_state=4)
        assert not np.array_equal(first.signal, other.signal)


@pytest.mark.parametrize(
    "kind",
    [kind for kind in RESTING_DISCHARGES if kind not in ("artefact", "insertional activity")],
)
def test_lower_rate_gives_the_same_signal(kind):
    fine, coarse = (
        RESTING_DISCHARGES[kind](1.0, f, random_state=5).signal for f in (48_000, 10_000)
    )
    resampled = scipy.signal.resample_poly(fine.astype(float), 5, 24)
    assert np.abs(resampled - coarse).max() <= 0.08 * np.abs(fine).max()


def test_times_are_those_of_the_main_peaks():
    discharge = fibrillation_potential(sfreq=10_000, n_fibres=1, rate=5, random_state=0)
    found = spikes(discharge.signal, apart=0.02, sfreq=10_000)
    np.testing.assert_allclose(found, discharge.times[0], atol=1e-4)


def test_one_parameter_changes_nothing_else():
    low, high = (
        fibrillation_potential(n_fibres=1, amplitude=a, random_state=6).signal for a in (0.05, 0.1)
    )
    np.testing.assert_allclose(2 * low, high, rtol=1e-3, atol=1e-6)


def test_poisson_times_have_the_intervals_of_a_poisson_process():
    times = spaced_times(50.0, 100.0, shape=1.0, random_state=0)
    assert len(times) == pytest.approx(5000, rel=0.05)
    assert variation(times) == pytest.approx(1.0, abs=0.05)
    assert (
        np.diff(spaced_times(50.0, 10.0, shape=1.0, refractory=0.01, random_state=0)).min() > 0.01
    )


# make_resting


def small(**changes):
    given = {"n_subjects": 3, "n_clips": 4, "duration": 0.5, "sfreq": 10_000, "random_state": 0}
    return make_resting(**(given | changes))


def test_make_resting_returns_labelled_clips_of_subjects():
    X, y = make_resting(2, n_clips=12, sfreq=10_000, random_state=0)
    assert X.lengths.tolist() == [20_000] * 24
    assert X["subject"].tolist() == ["S000"] * 12 + ["S001"] * 12
    assert sorted(y[:12]) == sorted(RESTING_DISCHARGES)
    assert X["discharge"].tolist() == y.tolist()
    assert set(X["location"]) == {"proximal", "distal"}
    assert not X.problems(None).size


@pytest.mark.slow
def test_parallel_equals_serial_and_the_seed_decides():
    X, y = small()
    parallel, y_parallel = small(n_jobs=2)
    assert X.equals(parallel)
    np.testing.assert_array_equal(y, y_parallel)
    assert not X.equals(small(random_state=1)[0])


def test_more_clips_or_subjects_leave_the_first_unchanged():
    X, _ = small(classes=["silence", "end-plate noise"])
    longer, _ = small(classes=["silence", "end-plate noise"], n_clips=6)
    more, _ = small(classes=["silence", "end-plate noise"], n_subjects=4)
    np.testing.assert_array_equal(X[1], longer[1])
    np.testing.assert_array_equal(X[4], longer[6])
    assert more[:12].equals(X)


def test_labels_may_hold_several_kinds_dealt_evenly():
    X, y = small(classes=NODERA_CLASSES, n_clips=12)
    assert {label: (y == label).sum() for label in set(y)} == dict.fromkeys(NODERA_CLASSES, 6)
    for label, kind in zip(y, X["discharge"], strict=True):
        assert kind in NODERA_CLASSES[label]
    assert set(X["discharge"][y == "end-plate potentials"]) == {
        "end-plate noise",
        "end-plate spikes",
    }


def test_mixed_clips_keep_their_labels_and_name_what_was_added():
    clean, y = small(n_clips=24)
    X, y_mixed = small(n_clips=24, mixed=0.5)
    np.testing.assert_array_equal(y, y_mixed)
    assert set(clean["background"]) == {"none"}
    added = X["background"] != "none"
    assert 0.3 < added.mean() < 0.7
    assert set(X["background"][added]) == set(resting.BACKGROUNDS)
    assert set(X["background"][np.isin(y, ["silence", "artefact"])]) <= {"none", "mains"}
    for row in range(len(X)):
        assert np.array_equal(X[row], clean[row]) == (not added[row])


def test_truth_is_the_discharge_without_noise():
    X, y, truth = small(classes=["complex repetitive discharge"], return_truth=True)
    assert len(truth) == len(X) == len(y)
    plain = Instrument(sfreq=10_000, noise=0, resolution=0).record(truth[0].signal)
    assert np.corrcoef(plain, X[0])[0, 1] > 0.99


def test_noise_belongs_to_the_subject():
    X, _ = small(n_subjects=8, classes=["silence"], noise=(0.001, 0.02), mains=0.0)
    levels = np.array([np.diff(clip).std() for clip in X]).reshape(8, 4)
    assert levels.mean(axis=1).max() > 3 * levels.mean(axis=1).min()
    assert (levels.std(axis=1) < 0.05 * levels.mean(axis=1)).all()


def test_concentric_needle_changes_the_potentials_not_the_label():
    X, y = small(needle="concentric", classes=["fasciculation potential"])
    assert set(X["needle"]) == {"concentric"}
    assert not X.equals(small(classes=["fasciculation potential"])[0])
    assert set(y) == {"fasciculation potential"}


def test_more_clips_keep_the_first_of_every_subject_if_rounds_are_whole():
    options = {"n_subjects": 2, "duration": 0.05, "sfreq": 10_000, "random_state": 0}

    def first(n_clips, **classes):
        X, y = make_resting(n_clips=n_clips, **options, **classes)
        of_each = [*range(4), *range(n_clips, n_clips + 4)]
        return [X[row] for row in of_each], [*zip(y[of_each], X["discharge"][of_each], strict=True)]

    for classes, whole in [({}, 12), ({"classes": NODERA_CLASSES}, 12)]:
        clips, dealt = first(4, **classes)
        more, dealt_more = first(4 + whole, **classes)
        assert dealt == dealt_more
        assert all(map(np.array_equal, clips, more))
        others, dealt_others = first(5, **classes)
        assert dealt_others[:4] == dealt[:4]
        assert all(map(np.array_equal, clips[:4], others[:4]))
        assert dealt_others[4:] != dealt[4:]
    assert first(6, classes=NODERA_CLASSES)[1] != first(12, classes=NODERA_CLASSES)[1]


def test_noise_may_be_one_number_as_in_a_cohort():
    fixed, _ = small(classes=["silence"], noise=0.002, mains=0)
    pair, _ = small(classes=["silence"], noise=(0.002, 0.002), mains=0)
    assert fixed.equals(pair)
    none, _ = small(classes=["silence"], noise=0, mains=0)
    assert np.diff(none.values).std() < 0.1 * np.diff(fixed.values).std()


@pytest.mark.parametrize("sfreq", [1000, 1001.5, 48_000])
@pytest.mark.filterwarnings("error")
def test_clips_may_be_as_short_as_one_sample(sfreq):
    for seconds in (1 / sfreq, 0.003, 0.05):
        X, _ = small(n_subjects=1, n_clips=12, duration=seconds, sfreq=sfreq, mixed=1)
        assert set(X.lengths) == {max(1, round(seconds * sfreq))}
        assert np.isfinite(X.values).all()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"classes": ["fibrillation"]}, r"classes=\['fibrillation'\] must be names from"),
        ({"classes": []}, r"classes=\[\] must be names from"),
        ({"classes": {}}, r"classes=\[\] must be names from"),
        ({"classes": {"a": []}}, r"classes\['a'\]=\[\] must be names from"),
        ({"classes": [1, "silence", ["silence"]]}, r"classes=\[1, \['silence'\]\] must be names"),
        ({"classes": 5}, "classes=5 must be a list of names from"),
        ({"classes": "silence"}, r"classes='silence' is a text: give .* such as \['silence'\]"),
        ({"classes": {"a": "silence"}}, r"classes\['a'\]='silence' is a text: give a list"),
        ({"classes": {"a": ["silence"], "b": ["silence"]}}, r"holds \['silence'\] more than once"),
        ({"classes": ["silence", "artefact", "silence"]}, r"holds \['silence'\] more than once"),
        ({"needle": "surface"}, "needle='surface' is unknown"),
        ({"needle": ["monopolar"]}, r"needle=\['monopolar'\] is unknown"),
        ({"n_subjects": 0}, "n_subjects=0 must be an integer >= 1"),
        ({"n_clips": 0}, "n_clips=0 must be an integer >= 1"),
        ({"n_clips": 2.5}, "n_clips=2.5 must be an integer >= 1"),
        ({"mixed": 2}, "mixed=2 must be a number from 0 to 1"),
        ({"mixed": -1}, "mixed=-1 must be a number from 0 to 1"),
        ({"mains": -1}, "mains=-1 must be a number from 0 to 1"),
        ({"mains": np.nan}, "mains=nan must be a number from 0 to 1"),
        ({"noise": (0.002, 0.001)}, r"noise=\(0.002, 0.001\) must be .* the lower first"),
        ({"noise": (-0.002, 0.001)}, "must be a number >= 0, or a pair of them"),
        ({"noise": np.inf}, "noise=inf must be a number >= 0"),
        ({"noise": (0, 0.001)}, "evenly in its logarithm: let the lower end be above 0"),
        ({"duration": 0}, "duration=0 s holds no sample at sfreq=10000 Hz: give at least 0.0001 s"),
        ({"duration": -1}, "duration=-1 must be a number >= 0"),
        ({"duration": np.nan}, "duration=nan must be a number >= 0"),
        ({"sfreq": 48}, "sfreq=48 must be a number >= 1000"),
        ({"sfreq": (10_000, 20_000)}, r"sfreq=\(10000, 20000\) must be a number >= 1000\."),
        ({"sfreq": np.inf}, "sfreq=inf must be a number >= 1000"),
        ({"return_truth": "no"}, "return_truth='no' must be True or False"),
        ({"progress": 0}, "progress=0 must be True or False"),
        ({"random_state": -1}, "random_state=-1 must be None, an integer >= 0 or a numpy Gen"),
        ({"random_state": "a"}, "random_state='a' must be None, an integer >= 0 or a numpy Gen"),
    ],
)
def test_impossible_clips_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        small(**given)


@pytest.mark.parametrize("function", [*RESTING_DISCHARGES.values(), remote_contraction])
def test_a_discharge_alone_refuses_what_clips_refuse(function):
    for given, message in [
        ({"sfreq": 100}, "sfreq=100 must be a number >= 1000"),
        ({"duration": -1}, "duration=-1 must be a number >= 0"),
        ({"duration": 0}, "duration=0 s holds no sample at sfreq=48000 Hz"),
    ]:
        with pytest.raises(ValueError, match=message):
            function(**given)


@pytest.mark.parametrize(
    ("function", "given", "message"),
    [
        (fibrillation_potential, {"rate": -5}, "rate=-5 must be a number > 0"),
        (fibrillation_potential, {"amplitude": np.nan}, "amplitude=nan must be a number > 0"),
        (fibrillation_potential, {"n_fibres": 0}, "n_fibres=0 must be an integer >= 1"),
        (fibrillation_potential, {"slowing": 2}, "slowing=2 must be a number from 0 to 1"),
        (fibrillation_potential, {"variability": -1}, "variability=-1 must be a number >= 0"),
        (fibrillation_potential, {"site": monopolar()}, "site is a Needle: give a Site"),
        (fibrillation_potential, {"random_state": -1}, "random_state=-1 must be None, an integer"),
        (positive_sharp_wave, {"negative": -1}, "negative=-1 must be a number from 0 to 1"),
        (fasciculation_potential, {"complexity": 5}, "complexity=5 must be a number from 0 to 1"),
        (fasciculation_potential, {"n_units": 0}, "n_units=0 must be an integer >= 1"),
        (fasciculation_potential, {"rate": 0}, "rate=0 must be a number > 0"),
        (myotonic_discharge, {"rates": (100, 20)}, "rates=.100, 20. must be a pair .* lower first"),
        (myotonic_discharge, {"rates": (0, 0)}, r"rates\[1\]=0.0 must be a number > 0"),
        (myotonic_discharge, {"rates": 50}, "rates=50 must be a pair of numbers >= 0"),
        (myotonic_discharge, {"positive": "no"}, "positive='no' must be True or False"),
        (complex_repetitive_discharge, {"breaks": "no"}, "breaks='no' must be True or False"),
        (complex_repetitive_discharge, {"jitter": -1e-6}, "jitter=-1e-06 must be a number >= 0"),
        (complex_repetitive_discharge, {"rate": 0}, "rate=0 must be a number > 0"),
        (
            myokymic_discharge,
            {"n_spikes": (1, 1)},
            "must be a pair of numbers >= 2",
        ),
        (myokymic_discharge, {"n_spikes": (2.5, 3)}, "n_spikes=.2.5, 3. must be whole numbers"),
        (myokymic_discharge, {"burst_rate": 50, "rate": 20}, "leave no room for two discharges at"),
        (neuromyotonic_discharge, {"rate": -200}, "rate=-200 must be a number > 0"),
        (neuromyotonic_discharge, {"n_runs": 0}, "n_runs=0 must be an integer >= 1"),
        (end_plate_spikes, {"noise": "no"}, "noise='no' must be True or False"),
        (end_plate_noise, {"rate": 0}, "rate=0 must be a number > 0"),
        (insertional_activity, {"outlast": -1}, "outlast=-1 must be a number > 0"),
        (insertional_activity, {"n_movements": 0}, "n_movements=0 must be an integer >= 1"),
        (artefact, {"amplitude": -1}, "amplitude=-1 must be a number > 0"),
        (Site, {"needle": 0.25}, "needle=0.25 must be a Needle"),
        (Site, {"decay": 0}, "decay=0 must be a number > 0"),
        (Site, {"diameter": 5}, "diameter=5 must be a number from 20 to 110"),
    ],
)
def test_impossible_discharges_are_refused(function, given, message):
    with pytest.raises(ValueError, match=message):
        function(**given)
