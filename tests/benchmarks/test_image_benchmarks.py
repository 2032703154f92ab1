"""The benchmark of image networks that begin from simulated images, on toy pictures."""

import argparse
import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from benchmarks.machinery import runner
from benchmarks.papers import images_pretrained
from benchmarks.papers.images_pretrained import ALL, ALONE, CLASSES, LINEAR, Pictures, Size

TINY = "test_resnet"


def toy_pictures(n_subjects=12, seed=0, prefix="s"):
    """Two recordings a subject, three windows each; the class is the third that is bright."""
    rng = np.random.default_rng(seed)
    y = np.repeat(np.resize(CLASSES, n_subjects), 2)
    subjects = np.repeat([f"{prefix}{i:02d}" for i in range(n_subjects)], 2)
    recording = np.repeat(np.arange(len(y)), 3)
    images = rng.integers(0, 60, (len(recording), 1, 12, 12), dtype=np.uint8)
    codes = pd.Index(CLASSES).get_indexer(y)[recording]
    for row, code in enumerate(codes):
        images[row, 0, 4 * code : 4 * code + 4] += 150
    features = rng.normal(size=(len(recording), 3)) + 5 * np.eye(3)[codes]
    return Pictures(images, features, recording, subjects, y)


@pytest.fixture
def study(tmp_path, monkeypatch):
    """Run the study on toy pictures, and count the trainings."""
    size = Size(
        networks=(TINY,), pixels=32, blocks=2, pretraining=60, updates=2, batch=8, shots=(1,),
        folds=2, lr_further=1e-5,
    )  # fmt: skip
    monkeypatch.setitem(images_pretrained.SIZES, "cpu", size)
    monkeypatch.setattr(images_pretrained, "load", lambda *a: toy_pictures())
    monkeypatch.setattr(
        images_pretrained, "simulated", lambda *a: toy_pictures(15, a[0], f"o{a[0]}-")
    )
    trained = []
    own = images_pretrained.network

    def network(*args, **start):
        trained.append(start)
        return own(*args, **start)

    monkeypatch.setattr(images_pretrained, "network", network)
    monkeypatch.setattr(runner, "RESULTS", tmp_path / "out")
    args = argparse.Namespace(
        cache=tmp_path / "cache", out=tmp_path / "out", jobs=1, starts=["scratch", "simulated"]
    )
    args.cache.mkdir()
    return args, trained


@pytest.mark.slow
def test_a_stopped_run_goes_on_and_tables_show_what_was_kept(study, monkeypatch):
    args, trained = study
    assert images_pretrained.tables().count("not run") == 4
    images_pretrained.run("cpu", ["simulated"], args)
    assert len(trained) == 1 + 2 * 2  # pretraining; two folds, two starts
    assert sum("checkpoint" in start for start in trained) == 2
    folder = images_pretrained.folder_of(args.out, "simulated", "cpu")
    first = (folder / "subjects.csv").read_bytes()
    settings = json.loads((folder / "settings.json").read_text())
    assert (settings["subjects"], settings["pretraining_patients"]) == (12, 30)
    table = pd.read_csv(folder / "subjects.csv")
    assert table.groupby("method")["subject"].nunique().eq(12).all()
    assert table.groupby("method").size().eq(12).all()  # a seed, each subject tested once
    updates = table.groupby("method")["updates"].unique()
    both = [f"{TINY}, from {start}" for start in ("random weights", "simulated images")]
    assert len(set(map(tuple, updates[both]))) == 1
    # what was learned of simulated pictures is there after two further updates, and only there
    right = {method: images_pretrained.scores(own)[1] for method, own in table.groupby("method")}
    assert right[f"{TINY}, {ALONE}"] == right[both[1]] == right[LINEAR] == "100"
    assert int(right[both[0]]) < 100
    text = images_pretrained.tables()
    assert text.count("not run") == 3
    assert f"| 1 per class | {both[1]} | {both[0]} | +" in text
    assert f"| none | {TINY}, {ALONE} | 100 | 100 |" in text
    assert f"| 1 per class | {both[0]} | {TINY}, {ALONE} | -" in text
    assert f"| 1 per class | {both[1]} | {TINY}, {ALONE} | " in text
    trained.clear()
    (next((args.cache / "images_pretrained").iterdir()) / "simulated").joinpath(
        f"1-0-0-{TINY}-from random weights.csv"
    ).unlink()
    images_pretrained.run("cpu", ["simulated"], args)
    assert len(trained) == 1
    assert (folder / "subjects.csv").read_bytes() == first


def test_training_subjects_are_few_of_each_class_and_never_tested():
    data = toy_pictures()
    size = Size(shots=(1, 2), folds=2, seeds=(0, 1))
    for cohort, starts in (("simulated", ["scratch", "simulated"]), ("n2001", ["scratch"])):
        cells = images_pretrained.plan(cohort, data, size, starts)
        assert len({(cell.seed, cell.name) for cell in cells}) == len(cells)
        for cell in cells:
            assert not set(cell.train) & set(cell.test)
            counts = data.diagnoses[list(cell.train)].value_counts().tolist()
            if cell.start == ALONE:
                assert (counts, len(cell.test)) == ([], 12)
            elif cohort == "n2001":
                assert (cell.shots, len(cell.train), len(cell.test)) == (ALL, 11, 1)
            else:
                assert counts == [cell.shots] * 3
        drawn = {(cell.shots, cell.fold, cell.seed): set() for cell in cells}
        for cell in cells:
            if cell.start != ALONE:
                drawn[cell.shots, cell.fold, cell.seed].add(cell.train)
        assert {len(own) for own in drawn.values()} <= {0, 1}  # the same for all methods
    with pytest.raises(ValueError, match=r"3 training subjects per class .* a fold has 2"):
        images_pretrained.plan("simulated", data, size._replace(shots=(3,)), ["scratch"])


def test_scores_of_recordings_are_summed_by_subject():
    data = toy_pictures(3)
    proba = np.tile([0.6, 0.3, 0.1], (18, 1))
    proba[9:12] = [0.0, 1.0, 0.0]  # the second recording of the second subject
    found = images_pretrained.by_subject(proba, data, np.arange(18))
    assert found["y_true"].tolist() == CLASSES
    assert found["right"].tolist() == [2, 1, 0]
    np.testing.assert_allclose(found["loss"], -np.log([0.6**2, 0.3, 0.1**2]))
    np.testing.assert_allclose(found.loc[1, CLASSES].astype(float), [0.3, 0.65, 0.05])
    assert images_pretrained.scores(found) == ["50", "67", "1.14", "1.08"]


def test_differences_of_subjects_have_the_t_interval():
    rng = np.random.default_rng(0)
    values, one = rng.normal(0.2, 1, 20), np.ones(20)
    found = images_pretrained.balanced(values, one, np.full(20, ""))
    half = stats.t.ppf(0.975, 19) * stats.sem(values)
    np.testing.assert_allclose(found, [values.mean(), values.mean() - half, values.mean() + half])
    y = np.repeat(["a", "b"], [8, 12])
    value, low, high = images_pretrained.balanced(values, one, y)
    a, b = values[:8], values[8:]
    np.testing.assert_allclose(value, (a.mean() + b.mean()) / 2)
    welch = stats.ttest_ind(a, -b, equal_var=False).confidence_interval()  # of twice the value
    np.testing.assert_allclose([2 * low, 2 * high], welch)
    n = rng.integers(1, 5, 20)
    assert images_pretrained.balanced(values * n, n, y)[0] == pytest.approx(
        np.mean([np.average(a, weights=n[:8]), np.average(b, weights=n[8:])])
    )
    assert np.isnan(images_pretrained.balanced(0 * values, one, y)[1])


def test_other_subjects_are_not_compared():
    found = images_pretrained.by_subject(np.full((18, 3), 1 / 3), toy_pictures(3), np.arange(18))
    with pytest.raises(ValueError, match="were tested on other subjects"):
        images_pretrained.differences(found, found.iloc[1:])


def test_shares_of_few_subjects_differ_by_no_more_than_all():
    data = toy_pictures(6)
    y = data.y[data.recording]
    right = np.eye(3)[pd.Index(CLASSES).get_indexer(y)] * 0.7 + 0.1
    wrong = np.roll(right, 1, axis=1)
    one, other = right.copy(), wrong.copy()
    other[:6] = right[:6]  # the first subject, so that subjects differ and t has an interval
    found = images_pretrained.by_subject(one, data, np.arange(36))
    against = images_pretrained.by_subject(other, data, np.arange(36))
    a, b = images_pretrained.means_of(found), images_pretrained.means_of(against)
    _, _, high = images_pretrained.balanced(a.right - b.right, a.n, a.y)
    assert high > 1
    shares, subjects, *losses = images_pretrained.differences(found, against)
    assert shares == subjects
    assert shares.endswith(", +100]")
    shares, *_ = images_pretrained.differences(against, found)
    assert "[-100, " in shares
    assert all("100" not in loss for loss in losses)


def test_kept_trainings_are_of_the_code_sizes_versions_and_device(monkeypatch, tmp_path):
    world = {"device": "CPU", "versions": {"torch": "2"}}
    size = Size()
    key = images_pretrained.key_of(size, world)
    assert key == images_pretrained.key_of(size, dict(world))
    assert key != images_pretrained.key_of(size._replace(updates=1), world)
    assert key != images_pretrained.key_of(size, world | {"device": "GPU"})
    changed = tmp_path / "changed.py"
    changed.write_text("other code of this study")
    for name, of in {"__file__": str(changed), "package_code": lambda: "other"}.items():
        with monkeypatch.context() as patch:
            patch.setattr(images_pretrained, name, of)
            assert key != images_pretrained.key_of(size, world)


def test_the_list_of_times_is_begun_once(tmp_path):
    store = images_pretrained.store_of(tmp_path)
    times = store / images_pretrained.TIMES
    header = times.read_text()
    times.write_text(header + "wide,50000,60,180,1.0\n")
    assert images_pretrained.store_of(tmp_path) == store
    assert times.read_text().count("\n") == 2
