"""Benchmarks of how sure pretrained models are and what they lean on, on invented patients."""

import json
import shutil
import sys
from argparse import Namespace

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from benchmarks.machinery.kept_cohort import marked
from benchmarks.machinery.reporting import write_between
from benchmarks.pretrain import (
    __main__,
    calibration,
    few_shot,
    models,
    patients,
    pattern,
    probes,
    real_scores,
    seeds,
    variation,
)
from benchmarks.pretrain.answers import Answers
from benchmarks.pretrain.calibration import error_of_calibrated, row_of
from benchmarks.pretrain.pages import FEW, HISTORY, SCORES
from benchmarks.pretrain.probes import ALTERATIONS, AS_IT_IS, SFREQ, altered
from benchmarks.pretrain.real_scores import FOLDER
from sknemg import DiVoteClassifier, Recordings, Segmenter, SegmentFeatures
from sknemg.diagnosis import fit_temperature
from sknemg.pretrained import describe
from sknemg.weights import folder_of


def test_a_calibrated_model_of_few_subjects_has_an_error_all_the_same():
    sure, unsure = np.eye(3)[[0, 1, 2] * 4], np.tile([0.5, 0.3, 0.2], (12, 1))
    assert error_of_calibrated(sure) < 1e-5
    few, many = error_of_calibrated(unsure), error_of_calibrated(np.tile(unsure, (50, 1)))
    expected = np.abs(np.random.default_rng(1).binomial(12, 0.5, 20_000) / 12 - 0.5).mean()
    assert few == pytest.approx(expected, abs=0.01)
    assert many < few / 4


def test_what_is_printed_is_scored_after_the_temperature():
    votes = np.tile([0.4, 0.3, 0.3], (10, 1))
    y = pd.Series(["myopathy"] * 10)
    row = row_of(votes, y, {"temperature": 0.1, "quantile": 0.5})
    assert row["right"] == row["subjects"] == 10
    assert row["error_votes"] == pytest.approx(0.6)
    printed = 0.4**10 / (0.4**10 + 2 * 0.3**10)
    assert row["sure"] == pytest.approx(printed)
    assert row["error"] == pytest.approx(1 - printed)
    assert row["log_loss"] == pytest.approx(-np.log(printed))
    assert (row["sets_right"], row["set_size"]) == (10, 1)
    ill = pd.Series(["normal"] * 10)
    wide = row_of(votes, ill, {"temperature": 1.0, "quantile": 0.71})
    assert (wide["sets_right"], wide["set_size"], wide["right"]) == (10, 3, 0)


def waves():
    rng = np.random.default_rng(0)
    rows = [np.convolve(rng.normal(0, 0.05, n), np.ones(5), "same") for n in (8000, 10_000)]
    return Recordings(rows, sfreq=SFREQ, subject=["A", "B"])


def test_recordings_are_altered_as_their_names_say():
    own = waves()
    found = {name: altered(own, alter) for name, alter in ALTERATIONS.items()}
    assert_allclose(found[AS_IT_IS].values, own.values, rtol=1e-6)
    assert_allclose(found["a quarter of the amplitude"].values, own.values / 4, rtol=1e-5)
    assert np.diff(found["5/4 of the length"].offsets).tolist() == [10_000, 12_500]
    assert np.diff(found["4/5 of the length"].offsets).tolist() == [6400, 8000]
    quiet = found["flat between potentials"].values
    assert 0.5 < (quiet == 0).mean() < 0.8 and np.ptp(quiet) > 0
    for row, name, share in ((0, "1/4", 0.25), (1, "1/2", 0.5)):
        (new,) = (v for k, v in found.items() if k.startswith(f"slow noise, {name}"))
        noise = np.asarray(new[row]) - np.asarray(own[row])
        assert noise.std() == pytest.approx(share * np.std(own[row]), rel=1e-3)
        power = np.abs(np.fft.rfft(noise)) ** 2
        rates = np.fft.rfftfreq(len(noise), 1 / SFREQ)
        assert power[(rates > 10) & (rates < 90)].sum() > 0.95 * power.sum()
    white = found["white noise of 15 µV"].values - own.values
    assert white.std() == pytest.approx(0.015, rel=0.05)
    assert abs(np.corrcoef(white[:8000], white[8000:16_000])[0, 1]) < 0.1  # drawn for each row
    assert not np.shares_memory(found[AS_IT_IS].values, own.values)


def test_patients_of_another_simulator_have_names_of_their_own(tmp_path, monkeypatch):
    asked = []

    def block(store, kind, number, *, other):
        assert other
        asked.append((store, kind, number))
        raw = Recordings(np.ones((2, 9)), sfreq=SFREQ, subject=[f"{kind}-{number}", "x"])
        return patients.Block(raw, raw, raw, np.array(["normal", "myopathy"]))

    filled = []
    monkeypatch.setattr(patients, "block", block)
    monkeypatch.setattr(patients, "fill", lambda store, blocks, jobs, other: filled.extend(blocks))
    for seed in (10_002, 10_003):
        np.savez(tmp_path / f"whole-{seed}.npz", **marked("0" * 64, "add0767"))
    own = patients.others(tmp_path)
    assert filled == [("whole", 2, False), ("whole", 3, False)]
    assert asked == [(tmp_path, "whole", 2), (tmp_path, "whole", 3)]
    for part in own[:3]:
        assert part["subject"].tolist()[:3] == ["other-whole-2", "other-x", "other-whole-3"]
    assert own.y.tolist() == ["normal", "myopathy"] * 2


def test_twins_and_patients_who_are_missing_are_refused_and_none_are_made(tmp_path, monkeypatch):
    """Those of one seed are the same persons in the stores of all simulators and settings."""
    monkeypatch.setattr(patients, "simulated", lambda *_: pytest.fail("made by other physics"))
    with pytest.raises(ValueError, match=r"whole-10001 of .* are twins of patients who train"):
        patients.others(tmp_path, {"whole": (1, 2)})
    with pytest.raises(ValueError, match=r"biceps-90001 of .* twins"):
        patients.others(tmp_path, {"biceps": (1,)}, used={"default": (1,)})
    (tmp_path / "whole-10003.npz").touch()
    with pytest.raises(FileNotFoundError, match=r"holds no whole-10002.npz, patients of another"):
        patients.others(tmp_path)


def test_patients_that_calibrate_and_test_are_nobody_elses_twins():
    """Plan and machine of the same seed are the same ones, which is why twins are refused."""
    seeds = {
        name: {patients.COHORTS[kind].seed + k for kind, own in blocks.items() for k in own}
        for name, blocks in (
            ("used", patients.USED), ("others", patients.OTHERS), ("fresh", patients.FRESH),
            ("beside", patients.USED_BESIDE_FRESH),
        )
    }  # fmt: skip
    assert not seeds["others"] & seeds["used"]
    assert not seeds["fresh"] & (seeds["beside"] | seeds["others"])
    assert seeds["fresh"] | seeds["beside"] == seeds["used"]
    assert models.persons([
        Recordings(np.ones((2, 9)), sfreq=SFREQ, subject=["biceps-90000-S1", "biceps-90000-S2"]),
        Recordings(np.ones((1, 9)), sfreq=SFREQ, subject=["default-90000-S1"]),
    ]) == {"90000-S1", "90000-S2"}  # fmt: skip


@pytest.mark.parametrize(
    "option",
    [["--seed", "5"], ["--network", "windows of 1 s, pooled head"], ["--only-patients"]],
)
def test_what_says_how_to_train_is_refused_where_nothing_is_trained(option, monkeypatch, capsys):
    args = ["pretrain", "--store", "x", "--trained", "y", "--other", "z"]
    monkeypatch.setattr(sys, "argv", args + option)
    with pytest.raises(SystemExit):
        __main__.main()
    assert f"{option[0]} cannot be used with --trained" in capsys.readouterr().err


def test_a_part_of_a_page_is_written_anew_and_the_rest_left(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- b -->\nold\n<!-- to here -->\nc\n<!-- to here -->\n")
    write_between(page, "<!-- b -->", "<!-- to here -->", "new\n")
    expected = "a\n<!-- b -->\n\nnew\n\n<!-- to here -->\nc\n<!-- to here -->\n"
    assert page.read_text() == expected
    with pytest.raises(ValueError, match=r"has no <!-- d -->"):
        write_between(page, "<!-- d -->", "<!-- to here -->", "new")


def test_a_seed_is_scored_by_its_answers_for_subjects():
    y, proba = np.array(["myopathy", "neuropathy", "normal", "normal"]), np.eye(3)[[0, 1, 2, 1]]
    classes = np.array(["myopathy", "neuropathy", "normal"])
    found = seeds.scores_of(Answers(np.arange(4), y, 0.7 * proba + 0.1, classes))
    assert (found["subjects"], found["right"]) == (4, 3)
    assert found["balanced_accuracy"] == pytest.approx((1 + 1 + 0.5) / 3)
    assert found["log_loss"] == pytest.approx(-(3 * np.log(0.8) + np.log(0.1)) / 4)


def test_the_pages_say_what_the_kept_results_do():
    written = {
        calibration: (SCORES, calibration.table_of(pd.read_csv(FOLDER / "calibration.csv"))),
        probes: (SCORES, probes.table_of(pd.read_csv(FOLDER / "probes.csv"))),
        seeds: (SCORES, seeds.table_of(pd.read_csv(FOLDER / "seeds.csv"))),
        pattern: (HISTORY, pattern.report(FOLDER)),
        few_shot: (FEW, few_shot.report(few_shot.FOLDER)),
    }
    for module, (page, text) in written.items():
        between = f"{module.BEGINS}\n\n{text.strip()}\n\n{module.ENDS}"
        assert between in page.read_text(encoding="utf-8"), module.__name__


@pytest.mark.slow
def test_the_page_says_what_the_kept_answers_of_real_cohorts_do(tmp_path):
    """On a copy, since the report keeps a table of gains."""
    shutil.copytree(FOLDER, tmp_path / "kept")
    text = real_scores.report(tmp_path / "kept", real_scores.COHORTS).strip()
    said = real_scores.caution(FOLDER)
    begins, ends = real_scores.BEGINS, real_scores.ENDS
    assert f"{begins}\n\n{said}\n\n{text}\n\n{ends}" in SCORES.read_text(encoding="utf-8")


def test_probes_say_which_commit_asked(tmp_path, monkeypatch):
    """Rows of other labels keep theirs, which were the settings' before rows had any."""
    answers = pd.DataFrame({"model": ["new"], "right": [3]})
    before = pd.DataFrame({"model": ["old", "new"], "right": [1, 2], "sha256": "0"})
    before.to_csv(tmp_path / "probes.csv", index=False)
    (tmp_path / "probes.json").write_text(json.dumps({"commit": "first"}))
    own = patients.Block(*[waves()] * 3, np.array(["normal", "myopathy"]))
    monkeypatch.setattr(probes, "block", lambda *_: own)
    monkeypatch.setattr(probes, "probe", lambda *_: answers)
    monkeypatch.setattr(probes, "provenance", lambda: {"commit": "later"})
    args = Namespace(store=tmp_path, model="volitional-small", label="new", out=tmp_path)
    for _ in range(2):
        rows = probes.asked(args)
        assert rows["commit"].tolist() == ["first", "later"]
        assert rows["right"].tolist() == [1, 3]
    assert pd.read_csv(tmp_path / "probes.csv")["commit"].tolist() == ["first", "later"]


def test_new_weights_are_asked_without_taking_the_place_of_the_shipped(
    tmp_path, monkeypatch, capsys
):
    stores = ["x", "--store", "a", "--other", "b", "--weights", str(tmp_path / "new")]
    for more in ([], ["--part", "simulated"], ["--part", "simulated", "--out", "c", "--write"]):
        monkeypatch.setattr(sys, "argv", stores + more)
        with pytest.raises(SystemExit):
            calibration.main()
        assert "--weights needs --part simulated and an --out" in capsys.readouterr().err
    with pytest.raises(FileNotFoundError, match="holds no volitional-muap, volitional-small"):
        calibration.models_in(tmp_path)
    for name in real_scores.SHIPPED:
        shutil.copytree(folder_of(name), tmp_path / "new" / name)
    asked = {}

    def measure(store, other, models, jobs):
        asked.update(models)
        return pd.read_csv(FOLDER / "calibration.csv").iloc[:2]

    monkeypatch.setattr(calibration, "measure", measure)
    monkeypatch.setattr(calibration, "load", lambda name: pytest.fail("the shipped one"))
    monkeypatch.setattr(calibration, "fingerprint_of", lambda folder: folder.name + "!")
    monkeypatch.setattr(
        sys, "argv", [*stores, "--part", "simulated", "--out", str(tmp_path / "out")]
    )
    calibration.main()
    assert list(asked) == list(real_scores.SHIPPED)
    kept = json.loads((tmp_path / "out" / "calibration.json").read_text())["models"]
    assert kept == {name: f"{name}!" for name in real_scores.SHIPPED}


def test_kept_results_are_of_the_models_that_are_shipped():
    own = describe()["sha256"].to_dict()
    assert json.loads((FOLDER / "calibration.json").read_text())["models"] == own
    for name in real_scores.COHORTS:
        kept = json.loads((FOLDER / name / "settings.json").read_text())["models"]
        assert {model: known["sha256"] for model, known in kept.items()} == own
    for name in real_scores.SHIPPED:
        assert json.loads((FOLDER / f"{name}.json").read_text())["fingerprint"] == own[name]


def test_votes_are_looked_up_by_subject_and_the_whole_pipeline_is_kept():
    """Calibrated with answers that are known, as it is by asking the pipeline."""
    rng = np.random.default_rng(0)
    y = np.repeat(["myopathy", "neuropathy", "normal"], 8)
    rows = rng.normal(0, np.repeat([0.05, 0.1, 0.2], 8)[:, None], (24, 6000))
    raw = Recordings(rows, sfreq=SFREQ, subject=rng.permutation(24))
    middle = make_pipeline(Segmenter(window=0.2, hop=0.2), SegmentFeatures())
    waves = patients.steps().fit_transform(raw)
    votes = DiVoteClassifier(LogisticRegression(C=1e-3), final_estimator=None)
    votes.fit(middle.fit_transform(waves.with_columns(subject=np.arange(24) + 100)), y)
    y[::3] = np.roll(y[::3], 3)  # not all are right, so that the temperature is no limit
    own = patients.Block(raw, waves, waves, y)
    model = models.cautious(votes, middle, own)
    proba = model.estimator_.predict_proba(raw)
    assert_allclose(proba, model.out_of_fold_proba_, atol=1e-5)
    assert [type(step).__name__ for step in model.estimator_] == [
        "Downsampler", "BandPass", "Segmenter", "SegmentFeatures", "DiVoteClassifier",
    ]  # fmt: skip
    codes = np.searchsorted(model.classes_, own.y)
    assert model.temperature_ == pytest.approx(fit_temperature(proba, codes), rel=1e-3)
    louder = own._replace(raw=raw.with_values(3 * raw.values, raw.offsets))
    wider = models.cautious(votes, middle, own, patients.together([own, louder]))
    assert wider.temperature_ == model.temperature_
    assert wider.quantile_ == model.quantile_
    assert wider.plausibility_.low_[0] == model.plausibility_.low_[0]
    assert wider.plausibility_.high_[0] == pytest.approx(3 * model.plausibility_.high_[0])


def test_patients_are_stretched_each_by_a_factor_of_its_own():
    t = np.arange(8000) / SFREQ
    raw = Recordings(
        np.tile(np.sin(2 * np.pi * 100 * t), (6, 1)), sfreq=SFREQ, subject=list("aabbcc")
    )
    new = variation.stretched(raw, 0)
    lengths = np.diff(new.offsets) / 8000
    assert_allclose(lengths[::2], lengths[1::2])
    assert len(set(lengths)) == 3
    assert variation.LENGTHS[0] <= lengths.min() < lengths.max() <= variation.LENGTHS[1]
    for row, length in zip(new, lengths, strict=True):
        power = np.abs(np.fft.rfft(row))
        peak = np.fft.rfftfreq(len(row), 1 / SFREQ)[power.argmax()]
        assert peak == pytest.approx(100 / length, abs=SFREQ / len(row))
    assert_allclose(variation.stretched(raw, 0).values, new.values)


def test_slow_noise_is_slow_and_of_the_stated_share():
    generator = torch.Generator().manual_seed(0)
    batch = torch.randn(64, 4000, generator=generator)
    augmenter = variation.SlowNoise(input_sfreq=SFREQ, gain=1, noise=0, mains=0, shift=0, warp=0)
    noise = (augmenter(batch, generator) - batch).numpy()
    share = noise.std(axis=1) / batch.numpy().std(axis=1)
    low, high = variation.SHARES
    assert low * 0.99 <= share.min() < 0.1 and 0.5 < share.max() <= high * 1.01
    power = np.abs(np.fft.rfft(noise, axis=1)) ** 2
    rates = np.fft.rfftfreq(4000, 1 / SFREQ)
    assert power[:, rates < 20].sum() < 1e-6 * power.sum()
    assert (power[:, rates < 200].sum(axis=1) > 0.9 * power.sum(axis=1)).all()
    assert batch.std() == pytest.approx(1, abs=0.01)  # left unchanged
