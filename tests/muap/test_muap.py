"""MUAPs measured on constructed recordings whose units, firing and potentials are known."""

import numpy as np
import pandas as pd
import pytest

from sknemg.muap import average_muap, find_discharges, find_units, measure_muap, measure_muaps
from sknemg.muap._clusters import windows
from sknemg.muap._peeling import Lengths, centred
from sknemg.muap._trains import foreign_fraction, usual_interval

SFREQ = 20_000


def potential(knots_ms, values, sfreq=SFREQ):
    """Piecewise cubic potential of 30 ms, its trigger at 10 ms."""
    from scipy.interpolate import PchipInterpolator

    time = np.arange(round(0.03 * sfreq)) / sfreq * 1e3 - 10
    wave = np.where((time > knots_ms[0]) & (time < knots_ms[-1]), 1.0, 0.0)
    return wave * PchipInterpolator(knots_ms, values, extrapolate=True)(time)


#: Shapes of four units; spikes negative, as recorded physically. Amplitudes in mV.
SHAPES = {
    "triphasic": ([-4, -1.5, -0.3, 0.0, 0.5, 3, 7], [0, 0.03, 0.25, -0.75, 0.3, 0.08, 0]),
    "biphasic": ([-2, -0.4, 0.0, 0.8, 5], [0, 0.1, -0.4, -0.05, 0]),
    "polyphasic": (
        [-6, -3, -2.6, -2.0, -1.5, -0.4, 0.0, 0.6, 1.2, 1.7, 2.3, 6],
        [0, 0.1, -0.3, 0.15, -0.25, 0.3, -0.7, 0.3, -0.4, 0.25, -0.2, 0],
    ),
    "broad": ([-8, -2, -0.5, 0.1, 1.0, 4, 9], [0, 0.15, 0.4, -1.6, 0.5, 0.2, 0]),
}


def firing(rng, rate, cv, duration):
    intervals = np.maximum(1 + cv * rng.standard_normal(int(2 * rate * duration)), 0.4) / rate
    times = np.cumsum(intervals) + rng.uniform(0, 1 / rate)
    return times[times < duration - 0.05]


def recording(shapes, *, rates, cv=0.12, duration=10.0, noise=0.003, sfreq=SFREQ, seed=0):
    """Signal and the true discharge times of each unit."""
    rng = np.random.default_rng(seed)
    signal = rng.normal(0, noise, size=round(duration * sfreq))
    trains = []
    for shape, rate in zip(shapes, rates, strict=True):
        wave = potential(*SHAPES[shape], sfreq=sfreq)
        times = firing(rng, rate, cv, duration - 0.1) + 0.02
        for start in np.round((times - 0.01) * sfreq).astype(int):
            signal[start : start + len(wave)] += wave
        trains.append(times)
    return signal, trains


def matched(found, true, tolerance=1e-3):
    """Fraction of found discharges that are true, and of true ones that were found.

    A unit may be seen by another spike of its potential: one constant delay is allowed for.
    """
    lag = np.asarray(found)[:, None] - np.asarray(true)[None]
    near = lag[np.abs(lag) < 3e-3]
    if not len(near):
        return 0.0, 0.0
    delay = near[(np.abs(near[:, None] - near) < tolerance).sum(axis=0).argmax()]
    lag = np.abs(lag - delay)
    return (lag.min(axis=1) < tolerance).mean(), (lag.min(axis=0) < tolerance).mean()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("sfreq", [10_000, 23_437.5, 48_000])
def test_trains_of_four_units_are_told_apart(seed, sfreq):
    shapes = ["triphasic", "biphasic", "polyphasic", "broad"]
    signal, trains = recording(shapes, rates=[8, 11, 9, 12], sfreq=sfreq, seed=seed)
    found = find_discharges(signal, sfreq)
    scores = [max((matched(times, train) for times in found), key=sum) for train in trains]
    assert len(found) == 4
    assert min(precision for precision, _ in scores) > 0.9
    assert min(recall for _, recall in scores) > 0.5
    assert np.mean([recall for _, recall in scores]) > 0.8  # superimposed ones are peeled apart


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("polarity", [-1, 1])
@pytest.mark.parametrize("sfreq", [10_000, 48_000])
def test_average_measures_as_the_potential_itself(shape, polarity, sfreq):
    signal, (times,) = recording([shape], rates=[9], sfreq=sfreq)
    table = measure_muaps(polarity * signal, sfreq)
    truth = measure_muap(np.pad(potential(*SHAPES[shape], sfreq=480_000), 9600), 480_000)
    assert len(table) == 1
    row = table.iloc[0]
    assert row["amplitude"] == pytest.approx(truth["amplitude"], rel=0.06)
    assert row["duration"] == pytest.approx(truth["duration"], abs=0.8e-3)
    assert row["rise_time"] == pytest.approx(truth["rise_time"], abs=0.15e-3)
    assert row["area"] == pytest.approx(truth["area"], rel=0.08)
    assert row["size_index"] == pytest.approx(truth["size_index"], abs=0.15)
    assert row["phases"] == truth["phases"]
    assert row["turns"] == truth["turns"]
    assert row["rate"] == pytest.approx(1 / np.diff(times).mean(), rel=0.03)
    assert row["isi_cv"] == pytest.approx(0.12, abs=0.04)
    assert row["consistency"] > 0.98


def test_superimposed_discharges_come_apart():
    """Two units that fire within 8 ms of each other all the time."""
    rng = np.random.default_rng(0)
    large, small = potential(*SHAPES["broad"]), potential(*SHAPES["biphasic"])
    signal = rng.normal(0, 0.003, size=10 * SFREQ)
    times = firing(rng, 9, 0.12, 9.9)
    lags = 8e-3 * np.sin(2 * np.pi * times / 3)
    trains = times, times + lags
    for wave, train in zip((large, small), trains, strict=True):
        for start in np.round((train - 0.01) * SFREQ).astype(int)[1:]:
            signal[start : start + len(wave)] += wave
    found = find_discharges(signal, SFREQ)
    assert len(found) == 2
    for own, train in zip(found, trains, strict=True):
        right, complete = matched(own, train[1:])
        assert right > 0.95
        assert complete > 0.85


def test_a_unit_that_varies_is_one_unit():
    """One of two spikes is blocked in a third of the discharges."""
    rng = np.random.default_rng(0)
    signal = rng.normal(0, 0.003, size=10 * SFREQ)
    wave = potential(*SHAPES["biphasic"])
    times = firing(rng, 9, 0.1, 9.9)
    for start in np.round((times - 0.01) * SFREQ).astype(int)[1:]:
        signal[start : start + len(wave)] += wave
        if rng.random() > 1 / 3:
            signal[start + 30 : start + 30 + len(wave)] += 0.8 * wave
    (found,) = find_discharges(signal, SFREQ)
    right, complete = matched(found, times[1:], 2e-3)
    assert min(right, complete) > 0.95


def test_busy_recording_still_gives_the_potentials():
    shapes = ["triphasic", "biphasic", "polyphasic", "broad"]
    signal, _ = recording(shapes, rates=[9, 12, 10, 13], noise=0.005, seed=4)
    result = measure_muaps(signal, SFREQ, return_templates=True)
    truth = [measure_muap(np.pad(potential(*SHAPES[shape]), 400), SFREQ) for shape in shapes]
    expected = sorted(muap["amplitude"] for muap in truth)
    np.testing.assert_allclose(sorted(result.table["amplitude"]), expected, rtol=0.12)
    assert result.templates.shape == (4, 1001)
    assert [len(times) for times in result.discharges] == result.table["n_discharges"].tolist()
    np.testing.assert_allclose(sorted(result.table["rate"]), [9, 10, 12, 13], rtol=0.05)


@pytest.mark.parametrize("direction", [1, -1])
def test_spike_shifted_towards_an_end_does_no_harm(direction):
    """Two spikes, of which the other one is larger in the last potential (in the first)."""
    knots = [-1, -0.7, -0.4, -0.3, 0, 0.3, 0.4]
    usual = potential(knots, [0, -0.5, 0, 0, -0.55, 0, 0])
    last = potential(knots, [0, -0.55, 0, 0, -0.5, 0, 0])
    rng = np.random.default_rng(0)
    signal = rng.normal(0, 0.003, size=2 * SFREQ)
    for start in range(0, 2 * SFREQ - 2000, 2000):
        signal[start : start + len(usual)] += usual
    signal[-2000 : len(last) - 2000] += last
    for n_after in range(20, 60):  # samples after the last potential's second spike
        part = signal[: 2 * SFREQ - 1800 + n_after][::direction]
        assert len(find_discharges(part, SFREQ)) == 1


def test_known_shape_measured_by_hand():
    wave = np.interp(np.arange(2001), [800, 900, 1000, 1040, 1100, 1300], [0, 0, 0.2, -0.6, 0.1, 0])
    muap = measure_muap(wave, 20_000)
    assert muap["amplitude"] == pytest.approx(0.8)
    assert muap["rise_time"] == pytest.approx(0.002)  # from 0.2 down to -0.6
    assert (muap["phases"], muap["turns"]) == (3, 3)
    # departs beyond 10 µV after 5 of the first 100 samples, returns 20 before the last
    assert muap["onset"] == pytest.approx((906 - 1000) / 20_000, abs=1e-4)
    assert muap["duration"] == pytest.approx((1280 - 906) / 20_000, abs=1e-4)
    area = 0.5 * (0.2 * (100 + 10) + 0.6 * (30 + 60 * 6 / 7) + 0.1 * (60 / 7 + 200)) / 20_000
    assert muap["area"] == pytest.approx(area, rel=0.01)
    assert muap["thickness"] == pytest.approx(area / 0.8, rel=0.01)


@pytest.mark.parametrize("polarity", [-1, 1])
@pytest.mark.parametrize("n_rise", [1, 4, 20])
def test_a_single_phase_has_its_amplitude_from_the_baseline(n_rise, polarity):
    wave = np.interp(np.arange(1001), [500 - n_rise, 500, 500 + n_rise], [0, polarity, 0])
    muap = measure_muap(wave, 20_000)
    assert (muap["amplitude"], muap["phases"], muap["turns"]) == (1, 1, 1)
    assert muap["irregularity"] == pytest.approx(2)
    assert muap["thickness"] == pytest.approx(n_rise / 20_000)
    assert muap["size_index"] == pytest.approx(n_rise / 20)


@pytest.mark.parametrize("sfreq", [5000, 48_000])
def test_nothing_recorded_has_no_units(sfreq):
    assert measure_muaps([], sfreq).empty


@pytest.mark.parametrize("offset", [-30, 30, 300])
@pytest.mark.parametrize("sfreq", [5000, 10_000])
def test_an_offset_changes_nothing(sfreq, offset):
    signal, _ = recording(["triphasic", "biphasic"], rates=[8, 11], sfreq=sfreq)
    table = measure_muaps(signal, sfreq)
    assert len(table) == 2
    pd.testing.assert_frame_equal(measure_muaps(signal + offset, sfreq), table, rtol=1e-6)


@pytest.mark.parametrize("size", [0.0, 0.02])
def test_what_does_not_stand_out_of_the_baseline_has_no_rise(size):
    wave = np.interp(np.arange(1001), [480, 500, 520], [0, -size, 0])
    muap = measure_muap(wave, 20_000)
    assert np.isnan(muap["rise_time"])
    assert (muap["amplitude"], muap["phases"], muap["turns"]) == (size, 0, 0)


def test_late_satellite_does_not_lengthen_the_potential():
    wave = np.pad(potential(*SHAPES["biphasic"]), 400)
    with_satellite = wave.copy()
    with_satellite[880:900] -= 0.1  # more than 1.5 ms after the end
    alone = measure_muap(wave, SFREQ)
    assert measure_muap(with_satellite, SFREQ)["duration"] == alone["duration"]


def test_satellite_is_not_counted_as_a_second_unit():
    shape = ([-2, -0.4, 0.0, 0.8, 5, 9.4, 9.7, 10.0, 11], [0, 0.1, -0.8, -0.1, 0, 0, 0.1, -0.3, 0])
    rng = np.random.default_rng(0)
    signal = rng.normal(0, 0.003, size=10 * SFREQ)
    wave = potential(*shape)
    for start in np.round(firing(rng, 10, 0.12, 9.9) * SFREQ).astype(int):
        signal[start : start + len(wave)] += wave
    table = measure_muaps(signal, SFREQ)
    assert len(table) == 1
    assert table["amplitude"][0] == pytest.approx(0.9, rel=0.05)


def test_distant_unit_is_left_out():
    slow = np.convolve(potential(*SHAPES["triphasic"]), np.hanning(60) / 30, mode="same")
    rng = np.random.default_rng(0)
    signal = rng.normal(0, 0.0005, size=10 * SFREQ)
    for start in np.round(firing(rng, 10, 0.12, 9.9) * SFREQ).astype(int):
        signal[start : start + len(slow)] += slow
    assert len(measure_muaps(signal, SFREQ)) == 0
    assert len(measure_muaps(signal, SFREQ, max_rise_time=5e-3)) == 1


@pytest.mark.parametrize(
    "signal",
    [
        np.zeros(SFREQ),
        np.zeros(100),
        np.random.default_rng(0).normal(0, 0.004, size=5 * SFREQ),
    ],
    ids=["flat", "short", "noise"],
)
def test_nothing_there_gives_an_empty_table(signal):
    result = measure_muaps(signal, SFREQ, return_templates=True)
    assert len(result.table) == 0
    assert {"amplitude", "duration", "phases", "rate"} <= set(result.table)
    assert (result.table.dtypes == np.float64).all()
    assert result.templates.shape == (0, 1001)


def test_columns_are_numbers_with_and_without_units():
    busy, _ = recording(["triphasic"], rates=[9])
    tables = [measure_muaps(signal, SFREQ) for signal in (busy, np.zeros(SFREQ))]
    assert [len(table) for table in tables] == [1, 0]
    for table in [*tables, pd.concat(tables)]:
        assert (table.dtypes == np.float64).all()


@pytest.mark.parametrize("frequency", [16.7, 50, 60, 100])
@pytest.mark.parametrize("form", ["square", "spikes", "edges"])
def test_machines_are_no_motor_units(frequency, form):
    time = np.arange(3 * SFREQ) / SFREQ
    phase = (time * frequency + 0.13) % 1
    wave = {
        "square": np.where(phase < 0.5, 0.4, -0.4),
        "spikes": 0.8 * np.exp(-(((phase - 0.5) / (0.0003 * frequency)) ** 2)),
        "edges": np.tanh(np.sin(2 * np.pi * phase) * 20),
    }[form]
    signal = wave + np.random.default_rng(0).normal(0, 0.003, len(time))
    assert len(measure_muaps(signal, SFREQ)) == 0
    if form == "spikes" and frequency < 60:  # so these would be measured but for their regularity
        assert len(measure_muaps(signal, SFREQ, min_isi_cv=0)) == 1


@pytest.mark.parametrize("rate", [1.6, 4, 15])
def test_spikes_at_random_times_are_no_motor_unit(rate):
    """Those of end plates, or of movement: a unit in at most one of 8 recordings by chance."""
    wave = potential(*SHAPES["biphasic"])
    found = 0
    for seed in range(8):
        rng = np.random.default_rng(seed)
        signal = rng.normal(0, 0.003, size=10 * SFREQ)
        for start in rng.integers(0, len(signal) - len(wave), size=rng.poisson(10 * rate)):
            signal[start : start + len(wave)] += wave
        found += len(measure_muaps(signal, SFREQ))
    assert found <= 1


@pytest.mark.parametrize(("rate", "cv"), [(5, 0.25), (10, 0.05), (10, 0.25), (30, 0.15)])
def test_motor_units_of_every_rate_and_regularity_are_measured(rate, cv):
    signal, (times,) = recording(["triphasic"], rates=[rate], cv=cv)
    table = measure_muaps(signal, SFREQ)
    assert len(table) == 1
    assert table["rate"][0] == pytest.approx(1 / np.diff(times).mean(), rel=0.08)
    assert table["regularity"][0] > 0.7


def test_missed_and_foreign_discharges_do_not_move_the_rate():
    rng = np.random.default_rng(0)
    train = np.round(firing(rng, 10, 0.1, 30) * SFREQ).astype(int)
    missed = np.sort(rng.choice(train, size=len(train) * 2 // 3, replace=False))
    usual, near = usual_interval(missed)
    assert SFREQ / usual == pytest.approx(10, rel=0.03)
    assert near.std() / usual == pytest.approx(0.1, abs=0.03)
    assert foreign_fraction(missed) < 0.05
    two = np.sort(np.concatenate([train, np.round(firing(rng, 11, 0.1, 30) * SFREQ).astype(int)]))
    assert foreign_fraction(two) > 0.2


def test_average_of_too_few_sweeps_is_empty():
    template, noise, consistency = average_muap(np.zeros(SFREQ), SFREQ, [0.5])
    assert len(template) == 0
    assert np.isnan([noise, consistency]).all()


def test_unusable_input_is_refused():
    with pytest.raises(ValueError, match="2 of 5000 samples"):
        measure_muaps(np.r_[np.nan, np.inf, np.zeros(4998)], SFREQ)
    with pytest.raises(ValueError, match="One recording"):
        find_discharges(np.zeros((2, 5000)), SFREQ)


def test_real_recordings_are_plausible(data_dir):
    """Not validation: order and size as published for biceps, one recording a class."""
    medians = {}
    for name in ("C07BB57", "M06BB07", "A06BB06"):
        path = data_dir / "emglab_n2001" / f"N2001{name}.bin"
        signal = np.fromfile(path, dtype="<i2", offset=20) / 13_107
        table = measure_muaps(signal, 23_437.5)
        assert len(table) >= 2
        assert table["rate"].between(4, 25).all()
        medians[name[0]] = table[["amplitude", "duration"]].median()
    assert 0.1 < medians["C"]["amplitude"] < 1
    assert 4e-3 < medians["C"]["duration"] < 15e-3
    assert medians["M"]["amplitude"] < medians["C"]["amplitude"] < medians["A"]["amplitude"]
    assert medians["M"]["duration"] < medians["C"]["duration"] < medians["A"]["duration"]


TAKE_RATES = {
    "measure_muaps": measure_muaps,
    "find_discharges": find_discharges,
    "find_units": find_units,
    "average_muap": lambda signal, sfreq: average_muap(signal, sfreq, [0.1, 0.2]),
    "measure_muap": measure_muap,
}


@pytest.mark.parametrize("sfreq", [0, -10, np.nan, np.inf, None, True, "10000", [10_000, 20_000]])
@pytest.mark.parametrize("use", TAKE_RATES)
def test_rates_that_are_none_are_refused(use, sfreq):
    with pytest.raises(ValueError, match="is no rate: give the sampling rate in hertz"):
        TAKE_RATES[use](np.zeros(1000), sfreq)


@pytest.mark.parametrize("use", TAKE_RATES)
def test_kilohertz_are_told_from_hertz_at_once(use):
    message = r"sfreq=48 Hz is too low to show motor units: .* in hertz, not in kilohertz"
    with pytest.raises(ValueError, match=message):
        TAKE_RATES[use](np.zeros(157_637), 48)
    TAKE_RATES[use](np.zeros(1000), 1500)


@pytest.mark.parametrize("use", TAKE_RATES)
def test_samples_that_are_none_are_refused(use):
    for wrong, message in ((np.nan, "1 of 1000 samples are NaN"), (1e9, "beyond 1e.06 mV")):
        signal = np.zeros(1000)
        signal[3] = wrong
        with pytest.raises(ValueError, match=message):
            TAKE_RATES[use](signal, 20_000)


def test_discharges_and_noise_are_numbers():
    with pytest.raises(ValueError, match=r"times=\[0.1, nan\] must be of shape"):
        average_muap(np.zeros(9000), SFREQ, [0.1, np.nan])
    for noise in (np.nan, -0.1, np.inf, None, True):
        with pytest.raises(
            ValueError, match=r"noise=.* is no standard error: give a number from 0"
        ):
            measure_muap(np.zeros(900), SFREQ, noise=noise)


def test_an_empty_average_is_not_measured():
    with pytest.raises(ValueError, match="with samples; got"):
        measure_muap(np.empty(0), 20_000)


def test_a_train_is_regular_or_its_discharges_are_alike(monkeypatch):
    """Half of the intervals are usual; discharges differ by 12 % in size (median)."""
    rng = np.random.default_rng(3)
    usual = rng.normal(0.1, 0.01, 100)
    intervals = np.where(np.arange(100) % 20 < 11, usual, rng.uniform(0.16, 0.4, 100))
    times = 0.05 + np.cumsum(rng.permutation(intervals))
    wave = np.interp(np.arange(81), [0, 30, 40, 50, 80], [0, 0.1, -0.6, 0.1, 0])
    signal = rng.normal(0, 0.002, round((times[-1] + 0.1) * SFREQ))
    for start in np.round(times * SFREQ).astype(int):
        signal[start : start + 81] += rng.uniform(0.75, 1.25) * wave
    (unit,) = find_units(signal, SFREQ)
    assert 0.5 <= unit.measures["regularity"] < 0.62
    monkeypatch.setattr("sknemg.muap.measure.LEAST_CERTAIN", (0.62, 0.06))  # less may they differ
    assert find_units(signal, SFREQ) == []
    monkeypatch.setattr("sknemg.muap.measure.LEAST_CERTAIN", (0.5, 0.06))  # regular enough
    assert len(find_units(signal, SFREQ)) == 1


def test_a_spike_that_is_moved_to_the_end_of_the_signal_leaves_its_group():
    """A group is moved to the largest spike of its average twice; the second time counts, too."""
    lengths = Lengths.at(10_000)
    moved = lengths.reach // 2
    signal = np.zeros(100 * moved)
    places = np.array([10, 30, 50]) * moved
    signal[places + moved] = 1.0
    signal[places + 2 * moved + 5] = 3.0  # comes into sight once the group has moved
    last = places[-1] + 2 * moved + 5
    signal = signal[: last + lengths.reach]  # half a window behind it, less one
    group, _ = centred(signal, places, lengths)
    assert group.tolist() == (places[:-1] + 2 * moved + 5).tolist()
    assert windows(signal, group, lengths.reach).shape == (2, 2 * lengths.reach + 1)
