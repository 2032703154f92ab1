"""The benchmark of few subjects, on invented answers and no training."""

import numpy as np
import pandas as pd
import pytest

from benchmarks import few_shot
from benchmarks.few_shot import CLASSES, Disturbance, by_draw, intervals, of_subjects
from sknemg import Recordings
from sknemg.pretrained import fine_tuning_pipeline


def answers(method, share, seed=0, n_draws=2):
    """Scores of two recordings of each of thirty subjects; so many subjects are right."""
    rng = np.random.default_rng(seed)
    rows = []
    for draw in range(n_draws):
        for subject in range(30):
            true = subject % 3
            right = rng.random() < share
            scores = np.full(3, 0.1)
            scores[true if right else (true + 1) % 3] = 0.8
            rows += [[f"s{subject}", CLASSES[true], *scores, draw]] * 2
    table = pd.DataFrame(rows, columns=["subject", "y_true", *CLASSES, "draw"])
    return table.assign(kind=few_shot.FAR, cohort="a", shots=4, method=method)


def test_scores_of_draws_are_those_of_subjects():
    subjects = of_subjects(pd.concat([answers("good", 1.0), answers("bad", 0.0)]))
    assert len(subjects) == 2 * 2 * 30
    found = by_draw(subjects).groupby("method")[["balanced_accuracy", "log_loss"]].mean()
    assert found["balanced_accuracy"].to_dict() == {"good": 1.0, "bad": 0.0}
    assert found.loc["good", "log_loss"] == pytest.approx(-np.log(0.8))
    assert found.loc["bad", "log_loss"] == pytest.approx(-np.log(0.1))


def test_intervals_hold_the_mean_and_cohorts_weigh_alike():
    half = answers("half", 0.5, seed=1)
    other = answers("half", 1.0).assign(cohort="b")
    subjects = of_subjects(pd.concat([half, other, answers("good", 1.0)]))
    table = intervals(subjects, n=200).set_index("method")
    assert table.index.tolist() == ["half"]  # the other was not run on b
    row = table.loc["half"]
    own = by_draw(subjects[subjects["method"] == "half"]).groupby("cohort")["balanced_accuracy"]
    assert row["balanced_accuracy"] == pytest.approx(own.mean().mean())
    assert row["balanced_accuracy_low"] < row["balanced_accuracy"] < row["balanced_accuracy_high"]
    assert row["draws"] == 2


def test_a_subject_that_trained_in_a_draw_counts_in_the_other_alone():
    both = answers("half", 1.0)
    left = both[~((both["draw"] == 0) & (both["subject"] == "s0"))]
    table = intervals(of_subjects(left), n=50)
    assert table["balanced_accuracy"].item() == 1.0


def test_the_table_of_both_kinds_begins_with_the_least_loss():
    good, bad = answers("good", 1.0), answers("bad", 0.0)
    every = [
        table.assign(kind=k) for table in (bad, good) for k in (few_shot.FAR, few_shot.RENAMED)
    ]
    lines = few_shot.of_both(intervals(of_subjects(pd.concat(every)), n=5)).splitlines()
    assert lines[0] == "| method | 4 a class |"
    assert lines[2:] == ["| good | 100; 0.22 |", "| bad | 0; 2.30 |"]
    one = few_shot.of_both(intervals(of_subjects(good), n=5))
    assert one == "Only one of them was run."


def test_votes_together_are_geometric_means_of_recordings():
    one, two = few_shot.TOGETHER[next(iter(few_shot.TOGETHER))]
    first, second = answers(one, 1.0, n_draws=1), answers(two, 0.0, n_draws=1)
    found = few_shot.voting_together(pd.concat([first, second], ignore_index=True))
    assert len(found) == len(first)
    mean = np.sqrt(first[CLASSES].to_numpy() * second[CLASSES].to_numpy())
    keyed = found.sort_values(["subject"])[CLASSES].to_numpy()
    expected = first.assign(
        **dict(zip(CLASSES, (mean / mean.sum(1, keepdims=True)).T, strict=True))
    )
    assert np.allclose(keyed, expected.sort_values("subject")[CLASSES].to_numpy())
    assert few_shot.voting_together(first).empty


def test_a_disturbance_does_what_it_says():
    rng = np.random.default_rng(0)
    waves = Recordings([rng.normal(size=4000), rng.normal(size=2000)], sfreq=10_000)
    assert np.allclose(Disturbance(gain=0.5)(waves)[0], 0.5 * waves[0])
    assert [len(row) for row in Disturbance(twentieths=15)(waves)] == [3000, 1500]
    noisy = Disturbance(white=0.1)(waves)
    assert np.std(noisy[0] - waves[0]) == pytest.approx(0.1, rel=0.1)
    assert np.array_equal(noisy.values, Disturbance(white=0.1)(waves).values)
    slow = np.asarray(Disturbance(slow=0.5)(waves)[0]) - waves[0]
    assert np.std(slow) == pytest.approx(0.5 * np.std(waves[0]), rel=0.01)
    power = np.abs(np.fft.rfft(Disturbance(low_pass=800.0)(waves)[0])) ** 2
    assert power[800:].sum() < 0.01 * power.sum()  # above 2 kHz


def test_the_shipped_recipe_is_the_chosen_one():
    chosen = few_shot.NETWORKS[few_shot.NEW]
    network = fine_tuning_pipeline()[-1].estimator
    assert network.init_lr * network.lr == pytest.approx(chosen["init_lr"] * chosen["lr"], rel=0.2)
    for name in ("optimizer", "weight_decay", "schedule", "freeze"):
        assert getattr(network, name) == chosen[name]
    assert network.augment.get_params() == chosen["augment"].get_params()
