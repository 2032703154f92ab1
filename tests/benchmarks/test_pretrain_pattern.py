"""The benchmark of the model of interference patterns, on invented windows."""

import json

import numpy as np
import pandas as pd
import pytest

from benchmarks.pretrain import pattern
from benchmarks.pretrain.pattern import Patterns, choose, situations, together
from benchmarks.pretrain.units import MACHINES
from sknemg import Recordings
from sknemg.features import pattern_names

CLASSES = ["myopathy", "neuropathy", "normal"]


def invented(first, seed, column="crest_factor"):
    """Eighteen recordings of two windows, in which one column tells the classes apart."""
    rng = np.random.default_rng(seed)
    y = np.repeat(CLASSES, 6)
    values = rng.normal(size=(36, len(pattern_names()))).astype(np.float32)
    own = pattern_names().index(column)
    values[:, own] = np.repeat(np.repeat([0, 3, 6], 6), 2) + 0.3 * values[:, own]
    machine = {name: np.tile(rng.permutation(6), 3).astype(float) for name in MACHINES}
    machine["needle"] = np.where(machine["needle"] > 2, "concentric", "monopolar")
    meta = {name: column.tolist() for name, column in machine.items()}
    raw = Recordings([np.zeros(1, np.float32)] * 18, sfreq=10_000,
                     subject=[f"S{first + k}" for k in range(18)], **meta)  # fmt: skip
    return Patterns(raw.with_values(values, 2 * np.arange(19), item="segment"), y)


def test_machines_that_test_do_not_train_and_the_older_simulator_comes_last():
    strong, weak, older = invented(0, 0), invented(100, 1), invented(200, 2)
    found = list(situations(strong, weak, older))
    assert len(found) == 2 * len(MACHINES) + 1
    both = together([strong, weak])
    for own, name in zip(found, np.repeat(MACHINES, 2), strict=False):
        known, strongs = both.known(name), strong.known(name)
        trained = np.isin(both.values[:, 0], own.train[0][:, 0])
        tested = np.isin(strong.values[:, 0], own.test[0][:, 0])
        assert not set(known[trained]) & set(strongs[tested])
        assert trained[:36].sum() + tested.sum() == 36
        assert trained[36:].any()
    assert found[-1].name == "older simulator"
    assert set(found[-1].test[2]) == set(older.known("subject"))
    assert len(found[-1].train[1]) == 72
    assert len(list(situations(strong, None, None))) == 2 * len(MACHINES)


def test_the_column_that_tells_the_classes_apart_is_chosen_first(monkeypatch):
    names = ["turns_1", "crest_factor", "kurtosis"]
    monkeypatch.setattr(pattern, "pattern_names", lambda: names)
    places = [pattern_names().index(name) for name in names]
    parts = [invented(0, 0), invented(100, 1)]
    few = [own._replace(windows=own.windows.with_values(own.windows.items[:, places],
                                                        own.windows.offsets))
           for own in parts]  # fmt: skip
    columns, rows = choose(list(situations(few[0], None, few[1]))[-2:])
    assert columns[0] == "crest_factor"
    assert rows[0]["balanced_accuracy"] > 0.95
    assert rows[0]["older_simulator"] > 0.95
    rows[0]["trained"] = "strong"
    rows.append(rows[0] | {"trained": "both", "columns": "a + b", "log_loss": 0.0})
    assert pattern.best_of(pd.DataFrame(rows)) == ("both", ["a", "b"])


def test_the_tables_hold_the_last_step_of_each_choice(tmp_path):
    steps = pd.DataFrame({
        "trained": ["strong", "strong", "both"], "columns": ["a", "a + b", "c"],
        "log_loss": [0.9, 0.7, 0.8], "worst_log_loss": [1.0, 0.95, 0.9],
        "balanced_accuracy": [0.5, 0.66, 0.6], "worst_balanced_accuracy": [0.4, 0.5, 0.5],
        "older_simulator": [0.4, 0.55, 0.5],
    })  # fmt: skip
    steps.to_csv(tmp_path / "pattern_columns.csv", index=False)
    beside = [{"model": "m", "balanced_accuracy": 0.71, "log_loss": 0.8, "calibration_error": 0.1}]
    pd.DataFrame(beside).to_csv(tmp_path / "pattern_beside.csv", index=False)
    about = {"n_calibration": 60, "n_train": 1200, "device": "CPU", "commit": "abc"}
    (tmp_path / "volitional-pattern.json").write_text(json.dumps(about))
    text = pattern.report(tmp_path)
    assert "| strong | a + b | 0.70 (0.95) | 66 (50) | 55 |" in text
    assert "| a |" not in text
    assert "| `m` | 71 | 0.80 | 0.10 |" in text
    assert "1,200 patients" in text
    assert "| Algiers | not run |" in text


def test_real_answers_are_counted_and_ranked(tmp_path):
    rows = pd.DataFrame(np.eye(3)[[0, 0, 2, 2, 1]], columns=CLASSES)
    rows[CLASSES] = 0.8 * rows[CLASSES] + 0.1
    rows.assign(y_true=[*CLASSES, "normal", "normal"]).to_csv(tmp_path / "n2001.csv", index=False)
    about = {"subjects_refused": 2, "subjects": 5}
    (tmp_path / "n2001.json").write_text(json.dumps(about))
    own, missing = pattern.real_rows(tmp_path)
    assert own[1].startswith("56 [")  # all myopathies, no neuropathy, two of three normals
    assert own[2:4] == ["1.00", "0.67"]
    assert own[4] == "myopathy: 1 myopathy; neuropathy: 1 myopathy; normal: 1 neuropathy, 2 normal"
    assert own[5] == "2 of 5"
    assert missing[:2] == ["Algiers", "not run"]
    (tmp_path / "n2001.json").write_text(json.dumps(about | {"commit": "abc+changes"}))
    assert pattern.answered_by(tmp_path, "abc") == "; real cohorts: abc+changes"
    assert pattern.answered_by(tmp_path, "abc+changes") == ""


def test_what_a_block_holds_is_measured_once(monkeypatch, tmp_path):
    rng = np.random.default_rng(0)
    waves = Recordings(0.1 * rng.normal(size=(3, 16_000)), sfreq=10_000, subject=list("abc"))
    raw = Recordings(np.zeros((3, 9)), sfreq=20_000, subject=list("abc"))
    monkeypatch.setattr(pattern, "patients", lambda *_, other: (raw, waves, np.array(list("xyz"))))
    found = pattern.patterns(tmp_path, "strong", 0)
    assert found.windows.lengths.tolist() == [2, 2, 2]
    assert found.values.shape == (6, len(pattern_names()))
    monkeypatch.setattr(pattern, "middle", lambda: pytest.fail("measured again"))
    again = pattern.patterns(tmp_path, "strong", 0)
    assert np.array_equal(again.values, found.values)
    assert set(again.windows["sfreq"]) == {10_000}
    assert again.labels.tolist() == list("xxyyzz")
