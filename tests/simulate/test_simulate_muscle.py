import numpy as np
import pytest

from sknemg.simulate import (
    Fibres,
    Instrument,
    Muscle,
    ageing,
    concentric,
    healthy_muscle,
    monopolar,
    motor_unit_potentials,
    myopathy,
    neuropathy,
)
from sknemg.simulate.pathology import _adopt, _rank_within
from sknemg.simulate.potentials import thin
from sknemg.simulate.recruitment import firing_rates, firing_times, force

MUSCLE = healthy_muscle(random_state=0)
MYOPATHY = myopathy(MUSCLE, 0.7, random_state=0)
CHRONIC = neuropathy(MUSCLE, 0.7, 0.9, random_state=0)
SUBACUTE = neuropathy(MUSCLE, 0.7, 0.2, random_state=0)
QUIET = Instrument(sfreq=10_000, noise=0.001)


def record(muscle, effort, *, seed=0, seconds=1.0, instrument=QUIET, needle=None):
    contraction = muscle.activate(effort)
    tip = contraction.seek(needle or monopolar(), random_state=seed)
    return contraction.record(tip, seconds, instrument=instrument, random_state=seed)


# Recruitment


def test_units_are_recruited_in_order_of_size_and_early_ones_fire_faster():
    rates = firing_rates(10.0, np.linspace(0, 1, 50))
    n_active = (rates > 0).sum()
    assert 0 < n_active < 50
    assert (rates[:n_active] > 0).all()
    assert (np.diff(rates[:n_active]) < 0).all()


@pytest.mark.parametrize("effort", [0.1, 0.3, 0.9])
def test_effort_is_the_share_of_force_that_results(effort):
    contraction = MUSCLE.activate(effort)
    reached = force(contraction.excitation, MUSCLE.rank, MUSCLE.strength)
    assert reached == pytest.approx(effort * MUSCLE.greatest_force, rel=0.02)


def test_myopathy_recruits_early_and_neuropathy_little():
    def n_active(muscle):
        return (muscle.activate(0.1).rates > 0).sum()

    assert n_active(MYOPATHY) > 1.15 * n_active(MUSCLE)
    assert n_active(CHRONIC) < 0.6 * n_active(MUSCLE)


def test_rates_at_slight_effort_stay_within_the_clinical_limit():
    assert MUSCLE.activate(0.1).rates.max() < 15


def test_weak_neuropathic_muscle_fires_its_units_faster():
    assert SUBACUTE.activate(0.2).rates.max() > 1.08 * MUSCLE.activate(0.2).rates.max()


@pytest.mark.parametrize("effort", [0, -0.1, 1.2, np.nan, "full", [0.5], None])
def test_impossible_effort_is_refused(effort):
    with pytest.raises(ValueError, match="must be a number > 0 and <= 1"):
        MUSCLE.activate(effort)


def test_firing_times_have_the_rate_and_variability_asked_for():
    (times,) = firing_times(np.array([12.0]), 200.0, variability=0.15, doublets=0.0, random_state=0)
    intervals = np.diff(times)
    assert len(times) / 200 == pytest.approx(12, rel=0.03)
    assert intervals.std() / intervals.mean() == pytest.approx(0.157, abs=0.02)
    assert intervals.min() > 0.02


def test_doublets_are_a_second_discharge_within_ten_milliseconds():
    (times,) = firing_times(np.array([10.0]), 200.0, doublets=0.1, random_state=0)
    short = np.diff(times) < 0.0101
    assert short.mean() == pytest.approx(0.1, abs=0.025)
    assert np.diff(times)[short].min() > 0.0039


def test_common_drive_makes_units_speed_up_together():
    trains = firing_times(np.full(40, 15.0), 60.0, variability=0.05, doublets=0, random_state=1)
    counts = np.array([np.histogram(t, np.arange(0, 60.1, 0.2))[0] for t in trains])
    even, odd = counts[::2].sum(axis=0), counts[1::2].sum(axis=0)
    assert np.corrcoef(even, odd)[0, 1] > 0.5


# Pathology


@pytest.mark.parametrize("change", [lambda m: neuropathy(m, 0, 0), lambda m: ageing(m, 30)])
def test_no_disease_and_youth_leave_a_muscle_as_it_was(change):
    changed = change(MUSCLE).fibres
    np.testing.assert_array_equal(changed.diameter, MUSCLE.fibres.diameter)
    np.testing.assert_array_equal(changed.unit, MUSCLE.fibres.unit)


def test_myopathy_of_no_severity_leaves_a_muscle_as_it_was():
    np.testing.assert_allclose(
        myopathy(MUSCLE, 0, random_state=0).fibres.velocity, MUSCLE.fibres.velocity
    )


def test_neuropathy_loses_units_and_survivors_grow():
    alive = CHRONIC.unit_sizes > 0
    assert alive.sum() == 160 - round(0.76 * 0.7 * 160)
    assert np.median((CHRONIC.unit_sizes / MUSCLE.unit_sizes)[alive]) > 1.5
    assert len(CHRONIC.fibres) + CHRONIC.denervated == len(MUSCLE.fibres)


def test_reinnervation_groups_the_fibres_of_a_unit():
    def share_of_neighbours_in_same_unit(muscle):
        inner = np.hypot(muscle.fibres.x, muscle.fibres.y) < 2
        place = np.stack([muscle.fibres.x, muscle.fibres.y])[:, inner]
        unit = muscle.fibres.unit[inner]
        apart = np.hypot(*(place[:, :, None] - place[:, None, :]))
        np.fill_diagonal(apart, np.inf)
        return (unit[apart.argmin(axis=1)] == unit).mean()

    assert share_of_neighbours_in_same_unit(CHRONIC) > 3 * share_of_neighbours_in_same_unit(MUSCLE)


def test_young_reinnervation_is_late_and_unreliable_and_matures():
    adopted = SUBACUTE.fibres.blocking > 0
    assert adopted.any()
    assert SUBACUTE.fibres.delay[adopted].mean() > SUBACUTE.fibres.delay[~adopted].mean() + 1e-3
    assert SUBACUTE.fibres.jitter.mean() > 1.5 * CHRONIC.fibres.jitter.mean()
    assert SUBACUTE.fibres.diameter.mean() < CHRONIC.fibres.diameter.mean()


def test_a_sprout_runs_to_the_old_end_plate_and_grows_on_from_there():
    fibres = Fibres(
        x=[0.0, 0.1, 0.3], y=0.0, diameter=55.0, end_plate=[0.0, 1.0, 0.5], unit=[0, 1, 1]
    )
    orphan = np.array([False, True, True])
    for seed in range(20):
        owner, path = _adopt(fibres, orphan, orphan, 0.25, 3.0, np.random.default_rng(seed))
        if (owner == 0).all():
            break
    first = np.hypot(0.1, 1.0)
    assert path.tolist() == pytest.approx([0, first, first + np.hypot(0.2, 0.5)])


def test_young_sprouts_scatter_arrivals_and_old_ones_little():
    scatter = [m.fibres.delay[m.fibres.blocking > 0].std() for m in (SUBACUTE, CHRONIC)]
    assert scatter[0] > 1e-3
    assert scatter[1] < 0.7e-3


def test_myopathy_keeps_its_units_but_loses_fibres_of_varying_size():
    assert (MYOPATHY.unit_sizes > 0).all()
    assert len(MYOPATHY.fibres) < 0.64 * len(MUSCLE.fibres)
    before, after = MUSCLE.fibres.diameter, MYOPATHY.fibres.diameter
    assert after.std() / after.mean() > 1.3 * before.std() / before.mean()
    assert MYOPATHY.greatest_force < 0.5 * MUSCLE.greatest_force


def test_branches_of_a_split_fibre_lie_together_on_one_end_plate_and_keep_its_section():
    fibres = MYOPATHY.fibres
    order = np.argsort(fibres.junction, kind="stable")
    first, second = (fibres[rows] for rows in order[fibres.junction[order] >= 0].reshape(-1, 2).T)
    assert len(first) > 0.1 * len(fibres)
    np.testing.assert_array_equal(first.junction, second.junction)
    np.testing.assert_array_equal(first.unit, second.unit)
    np.testing.assert_array_equal(first.end_plate, second.end_plate)
    assert np.hypot(first.x - second.x, first.y - second.y).max() < 0.06
    whole = np.hypot(first.diameter, second.diameter)
    unsplit = fibres.diameter[fibres.junction < 0]
    assert np.median(whole) == pytest.approx(np.median(unsplit), rel=0.05)


def test_a_muscle_may_be_split_twice():
    fibres = myopathy(MYOPATHY, 0.7, random_state=1).fibres
    shared = fibres[fibres.junction >= 0]
    _, first, back = np.unique(shared.junction, return_index=True, return_inverse=True)
    np.testing.assert_array_equal(shared.unit, shared.unit[first][back])
    assert np.bincount(back).max() > 2


@pytest.mark.parametrize(
    "later",
    [
        lambda m: myopathy(m, 0.7, random_state=1),
        lambda m: neuropathy(m, 0.7, 0.3, random_state=1),
        lambda m: ageing(m, 85, random_state=1),
    ],
    ids=["myopathy", "neuropathy", "ageing"],
)
def test_what_befalls_one_branch_later_gives_it_a_junction_of_its_own(later):
    fibres = later(MYOPATHY).fibres
    shared = fibres[fibres.junction >= 0]
    _, first, back = np.unique(shared.junction, return_index=True, return_inverse=True)
    assert (np.bincount(back) > 1).sum() > 100
    for name in ("unit", "end_plate", "delay", "jitter", "blocking"):
        one_of_each = getattr(shared, name)[first]
        np.testing.assert_array_equal(getattr(shared, name), one_of_each[back], err_msg=name)


def test_branches_of_one_end_plate_jitter_and_block_together():
    def lags(junction):
        fibres = Fibres(
            x=[0.1, 0.1], y=0.0, diameter=[60.0, 25.0], velocity=[5.0, 1.5], jitter=1e-4,
            blocking=0.3, junction=junction,
        )  # fmt: skip
        (templates,) = motor_unit_potentials(
            fibres, monopolar(radius=0.05), n_variants=40, random_state=0
        )
        waves = templates.waves[0, :, 0]
        early, late = np.split(waves, [300], axis=1)
        heard = np.ptp(early, axis=1) > 0.5 * np.ptp(early, axis=1).max()
        assert 0.1 < (~heard).mean() < 0.6
        return heard, early.argmin(axis=1), late.argmin(axis=1), np.ptp(late, axis=1)

    heard, early, late, size = lags(junction=0)
    np.testing.assert_array_equal(heard, size > 0.5 * size.max())
    assert np.ptp((late - early)[heard]) <= 1
    _, early, late, size = lags(junction=-1)
    assert np.ptp((late - early)[heard & (size > 0.5 * size.max())]) > 5


def test_weakness_follows_from_fewer_or_weaker_fibres():
    assert SUBACUTE.greatest_force < CHRONIC.greatest_force < MUSCLE.greatest_force


@pytest.mark.parametrize(("name", "sick"), [("severity", (1.5, 0.5)), ("chronicity", (0.5, -1))])
def test_dials_out_of_range_are_refused(name, sick):
    with pytest.raises(ValueError, match=f"{name}=.*from 0 to 1"):
        neuropathy(MUSCLE, *sick)


@pytest.mark.parametrize(
    ("sick", "message"),
    [
        (lambda: myopathy(MUSCLE, "much"), "severity='much' must be a number from 0 to 1"),
        (lambda: ageing(MUSCLE, np.nan), "age=nan must be a number from 0 to 120"),
        (lambda: ageing(MUSCLE, 175), "age=175 must be a number from 0 to 120"),
        (lambda: ageing(MUSCLE, 70, random_state=-1), "random_state=-1 must be None, an integer"),
        (lambda: healthy_muscle(n_units=0), "n_units=0 must be an integer >= 1"),
        (lambda: healthy_muscle(density=0), "density=0 must be a number > 0"),
        (lambda: healthy_muscle(diameter=5), "diameter=5 must be a number from 20 to 110"),
        (lambda: healthy_muscle(half_length=1), "half_length=1 must be a number >= 10"),
        (lambda: healthy_muscle(decay=np.nan), "decay=nan must be a number > 0"),
        (lambda: healthy_muscle(random_state="a"), "random_state='a' must be None, an integer"),
    ],
)
def test_impossible_muscles_are_refused(sick, message):
    with pytest.raises(ValueError, match=message):
        sick()


@pytest.mark.parametrize(
    ("unit", "message"),
    [
        ([1, 0, 1], "fibre 1 of unit 0 follows one of unit 1: sort the fibres"),
        ([-1, 0, 1], "run from -1 to 1, and rank has 2: number them from 0 to 1"),
        ([0, 1, 2], "run from 0 to 2, and rank has 2: number them from 0 to 1"),
    ],
)
def test_a_muscle_of_other_fibres_is_refused(unit, message):
    fibres = Fibres(x=[0.1, 0.2, 0.3], y=0.0, diameter=55.0, unit=unit)
    with pytest.raises(ValueError, match=message):
        Muscle(fibres=fibres, rank=np.array([0.0, 1.0]), healthy_force=1.0)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"duration": 0}, "duration=0 s holds no sample at sfreq=10000 Hz"),
        ({"duration": -0.05}, "duration=-0.05 must be a number >= 0"),
        ({"variability": np.nan}, "variability=nan must be a number >= 0"),
        ({"instrument": Instrument(sfreq=100)}, "sfreq=100 must be a number >= 1000"),
        ({"random_state": 1.5}, "random_state=1.5 must be None, an integer >= 0"),
        ({"needle": "concentric"}, "needle='concentric' must be a Needle: give monopolar"),
        ({"moves_to": 0.3}, "moves_to=0.3 must be a Needle"),
        ({"instrument": 10_000}, "instrument=10000 must be an Instrument"),
    ],
)
def test_impossible_recordings_are_refused(given, message):
    usual = {"needle": monopolar(), "duration": 0.1, "instrument": QUIET, "random_state": 0}
    with pytest.raises(ValueError, match=message):
        MUSCLE.activate(0.05).record(**usual | given)


@pytest.mark.parametrize("best", [-1, 1.5, np.nan])
def test_impossible_places_are_refused(best):
    with pytest.raises(ValueError, match=r"best=.* must be a number from 0 to 1"):
        MUSCLE.activate(0.05).seek(monopolar(), best=best)
    with pytest.raises(ValueError, match="needle='monopolar' must be a Needle"):
        MUSCLE.activate(0.05).seek("monopolar")


@pytest.mark.parametrize("made", [iter, lambda needles: np.array(needles, dtype=object)])
def test_positions_of_a_needle_may_be_given_in_any_kind_of_list(made):
    needles, fibres = [monopolar(), monopolar(x=1.0)], MUSCLE.fibres[MUSCLE.fibres.unit < 3]
    found = motor_unit_potentials(fibres, made(needles), sfreq=10_000, random_state=0)
    expected = motor_unit_potentials(fibres, needles, sfreq=10_000, random_state=0)
    for one, same in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one.waves, same.waves)


def test_impossible_motor_units_are_refused():
    unsorted = Fibres(x=[0.2, 0.3, 0.4], y=0.0, diameter=55.0, unit=[1, 0, 1])
    with pytest.raises(ValueError, match="fibre 1 of unit 0 follows one of unit 1: sort"):
        motor_unit_potentials(unsorted, monopolar())
    for given, message in [
        ({"n_variants": 0}, "n_variants=0 must be an integer >= 1"),
        ({"decay": -1}, "decay=-1 must be a number > 0"),
        ({"needles": []}, "needles is empty: give a needle"),
        ({"needles": ["concentric"]}, r"needles\[0\]='concentric' must be a Needle"),
        ({"needles": "concentric"}, "needles='concentric' must be a Needle"),
    ]:
        with pytest.raises(ValueError, match=message):
            motor_unit_potentials(unsorted[[1, 0]], **{"needles": monopolar()} | given)


def test_rank_within_counts_earlier_equals():
    assert _rank_within(np.array([3, 1, 3, 3, 1])).tolist() == [0, 0, 1, 2, 1]


# Potentials and recordings


def test_thinning_keeps_sums_right_on_average():
    needle = monopolar()
    reach = needle.reach(MUSCLE.fibres.x, MUSCLE.fibres.y)
    ring = (reach > 2) & (reach < 4)
    weights = []
    for seed in range(20):
        kept, weight = thin(MUSCLE.fibres, [needle], np.random.default_rng(seed))
        far = needle.reach(kept.x, kept.y)
        weights.append(weight[(far > 2) & (far < 4)].sum())
    assert np.mean(weights) == pytest.approx(ring.sum(), rel=0.03)


def test_thinning_keeps_what_the_needle_will_come_near_to():
    needle = monopolar()
    there = needle.moved(dx=3.0)
    kept, weight = thin(MUSCLE.fibres, [needle, there], np.random.default_rng(0))
    assert weight[there.reach(kept.x, kept.y) < 1].max() == 1


def test_motor_unit_potential_is_the_sum_of_its_fibres():
    fibres = Fibres(x=[0.2, 0.4], y=0.0, diameter=55.0)
    (both,) = motor_unit_potentials(fibres, monopolar(), n_variants=1)
    singles = [motor_unit_potentials(fibres[[i]], monopolar(), n_variants=1)[0] for i in (0, 1)]
    np.testing.assert_allclose(both.waves, sum(s.waves for s in singles), atol=1e-6)


def test_jitter_varies_a_potential_and_blocking_stops_it():
    def variants(**fibre):
        fibres = Fibres(x=0.2, y=0.0, diameter=55.0, **fibre)
        (templates,) = motor_unit_potentials(fibres, monopolar(), n_variants=200, random_state=1)
        return templates.waves[0, :, 0]

    assert np.ptp(variants(), axis=0).max() < 1e-6
    arrivals = variants(jitter=1e-4).argmin(axis=1)
    assert arrivals.std() / 48_000 == pytest.approx(1e-4, rel=0.15)
    blocked = np.ptp(variants(blocking=0.5), axis=1) < 1e-3
    assert 0.4 < blocked.mean() < 0.6


def test_low_rate_shows_the_same_contraction_as_a_high_rate():
    fine, coarse = (
        record(MUSCLE, 0.05, instrument=Instrument(sfreq=sfreq, noise=0, resolution=0))
        for sfreq in (40_000, 10_000)
    )
    np.testing.assert_allclose(fine.discharges["time"], coarse.discharges["time"], atol=1e-9)
    assert np.corrcoef(fine.signal[::4], coarse.signal)[0, 1] > 0.99


def test_trace_tells_who_fired_when():
    trace = record(MUSCLE, 0.05)
    assert trace.discharges["time"].between(0, 1).all()
    assert trace.discharges["time"].is_monotonic_increasing
    assert trace.units["amplitude"].is_monotonic_decreasing
    assert set(trace.discharges["unit"]) <= set(trace.units["unit"])
    largest = trace.units.iloc[0]
    own = trace.discharges.loc[trace.discharges["unit"] == largest["unit"], "time"]
    peaks = [np.ptp(trace.signal[int(t * 10_000) :][:250]) for t in own if t < 0.97]
    assert np.median(peaks) > 0.7 * largest["amplitude"]


def test_seeking_comes_nearer_to_active_fibres_than_a_blind_insertion():
    contraction = MUSCLE.activate(0.03)
    fibres = contraction.active_fibres

    def nearest(best, seed):
        tip = contraction.seek(monopolar(), best=best, random_state=seed)
        return tip.distance(fibres.x, fibres.y).min()

    sought, blind = (np.mean([nearest(best, seed) for seed in range(30)]) for best in (0.3, 1.0))
    assert sought < 0.7 * blind


def test_needle_that_leaves_the_muscle_loses_its_units():
    contraction = MUSCLE.activate(0.05)
    tip = contraction.seek(monopolar(), random_state=3)
    leaving = contraction.record(
        tip, 1.0, instrument=QUIET, moves_to=tip.moved(dx=30.0), random_state=3
    )
    stays = contraction.record(tip, 1.0, instrument=QUIET, moves_to=tip, random_state=3)
    assert np.ptp(leaving.signal[9000:]) < 0.3 * np.ptp(stays.signal[9000:])
    np.testing.assert_allclose(
        stays.signal,
        contraction.record(tip, 1.0, instrument=QUIET, random_state=3).signal,
        atol=1e-3,
    )


def test_a_recording_in_which_no_fibre_is_heard_is_noise():
    # Of distant fibres a sample is drawn, and it may be empty.
    far = MUSCLE.activate(0.02).record(monopolar(x=500.0), 0.2, instrument=QUIET, random_state=0)
    dead = MUSCLE
    for _ in range(6):
        dead = neuropathy(dead, 1.0, 0.0, random_state=0)
    assert len(dead.fibres) == 0
    dead = myopathy(ageing(dead, 80, random_state=0), 1.0, random_state=0)
    silent = dead.activate(0.5).record(monopolar(), 0.2, instrument=QUIET, random_state=0)
    for trace in (far, silent):
        assert trace.signal.shape == (2000,)
        assert 0 < np.ptp(trace.signal) < 0.02
        assert len(trace.discharges) == len(trace.units) == 0


@pytest.mark.parametrize("sfreq", [1004.0, 23_437.5, 10_000.0])
def test_discharges_are_timed_from_the_first_sample_whatever_the_rate(sfreq):
    trace, fine = (
        record(MUSCLE, 0.05, seconds=2.0, instrument=Instrument(sfreq=rate))
        for rate in (sfreq, 48_000)
    )
    # The signal begins with a whole sample, which at odd rates is not at 0.1 s of what was made.
    begins = round(0.1 * sfreq) / sfreq - 0.1
    by_unit = [
        [times.to_numpy() for _, times in one.discharges.groupby("unit")["time"]]
        for one in (trace, fine)
    ]
    for coarse, exact in zip(*by_unit, strict=True):
        kept = (exact - begins >= 0) & (exact - begins < len(trace.signal) / sfreq)
        np.testing.assert_allclose(coarse, exact[kept] - begins, atol=1e-9)
    assert trace.discharges["time"].max() < len(trace.signal) / sfreq


def test_severe_disease_changes_traces_the_way_it_should():
    def median_amplitude(muscle):
        return np.median(
            [record(muscle, 0.1, seed=s, seconds=0.3).units["amplitude"][0] for s in range(40)]
        )

    normal = median_amplitude(MUSCLE)
    assert median_amplitude(MYOPATHY) < 0.9 * normal
    assert median_amplitude(CHRONIC) > 1.5 * normal


def test_units_near_the_needle_are_most_in_myopathy_and_fewest_in_neuropathy():
    def n_near(muscle):
        fibres = muscle.activate(0.1).active_fibres
        tips = np.random.default_rng(0).normal(0, 1.2, (50, 2))
        near = [np.hypot(fibres.x - x, fibres.y - y) < 0.5 for x, y in tips]
        return np.mean([len(np.unique(fibres.unit[close])) for close in near])

    assert n_near(MYOPATHY) > n_near(MUSCLE) > 1.5 * n_near(CHRONIC)


def test_concentric_recordings_are_smaller_than_monopolar_ones_at_a_distance():
    fibres = MUSCLE.fibres[MUSCLE.fibres.unit >= 120]
    sizes = []
    for needle in (monopolar(), concentric()):
        (templates,) = motor_unit_potentials(fibres, needle, n_variants=1, random_state=0)
        sizes.append(np.abs(templates.waves).sum())
    assert sizes[1] < 0.85 * sizes[0]


def test_same_seed_same_bits():
    np.testing.assert_array_equal(record(MUSCLE, 0.1).signal, record(MUSCLE, 0.1).signal)
    assert not np.array_equal(record(MUSCLE, 0.1, seed=1).signal, record(MUSCLE, 0.1).signal)
