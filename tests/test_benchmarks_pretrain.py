"""The benchmarks of pretrained models, on invented answers and no training."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from benchmarks import pretrain, pretrain_worth
from benchmarks.pretrain_worth import CLASSES


class Few:
    """Nine subjects, as `draws` needs them of a cohort."""

    diagnoses = pd.Series(np.repeat(CLASSES, 3), index=[f"S{k}" for k in range(9)])


def answers(right, method="a", shots=1):
    """Answers of nine subjects, of which some are right."""
    y = np.repeat(CLASSES, 3)
    said = [
        own if ok else CLASSES[CLASSES.index(own) - 1] for own, ok in zip(y, right, strict=True)
    ]
    table = pd.DataFrame(np.eye(3)[[CLASSES.index(one) for one in said]], columns=CLASSES)
    return table.assign(subject=range(9), y_true=y, method=method, shots=shots, draw=0)


def test_draws_hold_as_many_of_each_class_and_differ():
    found = pretrain_worth.draws(Few, 2, 4)
    for own in found:
        assert Few.diagnoses[own].value_counts().to_dict() == dict.fromkeys(CLASSES, 2)
    assert len({tuple(own) for own in found}) > 1
    assert found == pretrain_worth.draws(Few, 2, 4)


def test_a_subject_counts_once_whatever_the_number_of_draws():
    right = np.array([1, 1, 0, 1, 1, 1, 0, 0, 0], dtype=bool)
    once = answers(right)
    again = answers(~right).iloc[:1].assign(draw=1)  # the first subject is wrong there
    assert pretrain_worth.balanced(once) == pytest.approx((2 / 3 + 1 + 0) / 3)
    both = pd.concat([once, again])
    assert pretrain_worth.balanced(both) == pytest.approx((0.5 + 1 + 0) / 9 + (1 + 0) / 3)
    drawn = pretrain_worth.bootstrap([once, once])
    assert_allclose(drawn[:, 0], drawn[:, 1])  # paired
    assert abs(drawn[:, 0].mean() - pretrain_worth.balanced(once)) < 0.02


def test_gains_are_over_the_best_from_scratch(tmp_path):
    rows = [
        answers([1] * 9, "nEMGNet, fine-tuned", 4), answers([1, 0, 0] * 3, "features + LDA", 4),
        answers([1, 1, 0] * 3, "features + forest", 4), answers([0] * 9, "no EMG", 4),
    ]  # fmt: skip
    (tmp_path / "n2001").mkdir()
    pd.concat(rows).to_csv(tmp_path / "n2001" / "subjects.csv", index=False)
    (gain,) = pretrain_worth.gains(tmp_path, "n2001").itertuples()
    assert gain.best_from_scratch == "features + forest"
    assert gain.gain == pytest.approx(1 / 3)
    assert "+67 [+" in pretrain_worth.table_of(tmp_path, "n2001")


def test_a_network_has_as_many_updates_whatever_the_number_of_windows():
    setting = pretrain.Network(n_updates=100, batch_seconds=12.8)
    for n_windows in (300, 2000, 50_000):
        own = setting.classifier(n_windows, seed=0)
        updates = own.max_epochs * own.epoch_fraction * n_windows / own.batch_size
        assert abs(updates - 100) < 5
