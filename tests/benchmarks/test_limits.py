"""The benchmarks beside the machine's limits and of windows, at a small size."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.linear_model import RidgeClassifier

from benchmarks import limits, windows
from benchmarks.machinery.reporting import replace_section, section
from sknemg import NEMGNetClassifier, Recordings, Segmenter, SegmentFeatures
from sknemg.features.segments import feature_names
from sknemg.nn import NEMGNet
from sknemg.nn.fast import computes_in_bfloat16


def small(tmp_path, *more):
    sizes = "--segments 130 --training 9 --small-training 9 --width 2 --rounds 1 --matrix 64"
    sizes += " --small-rounds 2"
    page = tmp_path / "page.md"
    page.write_text("before\n" + section("limits", "old") + "after\n")
    limits.main([*sizes.split(), "--threads", "1", "--results", str(tmp_path), "--page", str(page),
                 "--out", "cpu", *more])  # fmt: skip
    return page.read_text()


@pytest.mark.slow
def test_limits_are_measured_and_told(tmp_path):
    text = small(tmp_path)
    assert text.startswith("before\n") and text.endswith("after\n") and "old" not in text
    found = {
        name: pd.read_csv(tmp_path / "limits" / "cpu" / f"{name}.csv")
        for name in ("inference", "training", "extractors")
    }
    assert found["training"]["same_weights"].all()
    assert found["training"]["network"].tolist() == ["A"] * 4 + ["B"] * 2
    half = computes_in_bfloat16(torch.device("cpu"))
    measured = found["inference"]["times_floor"].dropna()  # but of the peak itself
    assert (measured > 0).sum() == (10 if half else 8)
    assert ("nEMGNet-B, classifier, fast=bfloat16" in text) is half
    assert ('`fast="bfloat16"` by ' in text) is half
    assert found["inference"]["fast_differs"].between(0, 1e-5).all()
    assert {"MuapFeatures", "nEMGNet-B"} <= set(found["extractors"]["way"])
    for name in ("nEMGNet-B, classifier, fast=True", "MelSpectrogram", "| yes |", "A GPU: not run"):
        assert name in text


@pytest.mark.gpu
def test_limits_of_a_gpu(tmp_path):
    text = small(tmp_path, "--device", "cuda", "--out", "gpu")
    assert "A CPU: not run" in text and f"A GPU. *{torch.cuda.get_device_name()}" in text
    training = pd.read_csv(tmp_path / "limits" / "gpu" / "training.csv")
    assert training["network"].tolist() == ["A"] * 4 + ["B"] * 2
    inference = pd.read_csv(tmp_path / "limits" / "gpu" / "inference.csv")
    assert (inference["times_floor"].dropna() > 0).sum() >= 8
    assert inference["fast_differs"].between(0, 1e-3).all()


def test_floating_operations_are_counted():
    network = NEMGNet(n_outputs=3, version="B").eval()
    _, work = limits.layers_of(network, torch.zeros(1, 1, 4000))
    assert work == pytest.approx(380.67e6, rel=1e-4)


def test_the_bare_loop_is_the_training_of_the_classifier():
    X = np.random.default_rng(0).normal(size=(40, 1100)).astype("float32")
    y = np.arange(40) % 3
    clf = NEMGNetClassifier("A", width=2, max_epochs=1, eval_every=None, random_state=3).fit(X, y)
    _, weights = limits.bare_epoch(X, y, "A", 2, "cpu", 3)
    for name, array in clf.weights_.items():
        np.testing.assert_array_equal(weights[name], array)


def test_plain_features_are_those_of_the_library():
    rng = np.random.default_rng(0)
    X = 0.3 * np.cumsum(rng.normal(size=(5, 4000)), axis=1) / 10 + rng.normal(size=(5, 4000)) / 20
    own = SegmentFeatures(input_sfreq=limits.SFREQ).fit_transform(X)
    columns = [feature_names().index(name) for name in limits.PLAIN]
    plain = [limits.plain_features(x, limits.SFREQ) for x in X]
    np.testing.assert_allclose(np.asarray(own)[:, columns], plain, rtol=1e-6)


def test_ridge_by_chunks_is_ridge():
    rng = np.random.default_rng(0)
    signals = [rng.normal(size=5000).astype("float32") for _ in range(2)]
    signals[1] = np.convolve(signals[1], np.ones(5), "same").astype("float32")
    X = Segmenter(window=0.1, hop=0.02).fit_transform(Recordings(signals, sfreq=10_000))
    y = np.array(["normal", "myopathy"])[X.row_index]
    ridge = windows.ConvolutionRidge(alpha=1.0, chunk=7).fit(X.items, y)
    features = ridge._features(np.asarray(X.items)).astype(float)
    expected = RidgeClassifier(alpha=1.0).fit(features, y).decision_function(features)
    scores = ridge._with_one(np.asarray(X.items)) @ ridge.coef_
    np.testing.assert_allclose(scores[:, 1], expected, atol=1e-6)
    assert ridge.score(X.items, y) == 1


def test_the_page_does_not_ask_what_a_kept_result_of_a_gpu_answers(tmp_path, monkeypatch):
    for part in ("_inference", "_training", "_extractors"):
        monkeypatch.setattr(limits, part, lambda folder: "")
    about = {"device": "a GPU", "threads": 1, "rounds": 1, "width": 2, "seed": 0, "commit": "c"}
    assert limits.tables(tmp_path).endswith(limits.GPU)
    folder = tmp_path / "limits" / "gpu"
    folder.mkdir(parents=True)
    about |= {"versions": {"torch": "2"}}
    (folder / "settings.json").write_text(json.dumps(about))
    assert limits.tables(tmp_path).endswith(limits.ON_A_GPU)
    assert " 1 rounds, width 2" in limits.tables(tmp_path)
    (folder / "settings.json").write_text(json.dumps(about | {"small_rounds": 20}))
    assert " 1 rounds (20 of the small A's training), width 2" in limits.tables(tmp_path)


@pytest.mark.slow
def test_windows_are_measured_and_told(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(section("windows", "old"))
    sizes = "--subjects 6 --few 3 --width 2 --rounds 1 --epoch 0.05 --whole"
    places = ["--results", str(tmp_path), "--page", str(page)]
    windows.main([*sizes.split(), *places, "--out", "cpu"])
    text = page.read_text()
    assert "6 subjects of 10 recordings of 10 s at 10 kHz: 5,820 windows" in text
    assert "the same bits" in text
    assert text.count("GB |") == 4
    assert "width 2: a whole epoch | 5,820 | 100 %" in text
    assert (
        "of one on the array, both run once, at the same time, and gave weights of the same" in text
    )


@pytest.mark.parametrize(
    ("processes", "said"),
    [
        (1, "one after the other,"),
        (2, "at the same time,"),
        (3, "at the same time, of 3 processes,"),
    ],
)
def test_windows_and_array_are_told_as_they_were_run(processes, said, tmp_path):
    shutil.copytree(windows.RESULTS / "cpu", tmp_path / "cpu")
    kept = tmp_path / "cpu" / "settings.json"
    kept.write_text(json.dumps(json.loads(kept.read_text()) | {"processes": processes}))
    table = pd.read_csv(tmp_path / "cpu" / "memory.csv").set_index("way", drop=False)
    both = table.loc[["network"] * 2].assign(way=["network", "array"], weights="a", fit_cpu_s=1.0)
    table = pd.concat([table.drop(["network", "array"], errors="ignore"), both])
    table.to_csv(tmp_path / "cpu" / "memory.csv", index=False)
    assert f"both run once, {said} and gave weights" in windows.tables(tmp_path)


def test_pages_are_those_of_the_kept_results(tmp_path):
    assert limits.tables(tmp_path).count("not run") == 2
    assert "not run" in windows.tables(tmp_path)
    assert section("limits", limits.tables()) in limits.PAGE.read_text()
    assert section("windows", windows.tables()) in windows.PAGE.read_text()
    with pytest.raises(ValueError, match="has no part x"):
        replace_section(limits.PAGE, "x", "")
