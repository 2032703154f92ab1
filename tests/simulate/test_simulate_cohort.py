import shutil
from functools import partial
from inspect import signature
from pathlib import Path

import numpy as np
import pytest

from sknemg import versions
from sknemg.simulate import make_cohort
from sknemg.simulate.anatomy import MUSCLES
from sknemg.simulate.patient import Dials, simulate_patient
from sknemg.simulate.plan import PUBLISHED, _summing_to, plan_cohort
from sknemg.simulate.variation import ACQUISITION, RATES

SMALL = {"sfreq": 5000, "muscles": ["tibialis anterior", "deltoid"], "random_state": 0}


@pytest.fixture(scope="module")
def small():
    return make_cohort(3, **SMALL, return_truth=True)


def n_windows(lengths, sfreq):
    window, hop = round(0.4 * sfreq), round(0.1 * sfreq)
    return (lengths - window) // hop + 1


# The plan


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_plan_has_the_published_counts(seed):
    plan = plan_cohort(57, random_state=seed)
    assert plan["subject"].nunique() == 57
    assert plan["seconds"].between(0.41, 4.0).all()
    for diagnosis, counts in PUBLISHED.items():
        rows = plan[plan["diagnosis"] == diagnosis]
        assert rows["subject"].nunique() == counts.subjects
        assert (rows["location"] == "proximal").sum() == counts.proximal
        assert (rows["location"] == "distal").sum() == counts.distal
        assert rows["seconds"].sum() == pytest.approx(counts.seconds, abs=1e-6)
        for sfreq in (48_000, 10_000, 23_437.5):
            lengths = np.rint(rows["seconds"] * sfreq).astype(int)
            assert n_windows(lengths, sfreq).sum() == counts.segments


@pytest.mark.parametrize("n_subjects", [3, 4, 10, 30, 200])
@pytest.mark.parametrize("confound", [True, False])
def test_plan_scales(n_subjects, confound):
    plan = plan_cohort(n_subjects, confound=confound, random_state=0)
    people = plan.groupby("subject")["diagnosis"]
    assert people.ngroups == n_subjects
    assert (people.nunique() == 1).all()
    assert np.ptp(people.first().value_counts()) <= 1
    assert len(plan) == pytest.approx(376 / 57 * n_subjects, rel=0.1)
    assert plan["seconds"].between(0.41, 4.0).all()


def test_plan_without_confound_treats_all_diagnoses_alike():
    plan = plan_cohort(57, confound=False, random_state=0)
    by_class = plan.groupby("diagnosis")
    assert by_class.size().tolist() == [125] * 3
    assert (
        by_class["location"].apply(lambda where: (where == "proximal").sum()).tolist() == [48] * 3
    )
    assert np.ptp(by_class["seconds"].mean()) < 0.01


def test_diagnosis_does_not_follow_the_order_of_subjects():
    first = plan_cohort(57, random_state=0).groupby("subject")["diagnosis"].first()
    assert (first.to_numpy()[1:] != first.to_numpy()[:-1]).sum() > 25


def test_no_site_is_examined_twice_while_others_are_left():
    plan = plan_cohort(57, random_state=0)
    for _, rows in plan.groupby(["subject", "location"]):
        n_sites = 2 * sum(site.location == rows["location"].iloc[0] for site in MUSCLES.values())
        assert rows[["muscle", "side"]].drop_duplicates().shape[0] == min(len(rows), n_sites)


def test_recordings_move_to_the_muscles_that_are_allowed():
    plan = plan_cohort(6, muscles=["biceps brachii"], random_state=0)
    assert set(plan["muscle"]) == {"biceps brachii"}
    assert set(plan["location"]) == {"proximal"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_subjects": 2}, "must be an integer >= 3, one per diagnosis"),
        ({"n_subjects": 9.5}, "must be an integer >= 3"),
        ({"n_subjects": 6, "muscles": ["biceps"]}, "muscles=.'biceps'. must be names from"),
        ({"n_subjects": 6, "muscles": []}, "must be names from"),
        ({"n_subjects": 6, "muscles": "deltoid"}, r"muscles='deltoid' is a text: give a list"),
        ({"n_subjects": 6, "muscles": ["deltoid", "deltoid"]}, r"\['deltoid'\] more than once"),
        ({"n_subjects": 6, "confound": "no"}, "confound='no' must be True or False"),
        ({"n_subjects": 6, "random_state": -1}, "random_state=-1 must be None, an integer >= 0"),
    ],
)
def test_impossible_plans_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        plan_cohort(**options)


def test_muscles_may_be_a_set_whatever_its_order():
    names = ["deltoid", "tibialis anterior", "biceps brachii", "iliopsoas"]
    orders = [Unordered(names), Unordered(reversed(names))]
    plans = [plan_cohort(6, muscles=given, random_state=0) for given in orders]
    assert plans[0].equals(plans[1])


class Unordered(frozenset):
    """A set that is gone through in a given order, as one of texts is in another in every run."""

    def __new__(cls, names):
        names = list(names)
        self = super().__new__(cls, names)
        self.names = names
        return self

    def __iter__(self):
        return iter(self.names)


def test_summing_to_keeps_bounds_and_refuses_the_impossible():
    rng = np.random.default_rng(0)
    moved = _summing_to(30, np.array([1, 9, 10, 2]), 1, 10, rng)
    assert moved.sum() == 30
    assert moved.min() >= 1
    assert moved.max() <= 10
    with pytest.raises(ValueError, match="cannot sum to 50"):
        _summing_to(50, np.array([1, 9]), 1, 10, rng)


# The cohort


def test_cohort_is_what_it_says(small):
    X, y, truth = small
    assert len(X) == len(y) == len(truth)
    assert X.values.dtype == np.float32
    assert set(X.meta) == {
        "sfreq", "subject", "muscle", "location", "side", "needle", "age", "sex",
    }  # fmt: skip
    assert set(y.tolist()) == set(PUBLISHED)
    assert (X["sfreq"] == 5000).all()
    assert not len(X.problems(y))


def test_truth_tells_disease_and_discharges(small):
    X, y, truth = small
    assert (truth["severity"][y == "normal"] == 0).all()
    ill = truth["severity"][y != "normal"]
    assert ill.between(0, 1).all()  # 0 in a muscle that a mild disease has left alone
    assert (ill.groupby(y[y != "normal"]).max() > 0).all()
    assert truth["chronicity"].notna().tolist() == (y == "neuropathy").tolist()
    for row, seconds in enumerate(X.durations):
        discharges = truth["discharges"][row]
        assert discharges["time"].between(0, seconds + 1 / 5000).all()  # to a whole sample
        assert set(discharges["unit"]) <= set(truth["units"][row]["unit"])
        assert len(truth["units"][row]) <= truth["n_active"][row]


@pytest.mark.slow
def test_parallel_equals_serial_bit_for_bit(small):
    X, y = make_cohort(3, **SMALL, n_jobs=2)
    np.testing.assert_array_equal(X.values, small[0].values)
    np.testing.assert_array_equal(y, small[1])
    assert X.meta.equals(small[0].meta)


def test_any_subject_can_be_made_alone(small):
    plan = plan_cohort(3, muscles=SMALL["muscles"], random_state=0)
    last = plan[plan["subject"] == 3]
    defaults = {p.name: p.default for p in signature(make_cohort).parameters.values()} | SMALL
    dials = Dials(**{name: defaults[name] for name in Dials._fields}).checked()
    alone = simulate_patient(last, dials, 0)
    for row, recording in zip(last.index, alone, strict=True):
        np.testing.assert_array_equal(recording.trace.signal, small[0][row])


def test_without_a_seed_every_cohort_is_another(small):
    X, _ = make_cohort(3, **{**SMALL, "random_state": None})
    assert not np.array_equal(X[0][:2000], small[0][0][:2000])


@pytest.mark.slow
def test_dials_are_heeded():
    X, y, truth = make_cohort(
        3,
        **SMALL,
        severity=0.5,
        chronicity=0.9,
        spared=0.0,
        effort=0.3,
        age=30,
        needle="concentric",
        return_truth=True,
    )
    assert (X["needle"] == "concentric").all()
    assert (X["age"] == 30).all()
    assert (truth["effort"] >= 0.3).all()
    assert (truth["chronicity"][y == "neuropathy"] == 0.9).all()
    assert not truth["spared"].any()


def test_a_gradient_moves_a_neuropathy_from_hip_to_foot_and_changes_nothing_else():
    def simulated(gradient):
        plan = plan_cohort(3, random_state=0)
        plan = plan[plan["diagnosis"] == "neuropathy"].head(1)
        dials = Dials(**{name: usual[name] for name in Dials._fields} | {"gradient": gradient})
        out = {}
        for muscle in ("iliopsoas", "first dorsal interosseous"):
            rows = plan.assign(muscle=muscle, seconds=0.2)
            (out[muscle],) = simulate_patient(rows, dials.checked()._replace(spared=0.0), 0)
        return out

    usual = {p.name: p.default for p in signature(make_cohort).parameters.values()}
    alike, apart = simulated(0.0), simulated(1.0)
    hip, hand = "iliopsoas", "first dorsal interosseous"
    assert alike[hip].truth["severity"] == pytest.approx(alike[hand].truth["severity"])
    assert apart[hip].truth["severity"] < 0.3 < apart[hand].truth["severity"]
    assert apart[hand].truth["severity"] == alike[hand].truth["severity"]
    assert alike[hip].person == apart[hip].person


@pytest.mark.parametrize("vary", ["acquisition", "all"])
def test_one_patient_on_another_machine(vary):
    plan = plan_cohort(3, muscles=["tibialis anterior"], random_state=0)
    rows = plan[plan["subject"] == 1].head(1).assign(seconds=0.5)
    defaults = {p.name: p.default for p in signature(make_cohort).parameters.values()}
    dials = Dials(**{name: defaults[name] for name in Dials._fields}).checked()
    (usual,) = simulate_patient(rows, dials, 0)
    (other,) = simulate_patient(rows, dials._replace(vary=vary), 0)
    assert not usual.acquisition
    for name, (low, high) in ACQUISITION.items():
        assert low <= other.acquisition[name] <= high
    assert other.trace.sfreq in RATES
    steps = other.trace.signal.astype(float) / other.acquisition["resolution"]
    assert np.abs(steps - np.rint(steps)).max() < 0.01
    same = usual.truth["severity"] == other.truth["severity"]
    assert same == (vary == "acquisition")


@pytest.mark.slow
@pytest.mark.parametrize("vary", ["acquisition", "all"])
def test_varied_cohort_says_what_was_drawn_and_parallel_equals_serial(vary):
    options = {"muscles": ["tibialis anterior"], "random_state": 1, "vary": vary}
    X, _ = make_cohort(3, **options)
    assert X.equals(make_cohort(3, **options, n_jobs=2)[0])
    machines = X.meta.groupby("subject")
    assert (machines[list(ACQUISITION)].nunique() == 1).all(axis=None)
    assert machines["gain"].first().nunique() == 3
    assert set(X["needle"]) == {"monopolar", "concentric"}
    assert X["sfreq"].nunique() == 3


def test_concentric_low_effort_biceps_at_an_odd_rate():
    X, _ = make_cohort(
        3,
        needle="concentric",
        muscles=["biceps brachii"],
        effort=(0.02, 0.05),
        sfreq=23_437.5,
        band=(2.0, 10_000.0),
        random_state=0,
    )
    assert set(X["muscle"]) == {"biceps brachii"}
    assert (X["sfreq"] == 23_437.5).all()
    assert X.durations.max() <= 4.0


@pytest.mark.parametrize(
    ("dial", "message"),
    [
        ({"severity": 1.2}, "severity=1.2 must be a number from 0 to 1"),
        ({"effort": (0.2, 0.1)}, "effort=.*the lower first"),
        ({"effort": 0}, "effort=0"),
        ({"spared": -0.1}, "spared=-0.1"),
        ({"needle": "surface"}, "needle='surface' is unknown: give 'monopolar' or 'concentric'"),
        ({"vary": "machine"}, "vary='machine' must be None, 'acquisition' or 'all'"),
        ({"vary": "acquisition", "sfreq": 10_000}, "sfreq=10000.0 is drawn for each subject"),
        ({"vary": "all", "age": 30}, "age=30 is drawn for each subject"),
        ({"vary": "all", "gradient": 0}, "gradient=0 is drawn for each subject"),
        ({"gradient": (0, 2)}, r"gradient=\(0, 2\) must be a number from 0 to 1"),
        ({"severity": None}, "severity=None must be a number from 0 to 1"),
        ({"gradient": "distal"}, "gradient='distal' must be a number from 0 to 1"),
        ({"severity": (0, 0.5, 1)}, r"severity=\(0, 0.5, 1\) must be .* or a pair of them"),
        ({"sfreq": 48}, r"sfreq=48 must be a number >= 1000\.$"),
        ({"sfreq": (10_000, 20_000)}, r"sfreq=\(10000, 20000\) must be a number >= 1000\.$"),
        ({"sfreq": np.inf}, "sfreq=inf must be a number >= 1000"),
        ({"spared": (0.1, 0.2)}, r"spared=\(0.1, 0.2\) must be a number from 0 to 1\.$"),
        ({"noise": np.inf}, "noise=inf must be a number >= 0, or a pair"),
        ({"age": [[20], [30, 40]]}, "age=.* must be a number from 0 to 120"),
        ({"band": (20,)}, r"band=\(20,\) must be \(low, high\) with 0 < low < high"),
        ({"band": (20, 200, 2000)}, "band=.* must be .low, high."),
        ({"band": ("a", "b")}, "band=.* must be .low, high."),
        ({"band": (6000, 9000), "sfreq": 10_000}, "low < 5000 Hz, half the sampling rate"),
        ({"vary": "all", "severity": np.array([0.1, 0.2])}, r"severity=\(0.1, 0.2\) is drawn for"),
        ({"vary": np.array(["all", "none"])}, r"vary=\['all', 'none'\] must be None"),
        ({"confound": "no"}, "confound='no' must be True or False"),
        ({"return_truth": "no"}, "return_truth='no' must be True or False"),
        ({"progress": "no"}, "progress='no' must be True or False"),
        (
            {"random_state": -1},
            "random_state=-1 must be None, an integer >= 0 or a numpy Generator",
        ),
        ({"random_state": 1.5}, "random_state=1.5 must be None, an integer >= 0"),
        ({"cache": "x", "random_state": None}, "cache needs an integer random_state"),
    ],
)
def test_impossible_dials_are_refused(dial, message):
    with pytest.raises(ValueError, match=message):
        make_cohort(3, **dial)


@pytest.mark.parametrize("seed", [1, 2])
def test_the_least_effort_of_which_nothing_is_heard_is_recorded_too(seed):
    X, _ = make_cohort(
        6, effort=0.001, muscles=["deltoid"], sfreq=1000, band=(20, 400), random_state=seed
    )
    assert np.isfinite(X.values).all()


def test_a_pair_may_be_any_sequence_of_two_numbers(small):
    usual = {"severity": [0.45, 1.0], "age": np.array([20, 80]), "band": [20, 10_000]}
    X, _ = make_cohort(3, **SMALL, **usual, confound=np.True_)
    assert X.equals(small[0])


def test_cache_answers_the_second_time_and_progress_counts_subjects(tmp_path, monkeypatch, capsys):
    first, _ = make_cohort(3, **SMALL, cache=tmp_path, progress=True)
    assert "subjects: 100%" in capsys.readouterr().err
    monkeypatch.setattr("sknemg.simulate.cohort.simulate_patient", None)
    second, _ = make_cohort(3, **SMALL, cache=tmp_path)
    np.testing.assert_array_equal(first.values, second.values)
    monkeypatch.setattr("sknemg.simulate.cohort.package_code", lambda *packages: "another")
    with pytest.raises(TypeError):  # it simulates again, which is left impossible here
        make_cohort(3, **SMALL, cache=tmp_path)


def test_the_code_of_a_cached_cohort_is_that_of_every_module_that_simulates(tmp_path, monkeypatch):
    package = Path(versions.__file__).parent
    for folder in ("recordings", "simulate"):
        shutil.copytree(package / folder, tmp_path / folder)
    monkeypatch.setattr(versions, "__file__", str(tmp_path / "versions.py"))
    code = partial(versions.package_code.__wrapped__, "recordings", "simulate")
    before = code()
    assert before == code()
    for name in ("simulate/geometry.py", "simulate/resting/waves.py", "recordings/recordings.py"):
        with (tmp_path / name).open("a") as file:
            file.write("# another\n")
        assert code() != before
        before = code()


@pytest.mark.slow
def test_default_cohort_has_the_published_segments_after_downsampling():
    from sknemg import Downsampler, Segmenter

    X, y = make_cohort(random_state=0)
    assert X.durations.sum() == pytest.approx(939.12, abs=1e-3)
    segments = Segmenter().fit_transform(Downsampler().fit_transform(X))
    for diagnosis, counts in PUBLISHED.items():
        assert segments.lengths[y == diagnosis].sum() == counts.segments
