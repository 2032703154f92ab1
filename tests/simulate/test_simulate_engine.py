from dataclasses import replace

import numpy as np
import pytest

from sknemg.simulate import Fibres, Instrument, concentric, fibre_potentials, monopolar

THIN = monopolar(radius=0.025)


def potential(needle=THIN, *, sfreq=48_000, **fibre):
    fibre = {"x": 0.2, "y": 0.0, "diameter": 55.0} | fibre
    return fibre_potentials(Fibres(**fibre), needle, sfreq=sfreq)[0]


def lobes(trace, share=0.03):
    """Signs of the successive deflections above a share of the largest."""
    signs = np.sign(trace[np.abs(trace) > share * np.abs(trace).max()])
    return signs[np.r_[True, np.diff(signs) != 0]].tolist()


@pytest.mark.parametrize(
    ("distance", "millivolts"), [(0.1, 2.72), (0.3, 0.343), (0.5, 0.099), (2, 0.0023)]
)
def test_amplitude_falls_with_distance_as_the_line_source_does(distance, millivolts):
    assert np.ptp(potential(x=distance)) == pytest.approx(millivolts, rel=0.1)


def test_shape_is_triphasic_positive_first_away_from_the_end_plate():
    assert lobes(potential(THIN.moved(dz=3))) == [1, -1, 1]


def test_shape_is_negative_first_at_the_end_plate():
    assert lobes(potential(THIN.moved(dz=-THIN.z)))[0] == -1


def test_the_positive_part_of_the_shape_grows_where_the_fibre_ends():
    before, at_end = (potential(THIN.moved(dz=z - THIN.z)) for z in (45, 50))
    assert before.max() / -before.min() < 0.4
    assert at_end.max() / -at_end.min() > 2 * before.max() / -before.min()


def test_negative_spike_arrives_with_the_conduction_velocity():
    near, far = (np.argmin(potential(THIN.moved(dz=z - THIN.z))) for z in (10, 20))
    assert (far - near) / 48_000 == pytest.approx(0.010 / 3.7, rel=0.02)


def test_delay_and_velocity_are_taken_per_fibre():
    late = potential(delay=0.002)
    assert np.argmin(late) - np.argmin(potential()) == pytest.approx(96, abs=1)
    assert np.argmin(potential(velocity=2.0)) > np.argmin(potential())


def test_net_current_is_zero_so_the_potential_has_no_area_far_away():
    trace = potential(monopolar(radius=0.25), x=1.0)
    assert abs(trace.sum()) < 0.02 * np.abs(trace).sum()


@pytest.mark.parametrize("sfreq", [10_000, 23_437.5])
def test_lower_rate_gives_the_same_potential(sfreq):
    needle = monopolar()
    fine, coarse = potential(needle), potential(needle, sfreq=sfreq)
    times = np.arange(len(coarse)) / sfreq
    expected = np.interp(times, np.arange(len(fine)) / 48_000, fine)
    assert np.abs(coarse - expected).max() < 0.01 * np.abs(fine).max()


def test_cannula_makes_a_concentric_needle_see_less_of_distant_fibres():
    def far_over_near(needle):
        return np.ptp(potential(needle, x=0.0, y=4.0)) / np.ptp(potential(needle, x=0.0, y=0.2))

    bare = replace(concentric(), cannula_length=0.0)
    assert far_over_near(concentric()) < 0.9 * far_over_near(bare)


def test_cannula_takes_up_what_lies_beside_it_with_the_sign_reversed():
    beside, ahead = (potential(concentric(z=5), x=x, y=0.5) for x in (4.0, -4.0))
    assert ahead.max() < -1.3 * ahead.min()
    assert beside.max() > -2 * beside.min()
    assert np.ptp(beside) > 3 * np.ptp(ahead)


def test_concentric_needle_sees_what_lies_before_it_and_little_of_what_lies_behind():
    before, behind = (np.ptp(potential(concentric(), x=0.0, y=y)) for y in (0.3, -0.3))
    assert behind < 0.4 * before
    monopolar_pair = [np.ptp(potential(monopolar(), x=0.0, y=y)) for y in (0.3, -0.3)]
    assert monopolar_pair[0] == pytest.approx(monopolar_pair[1])


def test_afterpotential_leaves_a_slow_wave_behind_the_spike(monkeypatch):
    def late():
        trace = potential(monopolar(), x=1.0)
        after = np.argmin(trace) + np.arange(240, 720)  # 5 to 15 ms after the spike
        return np.abs(trace[after]).mean()

    with_it = late()
    monkeypatch.setattr("sknemg.simulate.fibre.AFTERPOTENTIAL", 0.0)
    assert with_it > 1.1 * late()


def test_needle_turns_with_its_angle():
    np.testing.assert_allclose(
        potential(concentric(angle=np.pi / 2), x=0.0, y=1.0),
        potential(concentric(), x=1.0),
        atol=1e-6,
    )


def test_line_core_is_the_mean_of_points_along_it():
    needle = concentric()
    points = [monopolar(x=x, radius=needle.core_radius) for x in np.linspace(-0.25, 0.25, 201)]
    source = np.array(0.3), np.array(0.4), np.array(0.8)
    core = needle.weight(*source) + _cannula(needle, source)
    assert core == pytest.approx(np.mean([p.weight(*source) for p in points]), rel=1e-3)


def _cannula(needle, source):
    xs = np.linspace(0.48, 25.48, 50_001)
    return np.mean([monopolar(x=x, radius=needle.cannula_radius).weight(*source) for x in xs[::20]])


# The instrument


def test_instrument_noise_has_the_same_density_at_every_rate():
    def density(sfreq):
        trace = Instrument(sfreq=sfreq, noise=0.002, resolution=0).record(np.zeros(200_000), 0)
        spectrum = np.abs(np.fft.rfft(trace)) ** 2 / (len(trace) * sfreq)
        freqs = np.fft.rfftfreq(len(trace), 1 / sfreq)
        return spectrum[(freqs > 500) & (freqs < 3000)].mean()

    assert density(10_000) == pytest.approx(density(48_000), rel=0.05)


def test_coloured_noise_rises_below_its_corner_and_is_white_above():
    trace = Instrument(noise=0.002, noise_corner=200.0, resolution=0, band=(1.0, 10_000.0)).record(
        np.zeros(200_000), 0
    )
    power = np.abs(np.fft.rfft(trace)) ** 2
    freqs = np.fft.rfftfreq(len(trace), 1 / 48_000)
    low, high = (power[(freqs > a) & (freqs < b)].mean() for a, b in ((15, 25), (3000, 5000)))
    assert low / high == pytest.approx(11, rel=0.4)


def test_instrument_band_is_three_decibels_down_at_its_corners():
    times = np.arange(96_000) / 48_000
    for sfreq in (20.0, 10_000.0):
        tone = np.sin(2 * np.pi * sfreq * times)
        trace = Instrument(noise=0, resolution=0).record(tone)[48_000:]
        assert trace.std() / tone.std() == pytest.approx(np.sqrt(0.5), rel=0.01)


def test_instrument_clips_and_quantises():
    tone = 3 * np.sin(np.arange(4800) / 10)
    trace = Instrument(noise=0, limit=1.0, resolution=0.25).record(tone)
    assert set(np.unique(trace)) <= set(np.arange(-4, 5) / 4)
    assert trace.max() == 1.0


def test_instrument_starts_settled_on_an_offset():
    trace = Instrument(noise=0, resolution=0).record(np.full(4800, 5.0))
    assert np.abs(trace).max() < 1e-6


@pytest.mark.parametrize(
    ("disturbance", "low", "high"),
    [({"mains": 0.05}, 49, 51), ({"movement": 0.1}, 1, 12), ({"drift": 0.1}, 1, 12)],
)
def test_disturbances_lie_in_their_band(disturbance, low, high):
    instrument = Instrument(noise=0, band=(0.1, 10_000), **disturbance)
    trace = instrument.record(np.zeros(96_000), 3)
    power = np.abs(np.fft.rfft(trace * np.hanning(len(trace)))) ** 2
    freqs = np.fft.rfftfreq(len(trace), 1 / 48_000)
    assert power[(freqs >= low) & (freqs <= high)].sum() > 0.9 * power[freqs >= 1].sum()


def test_instrument_is_reproducible():
    instrument = Instrument(mains=0.01, drift=0.01, movement=0.05)
    np.testing.assert_array_equal(
        instrument.record(np.zeros(1000), 1), instrument.record(np.zeros(1000), 1)
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"band": (6000, 10_000), "sfreq": 10_000}, "with 0 < low < high"),
        ({"sfreq": np.nan}, "sfreq=nan must be a number > 0"),
        ({"gain": np.nan}, "gain=nan must be a finite number"),
        ({"noise": -0.001}, "noise=-0.001 must be a number >= 0"),
        ({"noise_corner": -2}, "noise_corner=-2 must be a number >= 0"),
        ({"mains_sfreq": 0}, "mains_sfreq=0 must be a number > 0"),
        ({"resolution": -1}, "resolution=-1 must be a number >= 0"),
        ({"limit": 0}, "limit=0 must be a number > 0"),
    ],
)
def test_impossible_instruments_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        Instrument(**given)


@pytest.mark.parametrize("potential", [np.zeros(0), np.zeros((3, 10)), [0.0, np.nan]])
def test_a_potential_is_one_trace_without_gaps(potential):
    with pytest.raises(ValueError, match=r"potential of shape .* is not a trace: give finite"):
        Instrument().record(potential)


def test_a_converter_without_a_limit_clips_nothing():
    loud = np.linspace(-30.0, 30.0, 100)
    usual, free = (Instrument(noise=0, limit=limit).record(loud, 0) for limit in (20.0, np.inf))
    assert np.ptp(usual) < np.ptp(free)
    np.testing.assert_array_equal(free, Instrument(noise=0, limit=1e6).record(loud, 0))


def test_a_potential_may_be_a_list():
    recorded = Instrument().record([0.0] * 100, 0)
    np.testing.assert_array_equal(recorded, Instrument().record(np.zeros(100), 0))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"radius": -0.2}, "core_radius=-0.2 must be a number >= 0"),
        ({"x": np.nan}, "x=nan must be a finite number"),
    ],
)
def test_impossible_needles_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        monopolar(**given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"x": [0.1, np.nan]}, "x is nan in fibre 1: give finite numbers"),
        ({"diameter": [55, -5]}, "diameter is -5.0 in fibre 1: give numbers > 0"),
        ({"velocity": [0, 0]}, "velocity is 0.0 in fibres 0, 1: give numbers > 0"),
        ({"jitter": -1e-5}, "jitter is -1e-05 in fibres 0, 1: give numbers >= 0"),
        ({"blocking": [0.5, 2]}, "blocking is 2.0 in fibre 1: give numbers from 0 to 1"),
        ({"end_plate": [0, 60]}, "end_plate lies beyond the tendons in fibre 1: let it lie"),
    ],
)
def test_impossible_fibres_are_refused(given, message):
    usual = {"x": [0.1, 0.2], "y": 0.0, "diameter": 55.0}
    with pytest.raises(ValueError, match=message):
        fibre_potentials(Fibres(**usual | given), THIN)


@pytest.mark.parametrize("duration", [0.00005, 0.005, 0.02])
def test_a_short_potential_is_the_beginning_of_the_whole_one(duration):
    fibre = Fibres(x=0.2, y=0.0, diameter=55.0)
    whole, short = fibre_potentials(fibre, THIN), fibre_potentials(fibre, THIN, duration=duration)
    assert short.shape == (1, round(duration * 48_000))
    np.testing.assert_array_equal(short, whole[:, : short.shape[1]])


def test_potentials_of_no_fibre_are_none():
    assert fibre_potentials(Fibres(x=[], y=0.0, diameter=55.0), THIN).shape == (0, 2048)
    with pytest.raises(ValueError, match="duration=0 s holds no sample"):
        fibre_potentials(Fibres(0.2, 0.0, 55.0), THIN, duration=0)
    with pytest.raises(ValueError, match="needle='monopolar' must be a Needle: give monopolar"):
        fibre_potentials(Fibres(0.2, 0.0, 55.0), "monopolar")
    with pytest.raises(ValueError, match="decay=0 must be a number > 0"):
        fibre_potentials(Fibres(0.2, 0.0, 55.0), THIN, decay=0)
