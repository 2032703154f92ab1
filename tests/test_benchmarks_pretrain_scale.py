"""The comparison of settings of the shipped network, on invented answers."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from benchmarks import pretrain_patients as patients
from benchmarks.pretrain import scale
from benchmarks.pretrain.answers import Answers
from benchmarks.pretrain.networks import CHOICES, LONG, Network
from benchmarks.pretrain.training import FOLDER

COHORTS = [f"{part}: {kind}" for part in ("choose", "test") for kind in (*scale.CHOOSE, "c94f7fb")]


def rows(setting, a, b, seed=0, n_patients=1200):
    """A network whose log-loss is `a` on patients of the present simulator, else `b`."""
    about = {"simulator": "abc", "setting": setting, "patients": n_patients, "seed": seed,
             "cpu_seconds": np.nan}  # fmt: skip
    return pd.DataFrame([
        about | {"cohort": name, "subjects": 30, "right": 20, "log_loss_votes": 1.0,
                 "log_loss": b if "c94f7fb" in name else a}
        for name in COHORTS
    ])  # fmt: skip


def test_names_of_settings_differ_and_say_what_differs():
    assert Network().name == "windows of 0.4 s, flat head"
    assert Network(width=16, n_updates=5).name == "windows of 0.4 s, flat head, width 16, 5 updates"
    assert LONG.name == "windows of 2 s, pooled head, windows every 0.5 s"
    assert all(name == own.name for name, own in CHOICES.items())


def test_means_are_over_cohorts_of_one_simulator_and_of_others():
    table = scale.summary(pd.concat([rows("new", 0.7, 0.9), rows("new", 0.6, 0.9, seed=1)]))
    assert_allclose(table["choose_a"], [0.7, 0.6])
    assert_allclose(table["choose_b"], 0.9)
    assert_allclose(table["choose_score"], [0.8, 0.75])
    assert_allclose(table["test_a_right"], 2 / 3)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ((0.7, 0.6), 0.95, True),
        ((0.7, 0.81), 0.95, False),  # one seed is no better
        ((0.7, 0.6), 1.01, False),  # older physics lose too much
    ],
)
def test_weights_ship_if_every_seed_is_better_and_older_physics_lose_little(a, b, expected):
    new = [rows("new", own, b, seed) for seed, own in enumerate(a)]
    now = rows(scale.SHIPPED, 0.8, 0.9, n_patients=0)
    table = scale.summary(pd.concat([*new, rows("new", 9.0, 9.0, n_patients=60), now]))
    assert scale.ships(table, "abc", "new", 1200) is expected
    assert not scale.ships(table, "abc", "new", 60)
    assert not scale.ships(table, "abc", "unknown", 1200)


def test_nobody_who_decides_has_a_twin_who_does_something_else():
    """Plan and machine of a seed are the same ones in every simulator and kind of that seed."""
    parts = {
        "train": {patients.COHORTS["wide"].seed + k for k in patients.USED["wide"]},
        "fit": {patients.COHORTS["whole"].seed + k for k in patients.OTHERS["whole"]},
        "choose": {patients.COHORTS[kind].seed + k for kind, own in scale.CHOOSE.items()
                   for k in own}
        | {patients.COHORTS["whole"].seed + k for k in scale.CHOOSE_OTHER},
        "test": {patients.COHORTS[kind].seed + k for kind, own in scale.TEST.items() for k in own}
        | {patients.COHORTS["whole"].seed + k for k in scale.TEST_OTHER},
    }  # fmt: skip
    assert sum(map(len, parts.values())) == len(set().union(*parts.values()))


def test_votes_are_scored_as_they_are_and_at_the_temperature_that_suits_them():
    proba = np.array([[0.4, 0.3, 0.3]] * 3 + [[0.3, 0.4, 0.3]])
    classes = np.array(["myopathy", "neuropathy", "normal"])
    own = Answers(np.arange(4), classes[[0, 0, 0, 0]], proba, classes)
    found = scale.scored(own)
    assert (found["subjects"], found["right"]) == (4, 3)
    assert found["log_loss_votes"] == pytest.approx(-0.75 * np.log(0.4) - 0.25 * np.log(0.3))
    grid = np.linspace(0.05, 2, 400)
    scaled = [np.exp(np.log(proba) / one) for one in grid]
    losses = [-np.log((p / p.sum(axis=1, keepdims=True))[:, 0]).mean() for p in scaled]
    assert found["log_loss"] == pytest.approx(min(losses), abs=1e-4)
    assert found["temperature"] == pytest.approx(grid[np.argmin(losses)], abs=0.01)


def test_the_guide_says_what_the_kept_comparison_does():
    rows = pd.read_csv(FOLDER / "scale.csv")
    text = scale.table_of(scale.summary(rows)).strip()
    assert f"{scale.BEGINS}\n\n{text}\n\n{scale.ENDS}" in scale.GUIDE.read_text(encoding="utf-8")
