"""The settings of a study, and who reads what when."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from _study import CLASSES, small_cohort

from sknemg import Recordings
from sknemg.labeler import Study, as_traces, cohort_hash, plan
from sknemg.labeler.study import about_subjects, check_cohort

SUBJECTS = [f"S{i // 2}" for i in range(20)]


def study(**settings):
    return Study(CLASSES, "0" * 64, **settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_readers": 0}, "n_readers=0 must be an integer >= 1"),
        ({"n_repeats": -1}, "n_repeats=-1 must be an integer >= 0"),
        ({"gains": (100.0, 50.0)}, "must be in ascending order"),
        ({"gains": ()}, "must be microvolts per division > 0"),
        ({"shown": ("name",)}, "is unknown: give some of"),
        ({"arms": ("open",)}, "is unknown: give some of"),
        ({"arms": ("assisted",), "n_repeats": 1}, "needs the blinded arm"),
        ({"pause": float("nan")}, "must be a number of days >= 0"),
        ({"deadline": "2027-01-31"}, "with its offset from UTC"),
        ({"deadline": "soon"}, "with its offset from UTC"),
    ],
)
def test_wrong_settings_are_refused_by_name(settings, message):
    with pytest.raises(ValueError, match=message):
        study(**settings)


def test_settings_survive_json():
    settings = study(gains=(100.0, 200.0), shown=("age",), deadline="2027-01-31T18:00+01:00")
    assert Study.from_json(settings.to_json()) == settings
    with pytest.raises(ValueError, match="not those of a study"):
        Study.from_json('{"classes": []}')


def test_every_reader_reads_every_recording_once_in_an_order_of_their_own():
    cases = plan(study(n_readers=4), SUBJECTS)
    orders = []
    for reader in range(4):
        own = [case for case in cases if case.reader == reader]
        assert [case.number for case in own] == list(range(10))
        assert sorted(row for case in own for row in case.rows) == list(range(20))
        assert all(SUBJECTS[row] == case.subject for case in own for row in case.rows)
        orders.append(tuple(case.subject for case in own))
    assert len(set(orders)) == 4
    assert plan(study(n_readers=4), SUBJECTS) == cases
    assert plan(study(n_readers=4, random_state=1), SUBJECTS) != cases
    assert len({case.rows[0] < case.rows[1] for case in cases}) == 2  # recordings are mixed, too


def test_the_order_does_not_tell_the_order_of_the_cohort():
    first = Counter(
        plan(study(n_readers=1, random_state=seed), SUBJECTS)[0].subject for seed in range(300)
    )
    assert len(first) == 10
    assert max(first.values()) < 60


def test_repeats_are_the_same_subjects_for_all_and_far_from_their_first_reading():
    cases = plan(study(n_readers=3, n_repeats=4), SUBJECTS)
    repeated = [{c.subject for c in cases if c.reader == r and c.repeat} for r in range(3)]
    assert repeated[0] == repeated[1] == repeated[2]
    assert len(repeated[0]) == 4
    for reader in range(3):
        own = [case for case in cases if case.reader == reader]
        assert [case.part for case in own] == [0] * 10 + [1] * 4
        at = {(case.subject, case.repeat): case.number for case in own}
        assert min(at[name, 1] - at[name, 0] for name in repeated[0]) >= 4


def test_the_order_of_arms_is_balanced():
    cases = plan(study(n_readers=6, arms=("blinded", "assisted"), n_repeats=2), SUBJECTS)
    first = [next(c.arm for c in cases if c.reader == reader) for reader in range(6)]
    assert Counter(first) == {"blinded": 3, "assisted": 3}
    for reader in range(6):
        own = [(case.part, case.arm, case.repeat) for case in cases if case.reader == reader]
        assert own == sorted(own, key=lambda part: part[0])
        assert {arm for _, arm, repeat in own if repeat} == {"blinded"}
        assert len({part for part, *_ in own}) == 3


def test_more_repeats_than_subjects_are_refused():
    with pytest.raises(ValueError, match=r"n_repeats=11 is more than there are subjects \(10\)"):
        plan(study(n_repeats=11), SUBJECTS)


def test_another_cohort_is_refused():
    X, _ = small_cohort()
    made = Study(CLASSES, cohort_hash(X), shown=("age",))
    check_cohort(made, X)
    changed = X.with_values(X.values * np.float32(1.0000002))
    renamed = X.with_columns(subject=["other"] * len(X))
    for other in (changed, renamed, X[::-1], X[:-1]):
        with pytest.raises(ValueError, match="is not that of the study"):
            check_cohort(made, other)


def test_traces_are_the_samples_to_half_a_step_at_their_own_rate():
    rng = np.random.default_rng(1)
    signals = [rng.normal(size=999), np.zeros(5), -3 * np.ones(7)]
    X = Recordings(signals, sfreq=[48_000, 23_437.5, 10_000])
    for trace, signal, sfreq in zip(as_traces(X), X, X["sfreq"], strict=True):
        found = np.frombuffer(trace.samples, "<i2") * trace.scale
        assert np.abs(found - signal).max() <= trace.scale / 2 * 1.001
        assert trace.sfreq == sfreq
        assert trace.seconds == len(signal) / sfreq


def test_only_what_the_study_shows_leaves_the_cohort():
    X, _ = small_cohort()
    assert all(trace.about == {} for trace in as_traces(X))
    assert set(map(str, about_subjects(X, ()).values())) == {"{}"}
    assert [trace.about for trace in as_traces(X, ("location",))][:2] == [
        {"location": "proximal"},
        {"location": "distal"},
    ]
    ages = [about["age"] for about in about_subjects(X, ("age",)).values()]
    assert ages == ["31", "51", "72", "90 or more"]


def test_no_age_of_90_or_more_is_told_however_it_is_written():
    X, _ = small_cohort()
    ages = ["61 years"] * 2 + ["92 years"] * 2 + ["1931-05-02"] * 2 + [np.inf] * 2
    about = about_subjects(X.with_columns(age=pd.Series(ages, dtype=object)), ("age",))
    assert [one["age"] for one in about.values()] == ["61 years", *["90 or more"] * 3]
