"""The benchmark scripts of the papers' tables, on the smallest profile."""

import json
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import combinations, product
from pathlib import Path
from time import sleep
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from _toy import Spy, toy_segments
from pandas.testing import assert_frame_equal
from scipy import stats
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks import (
    interval_coverage,
    looks,
    mrmc_size,
    real,
    simulator_published,
    votes,
)
from benchmarks.machinery import methods, reporting, runner, settings
from benchmarks.papers import (
    alternatives,
    images_128,
    learning_curve,
    protocols,
    published,
    readers_s2,
    subject_features,
    table_4,
    table_5,
    width_64,
    write_docs,
)
from sknemg import (
    DiVoteClassifier,
    FewerSubjects,
    NEMGNetClassifier,
    Recordings,
    Segmenter,
    SegmentFeatures,
    SubjectKFold,
)
from sknemg.evaluation import Protocol, evaluate
from sknemg.metrics import METRICS
from sknemg.metrics._definitions import CLASS_METRICS


@pytest.fixture
def make_fast_study():
    """Factory of a study whose methods need no network, and the modules it lives in."""

    def make(protocols=("nested",), names=("a", "b")):
        def two(settings):
            features = SegmentFeatures(input_sfreq=methods.SFREQ)
            inner = make_pipeline(features, StandardScaler(), LogisticRegression(max_iter=1000))
            return {name: methods.pipeline(inner, settings, cv=None) for name in names}

        return runner.Study("fast", two, protocols, levels=("subjects", "recordings"))

    return make


@pytest.mark.slow
def test_kept_results_are_small_and_say_how_they_came_about(make_fast_study, tmp_path, monkeypatch):
    study = make_fast_study()
    monkeypatch.setenv("SKNEMG_BENCHMARK_CACHE", "")
    runner.run(study, "smoke", "simulated", tmp_path / "cache", 1, tmp_path / "out")
    folder = tmp_path / "out" / "fast" / "simulated-smoke-nested"
    kept = json.loads((folder / "settings.json").read_text())
    assert kept["simulated"]
    assert kept["benchmark"]["n_subjects"] == 9
    assert {"versions", "device", "commit", "random_state"} <= set(kept)
    assert str(tmp_path) not in (folder / "settings.json").read_text()
    assert len(pd.read_csv(folder / "subjects.csv")) == 2 * 9
    assert sum(file.stat().st_size for file in folder.iterdir()) < 100_000
    monkeypatch.setattr(runner, "RESULTS", tmp_path / "out")
    result = runner.load(study, "simulated", "smoke")
    assert (
        result.items["n"].sum() == 2 * result.recordings.groupby("method")["n_items"].sum().iloc[0]
    )
    assert runner.load(study, "simulated", "gpu") is None
    # methods that differ in the votes only share the fits of their segment classifier
    assert len(list((tmp_path / "cache" / "segments").glob("*.joblib"))) == 2


def test_a_remembered_fit_is_the_fit(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 5)), np.resize([0, 1], 40)
    plain = LogisticRegression().fit(X, y).predict_proba(X)
    monkeypatch.setenv(methods.CACHE, str(tmp_path))
    for n_files, C in [(1, 1.0), (1, 1.0), (2, 0.1)]:
        model = methods.Remembered(LogisticRegression(C=C)).fit(X, y)
        assert len(list((tmp_path / "segments").glob("*.joblib"))) == n_files
        assert np.array_equal(model.predict_proba(X), plain) == (C == 1.0)
        assert np.allclose(model.predict_proba(X[::-1])[::-1], plain) == (C == 1.0)
        assert len(list((tmp_path / "predictions").glob("*.joblib"))) == 2 * n_files


def test_what_other_code_versions_or_devices_fitted_is_not_taken(tmp_path, monkeypatch):
    X, y = np.random.default_rng(0).normal(size=(40, 5)), np.resize([0, 1], 40)
    monkeypatch.setenv(methods.CACHE, str(tmp_path))
    world = methods.provenance()
    other = world["versions"] | {"torch": "0.0"}
    changes = [
        lambda: None,
        lambda: monkeypatch.setattr(methods, "package_code", lambda: "of another commit"),
        lambda: monkeypatch.setattr(methods, "provenance", lambda: world | {"versions": other}),
        lambda: monkeypatch.setattr(methods, "provenance", lambda: world | {"device": "another"}),
    ]
    for n_files, change in enumerate(changes, start=1):
        change()
        for _ in range(2):
            methods.Remembered(LogisticRegression()).fit(X, y).predict_proba(X)
            for kind in ("segments", "predictions"):
                assert len(list((tmp_path / kind).glob("*.joblib"))) == n_files


def test_jobs_at_the_same_fit_do_it_once(tmp_path, monkeypatch):
    monkeypatch.setenv(methods.CACHE, str(tmp_path))
    begun = []

    def compute():
        begun.append(True)
        sleep(0.05)
        return len(begun)

    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(methods._remembered, "segments", "key", compute) for _ in range(4)]
    assert [job.result() for job in jobs] == [1] * 4


def test_fewer_subjects_are_part_of_more(make_ragged, monkeypatch):
    X, y = make_ragged(n_subjects=12)
    segments = Segmenter().fit_transform(X)
    seen = {}
    for n in (1, 2, 4):
        divote = DiVoteClassifier(LogisticRegression(max_iter=5000), subject_features="all")
        model = FewerSubjects(divote, n, random_state=0).fit(segments, y)
        names = X["subject"].unique()
        seen[n] = set(names[model.estimator_.trained_on(names)])
        assert len(seen[n]) == 3 * n
    assert seen[1] < seen[2] < seen[4]


def test_every_script_says_not_run_where_it_was_not(tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "RESULTS", tmp_path)
    text = write_docs.page(tmp_path)
    assert text.count("not run") > 50
    assert not re.search(r"\bnan\b", text)
    for number in ("83.69 ± 5.28", "33,238,686", "0.720 ± 0.040", "2700"):
        assert number.replace(",", "") in text.replace(",", "")


def test_at_the_published_width_a_profile_shows_what_was_run_under_it(tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "RESULTS", tmp_path)
    assert width_64._tables("cpu") == "Profile cpu: not run.\n"
    study = width_64.study("B", "tuned")
    folder = tmp_path / runner.folder_name(study, "simulated", "gpu", "nested")
    kept = Path(runner.__file__).parents[1] / "results" / "width_64"
    shutil.copytree(kept / "B-tuned" / "simulated-gpu-nested", folder)
    assert width_64._tables("cpu") == "Profile cpu: not run.\n"
    shown = width_64._tables("gpu")
    assert "nEMGNet-B, tuned + one-cycle | 6 |" in shown and "nEMGNet-B, in the paper" in shown
    assert "nEMGNet-B, published" not in shown and "nEMGNet-A" not in shown


def test_the_tuned_training_takes_as_many_updates():
    network = NEMGNetClassifier("B", width=2, max_epochs=6, eval_every=20)
    tuned = methods.tuned(network)
    assert tuned.max_epochs * tuned.recipe_params()["epoch_fraction"] == 6
    assert (tuned.recipe, tuned.eval_every, tuned.schedule) == ("tuned", None, "one-cycle")
    assert (network.recipe, network.max_epochs) == ("published", 6)


def test_fits_that_table_4_has_made_are_timed_there(monkeypatch):
    def cells(**seconds):
        rows = [
            (name.replace("_", "-"), value) for name, values in seconds.items() for value in values
        ]
        return SimpleNamespace(cells=pd.DataFrame(rows, columns=["method", "fit_seconds"]))

    kept = {alternatives.STUDY.name: cells(nEMGNet_B=[0.1, 0.2], forest=[3.0])}
    monkeypatch.setattr(alternatives, "METHODS", ["nEMGNet-B", "forest"])
    monkeypatch.setattr(alternatives, "load", lambda study, *_: kept.get(study.name))
    assert alternatives.fit_seconds("cpu") == pytest.approx({"nEMGNet-B": 0.3, "forest": 3})
    made = cells(nEMGNet_B=[20.0, 30.0]).cells.replace("nEMGNet-B", "nEMGNet-B, simple averaging")
    kept[table_4.STUDY.name] = SimpleNamespace(cells=made)
    assert alternatives.fit_seconds("cpu") == pytest.approx({"nEMGNet-B": 50, "forest": 3})


def test_folds_whose_networks_other_code_trained_are_named():
    def kept(**folds):
        return SimpleNamespace(settings={"commit": "b"} | {"commit_of_networks": folds})

    assert width_64._trained_elsewhere({"one": SimpleNamespace(settings={"commit": "b"})}) == ""
    said = width_64._trained_elsewhere(
        {"one": kept(a=[0, 1]), "two": kept(a=[0, 1]), "three": kept(a=[2])}
    )
    assert said.endswith("those of folds 0, 1 (one / two) by a; folds 2 (three) by a.")


def test_all_methods_can_be_made():
    smoke = settings.PROFILES["smoke"]
    modules = [table_4, table_5, readers_s2, protocols, subject_features, alternatives]
    for module in [*modules, learning_curve]:
        for pipe in module.STUDY.methods(smoke).values():
            assert pipe.steps[1][1].hop == smoke.hop
    assert len(table_4.STUDY.methods(smoke)) == 12
    assert len(table_5.STUDY.methods(smoke)) == 10
    for recipe_name, profile in product(width_64.RECIPES, ("cpu", "gpu")):
        study = width_64.study("A", recipe_name)
        own = study.settings(profile, "simulated")
        assert (own.n_subjects, own.width, own.n_repeats) == (57, 64, 1)
        pipes = study.methods(own)
        network = pipes["features-PD"].named_steps["divote"].estimator.estimator
        assert (
            network.max_epochs * network.recipe_params()["epoch_fraction"] == width_64.EPOCHS["A"]
        )
        assert (network.recipe, network.width) == (recipe_name, 64)
    ways = width_64.LINEAR_STUDY.methods(width_64.LINEAR_STUDY.settings("gpu", "simulated"))
    assert list(ways) == list(width_64.WAYS)
    for way, pipe in ways.items():
        divote = pipe.named_steps["divote"]
        linear = divote.estimator.estimator[-1]
        assert linear.priors == [1 / 3] * 3
        options = width_64.WAYS[way]
        assert divote.subject_features == options.get("subject_features", "auto")
        assert divote.final_estimator == options.get("final_estimator", "logistic")
    for name, (model, epochs, paper) in images_128.NETWORKS.items():
        study = images_128.study(name)
        ((label, pipe),) = study.methods(study.settings("cpu", "simulated")).items()
        network = pipe.named_steps["divote"].estimator
        assert (label, network.model_name, network.max_epochs) == (name, model, epochs)
        assert (network.image_size, network.freeze, network.pretrained) == (128, None, False)
        assert not network.amp
        assert paper in published.TABLE_5
        large = study.settings("gpu", "simulated")
        assert (large.n_subjects, large.n_splits, large.hop) == (57, 5, 0.1)
        ((_, pipe),) = study.methods(large).items()
        network = pipe.named_steps["divote"].estimator
        assert (network.image_size, network.max_epochs, network.amp) == (128, 6, True)


def test_table_1_reproduces_the_published_counts():
    from sknemg.simulate.plan import plan_cohort

    plan = plan_cohort(57, muscles=None, confound=True, random_state=0)
    counts = plan["diagnosis"].value_counts()
    assert [str(counts[name]) for name in ("myopathy", "neuropathy", "normal")] == list(
        published.TABLE_1["recordings"][:3]
    )


def test_segment_accuracies_are_means_over_folds(make_ragged):
    X, y = make_ragged()
    divote = DiVoteClassifier(LogisticRegression(max_iter=5000), subject_features="all")
    result = evaluate({"a": make_pipeline(Segmenter(), divote)}, X, y, protocol=Protocol("p", 3))
    right = result.items["prediction"] == result.items["y_true"]
    folds = 100 * right.groupby(result.items["fold"]).mean()
    kept = replace(result, items=runner.segment_counts(result))
    mean, sd = reporting.segment_accuracies(kept, "a")["all"]
    assert (mean, sd) == pytest.approx((folds.mean(), folds.std(ddof=1)))
    own = result.items["y_true"] == "normal"
    folds = 100 * right[own].groupby(result.items["fold"][own]).mean()
    assert reporting.segment_accuracies(kept, "a")["normal"][0] == pytest.approx(folds.mean())


def test_averaging_is_that_of_a_vote_without_a_final_classifier(make_ragged):
    X, y = make_ragged()
    ways = {"m, in": {"subject_features": "all"}, "m, mean": {"final_estimator": None}}
    methods = {
        name: make_pipeline(
            Segmenter(), DiVoteClassifier(LogisticRegression(max_iter=5000), **options)
        )
        for name, options in ways.items()
    }
    result = evaluate(methods, X, y, protocol=Protocol("p", 3))
    added = reporting.with_averaging(result, "in").subjects.set_index("subject")
    computed = added[added["method"] == f"m, {reporting.AVERAGING}"]
    expected = added[added["method"] == "m, mean"].loc[computed.index]
    np.testing.assert_allclose(computed[result.classes], expected[result.classes])
    assert (computed["prediction"] == expected["prediction"]).all()


def test_the_corrected_t_test_is_that_of_nadeau_and_bengio():
    pytest.importorskip("baycomp", reason="needs benchmarks/requirements.txt")
    rng = np.random.default_rng(0)
    first, second = pd.Series(rng.uniform(size=15)), pd.Series(rng.uniform(size=15))
    difference = first - second  # three repeats of five folds: test to training size 1 to 4
    t = difference.mean() / np.sqrt(difference.var(ddof=1) * (1 / 15 + 1 / 4))
    expected = 2 * stats.t.sf(abs(t), 14)
    assert reporting.corrected_p_value(first, second, 3) == pytest.approx(expected)
    assert reporting.corrected_p_value(second, first, 3) == pytest.approx(expected)
    assert np.isnan(reporting.corrected_p_value(first, first + 1, 3))


def test_every_design_of_the_coverage_study_runs_and_every_metric_has_a_family():
    few = {"cohorts": 2, "resamples": 9, "curve_resamples": 5, "large": 3000, "seed": 0}
    designs = dict.fromkeys(design for design, *_ in interval_coverage.cells())
    rows = [row for design in designs for row in interval_coverage.run_cell(design, 15, 0.7, few)]
    table = pd.DataFrame(rows)
    named = {name for names in interval_coverage.FAMILIES.values() for name in names}
    assert set(table["metric"]) == named
    assert table["coverage"].between(0, 1).all()
    assert (table["narrowest"] > 0).all()
    assert len(interval_coverage.readable(table)) > len(designs)
    again = interval_coverage.run_cell("subjects", 15, 0.7, few)
    assert again == [row for row in rows if row["design"] == "subjects"]


def test_true_values_of_the_coverage_study_are_those_it_names():
    whole, each = interval_coverage.true_values(0.7, (5, 5, 5), 60_000)
    assert whole[list(METRICS).index("accuracy")] == pytest.approx(0.7, abs=0.005)
    np.testing.assert_allclose(each[list(CLASS_METRICS).index("sensitivity")], 0.7, atol=0.01)


def test_rows_of_several_commits_are_named():
    def kept(commit, hop=0.4):
        own = {"hop": hop, "profile": "cpu", "width": 8}
        settings = {"n_subjects": {"normal": 3}, "n_recordings": 9, "benchmark": own}
        more = {"protocol": {"n_splits": 2}, "device": "CPU", "random_state": 0, "commit": commit}
        return SimpleNamespace(settings=settings | more)

    said = (
        "3 subjects (simulated), 9 recordings, segments every {} s, 2 folds by subject, image "
        "networks in batches of 16, nEMGNet-A of width 8, CPU, seed 0"
    )
    assert reporting.runs_line({}) == "Not run."
    one = reporting.runs_line({"a": kept("abc1234"), "b": kept("abc1234")}, images_128._networks)
    assert one == f"*{said.format(0.4)}. Commits: abc1234.*"
    several = reporting.runs_line(
        {"a": kept("abc1234"), "b": kept("", 0.2), "c": kept("abc1234")}, images_128._networks
    )
    commits = "Commits: abc1234 (a / c); unknown (b).*"
    assert several == f"*{said.format(0.4)} (a / c); {said.format(0.2)} (b). {commits}"
    assert reporting.commits_of({"a": kept("abc1234"), "b": None}) == "abc1234"


def test_rows_that_no_commit_holds_are_named():
    commits = {"a": "7ce538e", "b": "", "c": "e2d73a0+changes"}
    found = {name: SimpleNamespace(settings={"commit": one}) for name, one in commits.items()}
    (said,) = real._untraced(found | {"d": None})
    assert ": b / c; nor can" in said
    assert said.count("gains") == 0
    assert real._untraced({"a": found["a"]}) == []


def make_hum(hum=0.0, noise=0.01, gain=1.0, sfreq=10_000):
    """Two recordings of one subject: a tone of 300 Hz in place of EMG, noise, hum, an offset."""
    time = np.arange(2 * sfreq) / sfreq
    rng = np.random.default_rng(0)
    tone = gain * np.sin(2 * np.pi * 300 * time)
    rows = tone + noise * rng.normal(size=(2, len(time))) + hum * np.sin(2 * np.pi * 50 * time) + 3
    return Recordings(rows.astype("float32"), sfreq=sfreq, subject=["a", "a"])


def test_hum_and_offset_are_filtered_out_and_the_signal_is_not():
    row = real.rows_of(real.filtered(make_hum(hum=1.0)))[0][2000:-2000]
    power = np.abs(np.fft.rfft(row)) ** 2
    frequency = np.fft.rfftfreq(len(row), 1e-4)
    assert frequency[power.argmax()] == 300
    assert power[np.abs(frequency - 50) < 2].sum() < 1e-4 * power.max()
    assert np.sqrt(2) * row.std() == pytest.approx(1, abs=0.02)


@pytest.mark.slow
def test_pairs_of_methods_and_single_recordings(make_ragged):
    X, y = make_ragged()
    results = []
    for C in (1.0, 1e-3):
        logistic = LogisticRegression(C=C, max_iter=5000)
        divote = DiVoteClassifier(logistic, final_estimator=None)
        pipe = make_pipeline(Segmenter(), divote)
        results.append(evaluate({f"C={C}": pipe}, X, y, protocol=Protocol("p", 3)))
    both = real.mean_of(results)
    first, second = (r.subjects.set_index("subject")[r.classes] for r in results)
    mean = both.subjects.set_index("subject")[both.classes]
    np.testing.assert_allclose(mean, (first + second.loc[first.index]) / 2)
    assert len(both.cells) == 6
    drawn = real.one_each(both)
    assert sorted(drawn["subject"]) == sorted(set(X["subject"]))
    assert len(real._row("both", both, blind=None)) == 8
    blind = evaluate({real.NUISANCE: pipe}, X, y, protocol=Protocol("p", 3))
    assert real._row("both", both, blind)[-1].count(",") == 1
    assert real._row("blind", blind, blind)[-1] == ""


def test_sizes_of_tests_are_counted_over_studies_without_a_difference():
    means = {"accuracy": 0.0, "f1": 0.5}  # no interval holds the first
    table = mrmc_size.run_cell(30, 3, 4, 0, means).set_index(["metric", "analysis"])
    assert (table.loc["accuracy", "mean"] == 1).all()
    assert table.loc["f1", "mean"].mean() < 1
    assert set(table["n_studies"]) == {4}
    y, answers = next(mrmc_size.studies(300, 3, 1, 0))
    assert answers.shape == (7, 300)
    assert abs((answers == y).mean() - 0.537) < 0.15


def test_real_benchmarks_that_were_not_run_say_so(tmp_path):
    text = real.tables(tmp_path)
    assert text.count("| not run") == 2 * 7 * (len(real.METHODS) + len(real.PAIRS))


def test_simulated_classes_are_compared_with_their_ranges():
    def patients(amplitude, duration, slow, mean_frequency=300.0):
        muaps = pd.DataFrame(
            {
                "amplitude": [amplitude] * 4,
                "duration": duration,
                "thickness": 1.2e-3,
                "phases": [2, 3, 3, 5],
                "size_index": 2 * np.log10(amplitude) + 1.2,
                "rate": 8.0,
            }
        )
        recordings = pd.DataFrame(
            {
                "units": [2, 3],
                "slow": slow,
                "mean_frequency": [mean_frequency - 10, mean_frequency + 10],
                "kurtosis": 15.0,
            }
        )
        return [simulator_published.Patient(muaps, recordings)] * 3

    cells = {
        "normal": patients(0.4, 10e-3, 0.05),
        "myopathy": patients(0.1, 6e-3, 0.01),
        "neuropathy": patients(0.8, 14e-3, 0.01),
    }
    table = simulator_published.check(cells, seed=0, n_draws=3).set_index(["class", "what"])
    assert table.loc[("normal", "amplitude, mV"), "result"] == "within"
    assert table.loc[("normal", "polyphasic, %"), "measured"] == "25"
    assert table.loc[("normal", "power < 50 Hz, %"), "result"] == "within"
    assert table.loc[("myopathy", "power < 50 Hz, %"), "result"] == "MISSED"
    assert table.loc[("normal", "mean frequency, Hz"), "measured"] == "300"
    assert table.loc[("neuropathy", "mean frequency, Hz"), "result"] == "MISSED"
    assert table.loc[("neuropathy", "kurtosis"), "result"] == "within"
    # Once against what is published, once against N2001:
    assert table.loc[("myopathy", "duration / normal"), "measured"].tolist() == ["0.6", "0.6"]
    assert table.loc[("myopathy", "amplitude / normal"), "result"] == "MISSED"
    long = "patients whose mean duration is long, %"
    assert table.loc[("neuropathy", long), "measured"] == "100"
    assert table["source"].str.len().min() > 0


def test_spectrum_and_peaks_of_known_signals():
    times = np.arange(48_000) / 24_000
    tone = np.sin(2 * np.pi * 400 * times) + 5 * np.sin(2 * np.pi * 5 * times)
    mean_frequency, peaked = simulator_published.spectrum_and_peaks(tone, 24_000.0)
    assert mean_frequency == pytest.approx(400, rel=0.02)
    assert peaked == pytest.approx(-1.5, abs=0.05)
    tone[::2400] += 50  # ten spikes a second
    assert simulator_published.spectrum_and_peaks(tone, 24_000.0)[1] > 20


# -- the rules of the vote ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "rule",
    [
        votes.PUBLISHED,
        votes.Rule("trimmed", "length"),
        votes.Rule("geometric", final="balanced"),
        votes.Rule(final="balanced", location=True, own="out of fold"),
    ],
    ids=lambda rule: rule.name,
)
def test_rules_are_applied_as_divote_applies_them(rule, monkeypatch):
    X, y = toy_segments(n_subjects=24, effect=0.5)
    monkeypatch.setitem(votes.CLASSIFIERS, "spy", Spy())
    train, test = next(votes.folds_of("simulated", X, y))
    found = votes.score_fold("spy", X, y, train, test)
    table = votes.answer(rule, X, y, train, test, found).set_index("subject")
    model = DiVoteClassifier(
        Spy(), final_estimator=rule.final, pooling=rule.pooling, recording_weights=rule.weights,
        subject_features="location" if rule.location else "all",
        cv=None if rule.own == "in-sample" else SubjectKFold(3, shuffle=True, random_state=0),
    )  # fmt: skip
    expected = model.fit(X[train], y[train]).levels(X[test]).subjects
    classes = list(np.unique(y))
    assert_frame_equal(table[classes], expected.loc[table.index, classes], check_names=False)


def test_draws_are_of_so_many_subjects_of_each_class():
    labels = np.repeat(["a", "b", "c"], 12)
    (whole,) = votes._draws(labels, None)
    assert len(whole) == 36
    sizes = [tuple(np.unique(labels[own], return_counts=True)[1]) for own in
             votes._draws(labels, (10, 5, 3))]  # fmt: skip
    assert len(set(sizes)) == 6 and {sum(own) for own in sizes} == {18}


def test_the_best_of_k_looks_is_drawn_as_by_trying_all_draws():
    right = np.array([3.0, 5, 5, 1, 4])
    for k in (1, 2, 5):
        counts = np.zeros(len(right))
        for drawn in combinations(range(len(right)), k):
            best = [i for i in drawn if right[i] == max(right[list(drawn)])]
            counts[best] += 1 / len(best)
        np.testing.assert_allclose(looks.chances_to_be_best(right, k), counts / counts.sum())


def test_a_choice_by_looks_gains_on_the_fold_that_was_looked_at_alone(monkeypatch):
    """Looks that know nothing: what they gain on the test fold is not there on other subjects."""

    def chance(train, scored, size, seed):
        rng = np.random.default_rng(seed)
        for _ in range(size.n_looks):
            yield [rng.dirichlet(np.ones(3), len(part.subjects)) for part in scored]

    monkeypatch.setitem(looks.KINDS, "chance", (chance, "none"))
    subjects = np.repeat(np.arange(30), 4)
    empty = np.zeros((len(subjects), 1))
    own = looks.Windows(empty, empty, subjects, np.repeat([0, 1, 2], 10))
    size = looks.Size(n_looks=100)
    table = pd.concat([looks.score_fold("chance", own, looks.dealt(own, 1), fold, size, 0)
                       for fold in range(2)])  # fmt: skip
    best = table[table["k"] == 100].groupby(["chosen_on", "chosen_by"]).mean(numeric_only=True)
    on_test = best.loc[("test", "subjects")]
    assert on_test["test_subjects"] > 0.6  # six subjects, the best of a hundred draws
    assert (
        on_test["fresh_subjects"] < 0.5
        and best.loc[("validation", "subjects"), "test_subjects"] < 0.6
    )
    one = table[table["k"] == 1].groupby("chosen_on")["test_subjects"].mean()
    assert one["test"] == pytest.approx(one["validation"])


def test_the_page_of_looks_is_that_of_the_kept_results(tmp_path):
    assert "Not run." in looks.tables(tmp_path)
    text = looks.page()
    assert text == looks.PAGE.read_text()
    widths = [{row.count("|") for row in table.splitlines()}
              for table in re.findall(r"(?:^\|.*\n)+", text, flags=re.MULTILINE)]  # fmt: skip
    assert len(widths) == 6 and all(len(width) == 1 for width in widths)  # "not run" rows as well
    assert not re.search(r"[+-]0[ \],]", text)
