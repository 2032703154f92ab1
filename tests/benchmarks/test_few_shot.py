"""The benchmark of few subjects, on invented answers and no training."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.pretrain import few_shot
from benchmarks.pretrain.few_shot import CLASSES, Disturbance, by_draw, intervals, of_subjects
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
    assert lines[0] == "| method | 4 per class |"
    assert lines[2:] == ["| good | 100; 0.22 |", "| bad | 0; 2.30 |"]
    one = few_shot.of_both(intervals(of_subjects(good), n=5))
    assert one == "Nothing was run on both of them."


def test_the_table_of_both_kinds_leaves_empty_what_was_not_run_and_marks_fewer_draws():
    kinds = (few_shot.FAR, few_shot.RENAMED)
    good = [answers("good", 1.0).assign(kind=k, shots=s) for k in kinds for s in (1, 8)]
    once = [answers("once", 0.0, n_draws=1).assign(kind=k, shots=8) for k in kinds]
    half = [answers("half", 0.0).assign(shots=2)]  # on one kind alone
    found = intervals(of_subjects(pd.concat(good + once + half)), n=5)
    lines = few_shot.of_both(found).splitlines()
    assert lines[0] == "| method | 1 per class | 8 per class |"
    assert lines[2:] == ["| good | 100; 0.22 | 100; 0.22 |", "| once |  | 0; 2.30 (1 draw) |"]


def test_recipes_are_compared_on_the_same_draws_and_subjects():
    one, two, other = few_shot.NEW, few_shot.BEFORE, "network, cycle, 1e-4"
    kinds = (few_shot.FAR, few_shot.RENAMED)
    parts = [answers(one, 0.5, seed=k).assign(kind=kind) for k, kind in enumerate(kinds)]
    same = [part.assign(method=two) for part in parts]
    wrong = [answers(other, 0.0, n_draws=1).assign(kind=kind) for kind in kinds]
    lone = [answers("network, cycle, 3e-3", 1.0)]
    subjects = of_subjects(pd.concat(parts + same + wrong + lone))
    found = few_shot.differences(subjects, n=200).set_index(["method", "kind"])
    assert found.index.unique("method").tolist() == [two, other]  # the last was run on one kind
    scores = ["log_loss", "log_loss_low", "log_loss_high", "balanced_accuracy"]
    assert (found.loc[two, scores] == 0).all(axis=None)  # paired: no chance is left
    assert found.loc[two, "draws"].eq(2).all() and found.loc[other, "draws"].eq(1).all()
    worse = found.loc[(other, "both")]
    each = by_draw(subjects[subjects["draw"] == 0]).groupby("method")["log_loss"].mean()
    assert worse["log_loss"] == pytest.approx(each[other] - each[one])
    assert 0 < worse["log_loss_low"] < worse["log_loss"] < worse["log_loss_high"]
    assert few_shot.differences(of_subjects(pd.concat(lone))).empty
    assert few_shot.table_of_differences(found.reset_index()).count("\n") == 4


def test_cohorts_are_drawn_anew_apart_from_each_other():
    """Two equal cohorts whose subjects were the same would have the interval of one."""
    one = answers("half", 0.5, seed=3)
    width = [
        intervals(of_subjects(table))[["log_loss_low", "log_loss_high"]].diff(axis=1).iloc[0, 1]
        for table in (one, pd.concat([one, one.assign(cohort="b")]))
    ]
    assert width[1] < 0.85 * width[0]


def test_scores_are_kept_under_all_that_they_depend_on(monkeypatch):
    cohort = "one machine, strong contractions"

    def key(method=few_shot.NEW, kind=few_shot.FAR, cohort=cohort, simulator="s", code="c"):
        return few_shot.key_of(kind, cohort, method, simulator, code)

    before = key()
    assert key() == before and len(before) == 12
    other = "one machine, weak contractions"
    forest = "features + forest"
    changed = [
        key(few_shot.BEFORE), key(forest), key(kind=few_shot.NEAR), key(cohort=other),
        key(simulator="t"), key(code="d"),
    ]  # fmt: skip
    assert len({before, *changed}) == 7
    for name, value in (
        ("N_UPDATES", 151), ("MOST", 2),
        ("DISTURBED", {cohort: Disturbance(white=0.1)}), ("BLOCKS", {cohort: (("clinic", 1),)}),
        ("NETWORKS", {few_shot.NEW: few_shot.CYCLE | {"lr": 1.0, "freeze": 4}}),
    ):  # fmt: skip
        with monkeypatch.context() as patched:
            patched.setattr(few_shot, name, value)
            assert key() != before, name
    code = "from benchmarks.pretrain import few_shot as f; "
    code += "print(f.key_of(f.FAR, {!r}, f.NEW, 's', 'c'))"
    other = "import runpy; f = runpy.run_module('benchmarks.pretrain.few_shot', run_name='another')"
    other += "; print(f['key_of'](f['FAR'], {!r}, f['NEW'], 's', 'c'))"
    keys = {
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", said.format(cohort)],
            capture_output=True, text=True, check=True, cwd=Path(few_shot.__file__).parents[2],
        ).stdout.strip()
        for said in (code, other)
    }  # fmt: skip
    assert keys == {before}  # whatever the process, and the name that the module runs under
    lone = key("maps + logistic, C 0.01")
    assert lone != key("maps + logistic, C 0.001")
    monkeypatch.setattr(few_shot, "N_UPDATES", 151)
    assert key("maps + logistic, C 0.01") == lone  # which trains no network


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
    assert network.init_lr * network.lr == pytest.approx(
        chosen["init_lr"] * chosen["lr"], rel=1e-12
    )
    assert network.lr == few_shot.NETWORKS["network from scratch, cycle"]["lr"]
    assert network.max_updates == few_shot.N_UPDATES
    assert network.max_epochs >= network.max_updates and network.epoch_fraction == 1
    assert network.recipe_params()["mixup"] == chosen.get("mixup", 0)
    for name in ("optimizer", "weight_decay", "schedule", "freeze"):
        assert getattr(network, name) == chosen[name]
    assert network.augment.get_params() == chosen["augment"].get_params()
